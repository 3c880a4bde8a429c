"""A certificate ends while its bearer is connected, or has a session to resume: nothing more is served."""

import queue
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import TypeVar

import grpc
import pytest
from regulator.exchange.v1.event_service_pb2 import WatchEventsResponse
from regulator.exchange.v1.peer_service_pb2 import ExchangeResponse

from tests.rpc import strangers
from tests.rpc.calls import EVENTS, PEER, SERVER_INFO, call, connected, files, refusal, sizes
from tests.rpc.conftest import Nodes
from tests.rpc.raw import Http2, tls, tls_context
from tests.rpc.test_handshakes import HELLO
from tests.supervision.samples import content
from tests.support.nodes import eventually

LIVES_SECONDS = (3, 15, 50)
OK = "0"

T = TypeVar("T")


def before_its_end(prepare: Callable[[datetime], T]) -> T:
    """What is prepared with a certificate that then has ended; on a busy machine it is one that lives longer."""
    for life in LIVES_SECONDS:
        end = strangers.now().replace(microsecond=0) + timedelta(seconds=life)
        try:
            made = prepare(end)
        except (AssertionError, OSError, grpc.RpcError):
            if strangers.now() < end or life == LIVES_SECONDS[-1]:
                raise
        else:
            eventually(lambda end=end: strangers.now() > end + timedelta(seconds=1))
            return made
    raise AssertionError


@pytest.fixture
def open_things() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_a_client_is_refused_once_its_certificate_has_ended(nodes: Nodes, open_things: ExitStack):
    def connect(end: datetime):
        pair = files(strangers.desk(nodes, not_after=end))
        channel = open_things.enter_context(connected(nodes.hk, nodes.hk.back_office_port, pair))
        context = tls_context(nodes.hk, pair)
        http = Http2(open_things.enter_context(tls(nodes.hk, nodes.hk.back_office_port, context)))
        watch = channel.unary_stream(f"{EVENTS}WatchEvents")(b"\x10\x01")  # from_now
        assert call(channel, SERVER_INFO, b"").code == grpc.StatusCode.OK
        assert http.call(SERVER_INFO) == OK
        assert not WatchEventsResponse.FromString(next(watch)).HasField("event")
        assert http.wire.session.has_ticket
        return channel, http, watch, context

    channel, http, watch, context = before_its_end(connect)
    session, before = http.wire.session, sizes(nodes.hk)
    assert call(channel, SERVER_INFO, b"").code == grpc.StatusCode.UNAUTHENTICATED
    assert http.call(SERVER_INFO) == str(grpc.StatusCode.UNAUTHENTICATED.value[0])
    assert resumed(nodes, context, session) != OK
    with nodes.hk.client("SFC") as good:  # something to tell, which the watch must not
        good.create_notice(content(), recipient="SG")
    with pytest.raises(grpc.RpcError) as refused:
        next(watch)
    assert refusal(refused.value).code == grpc.StatusCode.UNAUTHENTICATED
    assert sum(sizes(nodes.hk).values()) == sum(before.values()) + 1


def resumed(nodes: Nodes, context, session) -> str:
    """What a call comes to on a connection that resumes a session; empty if there was no connection."""
    try:
        with tls(nodes.hk, nodes.hk.back_office_port, context, session) as wire:
            return Http2(wire).call(SERVER_INFO)
    except OSError:
        return ""


def test_a_peer_is_refused_with_its_next_message_once_its_certificate_has_ended(nodes: Nodes, open_things: ExitStack):
    def connect(end: datetime):
        pair = files(strangers.node(nodes, not_after=end))
        channel = open_things.enter_context(connected(nodes.hk, nodes.hk.peer_port, pair))
        sent: queue.Queue[bytes | None] = queue.Queue()
        open_things.callback(sent.put, None)
        stream = channel.stream_stream(PEER)(iter(sent.get, None))
        sent.put(HELLO.SerializeToString())
        assert ExchangeResponse.FromString(next(stream)).HasField("position")
        return channel, sent, stream

    before = sizes(nodes.hk)
    channel, sent, stream = before_its_end(connect)
    sent.put(HELLO.SerializeToString())
    with pytest.raises(grpc.RpcError) as refused:
        next(stream)
    assert refusal(refused.value).code == grpc.StatusCode.UNAUTHENTICATED
    assert call(channel, PEER, HELLO).code == grpc.StatusCode.UNAUTHENTICATED
    assert sizes(nodes.hk) == before
