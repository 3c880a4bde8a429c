"""Compares the rows of notices, their identifiers and the requests with what the envelopes amount to."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.notice_service_pb2 import Notice
from sqlalchemy import Connection, RowMapping, select

from gateway.store.reverify.channels import VerifiedChannel
from gateway.store.reverify.fold import Facts, Fold, parsed
from gateway.store.reverify.moments import day_number, micros
from gateway.store.reverify.report import Findings
from gateway.store.scanning import pages, rows
from gateway.store.tables import assistance, events, leaves, notice_identifiers, notices, requests
from gateway.supervision.attachments import NAME_PREFIX
from gateway.supervision.notices.content import identifiers_of

FIRST_EVENTS = (Event.NOTICE_RELEASED, Event.NOTICE_RECEIVED)


class NoticeCheck:
    """Verifies the rows of all notices.

    Args:
        connection: in one snapshot
        channels: whose logs were verified
        fold: of their envelopes
        findings: what does not fit goes here
    """

    def __init__(
        self, connection: Connection, channels: Sequence[VerifiedChannel], fold: Fold, findings: Findings
    ) -> None:
        self._connection, self._facts, self._findings = connection, fold.facts, findings
        self._channels = {channel.id: channel for channel in channels}
        self._order = _order_of_events(connection)
        self._days: dict[str, int] = {}  # by which requests for assistance hope for an answer

    def run(self) -> Mapping[str, int]:
        """Gives the number of rows of each table that were read."""
        sequence, identifiers, asking, missing = 0, 0, 0, set(self._facts)
        for page in pages(self._connection, _WITH_ENVELOPES, notices.c.sequence):
            between = page[0]["sequence"], page[-1]["sequence"]
            stored, kept = self._identifiers(*between), self._assistance(*between)
            asking += len(kept)
            for row in page:
                sequence += 1
                self._check_order(row, sequence)
                missing.discard(row["id"])
                identifiers += self._check(row, stored.pop(row["sequence"], set()))
                self._check_assistance(row, kept.get(row["sequence"]))
        self._check_overdue()
        for name in sorted(missing):
            self._findings.add(f"notices {name}", "is missing", "a row for the envelope that released it")
        return {"notices": sequence, "notice_identifiers": identifiers, "assistance": asking}

    def _check_order(self, row: RowMapping, sequence: int) -> None:
        where = f"notices {row['id']}"
        if row["sequence"] != sequence:
            self._findings.add(where, f"has sequence {row['sequence']}", str(sequence))
        if (first := next(self._order, None)) != row["id"]:
            self._findings.add(where, "is not in the order of events", f"{first} at {sequence}")

    def _check(self, row: RowMapping, stored: set[str]) -> int:
        """Compares a row and its identifiers; gives the number of these."""
        where, facts = f"notices {row['id']}", self._facts.get(row["id"])
        envelope = parsed(row["data"]) if row["data"] is not None else None
        if facts is None or envelope is None or (row["channel"], row["index"]) != (facts.channel, facts.index):
            expected = "no such notice" if facts is None else f"channel {facts.channel} index {facts.index}"
            self._findings.add(where, "does not stand where an envelope released it", expected)
            return len(stored)
        self._findings.compare(where, row, self._expected(facts, envelope))
        identifiers = set(identifiers_of(envelope.notice_released.content))
        if stored != identifiers:
            self._findings.add(f"notice_identifiers {row['id']}", f"are {sorted(stored)}", str(sorted(identifiers)))
        return len(stored)

    def _expected(self, facts: Facts, envelope: Envelope) -> Mapping[str, Any]:
        channel, content = self._channels[facts.channel], envelope.notice_released.content
        receipt, sealed = channel.first_receipt(facts.index), envelope.sealed_at
        held = receipt is not None and not facts.is_hash_alone(receipt[0])
        acknowledged, withdrawn = facts.acknowledged or (None, None), facts.withdrawn or (None, None)
        attached = facts.attached or (None, None)
        destroyed, peer_destroyed = facts.destroyed or (None, None), facts.peer_destroyed or (None, None)
        return {
            "direction": Notice.OUTGOING if channel.outgoing else Notice.INCOMING,
            "state": _state(facts, outgoing=channel.outgoing, held=held),
            "kind": facts.kind,
            "sender": channel.sender,
            "recipient": channel.recipient,
            "issuing_authority": content.issuing_authority,
            "sectors": sum(1 << sector for sector in set(content.sectors)),
            "urgency": content.urgency,
            "tlp": content.handling.tlp,
            "released_at": micros(sealed),
            "receipt_time": receipt[1] if receipt else None,
            "acknowledged_channel": acknowledged[0],
            "acknowledged_index": acknowledged[1],
            "withdrawn_channel": withdrawn[0],
            "withdrawn_index": withdrawn[1],
            "superseded_by": facts.superseded_by,
            "withdrawn_by": facts.withdrawn_by,
            "retain_until": day_number(content.handling.retain_until),
            "destroyed_channel": destroyed[0],
            "destroyed_index": destroyed[1],
            "peer_destroyed_channel": peer_destroyed[0],
            "peer_destroyed_index": peer_destroyed[1],
            "attachment_count": facts.attachment_count,
            "attached_channel": attached[0],
            "attached_index": attached[1],
            "onward_sharing": facts.terms.onward_sharing,
            "permitted_uses": sum(1 << use for use in facts.terms.permitted_uses),
            "revision": 1 + facts.count() + (receipt is not None),
        }

    def _check_assistance(self, row: RowMapping, kept: RowMapping | None) -> None:
        envelope = parsed(row["data"]) if row["data"] is not None else None
        expected = _asked_or_answered(envelope.notice_released.content) if envelope else None
        found = {name: kept[name] for name in kept if name != "sequence"} if kept else None
        if expected and expected["respond_by"]:
            self._days[row["id"]] = expected["respond_by"]
        if found != expected:
            self._findings.add(f"assistance {row['id']}", f"is {found}", str(expected))

    def _check_overdue(self) -> None:
        """That an answer was not there by its day is told once of a request, where that stands, and not before."""
        told = select(events).where(events.c.kind == Event.ASSISTANCE_OVERDUE)
        seen: set[str] = set()
        for row in rows(self._connection, told, events.c.cursor):
            facts, day = self._facts.get(row["notice"]), self._days.get(row["notice"], 0)
            is_there = facts and (facts.channel, facts.index) == (row["channel"], row["index"])
            if not is_there or not day or row["notice"] in seen:
                self._findings.add(f"events {row['cursor']}", "tells no request's day", "once each, where it stands")
            seen.add(row["notice"])

    def _assistance(self, first: int, last: int) -> dict[int, RowMapping]:
        between = select(assistance).where(assistance.c.sequence.between(first, last))
        return {row["sequence"]: row for row in self._connection.execute(between).mappings()}

    def _identifiers(self, first: int, last: int) -> dict[int, set[str]]:
        where = notice_identifiers.c.sequence.between(first, last)
        found: dict[int, set[str]] = {}
        for row in self._connection.execute(select(notice_identifiers).where(where)):
            found.setdefault(row.sequence, set()).add(row.identifier)
        return found


def _asked_or_answered(content: NoticeContent) -> Mapping[str, Any] | None:
    """The columns of a request for assistance, or an answer; None of another notice."""
    if content.HasField("assistance_request"):
        asked = content.assistance_request
        day = day_number(asked.respond_by)
        return {
            "request": "",
            "outcome": 0,
            "requested_authority": asked.requested_authority,
            "respond_by": day,
        }
    if content.HasField("assistance_answer"):
        answer = content.assistance_answer
        to = answer.request.removeprefix("notices/")
        return {"request": to, "outcome": answer.outcome, "requested_authority": "", "respond_by": 0}
    return None


def check_requests(connection: Connection, fold: Fold, drafts: Collection[str], findings: Findings) -> int:
    """Verifies that every request acted on something that is here; ``drafts``: their names. Gives their number."""
    known = (fold.facts, fold.frameworks.names, fold.sharing.names, drafts)
    count = 0
    for row in rows(connection, select(requests), requests.c.key):
        count += 1
        where = f"requests {row['key'].hex()}"
        is_of_a_file = row["notice"].startswith(NAME_PREFIX)  # that was dropped: nothing of it is left to compare
        if not is_of_a_file and not any(row["notice"] in names for names in known):
            findings.add(
                where,
                f"acted on {row['notice']}",
                "a notice, version, assessment, draft, consent or share that is here",
            )
        if len(row["digest"]) != 32:
            findings.add(where, "has a digest that is none", "32 bytes")
    return count


def _order_of_events(connection: Connection) -> Iterator[str]:
    """The ids of notices in the order in which they became known here."""
    first = select(events.c.cursor, events.c.notice).where(events.c.kind.in_(FIRST_EVENTS))
    return (row["notice"] for row in rows(connection, first, events.c.cursor))


def _state(facts: Facts, *, outgoing: bool, held: bool) -> int:
    if facts.ended:
        return facts.ended
    if facts.acknowledged:
        return Notice.ACKNOWLEDGED
    if not outgoing:
        return Notice.RECEIVED
    if facts.attachment_count:
        return Notice.DELIVERED if facts.attached else Notice.RELEASED
    return Notice.DELIVERED if held else Notice.RELEASED


_WITH_ENVELOPES = select(notices, leaves.c.data).join_from(
    notices, leaves, (leaves.c.channel == notices.c.channel) & (leaves.c.index == notices.c.index), isouter=True
)
