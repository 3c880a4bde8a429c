"""What a stream's caller is told where the node ends the stream: over a real connection, whatever is under way."""

import asyncio
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from prometheus_client import CollectorRegistry
from regulator.exchange.v1.peer_service_pb2 import ExchangeRequest, ExchangeResponse, Position

from gateway.metrics.instruments import Instruments
from gateway.rpc.guard import Guard
from gateway.rpc.intake import make_server
from gateway.rpc.journaling import Journaling
from gateway.rpc.quotas import Quota, Quotas
from gateway.rpc.rates import Rate

METHOD = "/regulator.exchange.v1.PeerService/Exchange"
SECONDS = 60


async def _journal(*_entries: object) -> None:
    """Keeps nothing."""


@pytest.fixture
def guard() -> Guard:
    who = SimpleNamespace(identity="peer", caller=None)
    admission: Any = SimpleNamespace(admit=lambda *_: who)
    writer: Any = SimpleNamespace(journal=_journal)
    quotas = Quotas(lambda _: Quota(Rate(1e6, 1000), 10, 10), time.monotonic_ns)
    journaling = Journaling(writer, lambda *_: None)
    return Guard(admission, SECONDS, quotas, lambda _: 2**20, journaling, Instruments(CollectorRegistry()))


async def test_a_stream_that_is_ended_while_an_answer_is_written_tells_so(guard: Guard):
    """Else its caller waits for ever: gRPC sends no status after a write that was broken off."""

    async def behaviour(_requests: object, _context: object) -> AsyncIterator[ExchangeResponse]:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().call_soon(task.cancel)
        yield ExchangeResponse(position=Position())
        await asyncio.Event().wait()

    server = make_server(guard.guarded, [], 10, lambda *_: None)
    handler = grpc.stream_stream_rpc_method_handler(
        behaviour, ExchangeRequest.FromString, ExchangeResponse.SerializeToString
    )
    server.add_registered_method_handlers("regulator.exchange.v1.PeerService", {"Exchange": handler})
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", [("grpc.enable_http_proxy", 0)]) as channel:
            call = channel.stream_stream(METHOD)(timeout=SECONDS)
            assert ExchangeResponse.FromString(await call.read()).HasField("position")
            assert await call.code() == grpc.StatusCode.UNAVAILABLE
    finally:
        await server.stop(0)
