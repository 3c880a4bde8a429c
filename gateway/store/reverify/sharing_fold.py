"""What the envelopes of onward sharing amount to, told once more and naively: a row and an event for each."""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.sharing_pb2 import SharingDecided
from regulator.exchange.v1.values_pb2 import Handling

from gateway.store.reverify.channels import VerifiedChannel
from gateway.store.reverify.moments import day_number
from gateway.supervision.rules.values import date_fault

Place = tuple[int, int]  # channel id, index

ASKED, ANSWERED, PASSED_ON = "sharing_requested", "sharing_decided", "content_shared"
MEMBERS = (ASKED, ANSWERED, PASSED_ON)
MOST = 64  # consents, and shares, of a notice


@dataclass(frozen=True, slots=True)
class Terms:
    """What sharing depends on, of a notice: whose it is, and its handling."""

    kind: int
    sender: str
    recipient: str
    onward_sharing: int
    permitted_uses: frozenset[int]


@dataclass(slots=True)
class Asked:
    """A consent: for whom, to whom, what for; and each answer, as granted or not, and until when."""

    authority: str
    recipients: set[tuple[str, str]]
    use: int
    answers: list[tuple[bool, int]] = field(default_factory=list)


@dataclass(slots=True)
class SharingFold:
    """The rows and events by place, the consents by name, and the names that requests may have made."""

    rows: dict[Place, dict[str, Any]] = field(default_factory=dict)
    told: dict[Place, tuple[int, str, int, str]] = field(default_factory=dict)
    consents: dict[str, Asked] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)  # by notice and collection

    def take(self, channel: VerifiedChannel, index: int, envelope: Envelope, terms: Terms | None) -> bool:
        """Takes an act on a notice; False: it breaks a rule. Answers come after all that is asked, shares last."""
        ends = (channel.sender, channel.recipient)
        member, of_notice = envelope.WhichOneof("content"), notice_of(envelope)
        if terms is None or ends != (
            (terms.sender, terms.recipient) if member == ANSWERED else (terms.recipient, terms.sender)
        ):
            return False
        if member == ANSWERED:
            row = self._answer(envelope)
        else:
            row = (self._ask if member == ASKED else self._pass_on)(envelope, terms)
        if row is None:
            return False
        place, detail = (channel.id, index), row.pop("detail")
        self.rows[place] = _NOTHING | row | {"notice": of_notice}
        self.told[place] = (row["kind"], of_notice, terms.kind, detail)
        return True

    def _ask(self, envelope: Envelope, terms: Terms) -> dict[str, Any] | None:
        act = envelope.sharing_requested
        of_notice, own = notice_of(envelope), act.consent.rpartition("/")[2]
        # Of what is left of an envelope, no rule on fields asks whether this is a name.
        is_named = re.fullmatch(r"notices/[^/]+/consents/[A-Za-z0-9]{8,32}", act.consent)
        if not is_named or act.consent in self.consents or self.counts[of_notice, ASKED] >= MOST:
            return None
        if terms.onward_sharing == Handling.PROHIBITED:
            return None
        self.counts[of_notice, ASKED] += 1
        self.names.add(act.consent)
        self.consents[act.consent] = Asked(envelope.author.authority, _recipients(act), act.use)
        return {"kind": Event.SHARING_REQUESTED, "consent": own, "detail": ""}

    def _answer(self, envelope: Envelope) -> dict[str, Any] | None:
        act, asked = envelope.sharing_decided, self.consents.get(envelope.sharing_decided.consent)
        if asked is None or act.number != len(asked.answers) + 1 or date_fault_of(act):
            return None
        granted = act.decision == SharingDecided.GRANTED
        revoked = not granted and bool(asked.answers) and asked.answers[-1][0]
        until = day_number(act.valid_until) if granted else 0
        asked.answers.append((granted, until))
        return {
            "kind": Event.SHARING_DECIDED,
            "consent": act.consent.split("/")[3],
            "decision": act.number,
            "is_granted": granted,
            "valid_until": until,
            "detail": "granted" if granted else "revoked" if revoked else "refused",
        }

    def _pass_on(self, envelope: Envelope, terms: Terms) -> dict[str, Any] | None:
        act = envelope.content_shared
        of_notice, own = act.share.split("/")[1::2]
        asked = self.consents.get(act.consent)
        if act.share in self.names or self.counts[of_notice, PASSED_ON] >= MOST:
            return None
        if act.consent and (asked is None or act.consent.split("/")[1] != of_notice):
            return None
        if asked and act.decision > len(asked.answers):
            return None
        self.counts[of_notice, PASSED_ON] += 1
        self.names.add(act.share)
        covered = _covered(envelope, terms, asked)
        return {
            "kind": Event.CONTENT_SHARED,
            "share": own,
            "consent": act.consent.split("/")[3] if act.consent else "",
            "decision": act.decision,
            "is_covered": covered,
            "detail": "" if covered else "neither its handling nor a consent covers it",
        }


def notice_of(envelope: Envelope) -> str:
    """The id of the notice that an act of sharing names."""
    asked, answered = envelope.sharing_requested.consent, envelope.sharing_decided.consent
    return (asked or answered or envelope.content_shared.share).removeprefix("notices/").partition("/")[0]


def date_fault_of(act: SharingDecided) -> bool:
    """Whether an answer names a day that there is not."""
    return act.HasField("valid_until") and date_fault(act.valid_until) is not None


def _covered(envelope: Envelope, terms: Terms, asked: Asked | None) -> bool:
    act = envelope.content_shared
    if terms.onward_sharing == Handling.PROHIBITED or act.use not in terms.permitted_uses:
        return False
    if asked is None:
        return terms.onward_sharing == Handling.ALLOWED
    granted, until = asked.answers[act.decision - 1]
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=envelope.sealed_at.seconds)
    today = moment.year * 10_000 + moment.month * 100 + moment.day
    in_time = not until or today <= until
    same = asked.authority == envelope.author.authority and asked.use == act.use
    return granted and in_time and same and _recipients(act) <= asked.recipients


def _recipients(act: Any) -> set[tuple[str, str]]:
    return {(each.organisation, each.jurisdiction) for each in act.recipients}


_NOTHING = {"consent": "", "share": "", "decision": 0, "is_granted": False, "valid_until": 0, "is_covered": False}
