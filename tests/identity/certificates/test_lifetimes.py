"""When the end of a certificate is told."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.identity.certificates.lifetimes import WARNING_DAYS, Lifetime, State, warnings
from gateway.identity.certificates.x509 import Window
from tests.support.certificates import DAY, NOW


def lasting(left: timedelta, **changes) -> Lifetime:
    return replace(Lifetime("TLS of this node", "", "ab" * 32, Window(NOW - DAY, NOW + left)), **changes)


@pytest.mark.parametrize(
    ("left", "state"),
    [(31 * DAY, State.VALID), (30 * DAY, State.EXPIRING), (0 * DAY, State.ENDED), (-DAY, State.ENDED)],
)
def test_the_state_goes_by_the_days_left_and_a_revocation_comes_first(left, state):
    assert lasting(left).state(NOW) == state
    assert lasting(left, revoked=True).state(NOW) == State.REVOKED


def told(left: timedelta) -> list[str]:
    return list(warnings([lasting(left)], NOW))


def test_each_mark_has_its_words_and_nothing_is_said_before_the_first():
    assert told(31 * DAY) == []
    said = [told(days * DAY)[0].rpartition(": ")[2] for days in (30, 8, 7, 2, 1, 0, -5)]
    month, week, day = (f"at most {days} days left" for days in WARNING_DAYS)
    ended = "it has ended"
    assert said == [month, month, week, week, day, ended, ended]


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=30)), st.timedeltas(timedelta(0), timedelta(1)))
def test_the_words_stay_the_same_until_the_next_mark(left: timedelta, later: timedelta):
    certificate = lasting(left)
    seen = {next(iter(warnings([certificate], NOW + each)), "") for each in (timedelta(0), later)}
    assert len(seen) <= 2
