"""The end of a log that its sender gives up after a fork: read to be kept elsewhere, then taken out.

What follows from its envelopes goes with them: ``rebuild`` afterwards makes the projections of what is left. Events
keep their cursors, and those of the given-up envelopes become ``ENVELOPE_GIVEN_UP``. Replies of the peer to what goes
are told as those that came before what they reply to: the peer's history may have that, too, and bring it back. A
request that made or acted on what is given up is forgotten, so that it can be made again; a draft that became it has
expired, since its act is kept no more.
"""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

from regulator.exchange.v1.draft_service_pb2 import Draft
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.event_service_pb2 import Event
from sqlalchemy import Connection, delete, func, insert, select, update

from gateway.ledger.steps import Halt
from gateway.store.destroying import forget_expired
from gateway.store.drafts.rows import draft_event_rows, draft_record
from gateway.store.drafts.writing import write_drafts
from gateway.store.event_rows import event_row
from gateway.store.logs import parsed, read_range
from gateway.store.opening import TOKEN_KEY_BYTES
from gateway.store.recovery.retelling import OF_CHANNELS
from gateway.store.scanning import rows
from gateway.store.state import ChannelState, read_counters
from gateway.store.tables import (
    assessments,
    channels,
    draft_events,
    drafts,
    events,
    framework_events,
    framework_versions,
    halt_evidence,
    heads,
    leaves,
    node,
    notices,
    requests,
    seals,
    subtrees,
)
from gateway.supervision.approval import ActKind
from gateway.supervision.destruction import left_in
from gateway.supervision.drafts import DraftRecord, draft_event
from gateway.supervision.envelopes.about import notice_in
from gateway.supervision.frameworks.names import (
    ASSESSMENTS,
    assessment_id,
    assessment_name,
    framework_id,
    version_name,
    version_number,
)
from gateway.supervision.notices.content import NAME_PREFIX, notice_id
from gateway.supervision.outcomes import EventContent

_NOTHING = {"kind": Event.ENVELOPE_GIVEN_UP, "notice": "", "notice_kind": 0, "detail": ""}


@dataclass(frozen=True, slots=True)
class BranchLeaf:
    """An envelope of a branch, as it is stored; ``envelope`` is None where it cannot be read."""

    index: int
    leaf_hash: bytes
    data: bytes
    is_destroyed: bool
    envelope: Envelope | None


def read_branch(connection: Connection, channel: int, first: int) -> Iterator[BranchLeaf]:
    """Reads the envelopes from an index on."""
    mine = select(leaves).where(leaves.c.channel == channel, leaves.c.index >= first)
    for row in rows(connection, mine, leaves.c.index):
        data, is_destroyed = bytes(row["data"]), bool(row["destroyed"])
        yield BranchLeaf(
            row["index"], bytes(row["hash"]), data, is_destroyed, left_in(data) if is_destroyed else parsed(data)
        )


def read_branch_heads(connection: Connection, channel: int, first: int) -> Sequence[bytes]:
    """Reads the signed heads above a size."""
    mine = select(heads.c.note).where(heads.c.channel == channel, heads.c.size > first).order_by(heads.c.size)
    return [bytes(note) for note in connection.scalars(mine)]


def names_in(branch: Iterator[BranchLeaf]) -> set[str]:
    """What the branch's envelopes made or acted on, by the names that requests and drafts have for it."""
    return {name for leaf in branch if leaf.envelope for name in _names(leaf.envelope)}


def _names(envelope: Envelope) -> Iterator[str]:
    if own := notice_in(envelope):
        yield own
    if envelope.HasField("framework_version_published"):
        published = envelope.framework_version_published
        yield version_name(framework_id(published.framework), published.version)
    elif envelope.HasField("framework_assessed"):
        yield assessment_name(assessment_id(envelope.framework_assessed.assessment))
    elif envelope.HasField("sharing_requested"):
        yield envelope.sharing_requested.consent
    elif envelope.HasField("sharing_decided"):
        yield envelope.sharing_decided.consent
    elif envelope.HasField("content_shared"):
        yield envelope.content_shared.share


def cut(connection: Connection, state: ChannelState, size: int, halt: Halt, now: int, *said: EventContent) -> None:
    """Takes everything above a size out of a channel of ours, and halts it until its peer has handed back its own.

    Args:
        connection: inside the transaction; the caller rebuilds in the same one, then calls ``forget``
        state: of the channel
        size: that is kept; there is a head for it, or it is 0
        halt: why it waits from now on
        now: microseconds since 1970
        said: events of the node
    """
    channel, log = state.id, read_range(connection, state.id, size)
    connection.execute(delete(leaves).where(leaves.c.channel == channel, leaves.c.index >= size))
    connection.execute(delete(heads).where(heads.c.channel == channel, heads.c.size > size))
    _withdraw_seals(connection, channel, size)
    levels = connection.scalars(select(subtrees.c.level).where(subtrees.c.channel == channel).distinct()).all()
    for level in levels:
        over = subtrees.c.channel == channel, subtrees.c.level == level, subtrees.c.index >= size >> level
        connection.execute(delete(subtrees).where(*over))
    _withdraw_events(connection, channel, size)
    halt_anew(connection, replace(state, log=log), halt, now, *said)


