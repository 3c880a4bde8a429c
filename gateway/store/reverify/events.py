"""Compares the events with what the envelopes and receipts amount to: each is told once, and in order."""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import groupby

from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_pb2 import Reference
from sqlalchemy import Connection, RowMapping, func, select

from gateway.store.reverify.channels import VerifiedChannel
from gateway.store.reverify.drafts import KINDS as DRAFT_EVENTS
from gateway.store.reverify.fold import Facts, Fold, Place, envelopes, referred
from gateway.store.reverify.report import MAX_FINDINGS, Findings
from gateway.store.scanning import rows
from gateway.store.tables import events
from gateway.supervision.notices.content import notice_id, notice_name

_CHANNEL_EVENTS = (Event.CHANNEL_HALTED, Event.PEER_ROLLED_BACK, Event.CHANNEL_RECOVERED)
_NODE_EVENTS = (
    Event.CERTIFICATE_EXPIRING,
    Event.ALARM,
    Event.PAIRING_ENDED,
    Event.PAIRING_RESUMED,
    *DRAFT_EVENTS,
)
# Of a day, see ``frameworks`` and ``notices``; of what is gone.
_OF_NOTHING_HERE = (Event.PROVISION_IN_FORCE, Event.ASSISTANCE_OVERDUE, Event.ENVELOPE_GIVEN_UP)
_ELSEWHERE = (*_CHANNEL_EVENTS, *_OF_NOTHING_HERE)

Told = tuple[int, str, int, str]
"""What an event tells: kind, notice, kind of notice, detail."""

_UNSUPPORTED: Told = (Event.ENVELOPE_UNSUPPORTED, "", 0, "")


def check_cursors(connection: Connection, findings: Findings) -> int:
    """Verifies that cursors have no gap, and that only events of the node stand in no channel; gives their number."""
    misplaced = (events.c.channel.is_(None) & events.c.kind.not_in(_NODE_EVENTS)) | (
        events.c.channel.is_not(None) & events.c.kind.in_(_NODE_EVENTS)
    )
    for cursor in connection.scalars(select(events.c.cursor).where(misplaced).limit(MAX_FINDINGS)):
        findings.add(f"events {cursor}", "is of the node and of a channel, or of neither")
    count = connection.scalar(select(func.count()).select_from(events)) or 0
    first, last = connection.execute(select(func.min(events.c.cursor), func.max(events.c.cursor))).one()
    if count and (first, last) != (1, count):
        findings.add("events", f"has {count} rows with cursors {first} to {last}", f"1 to {count}")
    return count


