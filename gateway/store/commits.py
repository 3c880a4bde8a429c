"""What is true since a commit; and how replicas on one PostgreSQL database take turns in committing.

Every commit there first counts ``node.version`` up, which locks its row until the commit ends. So there is one writer
at a time, whichever replica it is in; and one that finds another version than it knows reads what others have changed,
before it decides anything. A replica that was paused in the middle holds the lock no longer than the server lets it
(``postgresql.bound``), and then its transaction is gone: what it had decided is not written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, bindparam, case, func, select, text, update

from gateway.errors import LostCommits, StoreError
from gateway.ledger import tiles
from gateway.store.clocks import MAX_LEAP_MICROS, MAX_SET_BACK_MICROS
from gateway.store.journal.log import JournalState, read_journal
from gateway.store.leases import SERVER_CLOCK
from gateway.store.logs import reader
from gateway.store.migrating import require_form
from gateway.store.recent import Run
from gateway.store.state import ChannelState, Counters, read_channels, read_counters
from gateway.store.tables import BIG, JOURNAL, channels, node

COMMITS = "gateway_commits"
"""The channel of NOTIFY on which replicas tell each other of commits: domain and version."""


@dataclass(frozen=True, slots=True)
class Commit:
    """What is true since a commit: told to those who listen.

    ``version`` is counted on PostgreSQL alone; ``token_key`` is another one since a database was put back.
    """

    states: Mapping[str, ChannelState]
    counters: Counters
    journal: JournalState
    sealed: Sequence[Run] = ()  # by this commit
    destroyed: bool = False  # whether it destroyed content
    version: int = 0
    token_key: bytes = b""


def read_commit(connection: Connection) -> Commit:
    """Reads everything, in one snapshot."""
    row, journal = connection.execute(_OWN).first(), read_journal(connection)
    version, token_key = (row.version, bytes(row.token_key)) if row else (0, b"")
    states, counters = read_channels(connection), read_counters(connection)
    return Commit(states, counters, journal, version=version, token_key=token_key)


def read_newer(connection: Connection, known: Commit, taken: Row[Any] | None = None) -> Commit:
    """Reads what was changed since a commit; the same one: nothing was.

    Args:
        connection: in one snapshot, or where nobody else can commit
        known: the newest commit that this replica knows
        taken: what ``take_turn`` found, which has counted itself already; None: it is read

    Raises:
        LostCommits: the database was put back.
        StoreError: it is nobody's any more, or its tables have another form.
    """
    row = taken or connection.execute(_OWN).first()
    if row is None:
        raise StoreError(
            "the database is nobody's any more: it was moved from by gateway migrate, or is being restored"
        )
    found = row.version - 1 if taken else row.version
    if bytes(row.token_key) != known.token_key:
        raise LostCommits("the database was put back, as another replica has found, or was restored")
    if found < known.version:
        raise LostCommits(f"the database has lost commits: it is at {found}, and this node knew {known.version}")
    if found == known.version:
        return known
    require_form(connection)
    changed = set(connection.scalars(_CHANGED, {"known": known.version}))
    states = {**known.states, **_kept(known, read_channels(connection, changed - {JOURNAL}))}
    journal = read_journal(connection) if JOURNAL in changed else known.journal
    newer = Commit(states, read_counters(connection), journal, version=found, token_key=known.token_key)
    require_extended(connection, known, newer)
    return newer


def require_extended(connection: Connection, known: Commit, found: Commit) -> None:
    """Passes if each log goes on from where it was known to stand.

    Raises:
        LostCommits: one does not: the database was put back, and another replica went on from there.
    """
    logs = [(found.states.get(origin), state) for origin, state in known.states.items()]
    pairs = [(state.id, before.log, state.log) for state, before in logs if state and state is not before]
    if found.journal is not known.journal:
        pairs.append((JOURNAL, known.journal.log, found.journal.log))
    for log, before, after in pairs:
        if not tiles.extends(reader(connection, log), after, before):
            raise LostCommits("the database has lost commits: a log in it does not go on from what this node knew")


@dataclass(frozen=True, slots=True)
class Turn:
    """What is true before a commit, the time of it, and that of the server; microseconds since 1970."""

    before: Commit
    time: int
    server_time: int


def take_turn(connection: Connection, known: Commit, now: int) -> Turn:
    """Begins a commit: keeps all others from committing until it ends.

    Args:
        connection: in the writer's transaction
        known: the newest commit that this replica knows
        now: microseconds since 1970

    Returns:
        Of whose times this commit's is never before that of the one before, nor far ahead of the server's.

    Raises:
        LostCommits, StoreError: as ``read_newer``.
    """
    row = connection.execute(_TAKE, {"now": now}).first()
    if row is None and not known.token_key:  # nobody's as it was opened, too: who restores it is alone with it
        alone = connection.execute(_ALONE, {"now": now}).one()
        return Turn(known, alone.time, alone.server_time)
    before = read_newer(connection, known, row)
    assert row is not None, "a database that is nobody's was told above"
    return Turn(before, row.committed_at, row.server_time)


def end_turn(connection: Connection, before: Commit, after: Commit) -> Commit:
    """Marks what a commit changes, and has the others told once it is made."""
    changed = [state.id for origin, state in after.states.items() if state is not before.states.get(origin)]
    if after.journal is not before.journal:
        changed.append(JOURNAL)
    version = before.version + 1
    connection.execute(_END, {"ids": changed, "version": version, "channel": COMMITS})
    return replace(after, version=version, token_key=before.token_key)


def keep_out(connection: Connection) -> None:
    """Keeps replicas from committing until a transaction ends: those that run are stopped, but one may be paused.

    If it changes what they know, ``take_alone`` must follow.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_KEEP_OUT)


def take_alone(connection: Connection) -> None:
    """Keeps replicas from committing until a transaction ends that changes more than a commit does.

    Each of them reads every channel anew before it writes again.
    """
    connection.execute(update(node).values(version=node.c.version + 1))
    connection.execute(update(channels).values(version=select(node.c.version).scalar_subquery()))


def _kept(known: Commit, changed: Mapping[str, ChannelState]) -> Mapping[str, ChannelState]:
    """What is in memory alone: the least that the peer was said to hold of the newest receipt."""
    kept = {}
    for origin, state in changed.items():
        before = known.states.get(origin)
        same = before is not None and before.receipted_size == state.receipted_size
        kept[origin] = replace(state, least_told=before.least_told) if before and same else state
    return kept


_KEEP_OUT = text("LOCK TABLE node IN SHARE ROW EXCLUSIVE MODE")
_OWN = select(node.c.version, node.c.token_key)
_CHANGED = select(channels.c.id).where(channels.c.version > bindparam("known"))
_TIME = func.least(bindparam("now", type_=BIG), SERVER_CLOCK + MAX_LEAP_MICROS)
_TAKE = (
    update(node)
    .values(
        version=node.c.version + 1,
        committed_at=case(  # as ``clocks.not_before``
            (node.c.committed_at > SERVER_CLOCK + MAX_SET_BACK_MICROS, _TIME),
            else_=func.greatest(node.c.committed_at, _TIME),
        ),
    )
    .returning(node.c.version, node.c.committed_at, node.c.token_key, SERVER_CLOCK.label("server_time"))
)
_ALONE = select(_TIME.label("time"), SERVER_CLOCK.label("server_time"))
_END = text(
    "WITH marked AS (UPDATE channels SET version = :version WHERE id = ANY(:ids)) "
    "SELECT pg_notify(:channel, domain || ' ' || version) FROM node"
)
