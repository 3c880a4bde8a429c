"""The one way by which an envelope changes what a node knows.

The same function serves when an act is made here, when an envelope arrives, when the own ones come back from
the peer, when projections are rebuilt, and when they are checked. It decides nothing twice: what an author
may do was asked before sealing (``acts``); what is sealed can only be taken as it is, and what cannot be used
is told, not raised.

It reads the contract's field rules and the records of the notices concerned, and no list that changes with
time (countries, currencies): both nodes, and a rebuild years later, come to the same records.

A channel's envelopes are projected in the order of its log. Across the two channels of a pair any order leads
to the same records, but that a reply comes after what it replies to. One that came before counts for nothing, so a
rebuild takes replies last, in the order in which they were taken when they came.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.event_service_pb2 import Event

from gateway.errors import Violation
from gateway.supervision import destruction
from gateway.supervision.envelopes.about import notice_in
from gateway.supervision.notices.content import kind_of, notice_id
from gateway.supervision.outcomes import Context, EventContent, Outcome, Projection, Unusable
from gateway.supervision.projections import frameworks, notices, seals, sharing
from gateway.supervision.rules.extent import long_lists
from gateway.supervision.rules.fields import field_violations
from gateway.supervision.rules.values import timestamp_fault

RULES: Mapping[str | None, Callable[[Context], Projection]] = {
    "notice_released": notices.released,
    "notice_acknowledged": notices.acknowledged,
    "notice_withdrawn": notices.withdrawn,
    "framework_version_published": frameworks.published,
    "framework_assessed": frameworks.assessed,
    "seal_rotated": seals.rotated,
    "sharing_requested": sharing.requested,
    "sharing_decided": sharing.decided,
    "content_shared": sharing.shared,
    "content_destroyed": destruction.destroyed,
    "attachments_received": notices.attached,
}

# What replies to something of the pair's other channel: after it comes all that replies to it.
REPLIES: Mapping[str | None, int] = {
    "notice_acknowledged": 1,
    "content_destroyed": 1,
    "attachments_received": 1,
    "sharing_requested": 1,
    "sharing_decided": 2,
    "content_shared": 3,
}


def project(context: Context, broken: Sequence[Violation] | None = None) -> Projection:
    """What an envelope changes where it stands. Never raises on a parsed envelope.

    Args:
        context: the envelope, parsed from the stored bytes, its place, and what is known before it
        broken: the contract's field rules that it breaks, if that was asked before; none, too, where it cannot be
            asked: of what is destroyed. None: it is asked here
    """
    try:
        return _rule(context, broken)(context)
    except Unusable as unusable:
        event = EventContent(Event.ENVELOPE_UNSUPPORTED, detail=unusable.reason)
        return Projection(unusable.outcome, unusable.reason, events=(event,))


def reply_rank(envelope: Envelope) -> int:
    """How many times, at most, replies of the pair's channels went to and fro up to it; 0: it replies to nothing."""
    return REPLIES.get(envelope.WhichOneof("content"), 0)


def concerned_notices(envelope: Envelope) -> Iterator[str]:
    """The ids of the notices that projecting an envelope may look up; its own comes first."""
    if own := notice_in(envelope):
        yield own
    if envelope.HasField("notice_released") and not any(long_lists(envelope.notice_released)):
        for reference in envelope.notice_released.content.references[:]:
            yield notice_id(reference.notice)


def _rule(context: Context, broken: Sequence[Violation] | None) -> Callable[[Context], Projection]:
    """The rule for an envelope's content, if this version knows it and it keeps to the contract."""
    envelope = context.envelope
    member = envelope.WhichOneof("content")
    rule = RULES.get(member)
    if rule is None:
        raise Unusable(Outcome.UNSUPPORTED, "an act that this version does not know")
    if member == "notice_released" and not kind_of(envelope.notice_released.content):
        raise Unusable(Outcome.UNSUPPORTED, "a kind of notice that this version does not know")
    if envelope.origin != context.place.origin:
        raise Unusable(Outcome.INVALID, f"origin: must be {context.place.origin}")
    if fault := timestamp_fault(envelope.sealed_at):
        raise Unusable(Outcome.INVALID, f"sealed_at: {fault}")
    for violation in field_violations(envelope) if broken is None else broken:
        raise Unusable(Outcome.INVALID, f"{violation.field}: {violation.description}")
    return rule
