"""The bound on what one caller takes."""

import pytest

from gateway.errors import Overloaded, RateLimited
from gateway.home.config import LimitsSection
from gateway.rates import Rate
from gateway.rpc.quotas import BYTES_A_CALL, Quota, Quotas, calls_of
from gateway.rpc.shares import Shares
from gateway.rpc.sizes import is_heavy


def test_a_caller_has_so_many_calls_and_no_more_until_one_ends():
    shares = Shares("calls")
    shares.take("a", 2)
    shares.take("a", 2)
    with pytest.raises(Overloaded, match="at most 2 calls"):
        shares.take("a", 2)
    shares.take("b", 2)
    shares.give_back("a")
    shares.take("a", 2)


def test_callers_who_have_gone_are_forgotten():
    shares = Shares("calls")
    for caller in ("a", "b"):
        shares.take(caller, 1)
        shares.give_back(caller)
    assert not shares._taken


QUOTAS = {
    "a": Quota(Rate(1, 100), calls=3, streams=1),
    "b": Quota(Rate(1, 1), calls=3, streams=1),
}


def test_a_stream_is_a_call_too():
    quotas = Quotas(QUOTAS.__getitem__, lambda: 0)
    quotas.take("a", stream=True)
    with pytest.raises(Overloaded, match="at most 1 streams"):
        quotas.take("a", stream=True)
    quotas.take("a", stream=False)
    quotas.take("a", stream=False)
    with pytest.raises(Overloaded, match="at most 3 calls"):
        quotas.take("a", stream=False)
    quotas.give_back("a", stream=True)
    quotas.take("a", stream=False)


def test_each_caller_has_its_own_rate():
    quotas = Quotas(QUOTAS.__getitem__, lambda: 0)
    quotas.take("b", stream=False)
    with pytest.raises(RateLimited):
        quotas.take("b", stream=False)
    quotas.take("a", stream=False)


def test_what_comes_within_a_call_counts_as_calls_and_of_a_node_each_message_once_by_a_rate_of_its_own():
    """Its batches are large, and wait for each other; but it may say little, and that without end."""
    quotas = Quotas(lambda caller: Quota(Rate(1, 1), 3, 1, None if caller == "client" else Rate(4, 2)), lambda: 0)
    assert [quotas.charge("client", 1), quotas.charge("client", 1)] == [0, 1]
    assert [quotas.charge("node", 2048) for _ in range(4)] == [0, 0, 0.25, 0.5]
    quotas.take("node", stream=False)


@pytest.mark.parametrize(
    ("size", "calls"), [(0, 1), (1, 1), (BYTES_A_CALL, 1), (BYTES_A_CALL + 1, 2), (8 * 2**20, 2048)]
)
def test_a_message_counts_by_its_size(size, calls):
    assert calls_of(size) == calls


@pytest.mark.parametrize(
    ("method", "heavy"),
    [
        ("FrameworkService/DiffVersions", True),
        ("FrameworkService/CompareJurisdictions", True),
        ("FrameworkService/ListProvisions", True),  # a text may be in the last of them, or in none
        ("FrameworkService/ListFrameworks", False),
        ("FrameworkService/PublishVersion", True),  # a change set is small, and what it changes is not
        ("DraftService/CreateDraft", True),  # of a change set, too
        ("DraftService/UpdateDraft", True),
        ("DraftService/ApproveDraft", True),
        ("DraftService/SubmitDraft", False),
        ("FrameworkService/GetVersion", False),
        ("NoticeService/CreateNotice", False),
    ],
)
def test_what_takes_whole_versions_to_answer_is_heavy(method, heavy):
    assert is_heavy(f"/regulator.exchange.v1.{method}") == heavy


def limit_of(error: pytest.ExceptionInfo[Overloaded]) -> str:
    return error.value.metadata["limit"]


def test_a_refusal_names_the_limit_as_the_configuration_does():
    quotas = Quotas(QUOTAS.__getitem__, lambda: 0)
    quotas.take("b", stream=False)
    with pytest.raises(RateLimited) as too_fast:
        quotas.take("b", stream=False)
    quotas.take("a", stream=True)
    with pytest.raises(Overloaded) as too_many_streams:
        quotas.take("a", stream=True)
    for _ in range(2):
        quotas.take("a", stream=False)
    with pytest.raises(Overloaded) as too_many:
        quotas.take("a", stream=False)
    found = [limit_of(each) for each in (too_fast, too_many_streams, too_many)]
    assert found == ["calls_per_second", "concurrent_streams", "concurrent_calls"]
    assert set(found) <= set(LimitsSection.model_fields)
    assert quotas.under_way() == (4, 1)
