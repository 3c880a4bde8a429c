"""What the envelopes amount to, told once more and naively: of each notice the facts, first come first kept.

Nothing here decides by state: a fact is a place in a log, and a notice's row follows from its facts. Memory: some
hundred bytes a notice.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.notice_pb2 import Reference
from regulator.exchange.v1.notice_service_pb2 import Notice
from sqlalchemy import Connection, select

from gateway.store.reverify.channels import VerifiedChannel
from gateway.store.reverify.rules_fold import RulesFold
from gateway.store.scanning import rows
from gateway.store.tables import leaves
from gateway.supervision.fields import field_violations
from gateway.supervision.notices import id_fault, kind_of, notice_id
from gateway.supervision.values import timestamp_fault

Place = tuple[int, int]  # channel id, index

_RULES = ("framework_version_published", "framework_assessed")


@dataclass(slots=True)
class Facts:
    """What is known of a notice; a place is None, and an id empty, where there is no such fact."""

    channel: int
    index: int
    kind: int
    acknowledged: Place | None = None
    withdrawn: Place | None = None
    withdrawn_by: str = ""
    superseded: Place | None = None
    superseded_by: str = ""
    ended: int = 0  # state, once it was withdrawn or superseded: whichever came first

    def count(self) -> int:
        """Number of facts beside its release and receipt."""
        return sum(place is not None for place in (self.acknowledged, self.withdrawn, self.superseded))


@dataclass(slots=True)
class Fold:
    """The facts of every notice by id, and the places of envelopes that cannot be used."""

    facts: dict[str, Facts] = field(default_factory=dict)
    unusable: set[Place] = field(default_factory=set)
    rules: RulesFold = field(default_factory=RulesFold)


def fold(connection: Connection, channels: Sequence[VerifiedChannel]) -> Fold:
    """Reads every envelope, replies last."""
    found, replies = Fold(), list[tuple[VerifiedChannel, int, str]]()
    for channel in channels:
        for index, envelope in envelopes(connection, channel):
            if envelope is None or not _usable(envelope, channel):
                found.unusable.add((channel.id, index))
            elif envelope.HasField("notice_acknowledged"):
                replies.append((channel, index, notice_id(envelope.notice_acknowledged.notice)))
            elif not _take(found, channel, index, envelope):
                found.unusable.add((channel.id, index))
    origins = {channel.id: channel for channel in channels}
    for channel, index, name in replies:
        facts = found.facts.get(name)
        if facts is None or origins[facts.channel].sender != channel.recipient or facts.channel == channel.id:
            found.unusable.add((channel.id, index))
        elif facts.acknowledged is None:
            facts.acknowledged = (channel.id, index)
    return found


def envelopes(connection: Connection, channel: VerifiedChannel) -> Iterator[tuple[int, Envelope | None]]:
    """Gives the index and the envelope of each leaf; None for bytes that are none."""
    for leaf in rows(connection, select(leaves).where(leaves.c.channel == channel.id), leaves.c.index):
        yield leaf["index"], parsed(leaf["data"])


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


def _usable(envelope: Envelope, channel: VerifiedChannel) -> bool:
    if envelope.HasField("notice_released") and not kind_of(envelope.notice_released.content):
        return False
    known = envelope.WhichOneof("content") is not None and envelope.origin == channel.origin
    return known and not timestamp_fault(envelope.sealed_at) and not field_violations(envelope)


def _take(found: Fold, channel: VerifiedChannel, index: int, envelope: Envelope) -> bool:
    """Takes an act that is no reply; False: it breaks a rule."""
    if envelope.WhichOneof("content") in _RULES:
        return found.rules.take(channel, index, envelope)
    place = (channel.id, index)
    if envelope.HasField("notice_withdrawn"):
        facts = found.facts.get(notice_id(envelope.notice_withdrawn.notice))
        if facts is None or facts.channel != channel.id:
            return False
        _withdraw(facts, place, "")
        return True
    new_id = notice_id(envelope.notice_released.notice)
    if new_id in found.facts or id_fault(new_id, channel.sender):
        return False
    found.facts[new_id] = Facts(*place, kind_of(envelope.notice_released.content))
    for relation, other_id in referred(envelope):
        other = found.facts.get(other_id)
        if other is None or other.channel != channel.id:
            continue
        if relation == Reference.SUPERSEDES:
            _supersede(other, place, new_id)
        else:
            _withdraw(other, place, new_id)
    return True


def _withdraw(facts: Facts, place: Place, by: str) -> None:
    if facts.withdrawn is None:
        facts.withdrawn, facts.withdrawn_by = place, by
        facts.ended = facts.ended or Notice.WITHDRAWN


def _supersede(facts: Facts, place: Place, by: str) -> None:
    if facts.superseded is None:
        facts.superseded, facts.superseded_by = place, by
        facts.ended = facts.ended or Notice.SUPERSEDED
