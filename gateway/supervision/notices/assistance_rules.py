"""What a request for assistance, or an answer to one, may say beside what the contract's field rules ask."""

from collections.abc import Iterator

from regulator.exchange.v1.assistance_pb2 import AssistanceAnswer, AssistanceRequest
from regulator.exchange.v1.notice_pb2 import NoticeContent

from gateway.errors import Violation
from gateway.moments import day_of
from gateway.supervision.rules.values import date_fault

_WITH_REPLIES = (AssistanceAnswer.PARTIAL, AssistanceAnswer.COMPLETE)
_WITH_MORE_TO_COME = (AssistanceAnswer.ACCEPTED, AssistanceAnswer.PARTIAL)


def detail_violations(content: NoticeContent, path: str) -> Iterator[Violation]:
    """What contradicts itself in a request or an answer; of other content nothing."""
    detail = content.WhichOneof("detail")
    if detail == "assistance_request":
        yield from _request_violations(content.assistance_request, f"{path}.assistance_request")
    elif detail == "assistance_answer":
        yield from _answer_violations(content.assistance_answer, f"{path}.assistance_answer")


def day_fault(content: NoticeContent) -> str | None:
    """What is wrong with the day that is kept of a request, whoever sealed it."""
    request = content.assistance_request
    return date_fault(request.respond_by) if request.HasField("respond_by") else None


def _request_violations(request: AssistanceRequest, path: str) -> Iterator[Violation]:
    if request.HasField("period_from") and 0 < day_of(request.period_until) < day_of(request.period_from):
        yield Violation(f"{path}.period_until", "must not be before period_from")


def _answer_violations(answer: AssistanceAnswer, path: str) -> Iterator[Violation]:
    if answer.replies and answer.outcome not in _WITH_REPLIES:
        yield Violation(f"{path}.replies", "must be empty unless outcome is PARTIAL or COMPLETE")
    if answer.HasField("expected_by") and answer.outcome not in _WITH_MORE_TO_COME:
        yield Violation(f"{path}.expected_by", "must be absent unless outcome is ACCEPTED or PARTIAL")
