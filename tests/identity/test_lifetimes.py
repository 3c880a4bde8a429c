"""When the end of a certificate is told."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.identity.lifetimes import WARNING_DAYS, Lifetime, warnings
from tests.support.certificates import DAY, NOW


def told(left: timedelta) -> list[str]:
    return list(warnings([Lifetime("TLS of this node", "ab" * 32, NOW + left)], NOW))


def test_each_mark_has_its_words_and_nothing_is_said_before_the_first():
    assert told(31 * DAY) == []
    said = [told(days * DAY)[0].rpartition(": ")[2] for days in (30, 8, 7, 2, 1, 0, -5)]
    month, week, day = (f"at most {days} days left" for days in WARNING_DAYS)
    ended = "it has ended"
    assert said == [month, month, week, week, day, ended, ended]


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=30)), st.timedeltas(timedelta(0), timedelta(1)))
def test_the_words_stay_the_same_until_the_next_mark(left: timedelta, later: timedelta):
    certificate = Lifetime("TLS of this node", "ab" * 32, NOW + left)
    seen = {next(iter(warnings([certificate], NOW + each)), "") for each in (timedelta(0), later)}
    assert len(seen) <= 2
