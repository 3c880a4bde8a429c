"""Builds the requests: one function a method of the clients, with the method's name, arguments and documentation.

Names of resources may come without their collection: ``hk-2026-017`` is ``notices/hk-2026-017``. Where a write is
given no ``request_id``, it gets a new UUID, so that it can be sent again without being done twice. Texts are
``LocalizedText`` messages, or a mapping from BCP-47 tag to text: ``{"en": "Noted."}``.
"""

import secrets
import time
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, TypedDict, Unpack
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from regulator.exchange.v1 import admin_service_pb2 as admin
from regulator.exchange.v1 import evidence_service_pb2 as evidence
from regulator.exchange.v1 import notice_service_pb2 as notices
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import LocalizedText, Sector

Texts = Mapping[str, str] | Iterable[LocalizedText]


class NoticeFilters(TypedDict, total=False):
    """What ``list_notices`` may be asked for; what is set must all hold."""

    page_size: int  # notices fetched at once: 0 is 50, more than 1,000 is 1,000
    page_token: str  # where to begin: ``next_page_token`` of a page read before, with the same filters
    direction: Notice.Direction.ValueType
    kind: Notice.Kind.ValueType
    state: Notice.State.ValueType
    issuing_authority: str  # its code, HKMA
    sector: Sector.ValueType
    subject_identifier: str  # LEI, licence number, ISIN, DTI or ticker of a subject, whole
    peer: str  # the jurisdiction on the other side, KR
    release_time_from: datetime  # released then or later; with a time zone
    release_time_before: datetime  # released before; with a time zone


def server_info() -> admin.GetServerInfoRequest:
    """Tells which node answers, and what it makes of this client."""
    return admin.GetServerInfoRequest()


def get_peer(name: str) -> admin.GetPeerRequest:
    """Gives one paired node: ``peers/kr``, or ``kr``. Raises NotFound."""
    return admin.GetPeerRequest(name=full_name("peers", name))


def list_peers(*, page_size: int = 0, page_token: str = "") -> admin.ListPeersRequest:
    """Lists the paired nodes, by jurisdiction; pages are fetched as they are needed."""
    return admin.ListPeersRequest(page_size=page_size, page_token=page_token)


def get_channel(name: str) -> admin.GetChannelRequest:
    """Gives one direction to or from a peer: ``channels/hk-to-kr``, or ``hk-to-kr``. Raises NotFound."""
    return admin.GetChannelRequest(name=full_name("channels", name))


def rotate_seal(ed25519_certificate_sha256: str, *, before_all_is_back: bool = False) -> admin.RotateSealRequest:
    """Puts the prepared sealing keys in force, named by their Ed25519 certificate.

    ``before_all_is_back``: also while a node whose database was put back lacks what a peer has to send again; receipts
    that the keys before gave for it verify no longer then.
    """
    return admin.RotateSealRequest(
        ed25519_certificate_sha256=ed25519_certificate_sha256, before_all_is_back=before_all_is_back
    )


def list_channels(*, page_size: int = 0, page_token: str = "") -> admin.ListChannelsRequest:
    """Lists the channels, by name; pages are fetched as they are needed."""
    return admin.ListChannelsRequest(page_size=page_size, page_token=page_token)


def list_certificates(*, page_size: int = 0, page_token: str = "") -> admin.ListCertificatesRequest:
    """Lists the certificates that the node depends on, by their end; pages are fetched as they are needed."""
    return admin.ListCertificatesRequest(page_size=page_size, page_token=page_token)


