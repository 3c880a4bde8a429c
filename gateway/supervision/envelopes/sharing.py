"""Builds the envelopes of onward sharing; like ``envelopes``, it checks nothing."""

from collections.abc import Iterable

from google.type.date_pb2 import Date
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.sharing_pb2 import SharingDecided, ThirdParty
from regulator.exchange.v1.values_pb2 import Handling, LocalizedText

from gateway.supervision.envelopes.envelopes import Seal, envelope_of


def requested(
    seal: Seal,
    consent: str,
    recipients: Iterable[ThirdParty],
    use: Handling.Use.ValueType,
    purpose: Iterable[LocalizedText],
) -> Envelope:
    """The consent of this name is asked for."""
    envelope = envelope_of(seal)
    act = envelope.sharing_requested
    act.consent, act.use = consent, use
    act.recipients.extend(recipients)
    act.purpose.extend(purpose)
    return envelope


def granted(
    seal: Seal,
    consent: str,
    number: int,
    reason: Iterable[LocalizedText] = (),
    conditions: Iterable[LocalizedText] = (),
    valid_until: Date | None = None,
) -> Envelope:
    """It is granted, as the decision of this number; without ``valid_until`` for as long as nothing else is decided."""
    envelope = _decided(seal, consent, number, SharingDecided.GRANTED, reason)
    envelope.sharing_decided.conditions.extend(conditions)
    if valid_until is not None:
        envelope.sharing_decided.valid_until.CopyFrom(valid_until)
    return envelope


def refused(seal: Seal, consent: str, number: int, reason: Iterable[LocalizedText]) -> Envelope:
    """It is refused, or revoked."""
    return _decided(seal, consent, number, SharingDecided.REFUSED, reason)


def shared(
    seal: Seal,
    share: str,
    recipients: Iterable[ThirdParty],
    use: Handling.Use.ValueType,
    consent: str = "",
    decision: int = 0,
) -> Envelope:
    """A notice is passed on, as the share of this name; under the decision of a consent, or under none."""
    envelope = envelope_of(seal)
    act = envelope.content_shared
    act.share, act.use, act.consent, act.decision = share, use, consent, decision
    act.recipients.extend(recipients)
    return envelope


def _decided(
    seal: Seal,
    consent: str,
    number: int,
    decision: SharingDecided.Decision.ValueType,
    reason: Iterable[LocalizedText],
) -> Envelope:
    envelope = envelope_of(seal)
    act = envelope.sharing_decided
    act.consent, act.number, act.decision = consent, number, decision
    act.reason.extend(reason)
    return envelope
