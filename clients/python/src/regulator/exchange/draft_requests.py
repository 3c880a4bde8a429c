"""Builds the requests about drafts, in the manner of ``requests``. ``hk-2026-abc`` is ``drafts/hk-2026-abc``.

An act is the request of its own method: ``notice_request`` makes it for a notice, ``requests.supersede_notice``,
``requests.withdraw_notice``, ``framework_requests.publish_version`` and ``framework_requests.assess`` for the others.
"""

from regulator.exchange.requests import full_name, identified
from regulator.exchange.v1 import draft_service_pb2 as drafts
from regulator.exchange.v1.draft_service_pb2 import Draft
from regulator.exchange.v1.framework_service_pb2 import AssessRequest, PublishVersionRequest
from regulator.exchange.v1.notice_service_pb2 import (
    CreateNoticeRequest,
    SupersedeNoticeRequest,
    WithdrawNoticeRequest,
)

Act = CreateNoticeRequest | SupersedeNoticeRequest | WithdrawNoticeRequest | PublishVersionRequest | AssessRequest
"""What a draft may hold."""


def create_draft(act: Act, *, request_id: str | None = None, validate_only: bool = False) -> drafts.CreateDraftRequest:
    """Keeps an act as a draft, until another identity releases it.

    Args:
        act: the request of its own method; its ``request_id`` and ``validate_only`` do not count.
        request_id: a UUID; the same one with the same act gives the same answer. None: a new one.
        validate_only: checks everything and keeps nothing; ``rule`` of the answer tells whether approval is asked for.

    Raises:
        InvalidRequest: ``violations`` name the fields.
    """
    return drafts.CreateDraftRequest(
        draft=_draft_of(act), request_id=identified(request_id), validate_only=validate_only
    )


def update_draft(name: str, act: Act, *, etag: str = "", request_id: str | None = None) -> drafts.UpdateDraftRequest:
    """Puts another act of the same kind in a draft, and makes this client its author.

    Args:
        name: ``drafts/hk-2026-abc``, or the id alone.
        act: as in ``create_draft``.
        etag: the draft's etag as the caller knows it; empty: whatever it is now.
        request_id: as in ``create_draft``.

    Raises:
        NotFound: nothing of that name.
        WrongState: it is pending, released or expired.
        Stale: it has another etag.
    """
    draft = _draft_of(act)
    draft.name = full_name("drafts", name)
    return drafts.UpdateDraftRequest(draft=draft, etag=etag, request_id=identified(request_id))


def submit_draft(name: str, *, etag: str = "", request_id: str | None = None) -> drafts.SubmitDraftRequest:
    """Asks for approval of a draft. Arguments and errors are those of ``update_draft``."""
    return drafts.SubmitDraftRequest(name=full_name("drafts", name), etag=etag, request_id=identified(request_id))


def approve_draft(name: str, *, etag: str, request_id: str | None = None) -> drafts.ApproveDraftRequest:
    """Releases a draft of another identity; the answer means that it is sealed and durable at the own node.

    Args:
        name: ``drafts/hk-2026-abc``, or the id alone.
        etag: of the draft as it was read: what is released is what was read.
        request_id: as in ``create_draft``.

    Raises:
        NotAllowed: this client, or its officer, wrote the draft.
        NotFound: nothing of that name.
        WrongState: it is not pending, or what it acts on is not in a state for it any more.
        Stale: it has another etag; read it again.
    """
    return drafts.ApproveDraftRequest(name=full_name("drafts", name), etag=etag, request_id=identified(request_id))


def reject_draft(name: str, *, etag: str, reason: str, request_id: str | None = None) -> drafts.RejectDraftRequest:
    """Refuses a draft of another identity, and says why. ``name``, ``etag`` and the errors are those of approving."""
    return drafts.RejectDraftRequest(
        name=full_name("drafts", name), etag=etag, reason=reason, request_id=identified(request_id)
    )


def recall_draft(name: str, *, etag: str = "", request_id: str | None = None) -> drafts.RecallDraftRequest:
    """Takes back what was submitted. Arguments and errors are those of ``update_draft``."""
    return drafts.RecallDraftRequest(name=full_name("drafts", name), etag=etag, request_id=identified(request_id))


def get_draft(name: str) -> drafts.GetDraftRequest:
    """Gives one draft of the own authority: ``drafts/hk-2026-abc``, or ``hk-2026-abc``. Raises NotFound."""
    return drafts.GetDraftRequest(name=full_name("drafts", name))


def list_drafts(
    *, page_size: int = 0, page_token: str = "", state: Draft.State.ValueType = Draft.STATE_UNSPECIFIED
) -> drafts.ListDraftsRequest:
    """Lists the own authority's drafts, newest first, in any state or one; pages are fetched as they are needed."""
    return drafts.ListDraftsRequest(page_size=page_size, page_token=page_token, state=state)


def _draft_of(act: Act) -> Draft:
    """The draft that holds a copy of an act, without what belongs to a call."""
    if isinstance(act, CreateNoticeRequest):
        draft = Draft(create_notice=act)
        draft.create_notice.ClearField("request_id")
        draft.create_notice.ClearField("validate_only")
    elif isinstance(act, SupersedeNoticeRequest):
        draft = Draft(supersede_notice=act)
        draft.supersede_notice.ClearField("request_id")
    elif isinstance(act, WithdrawNoticeRequest):
        draft = Draft(withdraw_notice=act)
        draft.withdraw_notice.ClearField("request_id")
    elif isinstance(act, PublishVersionRequest):
        draft = Draft(publish_version=act)
        draft.publish_version.ClearField("request_id")
        draft.publish_version.ClearField("validate_only")
    elif isinstance(act, AssessRequest):
        draft = Draft(assess=act)
        draft.assess.ClearField("request_id")
        draft.assess.ClearField("validate_only")
    else:
        raise TypeError(f"a draft holds a request, such as notice_request makes, and no {type(act).__name__}")
    return draft
