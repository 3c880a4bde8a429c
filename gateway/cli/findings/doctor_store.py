"""What ``gateway doctor`` looks at in the database, and what depends on what is signed there: clock, disk, channels."""

import os
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pysqlite3.dbapi2 as sqlite

from gateway.cli.findings.channels import HALTED_FOR_GOOD, MENDS_ITSELF, STUCK_SECONDS, missing_said, waiting_said
from gateway.cli.findings.findings import Finding, Level, Remedy, Subject, sh
from gateway.errors import GatewayError
from gateway.home.home import KEYS, Home
from gateway.home.pairing import ended_peers
from gateway.identity.certificates.keyfiles import read_certificate
from gateway.identity.certificates.x509 import Window
from gateway.ledger.checkpoint import signing_time
from gateway.ledger.note import Note
from gateway.ledger.steps import FORKED
from gateway.moments import datetime_of
from gateway.store.backlog import read_waiting
from gateway.store.database import is_of_sqlite, local_file, not_there, snapshot
from gateway.store.engines.sqlite import OLDEST_SQLITE
from gateway.store.leases import read_picture
from gateway.store.opening import check_owner
from gateway.store.own_seal import left_behind
from gateway.store.state import ChannelState, read_channels
from gateway.watching import LEAST_FREE_BYTES
from gateway.words import envelopes

TOLERANCE = timedelta(seconds=5)  # between two clocks
LEAST_FREE_PART = 0.1  # of the file system
GIB = 2**30

_CLOCK = Remedy("have the clock kept by NTP, and set it", "timedatectl status")


def clock(subject: Subject) -> Iterator[Finding]:
    """The clock is behind nothing that was signed here or at a peer, and agrees with the clocks of peers."""
    known = [*_made(subject), *((f"a checkpoint of {name}", at) for name, at in _signed(subject))]
    ahead = [name for name, moment in known if moment > subject.now + TOLERANCE]
    if ahead:
        yield Finding(Level.FAIL, "clock", f"the clock is behind the time at which {ahead[0]} was made", _CLOCK)
    else:
        yield Finding(Level.OK, "clock", f"{subject.now:%Y-%m-%d %H:%M:%S} UTC is later than all that was signed")
    for state in _states(subject):
        if (ahead_by := _ahead_by(state)) > TOLERANCE:
            sender, recipient = state.ends.sender, state.ends.recipient
            said = f"the clock of {sender} was {ahead_by.total_seconds():.0f} s ahead of {recipient}'s"
            todo = f"one of the two is wrong: compare both with NTP, with the operator of {state.ends.peer}"
            yield Finding(Level.WARN, "clock", f"{said} at the last receipt", Remedy(todo, _CLOCK.command))


def database(subject: Subject) -> Iterator[Finding]:
    """The SQLite library, and the database: there, of this version's form, this node's. The node may use it."""
    config, home = subject.home.config, subject.home.path
    oldest = ".".join(map(str, OLDEST_SQLITE))
    if sqlite.sqlite_version_info < OLDEST_SQLITE:
        remedy = Remedy(f"install {oldest} or later", "pip install --require-hashes -r requirements.lock")
        yield Finding(Level.FAIL, "database", f"SQLite is {sqlite.sqlite_version}", remedy)
        return
    yield Finding(Level.OK, "database", f"SQLite is {sqlite.sqlite_version}, {oldest} or later is needed")
    file = local_file(config.database.url, home)
    if file and not file.exists():
        todo = "see that database.url names its place; else restore the newest backup, or, without one, --from-peers"
        yield Finding(
            Level.FAIL, "database", not_there(file).message, Remedy(todo, f"gateway restore {sh(home)} BACKUP")
        )
        return
    with snapshot(config.database.url, home) as connection:
        check_owner(connection, config.node.jurisdiction, config.node.domain)
    yield Finding(Level.OK, "database", "it answers, has this version's form, and is this node's")
    for path in sorted(home.rglob("*")):
        is_own = file and path.parent == file.parent and path.name.startswith(file.name)
        if path.is_file() and is_of_sqlite(path) and not is_own:
            remedy = Remedy("look what it is; once the node runs well with its own, remove it", f"ls -l {sh(path)}")
            said = f"{path} is a database that the node does not use: content in it is destroyed by nobody"
            yield Finding(Level.WARN, "database", said, remedy)


