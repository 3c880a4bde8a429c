"""The states of a notice: two tables, and one function for each fact that can be added.

What happened to a notice is a set of facts: it was received, acknowledged, withdrawn, superseded. Each is
recorded once, by the first message that brings it, and the state is what the facts amount to. So both nodes
end in the same state in whatever order the messages of their two channels cross, and a rebuild from the logs
does too.

The functions are total: what a peer sent is sealed, and cannot be refused any more. They return the record
itself where a fact is not new. What may be done *here* is the other table's matter, asked before anything is
sealed.
"""

from collections.abc import Mapping
from enum import Enum, auto

from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.errors import WrongState
from gateway.supervision.notices.records import NoticeRecord, Place


class Act(Enum):
    """What is done to a notice at this node."""

    ACKNOWLEDGE = auto()
    WITHDRAW = auto()
    SUPERSEDE = auto()
    REQUEST_CONSENT = auto()
    GRANT_CONSENT = auto()
    MARK_SHARED = auto()


class Arrival(Enum):
    """What becomes known of a notice: from the peer, or from an act here once it is sealed."""

    RECEIPT = auto()
    ACKNOWLEDGEMENT = auto()
    WITHDRAWAL = auto()
    SUPERSESSION = auto()
    ATTACHMENTS = auto()


_STANDING = (Notice.RELEASED, Notice.DELIVERED, Notice.ACKNOWLEDGED)
HELD = (Notice.RECEIVED, Notice.ACKNOWLEDGED)
"""The states of a received notice that stands."""

# Which way a notice must have gone, and in which states it must be, for an act here.
ALLOWED: Mapping[Act, tuple[Notice.Direction.ValueType, tuple[Notice.State.ValueType, ...]]] = {
    Act.ACKNOWLEDGE: (Notice.INCOMING, (Notice.RECEIVED,)),
    Act.WITHDRAW: (Notice.OUTGOING, _STANDING),
    Act.SUPERSEDE: (Notice.OUTGOING, _STANDING),
    Act.REQUEST_CONSENT: (Notice.INCOMING, HELD),
    Act.GRANT_CONSENT: (Notice.OUTGOING, _STANDING),
    Act.MARK_SHARED: (Notice.INCOMING, HELD),
}

# state: after a receipt, an acknowledgement, a withdrawal, a supersession, the receiver's word on the attachments
_AFTER = {
    Notice.RELEASED: (Notice.DELIVERED, Notice.ACKNOWLEDGED, Notice.WITHDRAWN, Notice.SUPERSEDED, Notice.DELIVERED),
    Notice.DELIVERED: (Notice.DELIVERED, Notice.ACKNOWLEDGED, Notice.WITHDRAWN, Notice.SUPERSEDED, Notice.DELIVERED),
    Notice.RECEIVED: (Notice.RECEIVED, Notice.ACKNOWLEDGED, Notice.WITHDRAWN, Notice.SUPERSEDED, Notice.RECEIVED),
    Notice.ACKNOWLEDGED: (
        Notice.ACKNOWLEDGED,
        Notice.ACKNOWLEDGED,
        Notice.WITHDRAWN,
        Notice.SUPERSEDED,
        Notice.ACKNOWLEDGED,
    ),
    Notice.WITHDRAWN: (Notice.WITHDRAWN, Notice.WITHDRAWN, Notice.WITHDRAWN, Notice.WITHDRAWN, Notice.WITHDRAWN),
    Notice.SUPERSEDED: (Notice.SUPERSEDED, Notice.SUPERSEDED, Notice.SUPERSEDED, Notice.SUPERSEDED, Notice.SUPERSEDED),
}

ARRIVALS: Mapping[tuple[Notice.State.ValueType, Arrival], Notice.State.ValueType] = {
    (state, arrival): after for state, row in _AFTER.items() for arrival, after in zip(Arrival, row, strict=True)
}


def require(record: NoticeRecord, act: Act) -> None:
    """Passes if the record allows ``act`` here.

    Raises:
        WrongState: it does not; metadata ``state``, ``direction``, and ``allowed``: what it would have to be.
    """
    direction, states = ALLOWED[act]
    if record.direction == direction and record.state in states:
        return
    state, way = Notice.State.Name(record.state), Notice.Direction.Name(record.direction)
    allowed = ", ".join(Notice.State.Name(each) for each in states)
    raise WrongState(
        f"{act.name.lower()} needs an {Notice.Direction.Name(direction).lower()} notice in state {allowed}; "
        f"{record.id} is {way.lower()} and {state}",
        notice=record.id,
        state=state,
        direction=way,
        allowed=allowed,
    )


def receipted(record: NoticeRecord, time: int, end: int) -> NoticeRecord:
    """Adds that the receiver's node holds it.

    With attachments it is delivered only once the receiver's node says that it holds them, too (``attached``). Nor is
    it where its content was destroyed here without a receipt, and the receipt covers the certificate of that: it is one
    for the hash.

    Args:
        record: as it was
        time: in seconds since 1970, of the receiver's countersignature
        end: number of envelopes that the receipt covers
    """
    if record.receipt_time is not None:
        return record
    gone = record.destroyed_at
    is_hash_alone = gone is not None and gone.origin == record.origin and gone.index < end
    is_delivered = not (record.attachment_count or is_hash_alone)
    state = ARRIVALS[record.state, Arrival.RECEIPT] if is_delivered else record.state
    return record._replace(state=state, revision=record.revision + 1, receipt_time=time)


def attached(record: NoticeRecord, at: Place) -> NoticeRecord:
    """Adds that the receiver's node holds all its attachments, as the envelope ``at`` a place says."""
    if record.attached_at:
        return record
    state = ARRIVALS[record.state, Arrival.ATTACHMENTS]
    return record._replace(state=state, revision=record.revision + 1, attached_at=at)


def acknowledged(record: NoticeRecord, at: Place) -> NoticeRecord:
    """Adds that the receiving authority acknowledged it, by the envelope ``at`` a place."""
    if record.acknowledged_at:
        return record
    state = ARRIVALS[record.state, Arrival.ACKNOWLEDGEMENT]
    return record._replace(state=state, revision=record.revision + 1, acknowledged_at=at)


def withdrawn(record: NoticeRecord, at: Place, by: str = "") -> NoticeRecord:
    """Adds that the sender took it back, by the envelope ``at`` a place, which may hold the notice ``by``."""
    if record.withdrawn_at:
        return record
    state = ARRIVALS[record.state, Arrival.WITHDRAWAL]
    return record._replace(state=state, revision=record.revision + 1, withdrawn_at=at, withdrawn_by=by)


def destroyed(record: NoticeRecord, at: Place, *, here: bool) -> NoticeRecord:
    """Adds that the content is destroyed, here or at the peer, as the envelope ``at`` a place certifies."""
    if record.destroyed_at if here else record.peer_destroyed_at:
        return record
    if here:
        return record._replace(revision=record.revision + 1, destroyed_at=at)
    return record._replace(revision=record.revision + 1, peer_destroyed_at=at)


def superseded(record: NoticeRecord, by: str) -> NoticeRecord:
    """Adds that the notice of id ``by`` took its place."""
    if record.superseded_by:
        return record
    state = ARRIVALS[record.state, Arrival.SUPERSESSION]
    return record._replace(state=state, revision=record.revision + 1, superseded_by=by)