class EventCheck:
    """Verifies the events of one channel.

    Args:
        connection: in one snapshot
        channel: whose log was verified
        fold: of all envelopes
        findings: what does not fit goes here
    """

    def __init__(self, connection: Connection, channel: VerifiedChannel, fold: Fold, findings: Findings) -> None:
        self._connection, self._channel, self._fold, self._findings = connection, channel, fold, findings
        self._newest = 0  # cursor of the newest envelope's first event so far

    def run(self) -> None:
        """Walks log and events side by side."""
        stored = self._stored()
        place, found = next(stored, (None, []))
        for index, envelope in envelopes(self._connection, self._channel):
            here: list[RowMapping] = []
            if place == index:
                here = found
                place, found = next(stored, (None, []))
            self._compare(index, envelope, here)
        while place is not None:
            self._findings.add(f"events {found[0]['cursor']}", f"is of envelope {place}", "an envelope that is here")
            place, found = next(stored, (None, []))
        self._check_halt()

    def _stored(self) -> Iterator[tuple[int, list[RowMapping]]]:
        """The events of envelopes, by index, in the order of their cursors."""
        mine = select(events).where(events.c.channel == self._channel.id, events.c.kind.not_in(_ELSEWHERE))
        by_index = groupby(rows(self._connection, mine, events.c.index, events.c.cursor), lambda row: row["index"])
        return ((index, list(found)) for index, found in by_index)

    def _compare(self, index: int, envelope: Envelope | None, here: Sequence[RowMapping]) -> None:
        delivered, expected = self._delivered(index, envelope), self._expected(index, envelope)
        told = [_told(row) for row in here]
        found = [each for each in told if each not in delivered]
        # What could not be used when it came, and can be since, was told twice: as the one, then as the other.
        if found not in (expected, [_UNSUPPORTED, *expected]) or told != found + delivered:
            where = f"events {self._channel.origin} {index}"
            self._findings.add(where, f"tell {_names(told)}", _names(expected + delivered))
        if here:
            if here[0]["cursor"] <= self._newest:
                self._findings.add(f"events {here[0]['cursor']}", "comes before that of an earlier envelope")
            self._newest = max(self._newest, here[0]["cursor"])

    def _expected(self, index: int, envelope: Envelope | None) -> list[Told]:
        place = (self._channel.id, index)
        if envelope is None or place in self._fold.unusable:
            return [_UNSUPPORTED]
        if shared := self._fold.sharing.told.get(place):
            return [shared]
        if later := self._later_act(envelope):
            return self._about(*later, place)
        return self._of_node(envelope) or self._released(envelope, place)

    def _of_node(self, envelope: Envelope) -> list[Told]:
        """The event of an act that is about no notice."""
        if envelope.HasField("framework_version_published"):
            published, received = Event.FRAMEWORK_VERSION_PUBLISHED, Event.FRAMEWORK_VERSION_RECEIVED
            return [(published if self._channel.outgoing else received, "", 0, "")]
        if envelope.HasField("framework_assessed"):
            earlier = envelope.framework_assessed.content.supersedes
            return [(Event.FRAMEWORK_ASSESSED, "", 0, f"takes the place of {earlier}" if earlier else "")]
        return [self._rotated(envelope)] if envelope.HasField("seal_rotated") else []

    def _rotated(self, envelope: Envelope) -> Told:
        digest = sha256(envelope.seal_rotated.ed25519_certificate).hexdigest()
        said = f"{self._channel.sender} seals with new keys; Ed25519 certificate SHA-256 {digest}"
        return (Event.SEAL_ROTATED, "", 0, said)

    def _later_act(self, envelope: Envelope) -> tuple[str, int, str, str] | None:
        """Of an act on a notice: its name, the kind of event, the fact, the detail."""
        if envelope.HasField("notice_acknowledged"):
            return envelope.notice_acknowledged.notice, Event.NOTICE_ACKNOWLEDGED, "acknowledged", ""
        if envelope.HasField("notice_withdrawn"):
            return envelope.notice_withdrawn.notice, Event.NOTICE_WITHDRAWN, "withdrawn", ""
        if envelope.HasField("attachments_received"):
            kind = Event.ATTACHMENTS_RECEIVED if self._channel.outgoing else Event.NOTICE_DELIVERED
            return envelope.attachments_received.notice, kind, "attached", ""
        if envelope.HasField("content_destroyed"):
            fact = "destroyed" if self._channel.outgoing else "peer_destroyed"
            return envelope.content_destroyed.notice, Event.CONTENT_DESTROYED, fact, f"at {self._channel.sender}"
        return None

    def _released(self, envelope: Envelope, place: Place) -> list[Told]:
        name = envelope.notice_released.notice
        kind = Event.NOTICE_RELEASED if self._channel.outgoing else Event.NOTICE_RECEIVED
        told: list[Told] = [(kind, notice_id(name), self._fold.facts[notice_id(name)].kind, "")]
        for relation, other in dict.fromkeys(referred(envelope)):
            change = (
                (Event.NOTICE_SUPERSEDED, "superseded")
                if relation == Reference.SUPERSEDES
                else (Event.NOTICE_WITHDRAWN, "withdrawn")
            )
            told += self._about(notice_name(other), *change, f"by {name}", place)
        return told

    def _about(self, name: str, kind: int, fact: str, detail: str, place: Place) -> list[Told]:
        """The event of a fact, if it is this place that brought it."""
        facts: Facts | None = self._fold.facts.get(notice_id(name))
        if facts is None or getattr(facts, fact) != place:
            return []
        return [(kind, notice_id(name), facts.kind, detail)]

    def _delivered(self, index: int, envelope: Envelope | None) -> list[Told]:
        sizes = self._channel.receipt_sizes
        covered = self._channel.outgoing and sizes and index < sizes[-1]
        if not covered or envelope is None or not envelope.HasField("notice_released"):
            return []
        if (self._channel.id, index) in self._fold.unusable:
            return []
        name = notice_id(envelope.notice_released.notice)
        facts = self._fold.facts[name]
        receipt = self._channel.first_receipt(index)
        is_delivered = not (facts.attachment_count or (receipt and facts.is_hash_alone(receipt[0])))
        kind = Event.NOTICE_DELIVERED if is_delivered else Event.NOTICE_RECEIPTED
        return [(kind, name, facts.kind, "")]

    def _check_halt(self) -> None:
        """The newest event of halting or recovering says the same as the channel's row."""
        kinds = (Event.CHANNEL_HALTED, Event.CHANNEL_RECOVERED)
        mine = select(events.c.kind, events.c.detail).where(events.c.channel == self._channel.id)
        last = self._connection.execute(
            mine.where(events.c.kind.in_(kinds)).order_by(events.c.cursor.desc()).limit(1)
        ).first()
        told = last.detail if last and last.kind == Event.CHANNEL_HALTED else ""
        if told != self._channel.halt:
            self._findings.add(f"channels {self._channel.origin}", f"has the halt {self._channel.halt!r}", repr(told))


def _told(row: RowMapping) -> Told:
    if row["kind"] == Event.ENVELOPE_UNSUPPORTED:  # its detail is for people, and other versions say it otherwise
        return (row["kind"], row["notice"], row["notice_kind"], "")
    return (row["kind"], row["notice"], row["notice_kind"], row["detail"])


def _names(told: Sequence[Told]) -> str:
    names: dict[int, str] = {number: name for name, number in Event.Kind.items()}
    return (
        ", ".join(f"{names.get(kind, kind)} {notice} {detail}".strip() for kind, notice, _, detail in told) or "nothing"
    )
