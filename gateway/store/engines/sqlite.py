"""SQLite: its settings, and what is done on its files.

It runs in WAL mode with ``synchronous=FULL``: a commit that returned survives a power cut. Its library must be 3.51.3
or later (older ones can corrupt a WAL that two connections use at once), so it comes from ``pysqlite3``. One connection
alone writes; readers cannot, and each of their transactions sees one snapshot.
"""

from functools import partial
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2 as sqlite
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

from gateway.errors import StoreError
from gateway.store.engines.failing import being_opened
from gateway.store.engines.wal_damage import passed_over
from gateway.store.prepared import driven

STATEMENTS_KEPT = 512  # by a connection: inserts of so many rows are one each (prepared.ROWS_AT_ONCE)
OLDEST_SQLITE = (3, 51, 3)
BUSY_TIMEOUT_SECONDS = 10
SCRUB_WAIT_MILLISECONDS = 1000  # for readers; nothing is written meanwhile
LOG_PAGES = 8000  # of the write-ahead log, 32 MB: if it were less, a bulk would wait for it at every third commit
MAX_LOG_BYTES = LOG_PAGES * (4096 + 24)  # to which it is cut again, where it grew beside a reader of an older state

WRITER_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",  # what is deleted or overwritten is zeroed
    "temp_store=MEMORY",  # no content in files of another name
    "cache_size=-65536",  # KiB
    f"wal_autocheckpoint={LOG_PAGES}",
    f"journal_size_limit={MAX_LOG_BYTES}",
)


def engine_of(url: URL, *, writes: bool, readers: int, leaves_log: bool = False, is_kept: bool = False) -> Engine:
    """Makes the engine of a database.

    Args:
        url: of its file
        writes: its connections write; else they cannot
        readers: connections that are kept
        leaves_log: the write-ahead log stays as it is, which SQLite else puts into the file as the last one ends
        is_kept: it has no log, and nobody writes it: so it can be read where nobody may write

    Raises:
        StoreError: the library is too old.
    """
    if sqlite.sqlite_version_info < OLDEST_SQLITE:
        oldest = ".".join(str(part) for part in OLDEST_SQLITE)
        raise StoreError(f"the SQLite library is {sqlite.sqlite_version}; {oldest} or later is needed")
    options: dict[str, Any] = {"poolclass": NullPool} if writes else {"pool_size": readers}
    arguments = {
        "check_same_thread": False,
        "timeout": BUSY_TIMEOUT_SECONDS,
        "cached_statements": STATEMENTS_KEPT,
    }
    if leaves_log or is_kept:
        name = f"{Path(url.database or '').absolute().as_uri()}?{'immutable=1' if is_kept else 'mode=ro'}"
        options["creator"] = partial(sqlite.connect, name, uri=True, **arguments)
    engine = create_engine(url, module=sqlite, connect_args=arguments, hide_parameters=True, **options)
    event.listen(engine, "connect", _set_writer if writes else _set_reader)
    event.listen(engine, "begin", _begin_immediate if writes else _begin_deferred)
    return engine


def lost_commits(file: Path) -> int:
    """Tells how many commits at the end of the write-ahead log SQLite would pass over, since they are damaged: 0 or 1.

    Raises:
        StoreError: more than one; or the log cannot be read.
    """
    with being_opened(file.parent):
        lost = passed_over(file)
    if lost > 1:
        raise StoreError(
            f"the write-ahead log {file}-wal is damaged: {lost} commits at its end cannot be read, and were answered. "
            "docs/operations.md tells what to do; do not delete it"
        )
    return lost


def has_log(file: Path) -> bool:
    """Whether the log holds something: of a node that runs, or was killed: the latter looks at it as it starts."""
    log = log_of(file)
    return log.exists() and log.stat().st_size > 0


def log_of(file: Path) -> Path:
    """Gives where the write-ahead log of a database is, if it has one."""
    return file.with_name(f"{file.name}-wal")


def empty_log(writer: Connection) -> bool:
    """Puts all of the write-ahead log into the database's file, whose unused places are zeroed, and cuts it to nothing.

    Returns:
        False: a reader still uses an older state.

    Raises:
        SQLAlchemyError: it failed.
    """
    driven(writer, f"PRAGMA busy_timeout={SCRUB_WAIT_MILLISECONDS}")
    _, [(busy, _, _)] = driven(writer, "PRAGMA wal_checkpoint(TRUNCATE)")
    driven(writer, f"PRAGMA busy_timeout={BUSY_TIMEOUT_SECONDS * 1000}")
    return not busy


def compact(writer: Connection) -> None:
    """Leaves nothing in the file of what was deleted before deleting meant zeroing; outside of a transaction."""
    driven(writer, "VACUUM")


def _set_writer(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin as the "begin" listener says
    for pragma in WRITER_PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _set_reader(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA query_only=ON")
    connection.execute("PRAGMA temp_store=MEMORY")


def _begin_immediate(connection: Connection) -> None:
    driven(connection, "BEGIN IMMEDIATE")


def _begin_deferred(connection: Connection) -> None:
    driven(connection, "BEGIN DEFERRED")
