"""Opens the database: SQLite from a path, or PostgreSQL from a URL; the same tables and statements on both.

SQLite runs in WAL mode with ``synchronous=FULL``: a commit that returned survives a power cut. Its library must be
3.51.3 or later (older ones can corrupt a WAL that two connections use at once), so it comes from ``pysqlite3``.
One connection alone writes; readers cannot, and each of their transactions sees one snapshot.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any

import pysqlite3.dbapi2 as sqlite
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from gateway.errors import ConfigError, StoreError, WrongForm
from gateway.store.failing import being_opened
from gateway.store.in_place import InPlace
from gateway.store.leases import require_stopped
from gateway.store.migrating import newest_revision, revision_of, upgrade
from gateway.store.wal_damage import passed_over
from gateway.store.wal_index import IndexRoom

STATEMENTS_KEPT = 512  # by a connection: inserts of so many rows are one each (prepared.ROWS_AT_ONCE)
OLDEST_SQLITE = (3, 51, 3)
READERS = 4  # connections
BUSY_TIMEOUT_SECONDS = 10
SCRUB_WAIT_MILLISECONDS = 1000  # for readers; nothing is written meanwhile
LOG_PAGES = 8000  # of the write-ahead log, 32 MB: if it were less, a bulk would wait for it at every third commit
MAX_LOG_BYTES = LOG_PAGES * (4096 + 24)  # to which it is cut again, where it grew beside a reader of an older state

_WRITER_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",  # what is deleted or overwritten is zeroed
    "temp_store=MEMORY",  # no content in files of another name
    "cache_size=-65536",  # KiB
    f"wal_autocheckpoint={LOG_PAGES}",
    f"journal_size_limit={MAX_LOG_BYTES}",
)

_SCRUBBED = (  # tables that lose content
    "leaves",
    "notice_identifiers",
    "requests",
    "drafts",
    "attachments",
    "attachment_chunks",
    "notice_attachments",
)

_PG_TIMEOUTS = {  # milliseconds; 0: none
    "idle_in_transaction_session_timeout": 2500,  # a transaction waits for nothing but signatures
    "lock_timeout": 5000,  # longer than that: the lock of who is paused was let go of
    "statement_timeout": 0,  # else a COMMIT would be told as done that a synchronous standby does not have yet
}
_PG_CONNECTION = {  # libpq's words; what the URL says goes before
    "application_name": "gateway",
    "connect_timeout": 4,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,  # milliseconds until a server that has vanished is given up
}

EMPTY = (
    "the database is empty: database.url in config.toml names another one than the node had, or it was lost; then "
    "gateway restore makes it again, from a backup or from the peers"
)
_PG_SIZE = "SELECT pg_database_size(current_database())"


class Database:
    """An open database: ``writer`` gives the one connection that writes, ``readers`` any number that read.

    Making one raises ``StoreError`` if another process has the home, or if SQLite would pass over commits that are
    damaged. ``lost_commit``: it passes over one, of which nobody can tell whether it was durable.
    """

    def __init__(self, url: str, home: Path) -> None:
        self.url = _absolute(url, home)
        self._writers = _engine(self.url, writes=True)
        self.readers = _engine(self.url, writes=False)
        self._lock = _lock(home)
        file = Path(self.url.database or "")
        self._index_room, self._in_place = IndexRoom(file), InPlace(file)
        try:
            self.lost_commit = self.is_local and _lost_commits(file) == 1
        except BaseException:
            self._lock.close()
            raise

    @property
    def is_local(self) -> bool:
        """Whether statements run in this process, and wait for no server."""
        return self.url.get_backend_name() == "sqlite"

    def writer(self) -> Connection:
        """Connects for writing; the caller is the one writer."""
        return self._writers.connect()

    def committing(self) -> Connection:
        """Connects for the commits of a node that runs.

        PostgreSQL ends by itself what takes too long (``bound``); SQLite has room for its log's index (``wal_index``).
        """
        connection = self._writers.connect()
        if self.is_local:
            self._index_room.keep()
            self._in_place.keep()
        else:
            bound(connection)
        return connection

    def commit(self, connection: Connection) -> None:
        """Commits what ``committing`` gave; it is durable once this returns.

        Raises:
            SQLAlchemyError: it failed.
            StoreError: SQLite's files are not in their place any more.
        """
        connection.commit()
        if self.is_local:
            self._in_place.require()

    def migrate(self) -> None:
        """Brings the tables to this version's form; does nothing where they have it."""
        with self._writers.connect() as connection:
            if revision_of(connection) == newest_revision():
                return
            connection.rollback()  # the pragmas of migrations are for outside of transactions
            upgrade(connection)
            connection.commit()
            if self.is_local:
                _raw(connection).execute("VACUUM")  # of what was deleted before deleting meant zeroing

    def scrub(self, writer: Connection) -> bool:
        """Leaves what was overwritten or deleted in no place from which the database could give it.

        SQLite: all of the write-ahead log goes into the database's file, whose unused places are zeroed, and the log
        is cut to nothing. PostgreSQL: dead rows are vacuumed; docs/handling.md tells what that leaves.

        Args:
            writer: the connection that writes, outside of a transaction

        Returns:
            False: a reader still uses an older state; ask again.

        Raises:
            SQLAlchemyError: it failed; connect anew.
        """
        if self.is_local:
            try:
                return _checkpointed(_raw(writer))
            except sqlite.Error as error:
                raise OperationalError("PRAGMA wal_checkpoint(TRUNCATE)", None, error) from error
        with self._writers.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"VACUUM {', '.join(_SCRUBBED)}")
        return True

    def sizes(self) -> Mapping[str, int]:
        """Gives the bytes of the tables, and of SQLite's write-ahead log; may take its time.

        Raises:
            StoreError: they cannot be found now.
        """
        try:
            if self.is_local:
                file = Path(self.url.database or "")
                log = file.with_name(f"{file.name}-wal")
                return {
                    "tables": file.stat().st_size,
                    "write_ahead_log": log.stat().st_size if log.exists() else 0,
                }
            with self.readers.connect() as connection:
                return {"tables": connection.exec_driver_sql(_PG_SIZE).scalar_one()}
        except (SQLAlchemyError, OSError) as error:
            raise StoreError("the size of the database cannot be found now") from error

    def check_revision(self) -> None:
        """Passes if the database is there, and its tables have this version's form.

        Raises:
            StoreError: says what to do.
        """
        _check_revision(self.url, self.readers)

    def require_stopped(self) -> None:
        """Passes unless replicas of the node run on it (``leases.require_stopped``)."""
        with self.readers.connect() as connection:
            require_stopped(connection)

    def close(self) -> None:
        """Closes all connections and lets go of the home."""
        self.readers.dispose()
        self._writers.dispose()
        self._index_room.close()
        self._lock.close()


