"""Answers under four eyes: what was true when one was written need not be when it is approved."""

import pytest
from regulator.exchange.v1.assistance_pb2 import AssistanceAnswer
from regulator.exchange.v1.draft_service_pb2 import Draft

from gateway.errors import AssistanceClosed, BadInput, WrongState
from gateway.store.assistance.queries import read_case
from gateway.supervision.disclosure import EVERYTHING
from tests.store.drafting import Drafting, notice_draft
from tests.store.exchanging import settle
from tests.store.stores import Opened, refused
from tests.supervision.assistance_samples import answering, asking, day


@pytest.fixture
def kind() -> str:
    """What is asked of the writer is the same on both databases."""
    return "sqlite"


@pytest.fixture
async def drafting(hk: Opened, kr: Opened) -> Drafting:
    """Korea asked; two answers of Hong Kong wait for approval."""
    await kr.release("kr-1", assistance_request=asking(requested_authority="SFC").assistance_request)
    await settle(hk, kr)
    return Drafting(hk)


def answer(outcome: AssistanceAnswer.Outcome.ValueType = AssistanceAnswer.COMPLETE, **changes: object) -> Draft:
    return notice_draft(made=answering("kr-1", outcome=outcome, issuing_authority="SFC", **changes))


async def outcomes(store: Opened) -> list[int]:
    case = await store.read(read_case, EVERYTHING, "kr-1")
    assert case
    return [each.outcome for each in case.answers]


async def test_an_answer_that_is_approved_once_the_case_is_closed_is_not_given(hk: Opened, drafting: Drafting):
    first, second = await drafting.pending(answer()), await drafting.pending(answer(AssistanceAnswer.PARTIAL))
    await drafting.approve(first)
    error = await refused(drafting.approve(second))
    assert isinstance(error, AssistanceClosed)
    assert (await drafting.get(second)).state == Draft.PENDING_APPROVAL
    assert await outcomes(hk) == [AssistanceAnswer.COMPLETE]


async def test_an_answer_that_is_approved_once_the_request_is_withdrawn_is_not_given(
    hk: Opened, kr: Opened, drafting: Drafting
):
    pending = await drafting.pending(answer())
    await kr.withdraw("kr-1")
    await settle(kr, hk)
    assert isinstance(await refused(drafting.approve(pending)), WrongState)
    assert await outcomes(hk) == []


async def test_an_answer_that_was_approved_is_known_at_both_nodes(hk: Opened, kr: Opened, drafting: Drafting):
    await drafting.approve(await drafting.pending(answer()))
    await settle(hk, kr)
    assert await outcomes(hk) == await outcomes(kr) == [AssistanceAnswer.COMPLETE]


async def test_a_draft_whose_day_is_past_when_it_is_submitted_is_refused(drafting: Drafting):
    past = answer(AssistanceAnswer.ACCEPTED, expected_by=day(20251231))
    assert isinstance(await refused(drafting.pending(past)), BadInput)
