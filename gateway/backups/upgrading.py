"""``gateway upgrade``: brings the database of a node that is stopped to this version's form."""

from datetime import datetime

from gateway.errors import StoreError
from gateway.home.home import Home
from gateway.moments import micros_at
from gateway.store.database import EMPTY, Database, local_file, not_there
from gateway.store.engines.failing import being_opened
from gateway.store.forking import prove_halts
from gateway.store.migrating import revision_of
from gateway.store.opening import add_channels, channel_names, check_owner


def upgrade_database(home: Home, now: datetime) -> None:
    """Does nothing where there is nothing to do; never makes a database: with a new one a node would sign twice.

    The seals with which channels began stand in the home's files, and in tables since revision 0008; proofs of forks
    are kept since 0015.

    Raises:
        StoreError: it is not there, empty, or another node's.
        Unavailable: its server is away.
        ConfigError: the files of the home do not fit each other.
    """
    node, file = home.config.node, local_file(home.config.database.url, home.path)
    if file and not file.is_file():
        raise not_there(file)
    database = Database(home.config.database.url, home.path)
    try:
        with being_opened(home.path), database.readers.connect() as connection:
            if revision_of(connection) is None:
                raise StoreError(EMPTY)
            database.require_stopped()
        database.migrate()
        with database.readers.connect() as connection:
            check_owner(connection, node.jurisdiction, node.domain)
        add_channels(database, channel_names(home.parties(now)))
        with database.writer() as connection, connection.begin():
            prove_halts(connection, micros_at(now))
    finally:
        database.close()
