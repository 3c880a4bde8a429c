"""Destruction of content once the day is past up to which it may be kept: when, of what, and what is left.

What is left of an envelope is its **remainder**: an envelope without salt, of which only those fields are set that the
node's own records follow from. It has another hash; the leaf hash stays beside it, and without the salt nobody can
try out which content had it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from google.protobuf.message import DecodeError
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_pb2 import NoticeContent, Reference

from gateway.errors import Malformed
from gateway.supervision.envelopes.envelopes import Seal, envelope_of
from gateway.supervision.notices import states
from gateway.supervision.notices.content import notice_id, notice_name
from gateway.supervision.notices.records import NoticeRecord, Place
from gateway.supervision.outcomes import Context, EventContent, Outcome, Projection, Unusable
from gateway.supervision.rules.fields import breaks_rules_where_set
from gateway.supervision.sharing.records import Dossier

NODE = "NODE"  # the authority of what a node does by itself

_CHANGING = (Reference.SUPERSEDES, Reference.WITHDRAWS)


@dataclass(frozen=True, slots=True)
class Leaf:
    """An envelope as it is stored; of one whose content is destroyed, ``data`` is the remainder."""

    place: Place
    hash: bytes  # 32 bytes
    data: bytes
    is_destroyed: bool


def is_past(record: NoticeRecord, today: int) -> bool:
    """Whether content may not be kept any more on the day ``today`` (UTC, 20260131)."""
    return 0 < record.retain_until < today


def places_of(record: NoticeRecord, dossier: Dossier) -> list[Place]:
    """Where the envelopes stand that hold what a notice says, and what was said to it.

    A notice that withdrew it is not among them: it has handling of its own. Neither are shares: they hold nothing but
    who has the content since, which those must still know who destroy it.
    """
    found = [Place(record.origin, record.index)]
    if record.acknowledged_at:
        found.append(record.acknowledged_at)
    if record.withdrawn_at and not record.withdrawn_by:
        found.append(record.withdrawn_at)
    found += [each.place for each in dossier.consents]
    return found + [each.place for each in dossier.decisions]


def may_destroy(
    record: NoticeRecord,
    leaves: Sequence[Leaf],
    receipted: Mapping[str, int],
    today: int,
    own: str = "",
    *,
    ended: bool = False,
) -> list[Leaf]:
    """The leaves of a notice whose content is to be destroyed now, or is, and not yet certified.

    None of them while any is without receipt: what the peer does not hold yet must still be sent. Where the pairing has
    ended nobody knows whether it ever can be; then the day counts. What came from the peer has this node's own receipt
    all the same, or its content never came. And what was destroyed so, and came back from the peer after a restore
    without the certificate, is certified anew: there is no receipt before.

    Args:
        record: of the notice
        leaves: at its places
        receipted: number of envelopes that the newest receipt of each channel covers, by origin
        today: UTC, 20260131
        own: the own channel to the other party
        ended: the pairing with it has ended
    """
    if not is_past(record, today):
        return []
    wanted = [leaf for leaf in leaves if record.destroyed_at is None or not leaf.is_destroyed]
    lacking = [leaf for leaf in leaves if leaf.place.index >= receipted.get(leaf.place.origin, 0)]
    if all(leaf.place.origin == own and (ended or leaf.is_destroyed) for leaf in lacking):
        return wanted
    return [leaf for leaf in wanted if leaf in lacking and leaf.place.origin == own and leaf.is_destroyed]


def remainder(envelope: Envelope) -> Envelope:
    """What is left of an envelope of a notice.

    Only what the records of notices follow from, and who sealed it when; of content that this version does not know,
    nothing.
    """
    left = Envelope(origin=envelope.origin, sealed_at=envelope.sealed_at, author=envelope.author)
    if envelope.HasField("approver"):
        left.approver.CopyFrom(envelope.approver)
    if envelope.HasField("notice_released"):
        left.notice_released.notice = envelope.notice_released.notice
        left.notice_released.content.CopyFrom(_without_content(envelope.notice_released.content))
    elif envelope.HasField("notice_acknowledged"):
        left.notice_acknowledged.notice = envelope.notice_acknowledged.notice
    elif envelope.HasField("notice_withdrawn"):
        left.notice_withdrawn.notice = envelope.notice_withdrawn.notice
    elif envelope.HasField("sharing_requested"):
        left.sharing_requested.CopyFrom(envelope.sharing_requested)
        left.sharing_requested.ClearField("purpose")
    elif envelope.HasField("sharing_decided"):
        left.sharing_decided.CopyFrom(envelope.sharing_decided)
        left.sharing_decided.ClearField("reason")
        left.sharing_decided.ClearField("conditions")
    left.DiscardUnknownFields()
    return left


def is_remainder(envelope: Envelope) -> bool:
    """Whether it is what is left of an envelope: every envelope that was sealed has a salt."""
    return not envelope.salt


def remainder_of(data: bytes) -> bytes:
    """The bytes that take the place of an envelope's bytes."""
    return remainder(Envelope.FromString(data)).SerializeToString(deterministic=True)


