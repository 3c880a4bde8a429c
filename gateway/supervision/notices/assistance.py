"""Requests for assistance and the answers to them: what is kept of them, and the state of a case.

Both are details of notices, so that nothing else is needed to seal, deliver, approve, keep and destroy them. A case
is a request with its answers, and its state is not kept: it is what the answers amount to that stand. So it is the
same in whatever order the two channels of a pair bring them, and once an answer is withdrawn or superseded.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from regulator.exchange.v1.assistance_pb2 import AssistanceAnswer, AssistanceRequest
from regulator.exchange.v1.assistance_service_pb2 import AssistanceCase
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.moments import day_of
from gateway.supervision.notices.content import notice_id

CASE_PREFIX = "assistanceCases/"

MAX_ANSWERS = 256
"""To one request, those that stand no more included: a case is told whole."""

ENDED: tuple[Notice.State.ValueType, ...] = (Notice.WITHDRAWN, Notice.SUPERSEDED)
"""The states of a notice that stands no more."""

CLOSED: tuple[AssistanceCase.State.ValueType, ...] = (
    AssistanceCase.DECLINED,
    AssistanceCase.ANSWERED,
    AssistanceCase.WITHDRAWN,
)

_STATES: Mapping[AssistanceAnswer.Outcome.ValueType, AssistanceCase.State.ValueType] = {
    AssistanceAnswer.OUTCOME_UNSPECIFIED: AssistanceCase.OPEN,
    AssistanceAnswer.ACCEPTED: AssistanceCase.ACCEPTED,
    AssistanceAnswer.PARTIAL: AssistanceCase.PARTLY_ANSWERED,
    AssistanceAnswer.DECLINED: AssistanceCase.DECLINED,
    AssistanceAnswer.COMPLETE: AssistanceCase.ANSWERED,
}


class AssistanceRecord(NamedTuple):
    """What a node knows of a request, or of an answer, beside its content; of the other one, nothing."""

    request_id: str = ""  # of the notice that an answer is to; empty of a request
    outcome: AssistanceAnswer.Outcome.ValueType = AssistanceAnswer.OUTCOME_UNSPECIFIED  # of an answer
    requested_authority: str = ""  # of a request; empty: none by name
    respond_by: int = 0  # of a request, 20260131; 0: no day is set


class AnswerRecord(NamedTuple):
    """An answer, as far as a case's state follows from it. ``state``: of its notice."""

    notice_id: str
    outcome: AssistanceAnswer.Outcome.ValueType
    state: Notice.State.ValueType


def case_name(request_id: str) -> str:
    """The resource name of a case: ``assistanceCases/hk-2026-021``."""
    return CASE_PREFIX + request_id


def case_id(name: str) -> str:
    """The id in a case's name, which is that of the notice that asks."""
    return name.removeprefix(CASE_PREFIX)


def state_of(request: Notice.State.ValueType, answers: Iterable[AnswerRecord]) -> AssistanceCase.State.ValueType:
    """The state of a case, of the state of its request and all its answers."""
    standing = (each.outcome for each in answers if each.state not in ENDED)
    return state_by(request, max(standing, default=AssistanceAnswer.OUTCOME_UNSPECIFIED))


def state_by(
    request: Notice.State.ValueType, highest: AssistanceAnswer.Outcome.ValueType
) -> AssistanceCase.State.ValueType:
    """The state of a case, of its request's state and the highest outcome among the answers that stand; 0: none."""
    return AssistanceCase.WITHDRAWN if request in ENDED else _STATES[highest]


def outcome_of(state: AssistanceCase.State.ValueType) -> AssistanceAnswer.Outcome.ValueType | None:
    """The highest outcome of a case in a state; None of WITHDRAWN, which has any."""
    return next((outcome for outcome, each in _STATES.items() if each == state), None)


def is_overdue(state: AssistanceCase.State.ValueType, respond_by: int, today: int) -> bool:
    """Whether an answer was hoped for before ``today`` (20260131), and the case is not closed."""
    return 0 < respond_by < today and state not in CLOSED


def record_of(content: NoticeContent) -> AssistanceRecord | None:
    """What is kept of a request or an answer; None of other content."""
    detail = content.WhichOneof("detail")
    if detail == "assistance_request":
        request = content.assistance_request
        return AssistanceRecord(requested_authority=request.requested_authority, respond_by=day_of(request.respond_by))
    if detail == "assistance_answer":
        answer = content.assistance_answer
        return AssistanceRecord(notice_id(answer.request), answer.outcome)
    return None


def question_keys(request: AssistanceRequest) -> tuple[str, ...]:
    """The keys of a request's questions, in order."""
    return tuple(each.key for each in request.questions)