def upgrade(home: Path) -> Remedy:
    """What to do where the tables have an earlier version's form: whatever needs them says the same."""
    return Remedy("stop the node, bring the database to this version's form, start it", f"gateway upgrade {sh(home)}")


LATER = Remedy(
    "install the version that the node had, or a later one; an earlier one takes nothing but the backup of before",
    "gateway --version",
)


def replicas(subject: Subject) -> Iterator[Finding]:
    """The processes that share a PostgreSQL database: which run, and which channel each of them moves."""
    home = subject.home
    if local_file(home.config.database.url, home.path):
        return
    with snapshot(home.config.database.url, home.path) as connection:
        picture, states = read_picture(connection), read_channels(connection)
    for each in picture.missing():
        said = missing_said(each.name, datetime_of(each.seen_at))
        todo = "the others do its work; look at its machine, and start it again"
        yield Finding(Level.WARN, "replicas", said, Remedy(todo, "systemctl status gateway"))
    for each in picture.running():
        moved = [state.name for state in states.values() if picture.holder(state.id) == each]
        yield Finding(Level.OK, "replicas", f"{each.name} runs, and moves {', '.join(sorted(moved)) or 'no channel'}")
    if not picture.running():
        yield Finding(Level.OK, "replicas", "none runs on the database")


def disk(subject: Subject) -> Iterator[Finding]:
    """Room for what comes: on a full disk a node answers no call, since it cannot tell of it."""
    usage = shutil.disk_usage(subject.home.path)
    said = f"{usage.free / GIB:.1f} GiB of {usage.total / GIB:.1f} are free where the home is"
    remedy = Remedy(
        "make room, or enlarge the file system; never delete node.db-wal, it holds what was acknowledged last",
        f"du -xh --max-depth=1 {sh(subject.home.path)} | sort -h",
    )
    if os.statvfs(subject.home.path).f_flag & os.ST_RDONLY:
        todo = "find out why, as a disk that fails is mounted so by the system, then mount it to be written"
        command = f"findmnt --target {sh(subject.home.path)}"
        yield Finding(Level.FAIL, "disk", "where the home is, it is mounted to be read alone", Remedy(todo, command))
    elif usage.free < LEAST_FREE_BYTES:
        yield Finding(Level.FAIL, "disk", said, remedy)
    elif usage.free < LEAST_FREE_PART * usage.total:
        yield Finding(Level.WARN, "disk", said, remedy)
    else:
        yield Finding(Level.OK, "disk", said)


def channels(subject: Subject) -> Iterator[Finding]:
    """Each channel, as the log has it: whether it has halted, and what waits for a receipt, since when."""
    home = subject.home
    with snapshot(home.config.database.url, home.path) as connection:
        states = read_channels(connection)
        waiting = read_waiting(connection, states)
    yield from behind(subject.home, states)
    yield from _unknown(subject, states)
    for origin, state in states.items():
        yield _channel(subject, state, datetime_of(waiting[origin][0][1]) if waiting.get(origin) else None)


def _unknown(subject: Subject, states: Mapping[str, ChannelState]) -> Iterator[Finding]:
    """Peers that were paired after the node had started: it refuses them, and does not dial them, without a word."""
    home = subject.home
    parties, ended = home.parties(subject.now), ended_peers(home)
    own = {receiver.jurisdiction: origin for origin, sender, receiver in parties.channels() if sender is parties.own}
    for peer, origin in own.items():
        if origin not in states and peer not in ended:
            said = f"{peer} was paired, and the node has not been started since: it does not know it yet"
            remedy = Remedy("start it again; of several replicas one after the other", "systemctl restart gateway")
            yield Finding(Level.WARN, "channels", said, remedy)


