"""Opens the database: SQLite from a path, or PostgreSQL from a URL; the same tables and statements on both."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from sqlalchemy import URL, Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import ConfigError, StoreError, WrongForm
from gateway.store.commits import keep_out, take_alone
from gateway.store.engines import postgresql, sqlite
from gateway.store.engines.failing import being_opened, told
from gateway.store.engines.in_place import InPlace
from gateway.store.engines.urls import absolute
from gateway.store.engines.wal_index import IndexRoom
from gateway.store.leases import require_stopped
from gateway.store.migrating import newest_revision, revision_of, upgrade

_MAGIC = b"SQLite format 3\0"  # how each database of SQLite's begins
_BESIDE = ("-wal", "-shm", "-journal")  # how files are named that belong to one

READERS = 4  # connections

EMPTY = (
    "the database is empty: database.url in config.toml names another one than the node had, or it was lost; then "
    "gateway restore makes it again, from a backup or from the peers"
)


class Database:
    """An open database: ``writer`` gives the one connection that writes, ``readers`` any number that read.

    Args:
        url: of it
        home: of the node
        patience_seconds: with a server of PostgreSQL that says nothing; None: as long as it takes, for who does what
            takes long while no node runs

    Attributes:
        url: with the whole path of SQLite's file
        home: of the node
        lost_commit: SQLite passes over one that is damaged, of which nobody can tell whether it was durable
        is_away: the writer waits for a server that does not answer; reads need not try

    Raises:
        StoreError: another process has the home, or SQLite would pass over commits that are damaged.
    """

    def __init__(self, url: str, home: Path, *, patience_seconds: float | None = None) -> None:
        self.url, self.home, self.is_away = absolute(url, home), home, False
        self._writers = _engine(self.url, writes=True, patience_seconds=patience_seconds)
        self.readers = _engine(self.url, writes=False, patience_seconds=patience_seconds)
        self._vacuuming: Connection | None = None
        self._lock = _lock(home)
        file = Path(self.url.database or "")
        self._index_room, self._in_place = IndexRoom(file), InPlace(file)
        try:
            self.lost_commit = self.is_local and sqlite.lost_commits(file) == 1
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

    def committing(self, patience_seconds: float = postgresql.PATIENCE_SECONDS) -> Connection:
        """Connects for the commits of a node that runs.

        PostgreSQL ends by itself what takes too long (``bound``), and is given up where it says nothing for so many
        seconds (``patience``); SQLite has room for its log's index (``wal_index``).
        """
        connection = self._writers.connect()
        if self.is_local:
            self._index_room.keep()
            self._in_place.keep()
        else:
            postgresql.bound(connection, patience_seconds)
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
            if not self.is_local:
                postgresql.take_turn_to_migrate(connection)
            if (found := revision_of(connection)) == newest_revision():
                return  # another one did it meanwhile
            if self.is_local:
                connection.rollback()  # the pragmas of migrations are for outside of transactions
                if found:  # now: one that is killed is not begun again once the last migration is there
                    sqlite.compact(connection)
            if found:
                keep_out(connection)
            upgrade(connection)
            if found:
                take_alone(connection)
            connection.commit()

    def scrub(self, writer: Connection) -> bool:
        """Leaves what was overwritten or deleted in no place from which the database could give it.

        SQLite: the write-ahead log is emptied. PostgreSQL: dead rows are vacuumed; docs/handling.md tells what that
        leaves.

        Args:
            writer: the connection that writes, outside of a transaction; of no use with PostgreSQL

        Returns:
            False: a reader still uses an older state; ask again.

        Raises:
            SQLAlchemyError: it failed; connect anew.
        """
        if self.is_local:
            return sqlite.empty_log(writer)
        with postgresql.vacuuming(self._writers) as connection:
            self._vacuuming = connection
            postgresql.vacuum(connection)
        return True

    def sizes(self) -> Mapping[str, int]:
        """Gives the bytes of the tables, and of SQLite's write-ahead log; may take its time.

        Raises:
            StoreError: they cannot be found now.
        """
        try:
            if self.is_local:
                file = Path(self.url.database or "")
                log = sqlite.log_of(file)
                return {
                    "tables": file.stat().st_size,
                    "write_ahead_log": log.stat().st_size if log.exists() else 0,
                }
            with self.readers.connect() as connection:
                return {"tables": postgresql.size(connection)}
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
        if self._vacuuming and not self._vacuuming.closed:
            postgresql.be_patient(self._vacuuming, 0)
        self.readers.dispose()
        self._writers.dispose()
        self._index_room.close()
        self._lock.close()


@contextmanager
def stopped(url: str, home: Path) -> Iterator[Database]:
    """Opens the database of a node that does not run, and keeps it from starting meanwhile.

    Raises:
        StoreError: a node runs; or it is not there, or its tables have another version's form.
        Unavailable: its server is away.
    """
    database = Database(url, home)
    try:
        with being_opened(home):
            database.check_revision()
            database.require_stopped()
        yield database
    finally:
        database.close()


@contextmanager
def writing(url: str, home: Path) -> Iterator[Connection]:
    """Opens a second database of a home whose lock this process holds."""
    engine = _engine(absolute(url, home), writes=True)
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
    place = absolute(url, home)
    return Path(place.database or "") if place.get_backend_name() == "sqlite" else None


def is_of_sqlite(path: Path) -> bool:
    """Whether a file is a database of SQLite's, or belongs to one that lies beside it."""
    database = next((path.with_name(path.name.removesuffix(end)) for end in _BESIDE if path.name.endswith(end)), path)
    try:
        with database.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


