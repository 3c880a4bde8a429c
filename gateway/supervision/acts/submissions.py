"""Requests to give a notice, checked by every rule that needs nothing but the request: a ``Submission`` is valid."""

import copy
import hashlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from google.protobuf.message import Message
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.notice_service_pb2 import (
    BatchCreateNoticesRequest,
    CreateNoticeRequest,
    SubmitNoticesRequest,
    SupersedeNoticeRequest,
)

from gateway.errors import BadInput, NotAllowed, Violation
from gateway.supervision.acts.notices import superseding
from gateway.supervision.disclosure import Scope, check_within
from gateway.supervision.notices.content import content_violations, notice_id
from gateway.supervision.rules.compiled import keeps_all_rules
from gateway.supervision.rules.extent import own_unknown_fields, unknown_fields
from gateway.supervision.rules.fields import MAX_VIOLATIONS, field_violations
from gateway.supervision.rules.value_rules import value_violations

MAX_REQUESTS = 1000  # in one message, as the contract has it


@dataclass(frozen=True, slots=True)
class Submission:
    """A notice that somebody wants to give.

    Attributes:
        notice_id: its id
        recipient: jurisdiction, ISO 3166-1 alpha-2; empty: that of the notice it supersedes
        content: what it says
        request_id: empty: the request is not idempotent
        digest: SHA-256 of the request, 32 bytes
        supersedes: id of the notice whose place it takes; empty: none
        etag: of that notice, as its author saw it; empty: any
        path: of the content in the request, for violations
    """

    notice_id: str
    recipient: str
    content: NoticeContent
    request_id: str
    digest: bytes
    supersedes: str = ""
    etag: str = ""
    path: str = "notice.content"


def check_fields(request: Message) -> None:
    """Passes if a request keeps to the contract's field rules, and to those of the values in it.

    Raises:
        BadInput: it does not; names every field found.
    """
    if violations := _request_violations(request) or value_violations(request, ""):
        raise BadInput(violations)


def check_own_fields(request: BatchCreateNoticesRequest | SubmitNoticesRequest) -> None:
    """Passes if a request made of requests keeps to the contract, apart from them: each is checked on its own.

    Raises:
        BadInput: it holds none, or too many, or a field that the contract does not have.
    """
    violations = list(own_unknown_fields(request))
    if not 1 <= len(request.requests) <= MAX_REQUESTS:
        violations.append(Violation("requests", f"must hold 1 to {MAX_REQUESTS} items"))
    if violations:
        raise BadInput(violations)


def new_notice(
    request: CreateNoticeRequest,
    peers: Collection[str],
    authority: str,
    scope: Scope,
    made_id: str,
    path: str = "",
) -> Submission:
    """Checks a request to give a notice.

    Args:
        request: as it came
        peers: jurisdictions that are paired
        authority: code of the authority that asks
        scope: what who asks may see
        made_id: its id if the request names none
        path: of the request within a larger one (``requests[3]``)

    Raises:
        BadInput: it breaks a rule.
        NotAllowed: it speaks for another authority, or would be out of the author's own sight.
    """
    within = f"{path}." if path else ""
    keeps = keeps_all_rules(request)
    violations = [] if keeps else _request_violations(request, path)
    if not violations:
        violations = content_violations(request.notice.content, f"{within}notice.content", values_checked=keeps)
        if request.notice.recipient not in peers:
            paired = ", ".join(sorted(peers)) or "none yet"
            violations.append(Violation(f"{within}notice.recipient", f"must be a paired jurisdiction: {paired}"))
    if violations:
        raise BadInput(violations)
    _check_authority(request.notice.content, authority, f"{within}notice.content")
    check_within(request.notice.content, scope, f"{within}notice.content")
    return Submission(
        notice_id=request.notice_id or made_id,
        recipient=request.notice.recipient,
        content=request.notice.content,
        request_id=request.request_id,
        digest=digest_of(request),
        path=f"{within}notice.content",
    )


def superseding_notice(request: SupersedeNoticeRequest, authority: str, scope: Scope, made_id: str) -> Submission:
    """Checks a request to give a notice in place of an earlier one.

    Raises:
        BadInput: it breaks a rule.
        NotAllowed: it speaks for another authority, or would be out of the author's own sight.
    """
    earlier = notice_id(request.name)
    content = superseding(request.content, earlier)
    violations = _request_violations(request) or field_violations(content, "content")
    if violations := violations or content_violations(content, "content"):
        raise BadInput(violations)
    _check_authority(content, authority, "content")
    check_within(content, scope, "content")
    return Submission(
        notice_id=request.notice_id or made_id,
        recipient="",
        content=content,
        request_id=request.request_id,
        digest=digest_of(request),
        supersedes=earlier,
        etag=request.etag,
        path="content",
    )


def addressed(submission: Submission, recipient: str) -> Submission:
    """A copy for a recipient that only the earlier notice tells."""
    return replace(submission, recipient=recipient)


def digest_of(request: Message) -> bytes:
    """Tells requests apart: SHA-256 over the method's message type and the request's fields, 32 bytes.

    That it is only validated makes no other request of it, nor do the capital letters of its request_id.
    """
    asked: Any = request
    if getattr(asked, "validate_only", False) or asked.request_id != asked.request_id.lower():
        asked = copy.deepcopy(request)
        asked.request_id = asked.request_id.lower()
        if "validate_only" in request.DESCRIPTOR.fields_by_name:
            asked.validate_only = False
    name = request.DESCRIPTOR.full_name.encode()
    return hashlib.sha256(name + b"\0" + asked.SerializeToString(deterministic=True)).digest()


def _request_violations(request: Message, path: str = "") -> list[Violation]:
    """What the contract alone tells of a request: broken field rules, else fields that it does not have."""
    return field_violations(request, path) or list(islice(unknown_fields(request, path), MAX_VIOLATIONS))


def _check_authority(content: NoticeContent, authority: str, path: str) -> None:
    if content.issuing_authority != authority:
        raise NotAllowed(f"{path}.issuing_authority must be the caller's own authority, {authority}")