def create_notice(
    content: NoticeContent,
    *,
    recipient: str,
    notice_id: str = "",
    request_id: str | None = None,
    validate_only: bool = False,
) -> notices.CreateNoticeRequest:
    """Gives a notice; the answer means that it is sealed and durable at the own node.

    Args:
        content: what it says.
        recipient: jurisdiction it is for, ``KR``.
        notice_id: its id, ``hk-2026-017``; empty: the node makes one.
        request_id: a UUID; the same one with the same notice gives the same answer. None: a new one.
        validate_only: checks everything and seals nothing.

    Raises:
        InvalidRequest: ``violations`` name the fields.
        AlreadyExists: the id is taken, or (reason ``REQUEST_ID_REUSED``) the request_id is, by another notice.
    """
    return notices.CreateNoticeRequest(
        notice=Notice(recipient=recipient, content=content),
        notice_id=notice_id,
        request_id=identified(request_id),
        validate_only=validate_only,
    )


def batch_create_notices(requests: Iterable[notices.CreateNoticeRequest]) -> notices.BatchCreateNoticesRequest:
    """Gives 1 to 1,000 notices, all or none; ``notice_request`` makes each one. Raises as ``create_notice`` does."""
    return notices.BatchCreateNoticesRequest(requests=map(with_request_id, requests))


def get_notice(name: str) -> notices.GetNoticeRequest:
    """Gives one notice: ``notices/hk-2026-017``, or ``hk-2026-017``. Raises NotFound."""
    return notices.GetNoticeRequest(name=full_name("notices", name))


def list_notices(**filters: Unpack[NoticeFilters]) -> notices.ListNoticesRequest:
    """Lists notices, newest first; pages are fetched as they are needed. ``NoticeFilters`` says what to ask for."""
    return notices.ListNoticesRequest(**fields_of(**filters))


def acknowledge_notice(
    name: str, *, comment: Texts = (), case_reference: str = "", request_id: str | None = None, etag: str = ""
) -> notices.AcknowledgeNoticeRequest:
    """Acknowledges a received notice; its sender is told.

    Args:
        name: ``notices/kr-2026-004``, or the id alone.
        comment: what is said to it.
        case_reference: the own file number for it.
        request_id: as in ``create_notice``.
        etag: the notice's etag as the caller knows it; empty: whatever it is now.

    Raises:
        NotFound: nothing of that name.
        WrongState: it is not in state RECEIVED.
        Stale: it has another etag.
    """
    return notices.AcknowledgeNoticeRequest(
        name=full_name("notices", name),
        comment=localized(comment),
        case_reference=case_reference,
        request_id=identified(request_id),
        etag=etag,
    )


def withdraw_notice(
    name: str, *, explanation: Texts, request_id: str | None = None, etag: str = ""
) -> notices.WithdrawNoticeRequest:
    """Takes back a notice of the own jurisdiction; its receiver is told, with the explanation.

    ``name``, ``request_id``, ``etag`` and the errors are those of ``acknowledge_notice``.
    """
    return notices.WithdrawNoticeRequest(
        name=full_name("notices", name),
        explanation=localized(explanation),
        request_id=identified(request_id),
        etag=etag,
    )


def supersede_notice(
    name: str, content: NoticeContent, *, notice_id: str = "", request_id: str | None = None, etag: str = ""
) -> notices.SupersedeNoticeRequest:
    """Gives a notice in the place of an earlier one, to the same recipient; the answer is the new notice.

    ``name`` and ``etag`` are the earlier notice's; ``notice_id`` and ``request_id`` are as in ``create_notice``.

    Raises:
        NotFound: nothing of that name.
        InvalidRequest: ``violations`` name the fields.
        WrongState: the earlier notice is withdrawn or superseded already.
        Stale: the earlier notice has another etag.
    """
    return notices.SupersedeNoticeRequest(
        name=full_name("notices", name),
        content=content,
        notice_id=notice_id,
        request_id=identified(request_id),
        etag=etag,
    )


def get_evidence(
    name: str = "",
    *,
    act: evidence.GetEvidenceRequest.Act.ValueType = evidence.GetEvidenceRequest.RELEASE,
    origin: str = "",
    index: int = 0,
) -> evidence.GetEvidenceRequest:
    """Gives the evidence file (C2SP tlog-proof) of an act on a notice, or of the envelope at a place in a channel.

    Args:
        name: ``notices/hk-2026-017``, or the id alone; empty with ``origin``.
        act: which of the notice's envelopes.
        origin: the channel, ``<sender domain>/to/<recipient domain>``, instead of a name.
        index: with ``origin``: index of the envelope.
    """
    notice = full_name("notices", name) if name else ""
    return evidence.GetEvidenceRequest(notice=notice, act=act, origin=origin, index=index)


