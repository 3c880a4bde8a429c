"""The bound on calls a second: exact, whatever the times and whoever else calls."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import RateLimited
from gateway.rates import SECOND, Rate, Rates

RATES = st.builds(Rate, st.floats(0.1, 100_000), st.integers(1, 5000))
PAUSES = st.lists(st.integers(0, 3 * SECOND), min_size=1, max_size=200)  # nanoseconds before each call


def taken(rates: Rates, rate: Rate, now: int, caller: str = "a") -> bool:
    try:
        rates.take(caller, rate, now)
    except RateLimited:
        return False
    return True


@given(RATES)
def test_a_full_bucket_gives_its_burst_at_once_and_no_more(rate):
    rates = Rates()
    assert [taken(rates, rate, 0) for _ in range(rate.burst + 2)] == [True] * rate.burst + [False] * 2


@given(RATES, PAUSES)
def test_in_no_span_of_time_are_more_taken_than_the_burst_and_what_it_earned(rate, pauses):
    rates, now, times = Rates(), 0, []
    for pause in pauses:
        now += pause
        times += [now] if taken(rates, rate, now) else []
    for first, began in enumerate(times):
        for last in range(first, len(times)):
            assert last - first + 1 <= rate.burst + (times[last] - began) // rate.interval


@given(RATES, PAUSES)
def test_the_time_to_wait_is_true(rate, pauses):
    """After it the next call is taken; a nanosecond earlier it is not."""
    now = 0
    rates = Rates()
    for pause in pauses:
        now += pause
        try:
            rates.take("a", rate, now)
        except RateLimited as refused:
            now += round(refused.retry_after_seconds * SECOND)
            assert not taken(rates, rate, now - 1)
            assert taken(rates, rate, now)


@given(RATES, PAUSES)
def test_a_refused_call_costs_nothing(rate, pauses):
    patient, hasty, now = Rates(), Rates(), 0
    for pause in pauses:
        now += pause
        outcome = taken(hasty, rate, now)
        while outcome and taken(hasty, rate, now):
            assert taken(patient, rate, now)
        assert taken(patient, rate, now) == outcome


@given(RATES, PAUSES)
def test_nobody_else_is_touched(rate, pauses):
    rates, now = Rates(), 0
    for _ in range(rate.burst):
        rates.take("flood", rate, now)
    for pause in pauses:
        now += pause
        taken(rates, rate, now, "flood")
    alone = Rates()
    assert [taken(rates, rate, now, "other") for _ in range(10)] == [
        taken(alone, rate, now, "other") for _ in range(10)
    ]


@given(RATES, st.integers(1, 10_000))
def test_what_is_charged_is_waited_for_and_never_longer_than_a_bucket_takes(rate, calls):
    rates = Rates()
    wait = rates.charge("a", rate, calls, 0)
    assert wait == 0
    wait = round(rates.charge("a", rate, calls, 0) * SECOND)
    assert wait == max(0, 2 * min(calls, rate.burst) - rate.burst) * rate.interval
    assert not taken(rates, rate, wait - 1) or wait == 0
    assert taken(rates, rate, wait + rate.interval)


@given(RATES, PAUSES)
def test_who_waits_as_told_does_no_more_than_the_burst_and_what_it_earned(rate, pauses):
    """And one more, which is charged once it is done."""
    rates, now = Rates(), 0
    for done, pause in enumerate([0] * rate.burst + pauses, 1):
        now += pause
        now += round(rates.charge("a", rate, 1, now) * SECOND)
        assert done <= rate.burst + -(-now // rate.interval)


@given(RATES, PAUSES)
def test_who_keeps_to_the_rate_never_waits(rate, pauses):
    rates, now = Rates(), 0
    for pause in pauses:
        now += rate.interval + pause
        assert rates.charge("a", rate, 1, now) == 0


def test_the_words():
    rates = Rates()
    rates.take("a", Rate(0.5, 1), 0)
    with pytest.raises(RateLimited, match=r"at most 0\.5 calls a second") as refused:
        rates.take("a", Rate(0.5, 1), 0)
    assert refused.value.retry_after_seconds == 2