@contextmanager
def stopped(url: str, home: Path) -> Iterator[Database]:
    """Opens the database of a node that does not run, and keeps it from starting meanwhile.

    Raises:
        StoreError: a node runs; or it is not there, or its tables have another version's form.
    """
    database = Database(url, home)
    try:
        database.check_revision()
        database.require_stopped()
        yield database
    finally:
        database.close()


@contextmanager
def writing(url: str, home: Path) -> Iterator[Connection]:
    """Opens a second database of a home whose lock this process holds."""
    engine = _engine(_absolute(url, home), writes=True)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def local_file(url: str, home: Path) -> Path | None:
    """Gives where SQLite keeps a database; None: a server has it.

    Raises:
        ConfigError: it is neither SQLite's nor PostgreSQL's.
    """
    absolute = _absolute(url, home)
    return Path(absolute.database or "") if absolute.get_backend_name() == "sqlite" else None


@contextmanager
def snapshot(url: str, home: Path) -> Iterator[Connection]:
    """Opens a database for reading beside the node that uses it: no lock, one snapshot of what is committed.

    Raises:
        StoreError: it is not there, its tables have another version's form, or it cannot be read.
    """
    absolute = _absolute(url, home)
    engine = _engine(absolute, writes=False, leaves_log=_has_log(absolute))
    try:
        _check_revision(absolute, engine)
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise StoreError(f"the database cannot be read: {getattr(error, 'orig', None) or error}") from error
    finally:
        engine.dispose()


def _check_revision(url: URL, engine: Engine) -> None:
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise StoreError(
            f"the database {url.database} is not there: gateway restore makes it again, from a backup or from the peers"
        )
    with engine.connect() as connection:
        found, wanted = revision_of(connection), newest_revision()
    if found is None:
        raise StoreError(EMPTY)
    if found != wanted:
        raise WrongForm(f"the database is at revision {found}, not {wanted}: run gateway upgrade")


