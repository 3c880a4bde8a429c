"""What the envelopes amount to, told once more and naively: of each notice the facts, first come first kept.

Nothing here decides by state: a fact is a place in a log, and a notice's row follows from its facts. Memory: some
hundred bytes a notice.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_pb2 import Reference
from regulator.exchange.v1.notice_service_pb2 import Notice
from sqlalchemy import Connection, select

from gateway.store.reverify.channels import VerifiedChannel
from gateway.store.reverify.frameworks_fold import FrameworksFold
from gateway.store.reverify.remainders import remainder_in
from gateway.store.reverify.sharing_fold import ANSWERED, MEMBERS, PASSED_ON, SharingFold, Terms, notice_of
from gateway.store.scanning import rows
from gateway.store.tables import events, leaves
from gateway.supervision.notices.content import id_fault, kind_of, notice_id
from gateway.supervision.rules.fields import field_violations
from gateway.supervision.rules.values import date_fault, timestamp_fault

Place = tuple[int, int]  # channel id, index

_REPLIES = ("notice_acknowledged", "content_destroyed", "attachments_received", *MEMBERS)
_LATEST = (ANSWERED, PASSED_ON)  # after all other replies, in this order
TOLD_OF_NO_ENVELOPE = (
    Event.CHANNEL_HALTED,
    Event.PEER_ROLLED_BACK,
    Event.CHANNEL_RECOVERED,
    Event.PROVISION_IN_FORCE,
    Event.ASSISTANCE_OVERDUE,
    Event.ENVELOPE_GIVEN_UP,
)
_RULES = ("framework_version_published", "framework_assessed")


@dataclass(slots=True)
class Facts:
    """What is known of a notice; a place is None, and an id empty, where there is no such fact."""

    channel: int
    index: int
    terms: Terms
    acknowledged: Place | None = None
    withdrawn: Place | None = None
    withdrawn_by: str = ""
    superseded: Place | None = None
    superseded_by: str = ""
    destroyed: Place | None = None  # where this node's certificate stands
    peer_destroyed: Place | None = None
    attached: Place | None = None  # where the receiver says that it holds all attachments
    attachment_count: int = 0
    files: tuple[tuple[bytes, int], ...] = ()  # SHA-256 and size of each that it names
    is_kept_for_ever: bool = True  # its handling names no last day
    ended: int = 0  # state, once it was withdrawn or superseded: whichever came first

    @property
    def kind(self) -> int:
        """The kind of the notice."""
        return self.terms.kind

    def is_hash_alone(self, size: int) -> bool:
        """Whether the first receipt, for a log of this size, is none for the content: that was gone before."""
        return self.destroyed is not None and self.destroyed[0] == self.channel and self.destroyed[1] < size

    def count(self) -> int:
        """Number of facts beside its release and receipt."""
        changes = (
            self.acknowledged,
            self.withdrawn,
            self.superseded,
            self.destroyed,
            self.peer_destroyed,
            self.attached,
        )
        return sum(place is not None for place in changes)


@dataclass(slots=True)
class Fold:
    """The facts of every notice by id, the places of envelopes that cannot be used, what is certified, and rotations.

    ``unused``: those of these envelopes that are replies, by origin and index. ``certified``: what this node's own
    certificates say of destroyed envelopes, by place: leaf hash, and SHA-256 of what is left.
    ``certified_there``: what peers' certificates say. ``rotations``: of seals, by place.
    """

    facts: dict[str, Facts] = field(default_factory=dict)
    unusable: set[Place] = field(default_factory=set)
    unused: list[str] = field(default_factory=list)
    certified: dict[Place, tuple[bytes, bytes]] = field(default_factory=dict)
    certified_there: dict[Place, tuple[bytes, bytes]] = field(default_factory=dict)
    frameworks: FrameworksFold = field(default_factory=FrameworksFold)
    sharing: SharingFold = field(default_factory=SharingFold)
    rotations: dict[Place, Envelope] = field(default_factory=dict)


def fold(connection: Connection, channels: Sequence[VerifiedChannel]) -> Fold:
    """Reads every envelope; replies last, in the order of their events, and none to what was told later than it."""
    found, replies = Fold(), list[tuple[VerifiedChannel, int, Envelope]]()
    for channel in channels:
        for index, envelope in envelopes(connection, channel):
            if envelope and envelope.HasField("seal_rotated"):  # whatever else is wrong with it
                found.rotations[channel.id, index] = envelope
            if envelope is None or not _usable(envelope, channel, destroyed=index in channel.destroyed):
                found.unusable.add((channel.id, index))
            elif envelope.WhichOneof("content") in _REPLIES:
                replies.append((channel, index, envelope))
            elif not _take(found, channel, index, envelope):
                found.unusable.add((channel.id, index))
    by_id = {channel.id: channel for channel in channels}
    moments = _moments(connection, found, {(channel.id, index) for channel, index, _ in replies})
    for channel, index, envelope in sorted(replies, key=lambda each: _turn(moments, each)):
        place, about = (channel.id, index), found.facts.get(_about(envelope))
        is_early = about and moments.get((about.channel, about.index), 0) > moments.get(place, math.inf)
        if is_early or not _reply(found, by_id, channel, index, envelope):
            found.unusable.add(place)
            found.unused.append(f"{channel.origin} {index}")
    return found


def _moments(connection: Connection, found: Fold, replies: set[Place]) -> dict[Place, int]:
    """By the numbers of events: when replies were taken last, and when notices became known."""
    given = {(facts.channel, facts.index) for facts in found.facts.values()}
    moments: dict[Place, int] = {}
    told = select(events).where(events.c.channel.is_not(None), events.c.kind.not_in(TOLD_OF_NO_ENVELOPE))
    for row in rows(connection, told, events.c.cursor):
        place = (row["channel"], row["index"])
        if place in replies:
            moments[place] = row["cursor"]
        elif place in given:
            moments.setdefault(place, row["cursor"])
    return moments


def _turn(moments: Mapping[Place, int], reply: tuple[VerifiedChannel, int, Envelope]) -> tuple[float, int]:
    """Where a reply stands among all; one that changed nothing was told by no event, and may come last."""
    channel, index, envelope = reply
    member = envelope.WhichOneof("content")
    return moments.get((channel.id, index), math.inf), _LATEST.index(member) + 1 if member in _LATEST else 0


def _about(envelope: Envelope) -> str:
    """The id of the notice that a reply is about."""
    member = envelope.WhichOneof("content")
    if member in MEMBERS:
        return notice_of(envelope)
    return notice_id(getattr(envelope, str(member)).notice)


def envelopes(connection: Connection, channel: VerifiedChannel) -> Iterator[tuple[int, Envelope | None]]:
    """Gives the index and the envelope of each leaf, or what is left of it; None for bytes that are neither."""
    for leaf in rows(connection, select(leaves).where(leaves.c.channel == channel.id), leaves.c.index):
        yield leaf["index"], remainder_in(bytes(leaf["data"])) if leaf["destroyed"] else parsed(leaf["data"])


def parsed(data: bytes) -> Envelope | None:
    """Reads an envelope; None: the bytes are none."""
    try:
        return Envelope.FromString(data)
    except DecodeError:
        return None


def referred(envelope: Envelope) -> Iterator[tuple[Reference.Relation.ValueType, str]]:
    """Gives the relation and id of each reference that a notice makes to another one and that changes it."""
    act = envelope.notice_released
    for reference in act.content.references:
        changes = reference.relation in (Reference.SUPERSEDES, Reference.WITHDRAWS)
        if changes and reference.notice != act.notice:
            yield reference.relation, notice_id(reference.notice)


def _usable(envelope: Envelope, channel: VerifiedChannel, *, destroyed: bool) -> bool:
    if envelope.HasField("notice_released") and not kind_of(envelope.notice_released.content):
        return False
    known = envelope.WhichOneof("content") is not None and envelope.origin == channel.origin
    return known and not timestamp_fault(envelope.sealed_at) and (destroyed or not field_violations(envelope))


def _take(found: Fold, channel: VerifiedChannel, index: int, envelope: Envelope) -> bool:
    """Takes an act that is no reply; False: it breaks a rule."""
    if envelope.WhichOneof("content") in _RULES:
        return found.frameworks.take(channel, index, envelope)
    if envelope.HasField("seal_rotated"):
        return True
    place = (channel.id, index)
    if envelope.HasField("notice_withdrawn"):
        facts = found.facts.get(notice_id(envelope.notice_withdrawn.notice))
        if facts is None or facts.channel != channel.id:
            return False
        _withdraw(facts, place, "")
        return True
    new_id = notice_id(envelope.notice_released.notice)
    if new_id in found.facts or id_fault(new_id, channel.sender) or _names_no_day(envelope):
        return False
    content = envelope.notice_released.content
    files = tuple((each.sha256, each.size_bytes) for each in content.attachments if each.sha256)
    found.facts[new_id] = Facts(
        *place,
        _terms(envelope, channel),
        attachment_count=len(content.attachments),
        files=files,
        is_kept_for_ever=not content.handling.HasField("retain_until"),
    )
    for relation, other_id in referred(envelope):
        other = found.facts.get(other_id)
        if other is None or other.channel != channel.id:
            continue
        if relation == Reference.SUPERSEDES:
            _supersede(other, place, new_id)
        else:
            _withdraw(other, place, new_id)
    return True


def _names_no_day(envelope: Envelope) -> bool:
    """Whether a day that is kept of a notice is none of the calendar."""
    content = envelope.notice_released.content
    handling, asked = content.handling, content.assistance_request
    if asked.HasField("respond_by") and date_fault(asked.respond_by):
        return True
    return handling.HasField("retain_until") and date_fault(handling.retain_until) is not None


def _terms(envelope: Envelope, channel: VerifiedChannel) -> Terms:
    content = envelope.notice_released.content
    handling = content.handling
    uses: frozenset[int] = frozenset(handling.permitted_uses)
    return Terms(kind_of(content), channel.sender, channel.recipient, handling.onward_sharing, uses)


def _reply(
    found: Fold, channels: Mapping[int, VerifiedChannel], channel: VerifiedChannel, index: int, envelope: Envelope
) -> bool:
    """Takes a reply; False: it breaks a rule."""
    if envelope.WhichOneof("content") in MEMBERS:
        facts = found.facts.get(notice_of(envelope))
        return found.sharing.take(channel, index, envelope, facts.terms if facts else None)
    take = _TAKE[envelope.WhichOneof("content")]
    return take(found, channels, channel, index, envelope)


def _received(
    found: Fold, channels: Mapping[int, VerifiedChannel], channel: VerifiedChannel, name: str
) -> Facts | None:
    """What is known of a notice that came the other way; None: none of that name did."""
    facts = found.facts.get(notice_id(name))
    came = facts and channels[facts.channel].sender == channel.recipient and facts.channel != channel.id
    return facts if came else None


def _acknowledge(
    found: Fold, channels: Mapping[int, VerifiedChannel], channel: VerifiedChannel, index: int, envelope: Envelope
) -> bool:
    """Takes an acknowledgement of a notice that came the other way; False: there is none."""
    facts = _received(found, channels, channel, envelope.notice_acknowledged.notice)
    if facts is None:
        return False
    facts.acknowledged = facts.acknowledged or (channel.id, index)
    return True


def _destroy(
    found: Fold, channels: Mapping[int, VerifiedChannel], channel: VerifiedChannel, index: int, envelope: Envelope
) -> bool:
    """Takes a certificate about a notice between the two; False: there is none."""
    act, facts = envelope.content_destroyed, found.facts.get(notice_id(envelope.content_destroyed.notice))
    if facts is None or {channel.sender, channel.recipient} != {
        channels[facts.channel].sender,
        channels[facts.channel].recipient,
    }:
        return False
    certified = found.certified if channel.outgoing else found.certified_there
    if channel.outgoing:
        facts.destroyed = facts.destroyed or (channel.id, index)
    else:
        facts.peer_destroyed = facts.peer_destroyed or (channel.id, index)
    ids = {each.origin: each.id for each in channels.values()}
    for each in act.envelopes:
        certified[ids.get(each.origin, 0), each.index] = (each.leaf_hash, each.remainder_sha256)
    return True


def _attach(
    found: Fold, channels: Mapping[int, VerifiedChannel], channel: VerifiedChannel, index: int, envelope: Envelope
) -> bool:
    """Takes the receiver's word on the attachments of a notice that came the other way; False: it has none."""
    facts = _received(found, channels, channel, envelope.attachments_received.notice)
    if facts is None:
        return False
    if facts.attachment_count:
        facts.attached = facts.attached or (channel.id, index)
    return facts.attachment_count > 0


_TAKE: Mapping[str | None, Callable[..., bool]] = {
    "notice_acknowledged": _acknowledge,
    "content_destroyed": _destroy,
    "attachments_received": _attach,
}


def _withdraw(facts: Facts, place: Place, by: str) -> None:
    if facts.withdrawn is None:
        facts.withdrawn, facts.withdrawn_by = place, by
        facts.ended = facts.ended or Notice.WITHDRAWN


def _supersede(facts: Facts, place: Place, by: str) -> None:
    if facts.superseded is None:
        facts.superseded, facts.superseded_by = place, by
        facts.ended = facts.ended or Notice.SUPERSEDED
