"""What is measured, on nodes that run: each one operation, under so much load."""

import asyncio
import itertools
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

from regulator.exchange import AsyncClient, Profile
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_service_pb2 import CreateNoticeRequest, GetNoticeRequest
from regulator.exchange.v1.notice_service_pb2_grpc import NoticeServiceStub

from gateway.supervision.notices.content import new_notice_id
from tests.benchmarks import load
from tests.benchmarks.echo import ECHO, MAX_MESSAGE_BYTES, TAKE
from tests.benchmarks.processor import used_micros
from tests.benchmarks.samples import content, request
from tests.support.nodes import Site

import grpc  # isort: skip - after the TLS settings

DEADLINE_SECONDS = 600
CALL_SECONDS = 60  # every call has a deadline, the bare ones too
CALLERS_A_CONNECTION = 64
CHUNK, CHUNK_BYTES = 500, 1024 * 1024  # of a stream of notices, as the client cuts it


async def bare_calls(address: str, profile: Profile, message_bytes: int, callers: int, amount: load.Amount) -> load.Run:
    """The floor of a call: a bare unary one."""
    async with _connections(address, profile, callers) as channels:
        echoes = [channel.unary_unary(ECHO) for channel in channels]
        payload = bytes(message_bytes)
        return await amount.run(
            callers, lambda _count: lambda n: echoes[n % len(echoes)](payload, timeout=CALL_SECONDS)
        )


