"""What is asked before an answer to a request for assistance is sealed.

As in ``acts``, each check raises or passes, and what the caller may not see is not there.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from regulator.exchange.v1.assistance_pb2 import AssistanceAnswer
from regulator.exchange.v1.assistance_service_pb2 import AssistanceCase
from regulator.exchange.v1.notice_pb2 import NoticeContent, Reference
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.errors import AssistanceClosed, BadInput, NotAllowed, Violation, WrongState
from gateway.supervision.notices.assistance import CLOSED, MAX_ANSWERS, AnswerRecord, state_of
from gateway.supervision.notices.content import notice_id
from gateway.supervision.notices.records import NoticeRecord
from gateway.supervision.notices.states import HELD

_TAKES_PLACE = (Reference.SUPERSEDES, Reference.WITHDRAWS)


class Asked(NamedTuple):
    """A request that is to be answered, as it is now.

    Attributes:
        notice: that asks
        authority: that is asked; empty: none by name
        questions: their keys; None: they are destroyed
        answers: those before
    """

    notice: NoticeRecord
    authority: str
    questions: Collection[str] | None
    answers: Collection[AnswerRecord]


def check_asked(content: NoticeContent, authorities: Collection[str], path: str) -> None:
    """Passes if ``content`` asks no authority for assistance by name, or one that can answer.

    Args:
        content: of a notice
        authorities: codes of those of its recipient; none: they are not known
        path: of the content in the request

    Raises:
        BadInput: nobody there could answer.
    """
    code = content.assistance_request.requested_authority
    if code and authorities and code not in authorities:
        field, known = f"{path}.assistance_request.requested_authority", ", ".join(sorted(authorities))
        raise BadInput.of(field, f"must be empty, or an authority of the recipient: {known}")


def check_answer(content: NoticeContent, recipient: str, asked: Asked | None, path: str) -> None:
    """Passes if ``content`` can answer a request now.

    Args:
        content: with an answer
        recipient: of the answer, a jurisdiction
        asked: the request that it names; None: there is none that may be seen
        path: of the content in the request

    Raises:
        BadInput: there is no such request of the recipient, or no such question.
        NotAllowed: another authority was asked.
        WrongState: the request is withdrawn or superseded.
        AssistanceClosed: it has been answered.
    """
    answer, path = content.assistance_answer, f"{path}.assistance_answer"
    if asked is None or asked.notice.direction != Notice.INCOMING or asked.notice.sender != recipient:
        raise BadInput.of(f"{path}.request", f"must be a request for assistance that {recipient} gave")
    if asked.notice.kind != Notice.ASSISTANCE_REQUEST:
        raise BadInput.of(f"{path}.request", "must be a notice whose detail is an assistance_request")
    if asked.authority not in ("", content.issuing_authority):
        raise NotAllowed(f"{answer.request} asks {asked.authority}: no other authority answers it")
    _check_open(asked, content.references)
    if asked.questions is not None:
        _check_questions(answer, asked.questions, path)


def _check_open(asked: Asked, references: Iterable[Reference]) -> None:
    request_id = asked.notice.id
    if asked.notice.state not in HELD:
        found = Notice.State.Name(asked.notice.state)
        raise WrongState(
            f"the request {request_id} is {found}, and needs no answer",
            notice=request_id,
            state=found,
            allowed=", ".join(map(Notice.State.Name, HELD)),
        )
    replaced = {notice_id(each.notice) for each in references if each.relation in _TAKES_PLACE}
    state = state_of(asked.notice.state, (each for each in asked.answers if each.notice_id not in replaced))
    if state in CLOSED:
        name = AssistanceCase.State.Name(state)
        raise AssistanceClosed(
            f"the request {request_id} is {name}: withdraw or supersede the answer that closed it, or leave it",
            notice=request_id,
            state=name,
        )
    if len(asked.answers) >= MAX_ANSWERS:
        words = f"the request {request_id} has {MAX_ANSWERS} answers, and takes no more"
        raise AssistanceClosed(words, notice=request_id, state=AssistanceCase.State.Name(state))


def _check_questions(answer: AssistanceAnswer, known: Collection[str], path: str) -> None:
    strange = [place for place, reply in enumerate(answer.replies) if reply.question not in known]
    if strange:
        words = f"must be the key of a question of the request: {', '.join(known)}"
        raise BadInput(Violation(f"{path}.replies[{place}].question", words) for place in strange)
