"""``gateway backup``: a consistent copy of a node, taken while it runs.

The copy is one from which a node may start without harm, also if somebody puts the files in place by hand: all channels
of ours in it wait for their peers (``store.recovery.awaiting``), and the living node's cursors mean nothing to it.
"""

import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from gateway.backups.manifest import DATABASE, HOME, MANIFEST, Log, Manifest, digest_of_file, pieces_of
from gateway.errors import AlreadyExists, BadInput, ConfigError, Corrupt, StoreError, Unavailable
from gateway.home.home import Home
from gateway.identity.certificates.keyfiles import MAX_FILE_BYTES, PRIVATE_MODE, sync_folder, write_file, write_pieces
from gateway.identity.pairing.parties import Parties
from gateway.identity.seals.pins import MEMORY
from gateway.identity.seals.signers import Keyring
from gateway.store.database import Database, is_of_sqlite, snapshot
from gateway.store.journal.log import read_journal
from gateway.store.opening import TOKEN_KEY_BYTES
from gateway.store.recovery.awaiting import await_peers
from gateway.store.recovery.copying import copy_store
from gateway.store.recovery.high_water import HighWater, lost_commits, mark_or_fault
from gateway.store.reverify import Report, verify_store
from gateway.store.reverify.seen import unknown
from gateway.store.state import read_channels

DATABASE_URL = f"sqlite:///{DATABASE}"
_PRIVATE_KEY = b"PRIVATE KEY-----"  # how every form of one begins in PEM (RFC 7468), after the name of the form


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was made: what it holds, and how its database was verified, and compared with what the home saw."""

    manifest: Manifest
    report: Report


def make_backup(home: Home, backup: Path, now: datetime, *, with_keys: bool) -> Made:
    """Makes a backup and verifies every envelope in it; there is none, if anything fails.

    Of a database that was put back there is one all the same, as it may be what is left: the report tells what is lost.

    Args:
        home: of the node, which may run
        backup: the folder to make
        now: with a time zone
        with_keys: whether private keys go into it

    Raises:
        AlreadyExists: there is something at ``backup``.
        BadInput: it is within the home, so that the next backup would hold this one.
        ConfigError: a file cannot be read or written.
        StoreError, Corrupt: the database cannot be copied, or does not verify.
        Unavailable: the token with a sealing key does not sign.
    """
    if backup.exists():
        raise AlreadyExists(f"{backup} exists and is not overwritten")
    if backup.resolve().is_relative_to(home.path.resolve()):
        raise BadInput.of("backup", f"must be a folder outside of the home {home.path}: the next one would hold it")
    parties = home.parties(now)
    mark, fault = mark_or_fault(home.high_water)  # before the database, which only grows
    partial = backup.with_name(f".{backup.name}.{secrets.token_hex(8)}")
    try:
        partial.mkdir(mode=0o700, parents=True)
        logs, lost = _copy_database(home, partial, now, mark)
        report = verified(DATABASE_URL, partial, parties)
        unproven = (*report.unproven, unknown(fault)) if fault else report.unproven
        report = replace(report, lost=(lost,) if lost else (), unproven=unproven)
        _copy_home(home, partial / HOME, with_keys=with_keys)
        manifest = Manifest(
            jurisdiction=home.config.node.jurisdiction,
            domain=home.config.node.domain,
            made_at=now.replace(microsecond=0),
            has_keys=with_keys,
            logs=logs,
            files={
                str(path.relative_to(partial)): digest_of_file(path)
                for path in sorted(partial.rglob("*"))
                if path.is_file()
            },
        )
        write_file(partial / MANIFEST, manifest.encode(), mode=PRIVATE_MODE)
        partial.rename(backup)
        sync_folder(backup.parent)
    except OSError as error:
        raise ConfigError(f"the backup cannot be written to {backup}: {error.strerror}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Made(manifest, report)


def micros() -> int:
    """The system's clock: microseconds since 1970."""
    return time.time_ns() // 1000


def verified(url: str, folder: Path, parties: Parties) -> Report:
    """Verifies a database, with code that its writer does not share.

    Raises:
        Corrupt: something in it does not fit.
    """
    with snapshot(url, folder) as connection:
        report = verify_store(connection, parties)
    if report.findings:
        wrong = len(report.findings) + report.left_out
        raise Corrupt(f"{wrong} things in the database do not fit, such as: {report.findings[0]}")
    return report


def _copy_database(home: Home, folder: Path, now: datetime, mark: HighWater) -> tuple[tuple[Log, ...], str]:
    """Gives the logs, and what the database lacks: of the copy it could not be told, whose channels are halted."""
    target = Database(DATABASE_URL, folder)
    try:
        with snapshot(home.config.database.url, home.path) as source:
            try:
                copy_store(source, target, secrets.token_bytes(TOKEN_KEY_BYTES))
            except (StoreError, Unavailable) as error:  # of a full disk: not that of the node
                raise StoreError(f"no backup was made in {folder.parent}: {error.message}") from error
            lost = lost_commits(source, mark)
            journal = read_journal(source)
            states = read_channels(source)
        said = f"restored from the backup of {now:%Y-%m-%d %H:%M:%S} UTC"
        keyring = Keyring([(home.seals.in_force.certified(), home.seals.in_force.keys())])
        keyring.open()  # the journal's last entries are signed in the copy
        await_peers(target, keyring, said, clock=micros, random=secrets.token_bytes)
    finally:
        target.close()
    (folder / "lock").unlink()
    logs = [(journal.origin, journal.log), *((origin, state.log) for origin, state in states.items())]
    return tuple(Log(origin=origin, size=log.size, root=log.root().hex()) for origin, log in logs), lost


def _copy_home(home: Home, target: Path, *, with_keys: bool) -> None:
    pin = home.tokens.pin
    for path in _files(home):
        if with_keys or not (_is_private(path) or (pin and path.resolve() == pin.file.resolve())):
            copy = target / path.relative_to(home.path)
            copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_pieces(copy, pieces_of(path), mode=stat.S_IMODE(path.stat().st_mode))


def _is_private(path: Path) -> bool:
    """Whether a file holds a private key, as that of the collector's certificate may under any name."""
    if path.suffix == ".key":
        return True
    with path.open("rb") as file:
        return _PRIVATE_KEY in file.read(MAX_FILE_BYTES)


def _files(home: Home) -> Iterator[Path]:
    """Every file of a home but those of databases, and what is hidden: files that are just being written.

    A database that a move left behind has content that nothing destroys any more: it is in no backup.

    Folders that are links are followed, each folder once.
    """
    passing = home.path / "lock", home.high_water, home.move_file, home.filling_file, home.path / "keys" / MEMORY
    met = {home.path.resolve()}
    for folder, folders, names in os.walk(home.path, followlinks=True):
        within = {each: (Path(folder) / each).resolve() for each in folders if not each.startswith(".")}
        folders[:] = [each for each, place in within.items() if place not in met]
        met.update(within.values())
        for name in names:
            path = Path(folder) / name
            if not (name.startswith(".") or path in passing or is_of_sqlite(path)):
                yield path
