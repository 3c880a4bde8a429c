import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.errors import WrongState
from gateway.supervision.notices import states
from gateway.supervision.notices.records import Place, etag_of
from gateway.supervision.notices.states import ALLOWED, ARRIVALS, Act, Arrival, require
from tests.supervision.samples import HK_TO_KR, KR_TO_HK, record

STATES = Notice.State.values()[1:]
ENDED = {Notice.WITHDRAWN, Notice.SUPERSEDED}
ACK, BACK, ATTACHED = Place(KR_TO_HK, 4), Place(HK_TO_KR, 9), Place(KR_TO_HK, 5)

FACTS = {
    Arrival.RECEIPT: lambda known: states.receipted(known, 1_767_225_700, 20),
    Arrival.ACKNOWLEDGEMENT: lambda known: states.acknowledged(known, ACK),
    Arrival.WITHDRAWAL: lambda known: states.withdrawn(known, BACK, "hk-2"),
    Arrival.SUPERSESSION: lambda known: states.superseded(known, "hk-3"),
    Arrival.ATTACHMENTS: lambda known: states.attached(known, ATTACHED),
}


def after(known, *arrivals: Arrival):
    for arrival in arrivals:
        known = FACTS[arrival](known)
    return known


# --- tables -------------------------------------------------------------------------------------------------


def test_every_arrival_is_told_for_every_state():
    assert set(ARRIVALS) == set(itertools.product(STATES, Arrival))
    assert set(ARRIVALS.values()) <= set(STATES)


def test_what_has_ended_stays_so():
    assert all(ARRIVALS[state, arrival] == state for state in ENDED for arrival in Arrival)


def test_no_arrival_goes_back():
    rank = {Notice.RELEASED: 0, Notice.RECEIVED: 0, Notice.DELIVERED: 1, Notice.ACKNOWLEDGED: 2}
    for (state, _), following in ARRIVALS.items():
        assert rank.get(following, 3) >= rank.get(state, 3)


def test_no_state_of_one_side_leads_to_one_of_the_other():
    assert all(ARRIVALS[Notice.RECEIVED, arrival] != Notice.DELIVERED for arrival in Arrival)
    assert Notice.RECEIVED not in {
        ARRIVALS[state, arrival] for state in STATES for arrival in Arrival if state != Notice.RECEIVED
    }


def test_every_act_is_told_and_none_on_what_has_ended():
    assert set(ALLOWED) == set(Act)
    assert all(not ENDED & set(allowed) for _, allowed in ALLOWED.values())


@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("direction", [Notice.OUTGOING, Notice.INCOMING])
@pytest.mark.parametrize("state", STATES)
def test_an_act_passes_where_the_table_says_so_and_nowhere_else(act, direction, state):
    way, allowed = ALLOWED[act]
    known = record(direction=direction, state=state)
    if direction == way and state in allowed:
        require(known, act)
    else:
        with pytest.raises(WrongState):
            require(known, act)


def test_a_refused_act_says_what_would_be_allowed():
    with pytest.raises(WrongState) as refused:
        require(record(state=Notice.WITHDRAWN), Act.SUPERSEDE)
    assert refused.value.metadata == {
        "notice": "hk-1",
        "state": "WITHDRAWN",
        "direction": "OUTGOING",
        "allowed": "RELEASED, DELIVERED, ACKNOWLEDGED",
    }
    assert "supersede needs an outgoing notice in state RELEASED" in refused.value.message


def test_only_the_receiver_acknowledges():
    with pytest.raises(WrongState, match="acknowledge needs an incoming notice in state RECEIVED"):
        require(record(), Act.ACKNOWLEDGE)


# --- facts --------------------------------------------------------------------------------------------------


def test_each_fact_is_recorded_with_what_it_brings():
    known = after(record(), *Arrival)
    assert known.receipt_time == 1_767_225_700
    assert known.acknowledged_at == ACK
    assert (known.withdrawn_at, known.withdrawn_by) == (BACK, "hk-2")
    assert known.superseded_by == "hk-3"
    assert known.attached_at == ATTACHED


@pytest.mark.parametrize("arrivals", list(itertools.permutations([Arrival.RECEIPT, Arrival.ATTACHMENTS])))
def test_a_notice_with_attachments_is_delivered_once_its_receiver_has_them(arrivals):
    known = after(record(attachment_count=2), *arrivals)
    assert (known.state, known.receipt_time is not None, known.attached_at) == (Notice.DELIVERED, True, ATTACHED)
    assert after(record(attachment_count=2), Arrival.RECEIPT).state == Notice.RELEASED


@pytest.mark.parametrize("arrival", Arrival)
def test_a_fact_is_recorded_once_by_the_first_that_brings_it(arrival):
    known = after(record(), arrival)
    later = {
        Arrival.RECEIPT: lambda: states.receipted(known, 5, 20),
        Arrival.ACKNOWLEDGEMENT: lambda: states.acknowledged(known, Place(KR_TO_HK, 99)),
        Arrival.WITHDRAWAL: lambda: states.withdrawn(known, Place(HK_TO_KR, 99)),
        Arrival.SUPERSESSION: lambda: states.superseded(known, "hk-99"),
        Arrival.ATTACHMENTS: lambda: states.attached(known, Place(KR_TO_HK, 99)),
    }
    assert later[arrival]() is known


@pytest.mark.parametrize("arrival", Arrival)
def test_each_new_fact_is_a_new_revision_with_another_etag(arrival):
    known = after(record(), arrival)
    assert known.revision == 2
    assert etag_of(known) != etag_of(record())


def test_a_receipt_delivers_what_is_released():
    assert after(record(), Arrival.RECEIPT).state == Notice.DELIVERED


def test_an_acknowledgement_may_come_before_the_receipt():
    known = after(record(), Arrival.ACKNOWLEDGEMENT, Arrival.RECEIPT)
    assert known.state == Notice.ACKNOWLEDGED
    assert known.receipt_time is not None


def test_an_acknowledgement_of_what_was_withdrawn_is_recorded_and_no_more():
    known = after(record(), Arrival.WITHDRAWAL, Arrival.ACKNOWLEDGEMENT)
    assert known.state == Notice.WITHDRAWN
    assert known.acknowledged_at == ACK


def test_a_receipt_for_what_was_superseded_records_the_time_and_no_more():
    known = after(record(), Arrival.SUPERSESSION, Arrival.RECEIPT)
    assert known.state == Notice.SUPERSEDED
    assert known.receipt_time == 1_767_225_700


@given(st.permutations([Arrival.RECEIPT, Arrival.ACKNOWLEDGEMENT, Arrival.WITHDRAWAL]))
def test_the_order_of_facts_does_not_matter(order):
    assert after(record(), *order) == after(record(), Arrival.RECEIPT, Arrival.ACKNOWLEDGEMENT, Arrival.WITHDRAWAL)


@given(st.lists(st.sampled_from(Arrival)))
def test_facts_may_be_told_any_number_of_times(arrivals):
    known = after(record(), *arrivals)
    assert known == after(record(), *dict.fromkeys(arrivals))
    assert known.revision == 1 + len(set(arrivals))


@pytest.mark.parametrize(("gone", "state"), [(19, Notice.RELEASED), (20, Notice.DELIVERED), (None, Notice.DELIVERED)])
def test_a_receipt_for_the_certificate_that_there_was_none_delivers_nothing(gone, state):
    known = record(state=Notice.RELEASED, destroyed_at=Place(HK_TO_KR, gone) if gone else None)
    taken = states.receipted(known, 5, 20)
    assert (taken.state, taken.receipt_time, taken.revision) == (state, 5, known.revision + 1)