@contextmanager
def snapshot(url: str, home: Path, *, is_kept: bool = False) -> Iterator[Connection]:
    """Opens a database for reading beside the node that uses it: no lock, one snapshot of what is committed.

    Args:
        url: of it
        home: of the node, or the folder of a backup
        is_kept: it is a backup's, which nobody writes, perhaps where nobody may

    Raises:
        StoreError: it is not there, its tables have another version's form, or it cannot be read.
    """
    place = absolute(url, home)
    engine = _engine(place, writes=False, leaves_log=True, is_kept=is_kept)
    try:
        _check_revision(place, engine)
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise StoreError(f"the database cannot be read: {told(error)}") from error
    finally:
        engine.dispose()


def is_made(url: str, home: Path) -> bool:
    """Whether there is a database with tables; of one that cannot be read, whoever opens it says what is wrong."""
    place = absolute(url, home)
    if place.get_backend_name() == "sqlite" and not Path(place.database or "").is_file():
        return False
    engine = _engine(place, writes=False, leaves_log=True)
    try:
        with engine.connect() as connection:
            return revision_of(connection) is not None
    except SQLAlchemyError:
        return True
    finally:
        engine.dispose()


def not_there(file: Path) -> StoreError:
    """The error where SQLite's file is not."""
    return StoreError(
        f"the database {file} is not there: gateway restore makes it again, from a backup or from the peers"
    )


def _check_revision(url: URL, engine: Engine) -> None:
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise not_there(Path(url.database or ""))
    with engine.connect() as connection:
        found, wanted = revision_of(connection), newest_revision()
    if found is None:
        raise StoreError(EMPTY)
    if found != wanted:
        raise WrongForm(f"the database is at revision {found}, not {wanted}: run gateway upgrade")


def _lock(home: Path) -> IO[str]:
    """Keeps a second process from the same home; the system lets go of it when the process ends, however."""
    path = home / "lock"
    try:
        file = path.open("a")  # and leave it as it is: it tells who has it
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise StoreError(f"another process uses the node's home {home}: stop it first") from error
    with suppress(OSError):  # a full disk: who has it is told for people alone
        file.truncate(0)
        os.write(file.fileno(), f"{os.getpid()}\n".encode())
    return file


def _engine(
    url: URL,
    *,
    writes: bool,
    leaves_log: bool = False,
    is_kept: bool = False,
    patience_seconds: float | None = None,
) -> Engine:
    """``leaves_log``: what SQLite's log holds stays there; ``is_kept``: it has none."""
    if url.get_backend_name() == "sqlite":
        leaves_log = leaves_log and sqlite.has_log(Path(url.database or ""))
        return sqlite.engine_of(url, writes=writes, readers=READERS, leaves_log=leaves_log, is_kept=is_kept)
    return postgresql.engine_of(url, writes=writes, readers=READERS, patience_seconds=patience_seconds)
