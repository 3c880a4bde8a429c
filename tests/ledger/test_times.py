"""Which times of a peer are taken."""

import pytest

from gateway.errors import Untrusted
from gateway.ledger.times import MAX_AHEAD_SECONDS, require_come
from tests.ledger.samples import LATER, envelopes, head_of, receipt_of

LEAVES = envelopes(2)


@pytest.mark.parametrize("signed", [head_of(LEAVES, time=LATER), receipt_of(LEAVES, time=LATER)])
def test_what_is_an_hour_ahead_is_taken_and_a_second_more_is_not(signed):
    require_come(signed, LATER - MAX_AHEAD_SECONDS)
    require_come(signed, LATER + 10 * MAX_AHEAD_SECONDS)
    with pytest.raises(Untrusted, match="more than an hour ahead"):
        require_come(signed, LATER - MAX_AHEAD_SECONDS - 1)
