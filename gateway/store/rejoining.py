"""What a writer reads as it opens its database, after a connection was lost, and as another replica has written."""

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import Unavailable
from gateway.store.commits import Commit, read_commit, read_newer, require_extended, take_turn
from gateway.store.database import Database
from gateway.store.engines.servers import require_same


def load(database: Database, known: Commit | None = None) -> Commit:
    """Reads what is true as of the last commit; on PostgreSQL, it must go on from what is known.

    Raises:
        LostCommits: it does not.
        SQLAlchemyError: the database failed.
    """
    with database.readers.connect() as connection:
        found = read_commit(connection)
        if known and not database.is_local:
            require_extended(connection, known, found)
        return found


def load_newer(database: Database, known: Commit) -> Commit:
    """Reads what others committed since (``commits.read_newer``).

    Raises:
        StoreError: the database is nobody's any more, or has lost commits.
        Unavailable: it does not answer.
    """
    try:
        with database.readers.connect() as connection:
            return read_newer(connection, known)
    except SQLAlchemyError as error:
        raise Unavailable("the store cannot be read now") from error


def rejoin(connection: Connection, known: Commit, now: int) -> None:
    """Passes if a database is the one that was known, and takes writes.

    Whatever became of a commit of which nobody heard is decided once this returns: as long as the server may still make
    it, it has the lock without which no other one begins (``commits.take_turn``).

    Args:
        connection: a new one to PostgreSQL
        known: the newest commit that this replica knows
        now: microseconds since 1970

    Raises:
        LostCommits, StoreError: as ``commits.take_turn``; or it is on another server.
        SQLAlchemyError: it takes no writes, or another one has its turn for too long.
    """
    with connection.begin():
        take_turn(connection, known, now)
        require_same(connection)
