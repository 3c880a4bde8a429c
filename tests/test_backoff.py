"""When what failed may be tried again."""

import pytest

from gateway.backoff import FIRST_TRY_SECONDS, LONGEST_TRY_SECONDS, Backoff, NextTry


@pytest.fixture
def bounds(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float]]:
    """Between what each wait was drawn; the longest is taken."""
    drawn: list[tuple[float, float]] = []

    def longest(least: float, most: float) -> float:
        drawn.append((least, most))
        return most

    monkeypatch.setattr("random.uniform", longest)
    return drawn


def test_each_wait_is_half_of_a_bound_to_all_of_it_and_the_bound_doubles(bounds):
    backoff = Backoff(1.0, 5.0)
    assert [backoff.next_seconds() for _ in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]
    assert bounds == [(0.5, 1.0), (1.0, 2.0), (2.0, 4.0), (2.5, 5.0), (2.5, 5.0)]


def test_after_a_success_the_waits_begin_anew(bounds):
    backoff = Backoff(1.0, 5.0)
    waits = [backoff.next_seconds(), backoff.next_seconds()]
    backoff.reset()
    assert [*waits, backoff.next_seconds()] == [1.0, 2.0, 1.0]
    assert len(bounds) == 3


def test_another_longest_wait_holds_for_as_long_as_it_is_given(bounds):
    backoff = Backoff(2.0, 4.0)
    assert [backoff.next_seconds(9.0) for _ in range(4)] == [2.0, 4.0, 8.0, 9.0]
    assert [backoff.next_seconds() for _ in range(2)] == [9.0, 4.0]
    assert len(bounds) == 6


def test_what_failed_is_due_at_once_before_and_after_and_ever_later_while_it_fails(bounds):
    now = 100.0
    each = NextTry(lambda: now)
    assert each.is_due
    waits = []
    for _ in range(8):
        each.failed()
        assert not each.is_due
        waits.append(each.due - now)
        now = each.due
        assert each.is_due
    assert waits[0] == FIRST_TRY_SECONDS
    assert waits[1] == 2 * waits[0]
    assert waits[-1] == LONGEST_TRY_SECONDS
    each.failed()
    each.succeeded()
    assert each.is_due
    each.failed()
    assert each.due - now == FIRST_TRY_SECONDS
    assert len(bounds) == 10
