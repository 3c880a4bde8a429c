"""``gateway migrate``: moves a node that is stopped to another database, SQLite's or PostgreSQL's, and verifies it."""

from datetime import datetime

from gateway.backups.making import verified
from gateway.errors import BadInput
from gateway.home.home import Home
from gateway.store.database import Database, snapshot
from gateway.store.leases import require_stopped
from gateway.store.opening import Owner, disown, give_back
from gateway.store.recovery.copying import copy_store
from gateway.store.reverify import Report


def move(home: Home, url: str, now: datetime) -> Report:
    """Copies the database of a home to another one, verifies that, and makes the one before nobody's.

    Two databases of one node would become two histories. So no node starts with the one before any more, and none with
    the other one until its configuration names it.

    Args:
        home: of the node, which is stopped
        url: of an empty database
        now: with a time zone

    Raises:
        BadInput: it is the one that the node has.
        AlreadyExists: there is something in the other database.
        StoreError, Corrupt: it was not taken, or does not verify; the node has what it had.
    """
    before = home.config.database.url
    if url == before:
        raise BadInput.of("url", f"must be of another database than {before}, which the node has")
    parties, owners = home.parties(home.peer_documents(), now), list[Owner]()
    target = Database(url, home.path)
    try:
        with snapshot(before, home.path) as source:
            require_stopped(source)
            # Before the other one is the node's: at no moment both are, whenever it is cut short.
            copy_store(source, target, prepare=lambda: owners.append(disown(before, home.path, source)))
        return verified(url, home.path, parties)
    except BaseException:
        if any(owners):
            disown(url, home.path)
            give_back(before, home.path, owners[0])
        raise
    finally:
        target.close()
