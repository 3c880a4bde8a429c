"""What is asked before an act of onward sharing is sealed; like ``acts``, inside the transaction that seals it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from google.type.date_pb2 import Date
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.sharing_pb2 import SharingDecided, ThirdParty
from regulator.exchange.v1.values_pb2 import Handling

from gateway.errors import (
    BadInput,
    ConsentRequired,
    ContentDestroyed,
    NotAllowed,
    NotFound,
    SharingProhibited,
    Stale,
    Violation,
    WrongState,
)
from gateway.moments import day_of
from gateway.supervision.destruction import is_past
from gateway.supervision.notices.records import Find, NoticeRecord
from gateway.supervision.notices.states import Act, require
from gateway.supervision.projections.sharing import recipients_of
from gateway.supervision.sharing.coverage import Passing, consent_fault, decision_fault, handling_fault, terms_fault
from gateway.supervision.sharing.names import consent_ids, consent_name
from gateway.supervision.sharing.records import (
    MAX_CONSENTS,
    MAX_SHARES,
    ConsentRecord,
    DecisionRecord,
    Dossier,
    FindDossier,
)
from gateway.supervision.sharing.states import etag_of
from gateway.supervision.sharing.states import require as require_state


@dataclass(frozen=True, slots=True)
class Known:
    """What an act is decided by.

    Attributes:
        find: gives the records of notices that the caller may see
        find_dossier: gives what is known of their onward sharing
        today: UTC, 20260131
    """

    find: Find
    find_dossier: FindDossier
    today: int


def check_recipients(recipients: Sequence[ThirdParty], path: str) -> None:
    """Passes if nobody is named twice; raises BadInput."""
    violations = list(_repeated(recipients, path))
    if violations:
        raise BadInput(violations)


def check_request(of_notice: str, use: Handling.Use.ValueType, known: Known) -> NoticeRecord:
    """The notice to pass on which consent may be asked for; raises as ``check_share``, but for ConsentRequired."""
    notice = _passed_on(Act.REQUEST_CONSENT, of_notice, use, "consent.use", known)
    if len(known.find_dossier(of_notice).consents) >= MAX_CONSENTS:
        raise WrongState(f"{of_notice} has {MAX_CONSENTS} consents, and takes no more", notice=of_notice)
    return notice


def check_share(
    of_notice: str, named_consent: str, passing: Passing, known: Known
) -> tuple[NoticeRecord, DecisionRecord | None]:
    """The notice that may be passed on, and the decision on a consent that covers it; None: it needs no consent.

    Args:
        of_notice: its id
        named_consent: name of a consent; empty: any that covers it, if it needs one
        passing: what is passed on
        known: what is known

    Raises:
        NotFound: the notice, or the named consent, is not there.
        BadInput: the use is not permitted, or the consent is another notice's.
        ContentDestroyed, WrongState: the notice is not one to be passed on.
        SharingProhibited: it never is.
        ConsentRequired: no consent in force covers it.
    """
    notice = _passed_on(Act.MARK_SHARED, of_notice, passing.use, "share.use", known)
    dossier = known.find_dossier(of_notice)
    if len(dossier.shares) >= MAX_SHARES:
        raise WrongState(f"{of_notice} has {MAX_SHARES} shares, and takes no more", notice=of_notice)
    if named_consent:
        return notice, _covering(dossier, of_notice, named_consent, passing)
    if notice.onward_sharing == Handling.ALLOWED:
        return notice, None
    for consent in reversed(dossier.consents):
        decision = dossier.newest(consent.id)
        if decision and consent_fault(consent, decision, passing) is None:
            return notice, decision
    asked = next((each for each in reversed(dossier.consents) if terms_fault(each, passing) is None), None)
    why = _standing(asked, dossier, passing.day) if asked else "ask for it first"
    raise ConsentRequired(
        f"{of_notice} may be passed on with its originator's consent, and none in force covers this: {why}",
        notice=of_notice,
        **({"consent": consent_name(of_notice, asked.id)} if asked else {}),
    )


def check_grant(
    name: str, authority: str, valid_until: Date | None, known: Known, etag: str
) -> tuple[NoticeRecord, int]:
    """The notice of a consent that may be granted, and the decision's number.

    Raises:
        NotFound: there is no such consent.
        NotAllowed: the notice is not the authority's own.
        Stale: the consent has changed.
        BadInput: the last day is past, or after that of the content.
        ContentDestroyed, WrongState: neither notice nor consent is one for it.
    """
    notice, newest = _decided_on(name, authority, known, etag)
    require(notice, Act.GRANT_CONSENT)
    if valid_until is not None:
        _check_last_day(notice, day_of(valid_until), known.today)
    return notice, require_state(name, newest, SharingDecided.GRANTED, known.today)


def check_refusal(name: str, authority: str, known: Known, etag: str) -> tuple[NoticeRecord, int]:
    """The same of one that may be refused, or revoked: whatever became of the notice. Raises as ``check_grant``."""
    notice, newest = _decided_on(name, authority, known, etag)
    return notice, require_state(name, newest, SharingDecided.REFUSED, known.today)


def no_consent(name: str) -> NotFound:
    """The one answer to whoever names a consent that is not there, or not for it."""
    return NotFound(f"there is no consent {name}", consent=name)


def _passed_on(act: Act, of_notice: str, use: Handling.Use.ValueType, path: str, known: Known) -> NoticeRecord:
    notice = known.find(of_notice)
    if notice is None:
        raise NotFound(f"there is no notice {of_notice}", notice=of_notice)
    _require_kept(notice, known.today)
    require(notice, act)
    if notice.onward_sharing == Handling.PROHIBITED:
        raise SharingProhibited(f"{of_notice} must not be passed on: its handling prohibits it", notice=of_notice)
    if handling_fault(notice, use):
        permitted = ", ".join(Handling.Use.Name(each) for each in notice.permitted_uses)
        raise BadInput.of(path, f"must be a use that the notice permits: {permitted}")
    return notice


def _covering(dossier: Dossier, of_notice: str, name: str, passing: Passing) -> DecisionRecord:
    of_other, consent_id = consent_ids(name)
    if of_other != of_notice:
        raise BadInput.of("share.consent", "must be a consent of the notice in parent")
    consent: ConsentRecord | None = dossier.consent(consent_id)
    if consent is None:
        raise no_consent(name)
    decision = dossier.newest(consent_id)
    fault = consent_fault(consent, decision, passing)
    if fault or decision is None:
        raise ConsentRequired(f"{name} does not cover this: {fault}", notice=of_notice, consent=name)
    return decision


def _standing(asked: ConsentRecord, dossier: Dossier, day: int) -> str:
    """What became of a consent that would cover what is passed on: who asked need not ask again."""
    return f"{consent_name(asked.notice, asked.id)} was asked for, and {decision_fault(dossier.newest(asked.id), day)}"


def _decided_on(name: str, authority: str, known: Known, etag: str) -> tuple[NoticeRecord, DecisionRecord | None]:
    of_notice, consent_id = consent_ids(name)
    notice = known.find(of_notice)
    dossier = known.find_dossier(of_notice)
    if notice is None or dossier.consent(consent_id) is None:
        raise no_consent(name)
    if notice.direction != Notice.OUTGOING or notice.issuing_authority != authority:
        raise NotAllowed("only the authority that gave a notice decides on its onward sharing")
    newest = dossier.newest(consent_id)
    if etag and etag != etag_of(newest):
        raise Stale(f"{name} has changed since: its etag is now {etag_of(newest)}", consent=name)
    _require_kept(notice, known.today)
    return notice, newest


def _require_kept(notice: NoticeRecord, today: int) -> None:
    if notice.destroyed_at or is_past(notice, today):
        raise ContentDestroyed(f"the day is past up to which {notice.id} may be kept", notice=notice.id)


def _check_last_day(notice: NoticeRecord, last: int, today: int) -> None:
    if last < today:
        raise BadInput.of("valid_until", "must be today or later")
    if 0 < notice.retain_until < last:
        raise BadInput.of("valid_until", "must not be after the notice's retain_until")


def _repeated(recipients: Sequence[ThirdParty], path: str) -> Iterator[Violation]:
    for place in range(1, len(recipients)):
        if recipients_of(recipients[place : place + 1]) <= recipients_of(recipients[:place]):
            yield Violation(f"{path}[{place}]", "must not be named twice")