def behind(home: Home, states: Mapping[str, ChannelState]) -> Iterator[Finding]:
    """Channels that do not have the node's seal, and whether the keys of theirs are here.

    One of a restored database may have it once all is back.
    """
    late = {each.origin for each in left_behind(states)}
    keys_of = [each.certified() for each in home.seals.signing()]
    for state in states.values():
        seal, peer, is_whole = state.seals.sender.newest, state.ends.recipient, state.halt is None
        known = state.seals.sender.knows(keys_of[0].public)
        if not state.ends.outgoing or known or not (is_whole or state.origin in late):
            continue
        said = f"{state.name} was left behind by a change of the seal: {seal.fingerprint[:16]} is in force there"
        if seal in keys_of:
            yield Finding(Level.OK, "seal", said)
            continue
        todo = "restore keys/earlier from the backup of the keys; else stop the node once the channel is open, and say"
        remedy = Remedy(todo, f"gateway certs replace-seal {sh(home.path)} --peer {peer}")
        yield Finding(Level.WARN, "seal", f"{said}, and its keys are not here", remedy)


def _channel(subject: Subject, state: ChannelState, oldest: datetime | None) -> Finding:
    name, home = state.name, subject.home.path
    if state.ended:
        said = (
            f"{name} has ended with its pairing: {envelopes(state.log.size)}, {state.receipted_size} of them receipted"
        )
        return Finding(Level.OK, "channels", said)
    if halt := state.halt:
        said = f"{name} has halted: {halt.reason}: {halt.detail}"
        if halt.reason == FORKED:
            return Finding(Level.FAIL, "channels", said, Remedy(HALTED_FOR_GOOD, f"gateway check {sh(home)}"))
        return Finding(Level.FAIL, "channels", said, Remedy(MENDS_ITSELF, f"gateway doctor {sh(home)}"))
    said = f"{name}: {envelopes(state.log.size)}, {state.receipted_size} of them receipted"
    if oldest and (subject.now - oldest).total_seconds() > STUCK_SECONDS:
        said = f"{name}: {waiting_said(state.log.size - state.receipted_size, oldest, subject.now)}"
        todo = "look at the peer, below; what is urgent goes by telephone, until it is reached"
        return Finding(Level.FAIL, "channels", said, Remedy(todo, f"gateway pair list {sh(home)}"))
    return Finding(Level.OK, "channels", said)


# --- what was signed ----------------------------------------------------------------------------------------------


def _made(subject: Subject) -> Iterator[tuple[str, datetime]]:
    for name in KEYS:
        file = subject.home.certificate(name)
        yield str(file), Window.of(read_certificate(file)).not_before
    for each in subject.home.peer_documents():
        yield f"the pairing document of {each.domain}", each.created_at


def _signed(subject: Subject) -> Iterator[tuple[str, datetime]]:
    for state in _states(subject):
        if state.head:
            yield state.name, datetime.fromtimestamp(state.head.time, UTC)
        if state.receipt:
            yield state.name, datetime.fromtimestamp(state.receipt.time, UTC)


def _states(subject: Subject) -> list[ChannelState]:
    """Of a database that cannot be read there are none: another check says so."""
    home = subject.home
    try:
        with snapshot(home.config.database.url, home.path) as connection:
            return list(read_channels(connection).values())
    except GatewayError:
        return []


def _ahead_by(state: ChannelState) -> timedelta:
    """By how much the newest receipt is older than the checkpoint that it countersigns, and clocks differ at least."""
    if state.receipt is None:
        return timedelta()
    return timedelta(seconds=signing_time(Note.parse(state.receipt.note)) - state.receipt.time)