async def bare_stream(address: str, profile: Profile, message_bytes: int, seconds: float) -> float:
    """The floor of a stream: messages a second, cut as the client cuts a stream of notices; nothing reads them."""
    chunk = max(1, min(CHUNK, CHUNK_BYTES // message_bytes))
    payload, sent, started = bytes(chunk * message_bytes), 0, time.perf_counter()

    async def messages() -> AsyncIterator[bytes]:
        nonlocal sent
        while time.perf_counter() - started < seconds or not sent:
            yield payload
            sent += chunk

    async with _connections(address, profile, 1) as channels:
        await channels[0].stream_unary(TAKE)(messages(), timeout=DEADLINE_SECONDS)
    return sent / (time.perf_counter() - started)


async def creates(
    site: Site, message_bytes: int, callers: int, amount: load.Amount, recipients: Sequence[str] = ("KR",)
) -> load.Run:
    """CreateNotice, with the generated stub, answered once the notice is durable; to each recipient in turn."""
    made, profile = content(message_bytes), site.profile()
    async with _connections(profile.address, profile, callers) as channels:
        stubs = [NoticeServiceStub(channel).CreateNotice for channel in channels]

        def ready(count: int) -> load.Call:
            requests = [request(made, to) for to in itertools.islice(itertools.cycle(recipients), count)]
            return lambda n: stubs[n % len(stubs)](requests[n], timeout=CALL_SECONDS)

        return await amount.run(callers, ready)


async def gets(site: Site, names: Sequence[str], callers: int, amount: load.Amount) -> load.Run:
    """GetNotice, of each of these in turn."""
    profile = site.profile()
    async with _connections(profile.address, profile, callers) as channels:
        stubs = [NoticeServiceStub(channel).GetNotice for channel in channels]
        requests = [GetNoticeRequest(name=name) for name in names]

        def ready(_count: int) -> load.Call:
            return lambda n: stubs[n % len(stubs)](requests[n % len(requests)], timeout=CALL_SECONDS)

        return await amount.run(callers, ready)


async def create_to_receipt(site: Site, message_bytes: int, callers: int, amount: load.Amount) -> load.Run:
    """From the call of CreateNotice to the event that the receipt is durable at the sender."""
    made = content(message_bytes)
    arrivals: dict[str, asyncio.Event] = {}
    async with _clients(site, callers) as clients:
        watch = clients[0].watch_events(kinds=[Event.NOTICE_DELIVERED], from_now=True)
        events = aiter(watch)
        await anext(events)

        async def listen() -> None:
            async for each in events:
                arrivals.setdefault(each.event.notice, asyncio.Event()).set()

        async def deliver(number: int) -> None:
            notice = await clients[number % len(clients)].create_notice(made, recipient="KR")
            await arrivals.setdefault(notice.name, asyncio.Event()).wait()
            del arrivals[notice.name]

        listening = asyncio.create_task(listen())
        async with asyncio.timeout(DEADLINE_SECONDS):
            measured = await amount.run(callers, lambda _count: deliver)
        listening.cancel()
        await watch.close()
        return measured


async def bulk(
    site: Site,
    message_bytes: int,
    count: int,
    recipients: Sequence[str] = ("KR",),
    *,
    streams: int = 1,
    first_id: int | None = None,
) -> float:
    """Notices a second, from the first byte of SubmitNotices to the receipt that covers the last, durable here.

    Args:
        site: the sender
        message_bytes: of each
        count: of all of them, at least one a stream
        recipients: in turn
        streams: at once, each with its share
        first_id: the number of the first, if they are to be asked for afterwards (``numbered``)
    """
    made = content(message_bytes)
    ids = [""] * count if first_id is None else [numbered(n) for n in range(first_id, first_id + count)]
    requests = [request(made, to, of) for to, of in zip(itertools.cycle(recipients), ids, strict=False)]
    async with _clients(site, streams) as clients:
        shares = {to: len(range(place, count, len(recipients))) for place, to in enumerate(recipients)}
        wanted = {to: await size_of(site, clients[0], to) + share for to, share in shares.items()}
        started = time.perf_counter()
        await asyncio.gather(*(_submit(clients[n % len(clients)], requests[n::streams]) for n in range(streams)))
        for to, size in wanted.items():
            await _receipted(site, clients[0], to, size)
        return count / (time.perf_counter() - started)


async def _submit(client: AsyncClient, requests: Sequence[CreateNoticeRequest]) -> None:
    answer = await client.submit_notices(requests, chunk=CHUNK, deadline_seconds=DEADLINE_SECONDS)
    assert answer.sealed_count == len(requests), answer


def numbered(number: int) -> str:
    """The id of a notice that can be asked for afterwards: as a node makes them, in no order."""
    return new_notice_id("HK", 2026, blake2b(number.to_bytes(8), digest_size=10).digest())


async def settle(site: Site, recipients: Sequence[str] = ("KR",)) -> int:
    """Waits until everything that was sealed has its receipt; gives how many envelopes that are."""
    async with AsyncClient(_patient(site)) as client:
        sizes = [await size_of(site, client, to) for to in recipients]
        for to, size in zip(recipients, sizes, strict=True):
            await _receipted(site, client, to, size)
        return sum(sizes)


async def size_of(site: Site, client: AsyncClient, recipient: str) -> int:
    return (await client.get_channel(_channel_name(site, recipient))).size


@dataclass
class Spent:
    """Microseconds of the processor that a part of a run took, by process."""

    micros: Counter[str] = field(default_factory=Counter)

    def each(self, count: int) -> dict[str, float]:
        return {f"{who}, µs of the processor": spent / count for who, spent in self.micros.items()}

    @contextmanager
    def counting(self, **sites: Site) -> Iterator[None]:
        """Counts what nodes take in the block, and this process as ``load``."""
        pids = {name: site.pid for name, site in sites.items()} | {"load": os.getpid()}
        before = {name: used_micros(pid).total() for name, pid in pids.items()}
        yield
        self.micros.update({name: used_micros(pid).total() - before[name] for name, pid in pids.items()})


def middle(values: Sequence[float]) -> float:
    """The middle one, of several rounds."""
    return sorted(values)[len(values) // 2]


async def _receipted(site: Site, client: AsyncClient, recipient: str, size: int) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while (await client.get_channel(_channel_name(site, recipient))).receipted_size < size:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def _channel_name(site: Site, recipient: str) -> str:
    return f"channels/{site.jurisdiction.lower()}-to-{recipient.lower()}"


def _patient(site: Site) -> Profile:
    return replace(site.profile(), deadline_seconds=CALL_SECONDS)


@asynccontextmanager
async def _clients(site: Site, callers: int) -> AsyncIterator[list[AsyncClient]]:
    """As many as have so many callers on connections of their own."""
    async with AsyncExitStack() as stack:
        count = -(-callers // CALLERS_A_CONNECTION)
        yield [await stack.enter_async_context(AsyncClient(_patient(site))) for _ in range(count)]


@asynccontextmanager
async def _connections(address: str, profile: Profile, callers: int) -> AsyncIterator[list[Any]]:
    """One for so many callers each: HTTP/2 bounds the calls under way on one."""
    credentials = grpc.ssl_channel_credentials(
        profile.ca.read_bytes(), profile.key.read_bytes(), profile.certificate.read_bytes()
    )
    options = [
        ("grpc.ssl_target_name_override", profile.server_name),
        ("grpc.enable_http_proxy", 0),
        ("grpc.use_local_subchannel_pool", 1),  # or all would share one connection
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ]
    count = -(-callers // CALLERS_A_CONNECTION)
    channels = [grpc.aio.secure_channel(address, credentials, options=options) for _ in range(count)]
    try:
        yield channels
    finally:
        for channel in channels:
            await channel.close()
