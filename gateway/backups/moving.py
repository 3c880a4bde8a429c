"""``gateway migrate``: moves a node that is stopped to another database, SQLite's or PostgreSQL's, and verifies it."""

from datetime import datetime
from functools import partial

from gateway.backups.filling import Filling
from gateway.backups.making import verified
from gateway.backups.unfinished import Move
from gateway.errors import BadInput, StoreError
from gateway.home.home import Home
from gateway.store.database import Database, snapshot
from gateway.store.leases import require_stopped
from gateway.store.opening import Owner, disown, give_back, owner_of
from gateway.store.recovery.copying import copy_store
from gateway.store.reverify import Report


def move(home: Home, url: str, now: datetime) -> Report:
    """Copies the database of a home to another one, verifies that, and makes the one before nobody's.

    Two databases of one node would become two histories. So no node starts with the one before any more, and none with
    the other one until its configuration names it. Where it was cut short it is said again, and knows how far it was.

    Args:
        home: of the node, which is stopped
        url: of an empty database
        now: with a time zone

    Raises:
        BadInput: it is the one that the node has.
        AlreadyExists: there is something in the other database that no earlier try has left there.
        StoreError, Corrupt: it was not taken, or does not verify; the node has what it had, unless it says otherwise.
    """
    before = home.config.database.url
    if url == before:
        raise BadInput.of("url", f"must be of another database than {before}, which the node has")
    parties = home.parties(now)
    target = Database(url, home.path)
    try:
        if not _is_moved(home, url):
            _copy(home, target, url)
        report = verified(url, home.path, parties)
    except BaseException:
        _give_back(home, url)
        raise
    finally:
        target.close()
    home.move_file.unlink(missing_ok=True)
    home.filling_file.unlink(missing_ok=True)
    return report


def _is_moved(home: Home, url: str) -> bool:
    """Whether an earlier command made the other database the node's; where it left the node with none, gives one back.

    Raises:
        StoreError: it is another one than is named now; or a database cannot be read.
    """
    begun = Move.read(home.move_file)
    if begun is None:
        return False
    is_over = begun.before != home.config.database.url or owner_of(begun.before, home.path)
    if not is_over:
        if owner_of(begun.url, home.path):
            if begun.url == url:
                return True
            raise StoreError("an earlier gateway migrate made another database the node's: say it again with its URL")
        give_back(begun.before, home.path, begun.owner)
    home.move_file.unlink()
    return False


def _copy(home: Home, target: Database, url: str) -> None:
    before = home.config.database.url

    def keep(owner: Owner) -> None:
        Move(before, url, owner).keep(home.move_file)

    with snapshot(before, home.path) as source:
        require_stopped(source)
        # Before the other one is the node's: at no moment both are, whenever it is cut short.
        leave = partial(disown, before, home.path, source, keep)
        copy_store(source, target, prepare=leave, room=partial(Filling(url, f"moved from {before}").make_room, home))


def _give_back(home: Home, url: str) -> None:
    """Makes the database before the node's again, if it is not."""
    begun = Move.read(home.move_file)
    if begun is None or begun.url != url:
        return
    try:
        disown(url, home.path)
        if not owner_of(begun.before, home.path):
            give_back(begun.before, home.path, begun.owner)
    except StoreError as error:
        raise StoreError(
            f"{error.message}. The move was cut short, and the node may have neither database: "
            "say gateway migrate again once both can be written"
        ) from error
    home.move_file.unlink()
