"""The bound on what one caller takes."""

import pytest

from gateway.errors import Overloaded
from gateway.rpc.shares import Shares


def test_a_caller_has_so_many_calls_and_no_more_until_one_ends():
    shares = Shares(2)
    shares.take("a")
    shares.take("a")
    with pytest.raises(Overloaded, match="at most 2 calls"):
        shares.take("a")
    shares.take("b")
    shares.give_back("a")
    shares.take("a")


def test_callers_who_have_gone_are_forgotten():
    shares = Shares(1)
    for caller in ("a", "b"):
        shares.take(caller)
        shares.give_back(caller)
    assert not shares._taken
