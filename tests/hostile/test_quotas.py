"""What one client may take, whatever it wants; the rule itself is in tests/rpc/test_rates.py and test_shares.py."""

import time
from collections.abc import Iterator

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from grpc_status import rpc_status
from regulator.exchange import AsyncClient, Client
from regulator.exchange.v1.notice_service_pb2 import CreateNoticeRequest, SubmitNoticesRequest, SubmitNoticesResponse

from gateway.rpc.server import PEER_QUOTA
from tests.hostile.conftest import SLOW, Target, assert_serves
from tests.rpc.calls import (
    DEADLINE_SECONDS,
    EVENTS,
    NOTICES,
    PEER,
    SERVER_INFO,
    bad_input,
    call,
    client_files,
    connected,
    node_files,
)
from tests.rpc.calls import refusal as refusal_of
from tests.support.nodes import eventually

BURST, PER_SECOND = 10, 10
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
QUESTION_BYTES, NOTICES_BYTES = 64 * 1024, 4 * 2**20


@pytest.fixture
def slow(target: Target) -> Iterator[grpc.Channel]:
    """A channel of the client with small bounds, whose bucket is full."""
    time.sleep(BURST / PER_SECOND)
    with connected(target.hk, target.hk.back_office_port, client_files(target.hk, *SLOW)) as channel:
        yield channel


def dial_at_once(channel: grpc.Channel) -> set[str]:
    """Dials so many times as one peer may have streams, all at once; gives why it was refused."""
    stub = channel.stream_stream(PEER)
    dialled = [stub(iter([b""]), timeout=DEADLINE_SECONDS) for _ in range(PEER_QUOTA.streams)]
    reasons = set()
    for stream in dialled:
        with pytest.raises(grpc.RpcError) as refused:
            next(stream)
        reasons.add(refusal_of(refused.value).reason)
    return reasons


def test_a_peer_dials_no_faster_than_it_may(target):
    """Each time costs the writer a look at the channel, and the journal an entry."""
    with connected(target.hk, target.hk.peer_port, node_files(target.sg)) as channel:
        reasons: set[str] = set()
        eventually(lambda: bool(reasons.update(dial_at_once(channel)) or "RATE_LIMITED" in reasons))
        # A newer stream takes the place of an older one, and of those before some may not quite have ended.
        assert reasons <= {"BAD_INPUT", "RATE_LIMITED", "UNAVAILABLE", "OVERLOADED"}
    assert_serves(target.hk)


def empty(channel: grpc.Channel) -> grpc.RpcError:
    """Calls, many at once, until the last of them is refused, so that nothing was taken since; gives the refusal."""
    stub = channel.unary_unary(SERVER_INFO)
    for _ in range(100):
        answers = [stub.future(b"", timeout=DEADLINE_SECONDS) for _ in range(2 * BURST)]
        errors = [answer.exception() for answer in answers]
        if errors[-1]:
            return errors[-1]
    raise AssertionError("it was never refused")


def test_who_calls_too_fast_is_told_when_to_come_back_and_that_is_true(target, slow):
    error = empty(slow)
    answer = refusal_of(error)
    assert (answer.code, answer.reason) == (EXHAUSTED, "RATE_LIMITED")
    retry = RetryInfo()
    assert any(detail.Unpack(retry) for detail in rpc_status.from_call(error).details)
    assert 0 < retry.retry_delay.ToTimedelta().total_seconds() <= 1 / PER_SECOND
    assert_serves(target.hk, 20)
    time.sleep(retry.retry_delay.ToTimedelta().total_seconds())
    assert call(slow, SERVER_INFO, b"").code == grpc.StatusCode.OK


def test_the_client_waits_as_long_as_it_is_told(target, slow):
    empty(slow)
    with Client(target.hk.profile(*SLOW)) as client:
        for _ in range(5):
            assert client.server_info().domain == target.hk.domain


async def test_the_client_for_asyncio_does_too(target, slow):
    empty(slow)
    async with AsyncClient(target.hk.profile(*SLOW)) as client:
        for _ in range(5):
            assert (await client.server_info()).domain == target.hk.domain


def test_a_stream_of_messages_is_read_no_faster_than_its_caller_may_call(slow):
    """Every request in it breaks a rule, so nothing is sealed."""
    messages = [SubmitNoticesRequest(requests=[CreateNoticeRequest()]).SerializeToString()] * (2 * BURST)
    began = time.monotonic()
    data = slow.stream_unary(f"{NOTICES}SubmitNotices")(iter(messages), timeout=DEADLINE_SECONDS)
    assert time.monotonic() - began > BURST / PER_SECOND / 2
    assert SubmitNoticesResponse.FromString(data).received_count == len(messages)


def test_a_client_has_so_many_streams_and_no_more(slow):
    watches = [slow.unary_stream(f"{EVENTS}WatchEvents")(b"", timeout=DEADLINE_SECONDS) for _ in range(2)]
    for watch in watches:
        next(watch)
    answer = call(slow, f"{EVENTS}WatchEvents", b"")
    assert (answer.code, answer.reason) == (EXHAUSTED, "OVERLOADED")
    assert call(slow, SERVER_INFO, b"").code == grpc.StatusCode.OK
    for watch in watches:
        watch.cancel()


@pytest.mark.parametrize(
    ("method", "most"),
    [
        (f"{NOTICES}GetNotice", QUESTION_BYTES),
        (f"{NOTICES}ListNotices", QUESTION_BYTES),
        (f"{EVENTS}WatchEvents", QUESTION_BYTES),
        (f"{NOTICES}CreateNotice", NOTICES_BYTES),
        (f"{NOTICES}SubmitNotices", NOTICES_BYTES),
    ],
)
def test_a_request_is_no_larger_than_what_its_method_asks(target, method, most):
    with connected(target.hk, target.hk.back_office_port, target.foe) as channel:
        assert bad_input(channel, method, b"\x0a" + bytes(most)) == ("request",)
