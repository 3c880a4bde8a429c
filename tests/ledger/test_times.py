"""Which times of a peer are taken."""

import pytest

from gateway.errors import Untrusted
from gateway.ledger.times import MAX_AHEAD_SECONDS, MAX_SHOWN_SECONDS, receipt_time, require_come
from tests.ledger.samples import LATER, envelopes, head_of, receipt_of

LEAVES = envelopes(2)


@pytest.mark.parametrize("signed", [head_of(LEAVES, time=LATER), receipt_of(LEAVES, time=LATER)])
def test_what_is_an_hour_ahead_is_taken_and_a_second_more_is_not(signed):
    require_come(signed, LATER - MAX_AHEAD_SECONDS)
    require_come(signed, LATER + 10 * MAX_AHEAD_SECONDS)
    with pytest.raises(Untrusted, match="more than an hour ahead"):
        require_come(signed, LATER - MAX_AHEAD_SECONDS - 1)


@pytest.mark.parametrize(
    ("now", "kept", "shown", "expected"),
    [
        (LATER, None, 0, LATER),
        (LATER, LATER + 9, 0, LATER + 9),
        (LATER, LATER - 9, LATER + 9, LATER + 9),
        (LATER, None, LATER + MAX_SHOWN_SECONDS, LATER + MAX_SHOWN_SECONDS),
        (LATER, LATER + 2 * MAX_SHOWN_SECONDS, LATER + 2 * MAX_SHOWN_SECONDS, LATER + 2 * MAX_SHOWN_SECONDS),
    ],
)
def test_a_receipt_is_of_now_or_of_when_the_newest_one_was_given(now, kept, shown, expected):
    assert receipt_time(now, receipt_of(LEAVES, time=kept) if kept else None, shown) == expected


@pytest.mark.parametrize("kept", [None, LATER, LATER + MAX_SHOWN_SECONDS])
def test_no_receipt_is_given_as_of_more_than_two_hours_ahead_since_a_sender_shows_such(kept):
    with pytest.raises(Untrusted, match="more than two hours ahead"):
        receipt_time(LATER, receipt_of(LEAVES, time=kept) if kept else None, LATER + MAX_SHOWN_SECONDS + 1)
