"""The policy alone: which failures pass, how long the waits are, where attempts end."""

import pytest
from grpc import StatusCode
from hypothesis import given
from hypothesis import strategies as st
from regulator.exchange.errors import CLASSES, Details, ExchangeError, Overloaded, Unavailable
from regulator.exchange.progress import LONGEST_ASKED_SECONDS, RESUMED, Progress
from regulator.exchange.retry import BASE_SECONDS, CAP_SECONDS, Attempts, jitter_seconds
from regulator.exchange.v1.event_service_pb2 import Event, WatchEventsRequest, WatchEventsResponse

GONE = Unavailable("gone", StatusCode.UNAVAILABLE)
dice = st.floats(0, 1)


def highest() -> float:
    return 1.0


def later(seconds: float) -> Overloaded:
    return Overloaded("full", StatusCode.RESOURCE_EXHAUSTED, Details(retry_after_seconds=seconds))


@given(failures=st.integers(0, 100_000), thrown=dice)
def test_a_wait_is_never_longer_than_the_cap(failures, thrown):
    assert 0 <= jitter_seconds(failures, lambda: thrown) <= CAP_SECONDS


def test_the_bound_of_the_waits_doubles_up_to_the_cap():
    bounds = [jitter_seconds(failures, highest) for failures in range(6)]
    assert bounds == [BASE_SECONDS, BASE_SECONDS * 2, BASE_SECONDS * 4, BASE_SECONDS * 8, CAP_SECONDS, CAP_SECONDS]


def test_the_jitter_is_full():
    assert jitter_seconds(4, lambda: 0.0) == 0.0
    assert jitter_seconds(4, lambda: 0.5) == CAP_SECONDS / 2


def test_attempts_end_after_their_number():
    attempts = Attempts(max_attempts=3, ends_at=1e9)
    assert attempts.wait_seconds(GONE, 0.0, highest) == BASE_SECONDS
    assert attempts.wait_seconds(GONE, 0.0, highest) == BASE_SECONDS * 2
    assert attempts.wait_seconds(GONE, 0.0, highest) is None


def test_where_no_number_bounds_them_attempts_end_with_the_deadline():
    """A node that is started again answers nothing for some seconds: four attempts were over after one."""
    attempts, now, tried = Attempts(max_attempts=None, ends_at=10.0), 0.0, 1
    while (wait := attempts.wait_seconds(GONE, now, lambda: 0.5)) is not None:
        now, tried = now + wait, tried + 1
    assert now > 10.0 - CAP_SECONDS / 2
    assert tried < 12


def test_one_attempt_is_never_repeated():
    assert Attempts(max_attempts=1, ends_at=1e9).wait_seconds(GONE, 0.0, highest) is None


@pytest.mark.parametrize("code", CLASSES)
def test_only_what_passes_is_tried_again(code):
    error = CLASSES[code]("no", code)
    wait = Attempts(max_attempts=3, ends_at=1e9).wait_seconds(error, 0.0, highest)
    assert (wait is not None) == (code is StatusCode.UNAVAILABLE)


def test_the_nodes_own_wait_comes_before_the_jitter():
    attempts = Attempts(max_attempts=3, ends_at=1e9)
    assert attempts.wait_seconds(later(2.0), 0.0, highest) == 2.0 + BASE_SECONDS


@given(now=st.floats(0, 100), ends_at=st.floats(0, 100), asked=st.floats(0, 50), thrown=dice)
def test_a_wait_ends_before_the_deadline_or_is_none(now, ends_at, asked, thrown):
    attempts = Attempts(max_attempts=9, ends_at=ends_at)
    wait = attempts.wait_seconds(later(asked), now, lambda: thrown)
    assert wait is None or (wait >= asked and now + wait < ends_at)
    assert attempts.remaining_seconds(now) == max(0.0, ends_at - now)


def test_a_watch_resumes_from_its_last_cursor():
    progress = Progress("", [Event.NOTICE_RECEIVED], from_now=True)
    assert progress.request() == WatchEventsRequest(kinds=[Event.NOTICE_RECEIVED], from_now=True)
    progress.seen(WatchEventsResponse(cursor="7"))
    assert progress.request() == WatchEventsRequest(cursor="7", kinds=[Event.NOTICE_RECEIVED])


def test_a_message_without_a_cursor_leaves_the_cursor():
    progress = Progress("5", (), from_now=False)
    progress.seen(WatchEventsResponse())
    assert progress.cursor == "5"


def test_a_watch_waits_longer_each_time_until_a_message_comes():
    progress = Progress("", (), from_now=False)
    assert [progress.pause_seconds(GONE, highest) for _ in range(5)][-1] == CAP_SECONDS
    progress.seen(WatchEventsResponse(cursor="1"))
    assert progress.pause_seconds(None, highest) == BASE_SECONDS
    assert progress.pause_seconds(later(9.0), lambda: 0.0) == 9.0


def test_a_watch_does_not_stay_away_for_ever_because_it_is_asked_to():
    """No deadline bounds it, as it does a call."""
    assert Progress("", (), from_now=False).pause_seconds(later(1e9), lambda: 0.0) == LONGEST_ASKED_SECONDS


@pytest.mark.parametrize("code", CLASSES)
def test_a_watch_raises_what_resuming_would_not_mend(code):
    error = CLASSES[code]("no", code)
    progress = Progress("", (), from_now=False)
    if code in RESUMED:
        assert progress.pause_seconds(error, highest) == BASE_SECONDS
    else:
        with pytest.raises(ExchangeError) as caught:
            progress.pause_seconds(error, highest)
        assert caught.value is error
