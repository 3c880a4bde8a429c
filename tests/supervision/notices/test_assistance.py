"""What a request for assistance and an answer may say, and what a case amounts to."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regulator.exchange.v1.assistance_pb2 import AssistanceAnswer
from regulator.exchange.v1.assistance_service_pb2 import AssistanceCase
from regulator.exchange.v1.notice_pb2 import Reference
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.errors import AssistanceClosed, BadInput, NotAllowed, WrongState
from gateway.supervision.acts.assistance import Asked, check_answer
from gateway.supervision.notices.assistance import (
    CLOSED,
    ENDED,
    MAX_ANSWERS,
    AnswerRecord,
    is_overdue,
    outcome_of,
    record_of,
    state_of,
)
from gateway.supervision.notices.content import content_violations, kind_of
from gateway.supervision.rules.fields import field_violations
from tests.supervision.assistance_samples import Question, Reply, answering, asking, day
from tests.supervision.samples import content, record
from tests.supervision.sharing_samples import english

A = AssistanceAnswer
OUTCOMES = [value for value in A.Outcome.values() if value]
STATES = [value for value in Notice.State.values() if value]
records = st.builds(AnswerRecord, st.just("kr-1"), st.sampled_from(OUTCOMES), st.sampled_from(STATES))


def fields_of(found: Any) -> list[str]:
    return [each.field.removeprefix("notice.content.") for each in found]


def broken(made: Any) -> list[str]:
    return fields_of(field_violations(made) + content_violations(made))


def test_a_request_and_each_outcome_of_an_answer_are_valid():
    assert broken(asking()) == []
    assert kind_of(asking()) == Notice.ASSISTANCE_REQUEST
    for outcome in OUTCOMES:
        ground = A.PUBLIC_INTEREST if outcome == A.DECLINED else A.GROUND_UNSPECIFIED
        made = answering(outcome=outcome, ground=ground)
        assert broken(made) == []
        assert kind_of(made) == Notice.ASSISTANCE_ANSWER


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"measures": []}, "assistance_request.measures"),
        ({"measures": [1, 1]}, "assistance_request.measures"),
        ({"measures": [99]}, "assistance_request.measures[0]"),
        ({"legal_basis": ""}, "assistance_request.legal_basis"),
        ({"purpose": []}, "assistance_request.purpose"),
        ({"questions": []}, "assistance_request.questions"),
        ({"questions": [Question(key="A!", text=english("Who?"))]}, "assistance_request.questions[0].key"),
        ({"questions": [Question(key="1")]}, "assistance_request.questions[0].text"),
        ({"questions": [Question(key="1", text=english("Who?"))] * 2}, "assistance_request.questions"),
        ({"requested_authority": "F S"}, "assistance_request.requested_authority"),
        ({"respond_by": day(20260230)}, "assistance_request.respond_by"),
        ({"period_from": day(20260102), "period_until": day(20260101)}, "assistance_request.period_until"),
    ],
)
def test_a_request_that_breaks_a_rule_is_told_by_its_field(changes, field):
    assert broken(asking(**changes)) == [field]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"request": "notices/HK"}, "assistance_answer.request"),
        ({"outcome": 0}, "assistance_answer.outcome"),
        ({"outcome": A.DECLINED}, "assistance_answer.ground"),
        ({"ground": A.PUBLIC_INTEREST}, "assistance_answer.ground"),
        ({"outcome": A.ACCEPTED, "replies": [Reply(question="1", text=english("X."))]}, "assistance_answer.replies"),
        ({"replies": [Reply(question="1", text=english("X."))] * 2}, "assistance_answer.replies"),
        ({"replies": [Reply(question="1")]}, "assistance_answer.replies[0].text"),
        ({"expected_by": day(20260301)}, "assistance_answer.expected_by"),
        ({"case_reference": "a\nb"}, "assistance_answer.case_reference"),
    ],
)
def test_an_answer_that_breaks_a_rule_is_told_by_its_field(changes, field):
    assert field in broken(answering(**changes))


@given(st.lists(records), st.sampled_from(STATES), st.randoms())
def test_the_state_of_a_case_does_not_depend_on_the_order_of_its_answers(answers, request, random):
    state = state_of(request, answers)
    random.shuffle(answers)
    assert state_of(request, answers) == state


@given(st.lists(records), st.sampled_from(STATES))
def test_a_case_is_in_the_state_of_the_highest_answer_that_stands(answers, request):
    standing = [each.outcome for each in answers if each.state not in ENDED]
    state = state_of(request, answers)
    if request in ENDED:
        assert state == AssistanceCase.WITHDRAWN
    else:
        assert outcome_of(state) == max(standing, default=0)
        assert (state in CLOSED) == any(each in (A.DECLINED, A.COMPLETE) for each in standing)


def test_a_case_is_overdue_after_its_day_until_it_is_closed():
    for state in [each for each in AssistanceCase.State.values() if each]:
        assert is_overdue(state, 20260131, 20260201) == (state not in CLOSED)
        assert not is_overdue(state, 20260131, 20260131)
        assert not is_overdue(state, 0, 20260201)


def test_what_is_kept_of_a_request_and_of_an_answer():
    assert record_of(asking(requested_authority="FSS", respond_by=day(20260131))) == ("", 0, "FSS", 20260131)
    assert record_of(answering("hk-9")) == ("hk-9", A.COMPLETE, "", 0)
    assert record_of(content()) is None


# --- before an answer is sealed ---------------------------------------------------------------------------------------


def asked(**changes: Any) -> Asked:
    of_notice = {"direction": Notice.INCOMING, "state": Notice.RECEIVED, "kind": Notice.ASSISTANCE_REQUEST}
    notice = record(**(of_notice | changes.pop("notice", {})))
    return Asked(notice, **({"authority": "", "questions": ("1", "2"), "answers": ()} | changes))


def answered(*outcomes: int, state: int = Notice.RELEASED) -> list[AnswerRecord]:
    return [AnswerRecord(f"kr-{number}", outcome, state) for number, outcome in enumerate(outcomes, 1)]


def check(made: Any, to: Asked | None) -> None:
    check_answer(made, "HK", to, "notice.content")


@pytest.mark.parametrize(
    "to",
    [
        None,
        asked(notice={"direction": Notice.OUTGOING}),
        asked(notice={"sender": "SG"}),
        asked(notice={"kind": Notice.INCIDENT}),
    ],
)
def test_an_answer_is_to_a_request_of_its_recipient(to):
    with pytest.raises(BadInput) as error:
        check(answering(), to)
    assert fields_of(error.value.violations) == ["assistance_answer.request"]


def test_only_the_authority_that_was_asked_answers():
    check(answering(), asked(authority="FSC"))
    with pytest.raises(NotAllowed, match="FSS"):
        check(answering(), asked(authority="FSS"))


@pytest.mark.parametrize("state", [Notice.WITHDRAWN, Notice.SUPERSEDED])
def test_a_request_that_stands_no_more_is_not_answered(state):
    with pytest.raises(WrongState):
        check(answering(), asked(notice={"state": state}))


@pytest.mark.parametrize("closing", [A.DECLINED, A.COMPLETE])
def test_a_closed_case_takes_answers_only_once_what_closed_it_is_gone(closing):
    with pytest.raises(AssistanceClosed) as error:
        check(answering(), asked(answers=answered(A.ACCEPTED, closing)))
    assert error.value.metadata["notice"] == "hk-1"
    check(answering(), asked(answers=answered(closing, state=Notice.WITHDRAWN)))
    supersedes = [Reference(relation=Reference.SUPERSEDES, notice="notices/kr-1")]
    check(answering(references=supersedes), asked(answers=answered(closing)))
    relates = [Reference(relation=Reference.RELATES_TO, notice="notices/kr-1")]
    with pytest.raises(AssistanceClosed):
        check(answering(references=relates), asked(answers=answered(closing)))


def test_a_case_takes_so_many_answers_and_no_more():
    check(answering(), asked(answers=answered(*[A.PARTIAL] * (MAX_ANSWERS - 1))))
    with pytest.raises(AssistanceClosed):
        check(answering(), asked(answers=answered(*[A.PARTIAL] * MAX_ANSWERS)))


def test_a_reply_is_to_a_question_of_the_request():
    replies = [Reply(question=key, text=english("X.")) for key in ("2", "3", "1", "9")]
    with pytest.raises(BadInput) as error:
        check(answering(replies=replies), asked())
    fields = ["assistance_answer.replies[1].question", "assistance_answer.replies[3].question"]
    assert fields_of(error.value.violations) == fields
    check(answering(replies=replies), asked(questions=None))