def halt_anew(connection: Connection, state: ChannelState, halt: Halt, now: int, *said: EventContent) -> None:
    """Writes a channel's log, and why it waits from now on, whatever the reason was before; and tells it."""
    values = {
        "size": state.log.size,
        "edge": state.log.encode(),
        "halt_reason": halt.reason,
        "halt_detail": halt.detail,
    }
    connection.execute(update(channels).where(channels.c.id == state.id).values(values))
    connection.execute(delete(halt_evidence).where(halt_evidence.c.channel == state.id))
    for ordinal, note in enumerate(halt.evidence):
        connection.execute(insert(halt_evidence), [{"channel": state.id, "ordinal": ordinal, "note": note}])
    told = EventContent(Event.CHANNEL_HALTED, detail=f"{halt.reason}: {halt.detail}")
    cursors = count(read_counters(connection).cursor + 1)
    made = [event_row(each, next(cursors), now, None, 0) for each in said]
    connection.execute(insert(events), [*made, event_row(told, next(cursors), now, state.id, state.log.size)])


def withdraw_replies(connection: Connection, unused: Iterable[tuple[int, int, EventContent]]) -> None:
    """Has replies to what went told as those that came too early are: once that is back, they are taken again.

    Args:
        connection: inside the transaction, after the rebuild
        unused: as it gave them
    """
    for channel, index, event in unused:
        there = events.c.channel == channel, events.c.index == index, events.c.kind.not_in(OF_CHANNELS)
        first = connection.scalar(select(func.min(events.c.cursor)).where(*there))
        connection.execute(update(events).where(*there).values(_NOTHING))
        said = {"kind": event.kind, "detail": event.detail}
        connection.execute(update(events).where(events.c.cursor == first).values(said))


def forget(connection: Connection, names: set[str], now: int) -> int:
    """Forgets the requests of these names, and has the drafts expired that became them; gives how many drafts.

    Args:
        connection: inside the transaction, after the rebuild
        names: as ``names_in`` gave them
        now: microseconds since 1970
    """
    for name in names:
        connection.execute(delete(requests).where(requests.c.notice == name))
    lapsed = [
        record
        for row in connection.execute(select(drafts).where(drafts.c.state == Draft.RELEASED)).mappings().all()
        if _named(record := draft_record(row)) in names and not _is_there(connection, record)
    ]
    expired = [
        replace(each, state=Draft.EXPIRED, revision=each.revision + 1, updated_at=now, released="") for each in lapsed
    ]
    write_drafts(connection, {each.id: each for each in expired})
    forget_expired(connection, expired)
    told = [draft_event(Event.DRAFT_EXPIRED, each) for each in expired]
    first = read_counters(connection).cursor + 1
    for cursor, event in enumerate(told, first):
        connection.execute(insert(events), [event_row(event, cursor, now, None, 0)])
    for row in draft_event_rows(told, first):
        connection.execute(insert(draft_events), [row])
    connection.execute(update(node).values(token_key=secrets.token_bytes(TOKEN_KEY_BYTES)))
    return len(expired)


def _withdraw_seals(connection: Connection, channel: int, size: int) -> None:
    """Those that an operator put in force above a size: of those that envelopes brought the rebuild takes care."""
    by_hand = seals.c.channel == channel, seals.c.cosigner.is_(False), seals.c.rotated_channel.is_(None)
    connection.execute(delete(seals).where(*by_hand, seals.c.above > size, seals.c.ordinal > 0))


def _withdraw_events(connection: Connection, channel: int, first: int) -> None:
    """Events keep their cursors; what they told does not hold any more."""
    there = events.c.channel == channel, events.c.index >= first, events.c.kind.not_in(OF_CHANNELS)
    told = select(events.c.cursor).where(*there)
    connection.execute(delete(framework_events).where(framework_events.c.cursor.in_(told)))
    connection.execute(update(events).where(*there).values(_NOTHING))


def _named(record: DraftRecord) -> str:
    """What a draft became, as requests and ``names_in`` name it."""
    return notice_id(record.released) if record.released.startswith(NAME_PREFIX) else record.released


def _is_there(connection: Connection, record: DraftRecord) -> bool:
    """Whether what a draft became still stands in some channel."""
    name = record.released
    if name.startswith(NAME_PREFIX):
        found = select(notices.c.withdrawn_channel).where(notices.c.id == notice_id(name))
        row = connection.execute(found).first()
        return row is not None and (record.act is not ActKind.WITHDRAW_NOTICE or row.withdrawn_channel is not None)
    if name.startswith(ASSESSMENTS):
        found_id = select(assessments.c.cursor).where(assessments.c.id == assessment_id(name))
        return connection.execute(found_id).first() is not None
    of_it = framework_versions.c.framework == framework_id(name), framework_versions.c.version == version_number(name)
    return connection.execute(select(framework_versions.c.cursor).where(*of_it).limit(1)).first() is not None