def left_in(data: bytes) -> Envelope:
    """Reads what is left of an envelope of a notice, as a peer hands it in.

    No hash proves it, so its form is all that can be asked of it: not one byte more than the remainder of itself, and
    no value that the contract does not allow, as none had that was sealed.

    Raises:
        Malformed: there is more in it, or another act, or such a value.
    """
    try:
        left = Envelope.FromString(data)
    except DecodeError as error:
        raise Malformed("what is left of a destroyed envelope is no envelope") from error
    if left.WhichOneof("content") is None or remainder(left).SerializeToString(deterministic=True) != data:
        raise Malformed("there is more than what is left of a destroyed envelope, or another act")
    if breaks_rules_where_set(left):
        raise Malformed("what is left of a destroyed envelope holds what none may have held")
    return left


def certificate(seal: Seal, destroyed_id: str, leaves: Sequence[Leaf], receipted: int) -> Envelope:
    """The envelope that certifies that the content of these leaves is destroyed.

    Args:
        seal: of it
        destroyed_id: of the notice
        leaves: of one that was sealed here it is told if it had no receipt
        receipted: number of envelopes of the channel that is sealed in that have one
    """
    envelope = envelope_of(seal)
    envelope.content_destroyed.notice = notice_name(destroyed_id)
    for leaf in leaves:
        envelope.content_destroyed.envelopes.add(
            origin=leaf.place.origin,
            index=leaf.place.index,
            leaf_hash=leaf.hash,
            remainder_sha256=sha256(remainder_of(leaf.data)).digest(),
            without_receipt=leaf.place.origin == seal.origin and leaf.place.index >= receipted,
        )
    return envelope


def destroyed(context: Context) -> Projection:
    """The rule for a certificate: whose content is no more, here if the certificate is this node's own."""
    act = context.envelope.content_destroyed
    record, channel = context.find(notice_id(act.notice)), context.channel
    if record is None or {record.sender, record.recipient} != {channel.sender, channel.recipient}:
        raise Unusable(Outcome.INVALID, f"{act.notice}: must be a notice between the two")
    changed = states.destroyed(record, context.place, here=channel.outgoing)
    events: tuple[EventContent, ...] = ()
    if changed is not record:
        events = (EventContent(Event.CONTENT_DESTROYED, record.id, f"at {channel.sender}", record.kind),)
    own = channel.outgoing
    return Projection(
        Outcome.PROJECTED,
        records=() if changed is record else (changed,),
        events=events,
        destroyed_id=record.id if own else "",
        destroyed=tuple(Place(each.origin, each.index) for each in act.envelopes) if own else (),
    )


def _without_content(content: NoticeContent) -> NoticeContent:
    left = NoticeContent(
        issuing_authority=content.issuing_authority,
        sectors=content.sectors,
        urgency=content.urgency,
        handling=content.handling,
        references=[each for each in content.references if each.relation in _CHANGING],
    )
    for _ in content.attachments:  # how many there were
        left.attachments.add()
    if kind := content.WhichOneof("detail"):
        getattr(left, kind).SetInParent()
    if kind == "assistance_request":
        left.assistance_request.requested_authority = content.assistance_request.requested_authority
        if content.assistance_request.HasField("respond_by"):
            left.assistance_request.respond_by.CopyFrom(content.assistance_request.respond_by)
    elif kind == "assistance_answer":
        left.assistance_answer.request = content.assistance_answer.request
        left.assistance_answer.outcome = content.assistance_answer.outcome
    left.DiscardUnknownFields()
    return left
