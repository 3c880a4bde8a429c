"""A notice as back offices see it: what is known of it, and what its envelopes say."""

from google.protobuf.timestamp_pb2 import Timestamp
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.supervision.destruction import is_remainder
from gateway.supervision.envelopes.envelopes import approver_of
from gateway.supervision.notices.content import notice_name
from gateway.supervision.notices.records import NoticeRecord, Place, etag_of


def notice_message(
    record: NoticeRecord,
    released: Envelope,
    acknowledged: Envelope | None = None,
    withdrawn: Envelope | None = None,
    destroyed: Envelope | None = None,
    peer_destroyed: Envelope | None = None,
    attached: Envelope | None = None,
) -> Notice:
    """Builds the message.

    Args:
        record: what is known of the notice
        released: the envelope that gave it
        acknowledged: the envelope that acknowledged it, if one did
        withdrawn: the envelope that withdrew it, if one did: a withdrawal, or another notice
        destroyed: this node's certificate that the content is destroyed, if there is one
        peer_destroyed: the peer's
        attached: the receiver's word that it holds all attachments, if it gave it
    """
    notice = Notice(
        name=notice_name(record.id),
        sender=record.sender,
        recipient=record.recipient,
        kind=record.kind,
        direction=record.direction,
        state=record.state,
        author=released.author,
        approver=approver_of(released),
        release_time=released.sealed_at,
        receipt_time=None if record.receipt_time is None else Timestamp(seconds=record.receipt_time),
        acknowledgement=_acknowledgement(acknowledged) if acknowledged else None,
        withdrawal=_withdrawal(record, withdrawn) if withdrawn else None,
        superseded_by=_name(record.superseded_by),
        position=Notice.Position(origin=record.origin, index=record.index),
        etag=etag_of(record),
        destruction=_destruction(record.destroyed_at, destroyed),
        peer_destruction=_destruction(record.peer_destroyed_at, peer_destroyed),
    )
    if attached and record.attached_at:
        notice.attachments_receipt.time.CopyFrom(attached.sealed_at)
        notice.attachments_receipt.position.CopyFrom(_position(record.attached_at))
    if not is_remainder(released):
        notice.content.CopyFrom(released.notice_released.content)  # a message that is passed above is parsed once more
    return notice


def leave_out_words(notice: Notice) -> None:
    """Takes from a message what was said in words, by whomever; what is known of the notice stays."""
    notice.ClearField("content")
    if notice.HasField("acknowledgement"):
        notice.acknowledgement.ClearField("comment")
    if notice.HasField("withdrawal"):
        notice.withdrawal.ClearField("explanation")


def _acknowledgement(envelope: Envelope) -> Notice.Acknowledgement:
    act = envelope.notice_acknowledged
    return Notice.Acknowledgement(
        time=envelope.sealed_at, author=envelope.author, comment=act.comment, case_reference=act.case_reference
    )


def _withdrawal(record: NoticeRecord, envelope: Envelope) -> Notice.Withdrawal:
    """A notice that withdraws another one says why in its own words, so ``explanation`` then is empty."""
    return Notice.Withdrawal(
        time=envelope.sealed_at,
        author=envelope.author,
        approver=approver_of(envelope),
        explanation=envelope.notice_withdrawn.explanation,
        withdrawn_by=_name(record.withdrawn_by),
    )


def _destruction(place: Place | None, certificate: Envelope | None) -> Notice.Destruction | None:
    if place is None or certificate is None:
        return None
    return Notice.Destruction(time=certificate.sealed_at, certificate=_position(place))


def _position(place: Place) -> Notice.Position:
    return Notice.Position(origin=place.origin, index=place.index)


def _name(notice_id: str) -> str:
    return notice_name(notice_id) if notice_id else ""
