"""A paired node that breaks the protocol: its stream ends with a reason, and neither log nor other peer notices."""

import queue
from collections.abc import Iterator

import grpc
import pytest
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.peer_service_pb2 import Batch, ExchangeRequest, ExchangeResponse, Hello, Recover

from gateway.rpc.status import DOMAIN
from tests.rpc.calls import DEADLINE_SECONDS, PEER, Answer, connected, node_files, refusal, unharmed
from tests.rpc.conftest import Nodes
from tests.supervision.samples import HK_TO_KR, content
from tests.support.nodes import eventually

SG_TO_HK = "gateway.sg.example/to/gateway.hk.example"
KR_TO_HK = "gateway.kr.example/to/gateway.hk.example"
BAD_INPUT, BROKEN = "BAD_INPUT", "REMOTE_PROTOCOL_ERROR"


def hello(**parts: object) -> ExchangeRequest:
    return ExchangeRequest(hello=Hello(**{"versions": [1], "origin": SG_TO_HK} | parts))


def batch(**parts: object) -> ExchangeRequest:
    return ExchangeRequest(batch=Batch(**parts))


@pytest.fixture(scope="module")
def channel(nodes: Nodes) -> Iterator[grpc.Channel]:
    pair = node_files(nodes.sg)
    with connected(nodes.hk, nodes.hk.peer_port, pair) as channel:
        yield channel


def exchange(channel: grpc.Channel, *requests: ExchangeRequest | bytes) -> Answer:
    """Sends it all, and reads until the stream ends."""
    sent = [each if isinstance(each, bytes) else each.SerializeToString() for each in requests]
    try:
        *_, last = [b"", *channel.stream_stream(PEER)(iter(sent), timeout=DEADLINE_SECONDS)]
    except grpc.RpcError as error:
        return refusal(error)
    return Answer(grpc.StatusCode.OK, data=last)


BREACHES = {
    "garbage": ([b"\xff" * 64], BAD_INPUT),
    "a message cut short": ([hello().SerializeToString()[:-3]], BAD_INPUT),
    "groups 10,000 deep": ([b"\x0b" * 10_000], BAD_INPUT),
    "no step": ([ExchangeRequest()], BAD_INPUT),
    "a step nobody knows": ([b"\xfa\x3f\x00"], BAD_INPUT),
    "an origin that is no UTF-8": ([b"\x0a\x04\x12\x02\xff\xfe"], BAD_INPUT),
    "a batch before the greeting": ([batch(envelopes=[b"x"])], BROKEN),
    "recovery before the greeting": ([ExchangeRequest(recover=Recover())], BROKEN),
    "two greetings": ([hello(), hello()], BROKEN),
    "a version nobody speaks": ([hello(versions=[99])], BROKEN),
    "no version": ([hello(versions=[])], BROKEN),
    "the channel of another peer": ([hello(origin=KR_TO_HK)], BROKEN),
    "a channel of the callee": ([hello(origin=HK_TO_KR)], BROKEN),
    "no channel": ([hello(origin="")], BROKEN),
    "a size without a checkpoint": ([hello(size=5)], BROKEN),
    "a checkpoint that is none": ([hello(size=5, checkpoint=b"\xff\0")], BROKEN),
    "a size past all bounds": ([hello(size=2**64 - 1, checkpoint=b"x")], BROKEN),
    "an empty batch": ([hello(), batch()], BROKEN),
    "a batch without a checkpoint": ([hello(), batch(envelopes=[b"x"])], BROKEN),
    "a batch from the future": ([hello(), batch(first_index=2**64 - 1, envelopes=[b"x"], checkpoint=b"y")], BROKEN),
    "a batch of a million": ([hello(), batch(envelopes=[b""] * 1_000_000, checkpoint=b"y")], BROKEN),
}


@pytest.mark.parametrize("name", BREACHES)
def test_a_breach_of_the_protocol(nodes, channel, name):
    requests, reason = BREACHES[name]
    with unharmed(nodes.hk):
        answer = exchange(channel, *requests)
    assert answer.code in {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION}
    assert [(info.reason, info.domain) for info in answer.infos] == [(reason, DOMAIN)]
    assert "Traceback" not in answer.text


def test_a_message_of_64_mebibytes_is_not_even_read(nodes, channel):
    with unharmed(nodes.hk):
        assert exchange(channel, bytes(64 * 2**20)).code == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_newer_stream_ends_the_older_one(channel):
    """The sender dials anew only after it lost what it had."""
    sent: queue.Queue[bytes | None] = queue.Queue()
    sent.put(hello().SerializeToString())
    older = channel.stream_stream(PEER)(iter(sent.get, None), timeout=DEADLINE_SECONDS)
    assert ExchangeResponse.FromString(next(older)).HasField("position")
    assert ExchangeResponse.FromString(exchange(channel, hello()).data).HasField("position")
    with pytest.raises(grpc.RpcError) as ended:
        next(older)
    sent.put(None)
    assert refusal(ended.value).reason == "UNAVAILABLE"


def test_large_messages_that_are_refused_leave_room_for_others(channel):
    """Else the third one of a peer waits for ever, and with it each batch of more than 64 KiB."""
    for _ in range(5):
        assert exchange(channel, hello(receipt=b"a" * 100_000)).reason == BROKEN


def test_after_all_that_the_other_peer_is_served(nodes, channel):
    for _ in range(3):
        exchange(channel, b"\xff")
    with nodes.hk.client("SFC") as client, nodes.kr.client("FSS") as other:
        name = other.create_notice(content(issuing_authority="FSS"), recipient="HK").name
        eventually(lambda: other.get_notice(name).state == Notice.DELIVERED)
        assert client.get_notice(name).state == Notice.RECEIVED
