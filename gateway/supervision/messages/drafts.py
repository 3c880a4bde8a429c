"""A draft as its authority sees it; and the act in a request, as it is kept."""

from collections.abc import Mapping

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from regulator.exchange.v1.draft_service_pb2 import Draft
from regulator.exchange.v1.framework_service_pb2 import Assessment, AssessRequest, PublishVersionRequest
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.notice_service_pb2 import (
    CreateNoticeRequest,
    Notice,
    SupersedeNoticeRequest,
    WithdrawNoticeRequest,
)

from gateway.errors import BadInput, Violation
from gateway.moments import timestamp_of
from gateway.supervision.approval import ActKind
from gateway.supervision.drafts import FINAL, DraftRecord, draft_name, etag_of

REQUESTS: Mapping[ActKind, type[Message]] = {
    ActKind.CREATE_NOTICE: CreateNoticeRequest,
    ActKind.SUPERSEDE_NOTICE: SupersedeNoticeRequest,
    ActKind.WITHDRAW_NOTICE: WithdrawNoticeRequest,
    ActKind.PUBLISH_VERSION: PublishVersionRequest,
    ActKind.ASSESS: AssessRequest,
}


def act_of(draft: Draft, new_id: str) -> tuple[ActKind, Message]:
    """The act in a request, with an id for what it makes, and without what its method does not read.

    Args:
        draft: as it came
        new_id: put in where an act makes something and names no id

    Raises:
        BadInput: it has none, or one that is asked for as a call.
    """
    name = draft.WhichOneof("act")
    if name is None:
        raise BadInput.of("draft.act", f"exactly one is required of {', '.join(ActKind)}")
    act = ActKind(name)
    request = REQUESTS[act]()
    request.CopyFrom(getattr(draft, act))
    fields = {field.name for field, _ in request.ListFields()}
    wrong = [Violation(f"draft.{act}.{field}", "must not be set in a draft") for field in _OF_CALLS if field in fields]
    if wrong:
        raise BadInput(wrong)
    if isinstance(request, CreateNoticeRequest):
        read = Notice(recipient=request.notice.recipient, content=request.notice.content)
        request = CreateNoticeRequest(notice=read, notice_id=request.notice_id or new_id)
    elif isinstance(request, SupersedeNoticeRequest):
        request.notice_id = request.notice_id or new_id
    elif isinstance(request, AssessRequest):
        read_only = Assessment(content=request.assessment.content)
        request = AssessRequest(assessment=read_only, assessment_id=request.assessment_id or new_id)
    return act, request


def made_id(request: Message | None) -> str:
    """The id in an act of what it makes; empty: it makes nothing that bears one of its own."""
    if isinstance(request, CreateNoticeRequest | SupersedeNoticeRequest):
        return request.notice_id
    return request.assessment_id if isinstance(request, AssessRequest) else ""


def draft_message(record: DraftRecord, *, whole: bool = True) -> Draft:
    """Builds the message; not ``whole``: without the provisions of a framework's version."""
    draft = Draft(
        name=draft_name(record.id),
        state=record.state,
        author=record.author,
        rule=record.nature.rule,
        create_time=_timestamp(record.created_at),
        update_time=_timestamp(record.updated_at),
        submit_time=_timestamp(record.submitted_at),
        review_time=_timestamp(record.reviewed_at),
        expire_time=None if record.state == Draft.RELEASED else _timestamp(record.expires_at),
        reviewer=record.reviewer,
        reason=record.reason,
        released=record.released,
        etag=etag_of(record),
        act_kind=record.act,
        tlp=record.nature.tlp,
    )
    if record.request is not None:
        assert record.state not in FINAL, "what is final keeps no act"
        getattr(draft, record.act).CopyFrom(record.request)
    if not whole and draft.HasField("publish_version"):
        _leave_out_provisions(draft.publish_version)
    return draft


def content_of(request: Message) -> NoticeContent | None:
    """What the notice says that an act would give; None: it gives none."""
    if isinstance(request, CreateNoticeRequest):
        return request.notice.content
    return request.content if isinstance(request, SupersedeNoticeRequest) else None


def _leave_out_provisions(request: PublishVersionRequest) -> None:
    if request.HasField("content"):
        request.content.ClearField("provisions")
    else:
        for field in ("upserts", "removals", "provision_order"):
            request.change_set.ClearField(field)


def _timestamp(micros: int | None) -> Timestamp | None:
    return None if micros is None else timestamp_of(micros)


_OF_CALLS = ("request_id", "validate_only")
