"""The one rule of onward sharing: nothing is passed on that handling, or a consent in force, does not cover.

Who shares asks it before sealing (``acts.sharing``); who gave the notice asks it again of what the peer tells
(``projections.sharing``), of the decision that the share names and of the day on which it was sealed.
"""

from dataclasses import dataclass

from regulator.exchange.v1.values_pb2 import Handling

from gateway.supervision.notices.records import NoticeRecord
from gateway.supervision.sharing.records import ConsentRecord, DecisionRecord, Dossier, Recipient


@dataclass(frozen=True, slots=True)
class Passing:
    """What is passed on, by whom, to whom, and when.

    Attributes:
        authority: code of the one that shares
        recipients: all of them
        use: what they may use it for
        day: on which it is shared (UTC), 20260131
    """

    authority: str
    recipients: frozenset[Recipient]
    use: Handling.Use.ValueType
    day: int


def handling_fault(notice: NoticeRecord, use: Handling.Use.ValueType) -> str | None:
    """Why the handling of a notice alone keeps it from being passed on for a use, whoever agrees."""
    if notice.onward_sharing == Handling.PROHIBITED:
        return "its handling prohibits onward sharing"
    if use not in notice.permitted_uses:
        permitted = ", ".join(Handling.Use.Name(each) for each in notice.permitted_uses)
        return f"its permitted uses are {permitted}"
    return None


def consent_fault(consent: ConsentRecord, decision: DecisionRecord | None, passing: Passing) -> str | None:
    """Why a consent, by one decision on it, does not cover what is passed on."""
    return decision_fault(decision, passing.day) or terms_fault(consent, passing)


def terms_fault(consent: ConsentRecord, passing: Passing) -> str | None:
    """Why what was asked for is something else than what is passed on, whatever is decided on it."""
    if consent.authority != passing.authority:
        return f"it is for {consent.authority}"
    if not passing.recipients <= consent.recipients:
        return "it is for other recipients"
    if consent.use != passing.use:
        return f"it is for {Handling.Use.Name(consent.use)}"
    return None


def is_over(decision: DecisionRecord, day: int) -> bool:
    """Whether the last day of a granted consent is past."""
    return 0 < decision.valid_until < day


def covers(notice: NoticeRecord, dossier: Dossier, passing: Passing, consent_id: str, number: int) -> bool:
    """Whether what is passed on is covered: by the decision of a number on a consent, or without a consent."""
    if handling_fault(notice, passing.use):
        return False
    if not consent_id:
        return notice.onward_sharing == Handling.ALLOWED
    consent = dossier.consent(consent_id)
    return consent is not None and consent_fault(consent, dossier.decision(consent_id, number), passing) is None


def decision_fault(decision: DecisionRecord | None, day: int) -> str | None:
    """Why nothing is passed on by a decision on a day."""
    if decision is None:
        return "nothing is decided on it yet"
    if not decision.is_granted:
        return "it is refused"
    if is_over(decision, day):
        until = str(decision.valid_until)
        return f"it was granted up to {until[:-4]}-{until[-4:-2]}-{until[-2:]}"
    return None
