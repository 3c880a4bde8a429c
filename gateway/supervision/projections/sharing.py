"""What the envelopes of onward sharing change: the rules that ``projection.project`` chooses from.

Requests and shares come from who received a notice, decisions from who gave it. They are replies to each other across
the two channels: a request to the notice, a decision to the request, a share to the decision that it names.
"""

from collections.abc import Iterable

from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.sharing_pb2 import SharingDecided, ThirdParty
from regulator.exchange.v1.values_pb2 import Handling

from gateway.moments import day_at, day_of
from gateway.supervision.envelopes.envelopes import sealed_at
from gateway.supervision.notices.records import NoticeRecord, Place
from gateway.supervision.outcomes import Context, EventContent, Outcome, Projection, Unusable
from gateway.supervision.rules.values import date_fault
from gateway.supervision.sharing.coverage import Passing, covers
from gateway.supervision.sharing.names import consent_ids, is_consent_name, share_ids
from gateway.supervision.sharing.records import (
    MAX_CONSENTS,
    MAX_SHARES,
    ConsentRecord,
    DecisionRecord,
    Recipient,
    ShareRecord,
    SharingRecord,
)


def requested(context: Context) -> Projection:
    """A consent is asked for; one that nobody can give cannot be used."""
    act = context.envelope.sharing_requested
    of_notice, new_id = _ids_of(act.consent)
    notice = _received(context, act.consent, of_notice)
    dossier = context.find_dossier(of_notice)
    if dossier.consent(new_id):
        raise Unusable(Outcome.INVALID, f"{act.consent}: was asked for before")
    if len(dossier.consents) >= MAX_CONSENTS:
        raise Unusable(Outcome.INVALID, f"{act.consent}: there are {MAX_CONSENTS} consents of its notice")
    if notice.onward_sharing == Handling.PROHIBITED:
        raise Unusable(Outcome.INVALID, f"{act.consent}: the notice's handling prohibits onward sharing")
    record = consent_in(context.envelope, context.place)
    return _projected(Event.SHARING_REQUESTED, notice, record, consent=act.consent)


def decided(context: Context) -> Projection:
    """A decision on a consent that was asked for the other way."""
    act = context.envelope.sharing_decided
    of_notice, consent_id = _ids_of(act.consent)
    channel, notice = context.channel, context.find(of_notice)
    dossier = context.find_dossier(of_notice)
    if notice is None or notice.sender != channel.sender or dossier.consent(consent_id) is None:
        raise Unusable(Outcome.INVALID, f"{act.consent}: must be a consent that {channel.sender} was asked for")
    if act.HasField("valid_until") and (fault := date_fault(act.valid_until)):
        raise Unusable(Outcome.INVALID, f"{act.consent}: valid_until: {fault}")
    newest = dossier.newest(consent_id)
    expected = newest.number + 1 if newest else 1
    if act.number != expected:
        raise Unusable(Outcome.INVALID, f"{act.consent}: must be decision {expected}")
    record = decision_in(context.envelope, context.place)[0]
    was_granted = newest is not None and newest.is_granted
    detail = "granted" if record.is_granted else "revoked" if was_granted else "refused"
    return _projected(Event.SHARING_DECIDED, notice, record, detail, consent=act.consent)


def shared(context: Context) -> Projection:
    """A notice was passed on. Whatever covers it or not, that is a fact, and is kept."""
    act = context.envelope.content_shared
    of_notice, new_id = share_ids(act.share)
    notice = _received(context, act.share, of_notice)
    dossier = context.find_dossier(of_notice)
    if any(each.id == new_id for each in dossier.shares):
        raise Unusable(Outcome.INVALID, f"{act.share}: was told before")
    if len(dossier.shares) >= MAX_SHARES:
        raise Unusable(Outcome.INVALID, f"{act.share}: there are {MAX_SHARES} shares of its notice")
    of_other, consent_id = consent_ids(act.consent)
    if act.consent and (of_other != of_notice or dossier.decision(consent_id, act.decision) is None):
        raise Unusable(Outcome.INVALID, f"{act.consent}: has no decision {act.decision}")
    is_covered = covers(notice, dossier, _passing(context), consent_id, act.decision)
    record = share_in(context.envelope, context.place, is_covered=is_covered)
    detail = "" if is_covered else NOT_COVERED
    return _projected(Event.CONTENT_SHARED, notice, record, detail, share=act.share, consent=act.consent)


NOT_COVERED = "neither its handling nor a consent covers it"


def consent_in(envelope: Envelope, place: Place) -> ConsentRecord:
    """The consent that an envelope asks for."""
    act, authority = envelope.sharing_requested, envelope.author.authority
    return ConsentRecord(*consent_ids(act.consent), authority, recipients_of(act.recipients), act.use, place)


def decision_in(envelope: Envelope, place: Place) -> tuple[DecisionRecord, Envelope]:
    """The decision in an envelope, and the envelope."""
    act = envelope.sharing_decided
    is_granted = act.decision == SharingDecided.GRANTED
    valid_until = day_of(act.valid_until) if is_granted else 0
    return DecisionRecord(*consent_ids(act.consent), act.number, is_granted, valid_until, place), envelope


def share_in(envelope: Envelope, place: Place, *, is_covered: bool) -> ShareRecord:
    """The share that an envelope tells."""
    act = envelope.content_shared
    return ShareRecord(*share_ids(act.share), consent_ids(act.consent)[1], act.decision, is_covered, place)


def recipients_of(parties: Iterable[ThirdParty]) -> frozenset[Recipient]:
    """Who they are, in whatever order they are named."""
    return frozenset(Recipient(each.organisation, each.jurisdiction) for each in parties)


def _ids_of(name: str) -> tuple[str, str]:
    """The ids in the name of a consent; of what is left of a destroyed envelope nobody else asks whether it is one."""
    if not is_consent_name(name):
        raise Unusable(Outcome.INVALID, "what was asked for or decided has no name")
    return consent_ids(name)


def _passing(context: Context) -> Passing:
    act = context.envelope.content_shared
    day = day_at(sealed_at(context.envelope))
    return Passing(context.envelope.author.authority, recipients_of(act.recipients), act.use, day)


def _received(context: Context, name: str, of_notice: str) -> NoticeRecord:
    """The notice that the sender of the channel had from its recipient; for any other the words are the same."""
    channel, record = context.channel, context.find(of_notice)
    if record is None or (record.sender, record.recipient) != (channel.recipient, channel.sender):
        raise Unusable(Outcome.INVALID, f"{name}: must be of a notice of {channel.recipient} to {channel.sender}")
    return record


def _projected(
    kind: Event.Kind.ValueType,
    notice: NoticeRecord,
    record: SharingRecord,
    detail: str = "",
    consent: str = "",
    share: str = "",
) -> Projection:
    event = EventContent(kind, notice.id, detail, notice.kind, consent=consent, share=share)
    return Projection(Outcome.PROJECTED, events=(event,), sharing=(record,))
