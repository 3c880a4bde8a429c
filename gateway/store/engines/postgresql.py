"""PostgreSQL: the settings of a node's sessions, how long it waits for the server, and what it asks of it."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

PATIENCE_SECONDS = 8.0  # of a node that runs, with a server that says nothing: longer than it waits for a lock
VACUUM_PATIENCE_SECONDS = 3600.0  # which says nothing while it works
_LONGEST_READ_MILLISECONDS = 7000  # where a node gives up its connection, the server would read on

TIMEOUTS = {  # milliseconds; 0: none
    "idle_in_transaction_session_timeout": 2500,  # a transaction waits for nothing but signatures
    "transaction_timeout": 15_000,  # who is paused within a statement is not idle; a COMMIT is not bounded by it
    "lock_timeout": 5000,  # longer than that: the lock of who is paused was let go of
    "statement_timeout": 0,  # else a COMMIT would be told as done that a synchronous standby does not have yet
}
_SINCE = {"transaction_timeout": 17}  # version of the server
_KEEPALIVES = {  # of the server: where a replica's machine has vanished within a statement, its lock is let go of
    "tcp_keepalives_idle": 2,
    "tcp_keepalives_interval": 1,
    "tcp_keepalives_count": 3,
    "tcp_user_timeout": 5000,  # milliseconds
}
_DEFAULTS = {  # libpq's words; what the URL says goes before
    "application_name": "gateway",
    "connect_timeout": 4,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,  # milliseconds until a server that has vanished is given up
}

_SCRUBBED = (  # tables that lose content
    "leaves",
    "notice_identifiers",
    "requests",
    "drafts",
    "attachments",
    "attachment_chunks",
    "notice_attachments",
)
_SIZE = "SELECT pg_database_size(current_database())"


def engine_of(url: URL, *, writes: bool, readers: int, patience_seconds: float | None) -> Engine:
    """Makes the engine of a database.

    Args:
        url: of its server
        writes: its connections write; else they cannot
        readers: connections that are kept, where it does not write
        patience_seconds: with a server that says nothing (``patience``); None: no bound
    """
    options: dict[str, Any] = {"poolclass": NullPool} if writes else {"pool_size": readers}
    _, said = url.get_dialect()().create_connect_args(url)
    creator = partial(_connect, {**_DEFAULTS, **said}, patience_seconds)
    engine = create_engine(url, creator=creator, hide_parameters=True, **options)  # of an error, which is logged
    event.listen(engine, "connect", _set_writer if writes else _set_reader)
    if patience_seconds and not writes:
        event.listen(engine, "connect", _bound_reader)
    return engine


def bound(connection: Connection, patience_seconds: float) -> None:
    """Has the server end what takes too long: a replica that is paused with a lock keeps others for seconds only.

    Args:
        connection: outside of a transaction
        patience_seconds: with a server that says nothing
    """
    be_patient(connection, patience_seconds)
    driver: Any = connection.connection.driver_connection
    version = driver.info.server_version // 10_000
    for name, value in (TIMEOUTS | _KEEPALIVES).items():
        if version >= _SINCE.get(name, 0):
            connection.exec_driver_sql(f"SET {name} = {value}")
    connection.commit()


def be_patient(connection: Connection, seconds: float) -> None:
    """Sets how long a server may say nothing before the connection is closed, also from another thread."""
    driver: Any = connection.connection.driver_connection
    driver.patience_seconds = seconds


def take_turn_to_migrate(connection: Connection) -> None:
    """Keeps others from making tables in this schema, or changing them, until the transaction ends."""
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('gateway in ' || current_schema()))")


def vacuuming(engine: Engine) -> Connection:
    """Connects for ``vacuum``.

    Raises:
        SQLAlchemyError: it failed, as may ``vacuum``.
    """
    connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    be_patient(connection, VACUUM_PATIENCE_SECONDS)
    return connection


def vacuum(connection: Connection) -> None:
    """Drops the rows that were overwritten or deleted from the tables that lose content."""
    connection.exec_driver_sql(f"VACUUM {', '.join(_SCRUBBED)}")


def size(connection: Connection) -> int:
    """Gives the bytes of all tables."""
    found: int = connection.exec_driver_sql(_SIZE).scalar_one()
    return found


def _connect(how: Mapping[str, Any], patience_seconds: float | None) -> Any:
    from gateway.store.engines.patience import PatientConnection  # noqa: PLC0415 - the driver, which SQLite does without

    made = PatientConnection.connect(**how)
    made.patience_seconds = patience_seconds
    return made


def _set_writer(connection: Any, _record: object) -> None:
    connection.execute("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED")
    connection.execute("SET synchronous_commit = on")
    connection.commit()


def _set_reader(connection: Any, _record: object) -> None:
    connection.execute("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    connection.commit()


def _bound_reader(connection: Any, _record: object) -> None:
    connection.execute(f"SET statement_timeout = {_LONGEST_READ_MILLISECONDS}")
    connection.commit()
