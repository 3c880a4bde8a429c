"""Requests about drafts that are refused: the code, the reason and the fields of the answer."""

from google.protobuf.message import Message
from regulator.exchange.v1 import draft_service_pb2 as pb
from regulator.exchange.v1.draft_service_pb2 import Draft
from regulator.exchange.v1.framework_service_pb2 import AssessRequest, PublishVersionRequest
from regulator.exchange.v1.notice_service_pb2 import CreateNoticeRequest, SupersedeNoticeRequest, WithdrawNoticeRequest

from tests.rpc.calls import DRAFTS
from tests.rpc.malformed_requests import DENIED, INVALID, LETTER, MISSING, Refused, creation
from tests.supervision.framework_samples import assessment, provision, version
from tests.supervision.samples import content

NAME, UUID = "drafts/hk-2026-none", "9e1b5c52-6f3b-4b0e-8e0a-0d6cf1f2a111"
SPOKEN_FOR = creation(content(issuing_authority="HKMA"))


def _made(act: Message, *fields: str, **rest: object) -> Refused:
    member = next(field.name for field in Draft.DESCRIPTOR.fields if field.message_type is act.DESCRIPTOR)
    request = pb.CreateDraftRequest(draft=Draft(**{member: act}))
    return Refused(f"{DRAFTS}CreateDraft", request, tuple(f"draft.{member}.{each}" for each in fields), **rest)


def _done(method: str, request: Message, *fields: str) -> Refused:
    return Refused(f"{DRAFTS}{method}", request, fields, INVALID if fields else MISSING)


DRAFT_REQUESTS: dict[str, Refused] = {
    # --- writing
    "a draft of nothing at all": Refused(f"{DRAFTS}CreateDraft", b"", ("draft",)),
    "a draft without an act": Refused(f"{DRAFTS}CreateDraft", pb.CreateDraftRequest(draft=Draft()), ("draft.act",)),
    "a draft under a bad request_id": Refused(
        f"{DRAFTS}CreateDraft",
        pb.CreateDraftRequest(draft=Draft(create_notice=creation()), request_id="1"),
        ("request_id",),
    ),
    "a draft of an empty notice": _made(CreateNoticeRequest(), "notice"),
    "a draft of a notice to nobody": _made(creation(recipient="JP"), "notice.recipient"),
    "a draft of a notice of another jurisdiction": _made(creation(notice_id="kr-1"), "notice_id"),
    "a draft of a notice without a title": _made(creation(content(title=[])), "notice.content.title"),
    "a draft of a notice for another authority": _made(SPOKEN_FOR, code=DENIED),
    "a draft that is to be checked twice": _made(creation(validate_only=True), "validate_only"),
    "a draft of a call that has its own id": _made(creation(request_id=UUID), "request_id"),
    "a draft of a withdrawal without a word": _made(WithdrawNoticeRequest(name="notices/hk-0"), "explanation"),
    "a draft of a withdrawal of nothing": _made(
        WithdrawNoticeRequest(name="notices/hk-0", explanation=LETTER), code=MISSING
    ),
    "a draft in place of nothing": _made(SupersedeNoticeRequest(name="notices/hk-0", content=content()), code=MISSING),
    "a draft in place of something, with nothing": _made(SupersedeNoticeRequest(name="notices/hk-0"), "content"),
    "a draft of a version without provisions twice": _made(
        PublishVersionRequest(parent="frameworks/hk-x", content=version(provision(), provision())),
        "content.provisions[1].id",
    ),
    "a draft of a version of another jurisdiction": _made(
        PublishVersionRequest(parent="frameworks/kr-x", content=version(provision())), "parent"
    ),
    "a draft of an assessment of others": _made(
        AssessRequest(assessment={"content": assessment(first_jurisdiction="JP")}),
        "assessment.content.first_jurisdiction",
    ),
    "an update of no name": _done(
        "UpdateDraft", pb.UpdateDraftRequest(draft=Draft(create_notice=creation())), "draft.name"
    ),
    "an update of what is not there": _done(
        "UpdateDraft", pb.UpdateDraftRequest(draft=Draft(name=NAME, create_notice=creation()))
    ),
    "an update to nothing": _done("UpdateDraft", pb.UpdateDraftRequest(draft=Draft(name=NAME)), "draft.act"),
    "a submission of no name": _done("SubmitDraft", pb.SubmitDraftRequest(), "name"),
    "a submission of what is not there": _done("SubmitDraft", pb.SubmitDraftRequest(name=NAME)),
    "a recall by injection": _done("RecallDraft", pb.RecallDraftRequest(name="drafts/hk-1' OR 1=1--"), "name"),
    "a recall of what is not there": _done("RecallDraft", pb.RecallDraftRequest(name=NAME)),
    # --- reviewing
    "an approval of what was not read": _done("ApproveDraft", pb.ApproveDraftRequest(name=NAME), "etag"),
    "an approval of what is not there": _done("ApproveDraft", pb.ApproveDraftRequest(name=NAME, etag='"1"')),
    "an approval of a path": _done("ApproveDraft", pb.ApproveDraftRequest(name="drafts/hk-../x", etag="1"), "name"),
    "a rejection without a reason": _done("RejectDraft", pb.RejectDraftRequest(name=NAME, etag='"1"'), "reason"),
    "a rejection with too much of it": _done(
        "RejectDraft", pb.RejectDraftRequest(name=NAME, etag='"1"', reason="a" * 2001), "reason"
    ),
    "a rejection that hides something": _done(
        "RejectDraft", pb.RejectDraftRequest(name=NAME, etag='"1"', reason="a\u202eb"), "reason"
    ),
    "a rejection of what is not there": _done(
        "RejectDraft", pb.RejectDraftRequest(name=NAME, etag='"1"', reason="Why.")
    ),
    # --- reading
    "a draft of no name": _done("GetDraft", pb.GetDraftRequest(name="hk-1"), "name"),
    "a draft that is not there": _done("GetDraft", pb.GetDraftRequest(name=NAME)),
    "drafts in an unknown state": _done("ListDrafts", pb.ListDraftsRequest(state=99), "state"),
    "drafts after a forged token": _done("ListDrafts", pb.ListDraftsRequest(page_token="AAAA"), "page_token"),
    "drafts on less than no page": _done("ListDrafts", pb.ListDraftsRequest(page_size=-1), "page_size"),
}
