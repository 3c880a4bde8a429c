"""Consents and shares as back offices see them: what is known of them, and what their envelopes say."""

from collections.abc import Sequence
from dataclasses import dataclass

from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.sharing_service_pb2 import Consent, Share

from gateway.supervision.notices.records import NOWHERE, Place
from gateway.supervision.sharing.names import consent_name, share_name
from gateway.supervision.sharing.records import ConsentRecord, DecisionRecord, ShareRecord
from gateway.supervision.sharing.states import etag_of, state_of


@dataclass(frozen=True, slots=True)
class ConsentView:
    """A consent, with the envelopes that made it what it is; ``decisions`` in order, or the newest alone."""

    record: ConsentRecord
    requested: Envelope
    decisions: Sequence[tuple[DecisionRecord, Envelope]] = ()


@dataclass(frozen=True, slots=True)
class ShareView:
    """A share, with its envelope."""

    record: ShareRecord
    shared: Envelope


def consent_message(view: ConsentView, today: int) -> Consent:
    """Builds the message; ``today``: UTC, 20260131."""
    record, act = view.record, view.requested.sharing_requested
    newest = view.decisions[-1][0] if view.decisions else None
    return Consent(
        name=consent_name(record.notice, record.id),
        recipients=act.recipients,
        use=act.use,
        purpose=act.purpose,
        state=state_of(newest, today),
        author=view.requested.author,
        request_time=view.requested.sealed_at,
        decisions=[_decision(*each) for each in view.decisions],
        position=_position(record.place),
        etag=etag_of(newest),
    )


def share_message(view: ShareView) -> Share:
    """Builds the message."""
    record, act = view.record, view.shared.content_shared
    return Share(
        name=share_name(record.notice, record.id),
        recipients=act.recipients,
        use=act.use,
        consent=act.consent,
        decision=act.decision,
        covered=record.is_covered,
        author=view.shared.author,
        share_time=view.shared.sealed_at,
        position=_position(record.place),
    )


def _decision(record: DecisionRecord, envelope: Envelope) -> Consent.Decision:
    act = envelope.sharing_decided
    return Consent.Decision(
        number=record.number,
        decision=act.decision,
        time=envelope.sealed_at,
        author=envelope.author,
        reason=act.reason,
        conditions=act.conditions,
        valid_until=act.valid_until if act.HasField("valid_until") else None,
        position=_position(record.place),
    )


def _position(place: Place) -> Notice.Position | None:
    """Where it is sealed; of what is only tried out there is no place."""
    return None if place == NOWHERE else Notice.Position(origin=place.origin, index=place.index)