def _absolute(url: str, home: Path) -> URL:
    """A relative SQLite path is one in the node's home."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return parsed.set(drivername="sqlite+pysqlite", database=str(home / (parsed.database or "node.db")))
    if parsed.get_backend_name() == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    raise ConfigError(f"database.url: {parsed.get_backend_name()} is not supported; use sqlite or postgresql")


def _lost_commits(file: Path) -> int:
    with being_opened(file.parent):
        lost = passed_over(file)
    if lost > 1:
        raise StoreError(
            f"the write-ahead log {file}-wal is damaged: {lost} commits at its end cannot be read, and were answered. "
            "docs/operations.md tells what to do; do not delete it"
        )
    return lost


def _lock(home: Path) -> IO[str]:
    """Keeps a second process from the same home; the system lets go of it when the process ends, however."""
    path = home / "lock"
    try:
        file = path.open("w")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise StoreError(f"another process uses the node's home {home}: stop it first") from error
    with suppress(OSError):  # a full disk: who has it is told for people alone
        os.write(file.fileno(), f"{os.getpid()}\n".encode())
    return file


def _engine(url: URL, *, writes: bool, leaves_log: bool = False) -> Engine:
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url, writes=writes, leaves_log=leaves_log)
    options: dict[str, Any] = {"poolclass": NullPool} if writes else {"pool_size": READERS}
    defaults = {name: value for name, value in _PG_CONNECTION.items() if name not in url.query}
    engine = create_engine(url, connect_args=defaults, hide_parameters=True, **options)  # of an error, which is logged
    event.listen(engine, "connect", _set_postgresql_writer if writes else _set_postgresql_reader)
    return engine


def _sqlite_engine(url: URL, *, writes: bool, leaves_log: bool) -> Engine:
    if sqlite.sqlite_version_info < OLDEST_SQLITE:
        oldest = ".".join(str(part) for part in OLDEST_SQLITE)
        raise StoreError(f"the SQLite library is {sqlite.sqlite_version}; {oldest} or later is needed")
    options: dict[str, Any] = {"poolclass": NullPool} if writes else {"pool_size": READERS}
    arguments = {
        "check_same_thread": False,
        "timeout": BUSY_TIMEOUT_SECONDS,
        "cached_statements": STATEMENTS_KEPT,
    }
    if leaves_log:  # which SQLite else puts into the database as the last connection ends
        name = f"{Path(url.database or '').absolute().as_uri()}?mode=ro"
        options["creator"] = partial(sqlite.connect, name, uri=True, **arguments)
    engine = create_engine(url, module=sqlite, connect_args=arguments, hide_parameters=True, **options)
    event.listen(engine, "connect", _set_sqlite_writer if writes else _set_sqlite_reader)
    event.listen(engine, "begin", _begin_immediate if writes else _begin_deferred)
    return engine


def _has_log(url: URL) -> bool:
    """Whether SQLite's log holds something: of a node that runs, or was killed: the latter looks at it as it starts."""
    log = Path(f"{url.database}-wal")
    return url.get_backend_name() == "sqlite" and log.exists() and log.stat().st_size > 0


def _set_sqlite_writer(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin as the "begin" listener says
    for pragma in _WRITER_PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _set_sqlite_reader(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA query_only=ON")
    connection.execute("PRAGMA temp_store=MEMORY")


def bound(connection: Connection) -> None:
    """Has PostgreSQL end what takes too long: a replica that is paused with a lock keeps others for seconds only."""
    for name, milliseconds in _PG_TIMEOUTS.items():
        connection.exec_driver_sql(f"SET {name} = {milliseconds}")
    connection.commit()


def _checkpointed(connection: Any) -> bool:
    """Whether all of SQLite's write-ahead log is in the database's file, and nothing in the log."""
    connection.execute(f"PRAGMA busy_timeout={SCRUB_WAIT_MILLISECONDS}")
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_SECONDS * 1000}")
    return not busy


def _raw(connection: Connection) -> Any:
    """The driver's own connection, on which no transaction begins by itself."""
    return connection.connection.driver_connection


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_deferred(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN DEFERRED")


def _set_postgresql_writer(connection: Any, _record: object) -> None:
    connection.execute("SET synchronous_commit = on")
    connection.commit()


def _set_postgresql_reader(connection: Any, _record: object) -> None:
    connection.execute("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    connection.commit()
