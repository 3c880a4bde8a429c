"""What is true since a commit; and how replicas on one PostgreSQL database take turns in committing.

Every commit there first counts ``node.version`` up, which locks its row until the commit ends. So there is one writer
at a time, whichever replica it is in; and one that finds another version than it knows reads what others have changed,
before it decides anything. A replica that was paused in the middle holds the lock no longer than the server lets it
(``database.bound``), and then its transaction is gone: what it had decided is not written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, bindparam, func, select, text, update

from gateway.errors import StoreError
from gateway.store.journal_log import JournalState, read_journal
from gateway.store.recent import Run
from gateway.store.state import ChannelState, Counters, read_channels, read_counters
from gateway.store.tables import JOURNAL, channels, node

COMMITS = "gateway_commits"
"""The channel of NOTIFY on which replicas tell each other of commits: domain and version."""


@dataclass(frozen=True, slots=True)
class Commit:
    """What is true since a commit: told to those who listen. ``version`` is counted on PostgreSQL alone."""

    states: Mapping[str, ChannelState]
    counters: Counters
    journal: JournalState
    sealed: Sequence[Run] = ()  # by this commit
    destroyed: bool = False  # whether it destroyed content
    version: int = 0


def read_commit(connection: Connection) -> Commit:
    """Reads everything, in one snapshot."""
    version = connection.scalar(_VERSION) or 0
    journal = read_journal(connection)
    return Commit(read_channels(connection), read_counters(connection), journal, version=version)


def read_newer(connection: Connection, known: Commit, version: int | None = None) -> Commit:
    """Reads what was changed since a commit; the same one: nothing was.

    Args:
        connection: in one snapshot, or where nobody else can commit
        known: the newest commit that this replica knows
        version: that the database has; None: it is read

    Raises:
        StoreError: the database is nobody's any more, or has lost commits.
    """
    found = connection.scalar(_VERSION) if version is None else version
    if found is None:
        raise StoreError(
            "the database is nobody's any more: it was moved from by gateway migrate, or is being restored"
        )
    if found < known.version:
        raise StoreError(
            f"the database has lost commits: it is at {found}, and this node knew {known.version}. It was put back, or "
            "failed over to a server that lagged behind: docs/operations.md tells what to do before a node writes again"
        )
    if found == known.version:
        return known
    changed = set(connection.scalars(_CHANGED, {"known": known.version}))
    states = {**known.states, **_kept(known, read_channels(connection, changed - {JOURNAL}))}
    journal = read_journal(connection) if JOURNAL in changed else known.journal
    return Commit(states, read_counters(connection), journal, version=found)


def take_turn(connection: Connection, known: Commit, now: int) -> tuple[Commit, int]:
    """Begins a commit: keeps all others from committing until it ends.

    Args:
        connection: in the writer's transaction
        known: the newest commit that this replica knows
        now: microseconds since 1970

    Returns:
        What is true before this commit, and the time of it, which is never before that of the one before.

    Raises:
        StoreError: as ``read_newer``.
    """
    row = connection.execute(_TAKE, {"now": now}).first()
    before = read_newer(connection, known, row.version - 1 if row else None)
    assert row is not None, "a database that is nobody's was told above"
    return before, row.committed_at


def end_turn(connection: Connection, before: Commit, after: Commit) -> Commit:
    """Marks what a commit changes, and has the others told once it is made."""
    changed = [state.id for origin, state in after.states.items() if state is not before.states.get(origin)]
    if after.journal is not before.journal:
        changed.append(JOURNAL)
    version = before.version + 1
    connection.execute(_END, {"ids": changed, "version": version, "channel": COMMITS})
    return replace(after, version=version)


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


_VERSION = select(node.c.version)
_CHANGED = select(channels.c.id).where(channels.c.version > bindparam("known"))
_TAKE = (
    update(node)
    .values(version=node.c.version + 1, committed_at=func.greatest(node.c.committed_at, bindparam("now")))
    .returning(node.c.version, node.c.committed_at)
)
_END = text(
    "WITH marked AS (UPDATE channels SET version = :version WHERE id = ANY(:ids)) "
    "SELECT pg_notify(:channel, domain || ' ' || version) FROM node"
)
