"""``gateway restore``: makes a node's home whole again, from a backup, or from nothing but its own files and its peers.

What a node had sealed and received since the backup, its peers hand back once it runs: each pair is each other's
backup. Until a peer was heard, nothing is sealed for it (``store.recovery.awaiting``).
"""

import secrets
import shutil
import stat
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from gateway.backups.filling import Filling
from gateway.backups.making import DATABASE_URL, micros, verified
from gateway.backups.manifest import DATABASE, HOME, Manifest, pieces_of
from gateway.errors import AlreadyExists, BadInput, ConfigError, WrongForm
from gateway.home.home import KEYS, Home
from gateway.identity.certificates.keyfiles import write_pieces
from gateway.identity.pairing.parties import Parties
from gateway.identity.seals.files import NAMES
from gateway.identity.seals.signers import Keyring
from gateway.store.database import Database, local_file, snapshot
from gateway.store.engines.failing import being_opened
from gateway.store.opening import TOKEN_KEY_BYTES, add_channels, channel_names, create, owner_of
from gateway.store.recovery.awaiting import await_peers
from gateway.store.recovery.continuity import restored
from gateway.store.recovery.copying import copy_store
from gateway.store.reverify import Report

ACT = "gateway restore"

_COPY = ".restore-"  # how the folder begins that a backup's database is copied to


@dataclass(frozen=True, slots=True)
class Restored:
    """The files that were put into the home, those that were there and stay, and how all was verified."""

    added: tuple[str, ...]
    kept: tuple[str, ...]
    report: Report


def restore_backup(backup: Path, home: Home, now: datetime) -> Restored:
    """Makes a home from a backup. A file that is there stays as it is; a database that is there is in the way.

    Args:
        backup: a folder that ``gateway backup`` made
        home: to be made, or of which some is there, such as its keys
        now: with a time zone

    Raises:
        BadInput, VerificationError: it is no backup, or not whole, or another node's.
        ConfigError: a key or another file of the home is missing, or does not fit; says which.
        AlreadyExists: there is a database, and not of an earlier try.
        StoreError, Corrupt: the database cannot be made, or does not verify.
        Unavailable: its server is away; or the token with a sealing key does not sign.
    """
    manifest = Manifest.read(backup)
    if home.config_file.exists() and home.config.node.domain != manifest.domain:
        raise BadInput.of(
            "backup", f"must be of {home.config.node.domain}, whose home this is; it is of {manifest.domain}"
        )
    added, kept = _restore_files(backup, manifest.files, home.path)
    _require_keys(home)
    parties, said = home.parties(now), f"restored from the backup of {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC"
    filling = Filling(home.config.database.url, said)
    if not _is_filled(home, filling):
        database = Database(filling.url, home.path)
        prepare = partial(_open_anew, database, parties, home, said)
        room = partial(filling.make_room, home)
        try:
            _remove_copies(home)
            with tempfile.TemporaryDirectory(dir=home.path, prefix=_COPY) as folder:
                copy_of_this_form(backup, Path(folder))
                with snapshot(DATABASE_URL, Path(folder)) as source:
                    copy_store(source, database, secrets.token_bytes(TOKEN_KEY_BYTES), prepare, room)
        finally:
            database.close()
    _remove_copies(home)
    return _restored(home, parties, added, kept)


def restore_from_peers(home: Home, now: datetime) -> Restored:
    """Makes an empty database for a home that lost its own: all of its channels comes back from its peers.

    Raises:
        BadInput: it has no pairing document of a peer.
        ConfigError: a key or another file of the home is missing, or does not fit; says which.
        AlreadyExists: there is a database, and not of an earlier try.
        StoreError: it cannot be made.
        Unavailable: its server is away; or the token with a sealing key does not sign.
    """
    _require_keys(home)
    parties = home.parties(now)
    if not parties.peers:
        raise BadInput.of("home", "must have a pairing document of each peer: gateway pair import")
    node, said = home.config.node, "made anew, of what peers hand back"
    filling = Filling(home.config.database.url, said)
    if not _is_filled(home, filling):
        database = Database(filling.url, home.path)
        prepare = partial(_open_anew, database, parties, home, said)
        try:
            filling.make_room(home, database)
            with being_opened(home.path):
                create(database, node.jurisdiction, node.domain, secrets.token_bytes(TOKEN_KEY_BYTES), prepare)
        finally:
            database.close()
    return _restored(home, parties)


def _remove_copies(home: Home) -> None:
    """Of tries that were killed: they have content that nothing would destroy."""
    for left in home.path.glob(f"{_COPY}*"):
        shutil.rmtree(left)


def _is_filled(home: Home, filling: Filling) -> bool:
    """Whether an earlier command did all of it, and was cut short before it said so.

    Raises:
        AlreadyExists: there is a database, and not of one that was cut short.
    """
    begun, file = Filling.read(home.filling_file), local_file(filling.url, home.path)
    is_begun = begun is not None and begun.url == filling.url
    is_whole = is_begun and _is_somebodys(filling.url, home)
    if is_whole and begun == filling:
        return True
    if file and file.exists() and (is_whole or not is_begun):
        raise AlreadyExists(f"{file} exists and is not overwritten: move it away, with its -wal and -shm")
    return False


def _is_somebodys(url: str, home: Home) -> bool:
    try:
        return bool(owner_of(url, home.path))
    except WrongForm:  # its tables are made in part
        return False


def _restored(home: Home, parties: Parties, added: tuple[str, ...] = (), kept: tuple[str, ...] = ()) -> Restored:
    report = verified(home.config.database.url, home.path, parties)
    home.filling_file.unlink(missing_ok=True)
    return Restored(added, kept, report)


def _open_anew(database: Database, parties: Parties, home: Home, said: str) -> None:
    """Channels of peers that came after the backup wait for them too; until all do, the database is nobody's."""
    add_channels(database, channel_names(parties, lost=True))
    keyring = Keyring([(parties.own.seal, home.seals.in_force.keys())])
    keyring.open()
    await_peers(database, keyring, said, act=ACT, clock=micros, random=secrets.token_bytes)
    restored(home.high_water)


def copy_of_this_form(backup: Path, folder: Path) -> None:
    """A copy of the backup's database, brought to this version's form: the backup itself stays as it is."""
    shutil.copy(backup / DATABASE, folder / DATABASE)
    database = Database(DATABASE_URL, folder)
    try:
        database.migrate()
    finally:
        database.close()


def _restore_files(backup: Path, compared: Collection[str], target: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Takes what the manifest names, and was compared with it. A file that is cut short is none: it would be kept."""
    added, kept = [], []
    for path in sorted(each for each in (backup / HOME).rglob("*") if each.is_file()):
        if str(path.relative_to(backup)) not in compared:
            continue
        name = path.relative_to(backup / HOME)
        copy = target / name
        if copy.exists():
            kept.append(str(name))
            continue
        try:
            copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_pieces(copy, pieces_of(path), mode=stat.S_IMODE(path.stat().st_mode))
        except OSError as error:
            raise ConfigError(f"{copy} cannot be written: {error.strerror}") from error
        added.append(str(name))
    return tuple(added), tuple(kept)


def _require_keys(home: Home) -> None:
    missing = [str(home.key(name)) for name in KEYS if not home.key(name).exists()]
    if home.seals.in_force.uri():  # of a key in a token; whether that is there is seen as it is to sign
        missing.remove(str(home.key(NAMES[0])))
    if missing:
        raise ConfigError(
            f"put the node's keys into its home, and say it again: {', '.join(missing)} "
            "(docs/certificates.md tells what to do where they are lost)"
        )