def get_checkpoint(origin: str) -> evidence.GetCheckpointRequest:
    """Gives the newest checkpoint and the newest receipt of the channel ``<sender domain>/to/<recipient domain>``."""
    return evidence.GetCheckpointRequest(origin=origin)


def get_consistency_proof(origin: str, *, first_size: int, second_size: int) -> evidence.GetConsistencyProofRequest:
    """Proves that a channel's log of one size is a prefix of that of a later size (RFC 9162, section 2.1.4)."""
    return evidence.GetConsistencyProofRequest(origin=origin, first_size=first_size, second_size=second_size)


def get_fork_proof(origin: str, *, number: int = 0) -> evidence.GetForkProofRequest:
    """Gives the file that proves that a channel's sender signed two histories of it.

    Args:
        origin: the channel, ``<sender domain>/to/<recipient domain>``.
        number: which of its forks, from 1 on; 0: the newest.

    Raises:
        WrongState: it never halted for a fork.
    """
    return evidence.GetForkProofRequest(origin=origin, number=number)


def with_request_id(request: notices.CreateNoticeRequest) -> notices.CreateNoticeRequest:
    """The request itself, or, where it has no ``request_id``, a copy with a new one."""
    if request.request_id:
        return request
    copy = notices.CreateNoticeRequest(request_id=identified(None))
    copy.MergeFrom(request)
    return copy


def full_name(collection: str, name: str) -> str:
    """The name of a resource that may be given without its collection."""
    return name if name.startswith(f"{collection}/") else f"{collection}/{name}"


def identified(request_id: str | None) -> str:
    """The request_id, or a new UUID where there is none."""
    return request_id or str(_new_uuid(time.time_ns() // 1_000_000))


def request_id_of(request: Any) -> str:
    """Under which a request asks for a write; empty: it is a read, or only to be checked."""
    return "" if getattr(request, "validate_only", False) else getattr(request, "request_id", "")


def _new_uuid(millis: int) -> UUID:
    """A UUID that begins with the time (RFC 9562, section 5.7): a node's index of them then grows at its end alone.

    Args:
        millis: since 1970
    """
    return UUID(int=(millis % 2**48) << 80 | 7 << 76 | secrets.randbits(12) << 64 | 2 << 62 | secrets.randbits(62))


def localized(texts: Texts) -> Iterable[LocalizedText]:
    """The messages of texts that may be given by their languages.

    Raises:
        TypeError: it is a text, of which nobody knows the language.
    """
    given: object = texts
    if isinstance(given, str):
        raise TypeError("a text is given with its language, such as {'en': 'Noted.'}")
    if isinstance(texts, Mapping):
        return [LocalizedText(language_tag=tag, text=text) for tag, text in texts.items()]
    return texts


def fields_of(**given: Any) -> dict[str, Any]:
    """Arguments as the fields of these names hold them: a moment as a timestamp, a day as a date, others as they are.

    Raises:
        ValueError: a moment has no time zone, or no timestamp is as early or late; names its field.
    """
    return {name: _value_of(name, value) for name, value in given.items()}


def _value_of(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return _timestamp_of(name, value)
    return Date(year=value.year, month=value.month, day=value.day) if isinstance(value, date) else value


def _timestamp_of(name: str, moment: datetime) -> Timestamp:
    if moment.tzinfo is None:
        raise ValueError(f"{name} must have a time zone")
    timestamp = Timestamp()
    try:
        timestamp.FromDatetime(moment)
    except OverflowError:
        raise ValueError(f"{name} must be a moment of the years 1 to 9999, in UTC") from None
    return timestamp
