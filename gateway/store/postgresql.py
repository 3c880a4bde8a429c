"""PostgreSQL: the settings of a node's sessions, and what is asked of its server."""

from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

TIMEOUTS = {  # milliseconds; 0: none
    "idle_in_transaction_session_timeout": 2500,  # a transaction waits for nothing but signatures
    "lock_timeout": 5000,  # longer than that: the lock of who is paused was let go of
    "statement_timeout": 0,  # else a COMMIT would be told as done that a synchronous standby does not have yet
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


def engine_of(url: URL, *, writes: bool, readers: int) -> Engine:
    """Makes the engine of a database; ``readers``: connections that are kept, where it does not write."""
    options: dict[str, Any] = {"poolclass": NullPool} if writes else {"pool_size": readers}
    defaults = {name: value for name, value in _DEFAULTS.items() if name not in url.query}
    engine = create_engine(url, connect_args=defaults, hide_parameters=True, **options)  # of an error, which is logged
    event.listen(engine, "connect", _set_writer if writes else _set_reader)
    return engine


def bound(connection: Connection) -> None:
    """Has the server end what takes too long: a replica that is paused with a lock keeps others for seconds only."""
    for name, milliseconds in TIMEOUTS.items():
        connection.exec_driver_sql(f"SET {name} = {milliseconds}")
    connection.commit()


def vacuum(engine: Engine) -> None:
    """Drops the rows that were overwritten or deleted from the tables that lose content.

    Raises:
        SQLAlchemyError: it failed.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"VACUUM {', '.join(_SCRUBBED)}")


def size(connection: Connection) -> int:
    """Gives the bytes of all tables."""
    found: int = connection.exec_driver_sql(_SIZE).scalar_one()
    return found


def _set_writer(connection: Any, _record: object) -> None:
    connection.execute("SET synchronous_commit = on")
    connection.commit()


def _set_reader(connection: Any, _record: object) -> None:
    connection.execute("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    connection.commit()
