"""What a listener tells whoever connects, and how long it lets a connection be: HTTP/2, read frame by frame."""

import asyncio
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from prometheus_client import CollectorRegistry

from gateway.metrics.instruments import Instruments
from gateway.rates import Rate
from gateway.rpc.journaling import Journaling
from gateway.rpc.quotas import Quota, Quotas
from gateway.rpc.server import MAX_METADATA_BYTES, MAX_STREAMS_A_CONNECTION, Listener, _server
from gateway.telemetry.tracing import OFF

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
SETTINGS, GOAWAY = 4, 7
MOST_STREAMS, MOST_HEADER_BYTES = 3, 6  # settings (RFC 9113, section 6.5.2)
SECONDS = 60


def listener(**changes: Any) -> Listener:
    nothing: Any = None
    usual = {
        "address": "127.0.0.1:0",
        "material": nothing,
        "admission": nothing,
        "max_deadline_seconds": SECONDS,
        "max_connection_age_seconds": 3600,
        "drain_seconds": 1.0,
        "max_calls": 10,
        "quotas": Quotas(lambda _: Quota(Rate(1, 1), 1, 1), time.monotonic_ns),
        "journaling": Journaling(nothing, lambda *_: None),
        "instruments": Instruments(CollectorRegistry()),
        "tracing": OFF,
    }
    return Listener(**(usual | changes))


@asynccontextmanager
async def connected(wanted: Listener) -> AsyncIterator[asyncio.StreamReader]:
    """A connection, over which nothing is asked."""
    server = _server(wanted, 2**20, lambda _: 2**20)
    port = server.add_insecure_port(wanted.address)
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(PREFACE)
        async with asyncio.timeout(SECONDS):
            yield reader
    finally:
        writer.close()
        await server.stop(0)


async def next_frame(reader: asyncio.StreamReader, wanted: int) -> bytes:
    """What the next frame of a kind holds."""
    while True:
        head = await reader.readexactly(9)
        body = await reader.readexactly(int.from_bytes(head[:3]))
        if head[3] == wanted:
            return body


async def test_a_connection_is_told_how_many_streams_and_how_much_metadata_it_may_have():
    async with connected(listener()) as reader:
        told = dict(struct.iter_unpack(">HI", await next_frame(reader, SETTINGS)))
    assert (told[MOST_STREAMS], told[MOST_HEADER_BYTES]) == (MAX_STREAMS_A_CONNECTION, MAX_METADATA_BYTES)


async def test_a_connection_is_closed_gently_once_it_is_old():
    async with connected(listener(max_connection_age_seconds=1)) as reader:
        assert await next_frame(reader, GOAWAY)
