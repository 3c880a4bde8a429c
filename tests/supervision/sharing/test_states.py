from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regulator.exchange.v1.sharing_pb2 import SharingDecided
from regulator.exchange.v1.sharing_service_pb2 import Consent

from gateway.errors import WrongState
from gateway.supervision.notices.records import Place
from gateway.supervision.sharing.records import MAX_DECISIONS, DecisionRecord
from gateway.supervision.sharing.states import AFTER, etag_of, require, state_of
from tests.supervision.samples import HK_TO_KR

NAME, TODAY = "notices/hk-1/consents/c0000001", 20260131
GRANTED, REFUSED = SharingDecided.GRANTED, SharingDecided.REFUSED
STATES = [each for each in Consent.State.values() if each]


def decision(number: int = 1, valid_until: int = 0, *, granted: bool = True) -> DecisionRecord:
    return DecisionRecord("hk-1", "c0000001", number, granted, valid_until, Place(HK_TO_KR, 0))


NEWEST = {
    Consent.REQUESTED: None,
    Consent.GRANTED: decision(valid_until=TODAY),
    Consent.REFUSED: decision(granted=False),
    Consent.EXPIRED: decision(valid_until=TODAY - 1),
}


@pytest.mark.parametrize("state", STATES)
def test_each_state_follows_from_the_newest_decision(state):
    assert state_of(NEWEST[state], TODAY) == state


@given(st.integers(20250101, 20270101), st.integers(0, 20270101))
def test_a_grant_is_in_force_up_to_its_last_day_and_without_one_always(today, until):
    in_force = state_of(decision(valid_until=until), today) == Consent.GRANTED
    assert in_force == (until == 0 or today <= until)


@pytest.mark.parametrize(("state", "wanted"), list(product(STATES, [GRANTED, REFUSED])))
def test_a_decision_passes_where_the_table_says_so_and_nowhere_else(state, wanted):
    newest = NEWEST[state]
    if (state, wanted) in AFTER:
        assert require(NAME, newest, wanted, TODAY) == (newest.number + 1 if newest else 1)
    else:
        with pytest.raises(WrongState):
            require(NAME, newest, wanted, TODAY)


def test_the_table_leads_to_what_the_decision_makes():
    for (_, wanted), after in AFTER.items():
        assert after == state_of(decision(granted=wanted == GRANTED), TODAY)


def test_only_a_refusal_of_what_is_refused_is_not_allowed():
    assert set(product(STATES, [GRANTED, REFUSED])) - set(AFTER) == {(Consent.REFUSED, REFUSED)}


@given(st.integers(1, MAX_DECISIONS))
def test_whatever_was_granted_can_be_revoked_within_the_bound(number):
    if number < MAX_DECISIONS:  # as a grant, it could be made
        assert require(NAME, decision(number), REFUSED, TODAY) == number + 1
    with pytest.raises(WrongState):
        require(NAME, decision(MAX_DECISIONS - 1), GRANTED, TODAY)


def test_an_etag_changes_with_every_decision():
    assert len({etag_of(each) for each in (None, decision(1), decision(2))}) == 3
