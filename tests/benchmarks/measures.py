"""What is measured, on a pair of nodes that run and beside the floor."""

import asyncio
import time
import uuid
from collections.abc import Callable
from typing import Any

from google.type.date_pb2 import Date
from regulator.exchange import AsyncClient, Profile, notice_request
from regulator.exchange.v1 import values_pb2 as values
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_pb2 import InvestorAlert, NoticeContent
from regulator.exchange.v1.notice_service_pb2 import CreateNoticeRequest
from regulator.exchange.v1.values_pb2 import Handling

from tests.benchmarks import load
from tests.benchmarks.echo import METHOD
from tests.support.nodes import Site

import grpc  # isort: skip - after the TLS settings

DEADLINE_SECONDS = 120
CALL_SECONDS = 10  # every call has a deadline, the bare ones too


def content(message_bytes: int) -> NoticeContent:
    """An investor alert whose request has about so many bytes."""
    made = NoticeContent(
        issuing_authority="HKMA",
        sectors=[values.SECTOR_EXCHANGE],
        urgency=NoticeContent.PRIORITY,
        handling=Handling(
            tlp=Handling.AMBER,
            permitted_uses=[Handling.SUPERVISION],
            onward_sharing=Handling.CONSENT_REQUIRED,
        ),
        event_date=Date(year=2026, month=3, day=4),
        title=[values.LocalizedText(language_tag="en", text="A platform that imitates a licensed one")],
        summary=[values.LocalizedText(language_tag="en", text="x")],
        subjects=[values.Entity(name="Exercise Platform Limited", jurisdiction="HK")],
        confidence=values.CONFIDENCE_EXERCISE,
        investor_alert=InvestorAlert(reason=InvestorAlert.IMPERSONATION, domains=["www.example.com"]),
    )
    spare = message_bytes - request(made).ByteSize()
    made.summary[0].text = ("What investors should know. " * (spare // 28 + 1))[: max(1, spare)].strip()
    return made


def request(of: NoticeContent) -> CreateNoticeRequest:
    return notice_request(of, recipient="KR", request_id=str(uuid.uuid4()))


async def floor(address: str, profile: Profile, message_bytes: int, calls: int, in_flight: int) -> load.Run:
    """Bare unary calls."""
    async with _channel(address, profile) as channel:
        echo = channel.unary_unary(METHOD)
        payload = bytes(message_bytes)
        await load.run(200, in_flight, lambda _: echo(payload, timeout=CALL_SECONDS))
        return await load.run(calls, in_flight, lambda _: echo(payload, timeout=CALL_SECONDS))


async def creates(site: Site, message_bytes: int, calls: int, in_flight: int) -> load.Run:
    """CreateNotice, with the generated stub, answered once the notice is durable."""
    made = content(message_bytes)
    profile = site.profile()
    async with _channel(profile.address, profile) as channel:
        create = _stub(channel)
        warm = [request(made) for _ in range(50)]
        await load.run(len(warm), in_flight, lambda number: create(warm[number], timeout=CALL_SECONDS))
        ready = [request(made) for _ in range(calls)]  # what the load costs to make is not the node's
        return await load.run(calls, in_flight, lambda number: create(ready[number], timeout=CALL_SECONDS))


async def create_to_receipt(site: Site, message_bytes: int, calls: int) -> load.Run:
    """From the call of CreateNotice to the event that the receipt is durable at the sender, one at a time."""
    made = content(message_bytes)
    async with AsyncClient(site.profile()) as client:
        watch = client.watch_events(kinds=[Event.NOTICE_DELIVERED], from_now=True)
        events = aiter(watch)
        await anext(events)

        async def deliver(_: int) -> None:
            notice = await client.create_notice(made, recipient="KR")
            while (await anext(events)).event.notice != notice.name:
                pass

        await load.run(10, 1, deliver)
        measured = await load.run(calls, 1, deliver)
        await watch.close()
        return measured


async def bulk(site: Site, message_bytes: int, count: int) -> float:
    """Notices a second, from the first byte of SubmitNotices to the receipt that covers the last, durable here."""
    made = content(message_bytes)
    requests = [request(made) for _ in range(count)]
    async with AsyncClient(site.profile()) as client:
        before = await _receipted(client)
        started = time.perf_counter()
        answer = await client.submit_notices(requests, chunk=500, deadline_seconds=DEADLINE_SECONDS)
        assert answer.sealed_count == count, answer
        await eventually(lambda size: size >= before + count, client)
        return count / (time.perf_counter() - started)


async def settle(site: Site) -> int:
    """Waits until everything that was sealed has its receipt; gives how many envelopes that are."""
    async with AsyncClient(site.profile()) as client:
        size = (await client.get_channel("channels/hk-to-kr")).size
        await eventually(lambda receipted: receipted >= size, client)
        return size


async def eventually(condition: Callable[[int], bool], client: AsyncClient) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition(await _receipted(client)):
        assert time.monotonic() < deadline, "not receipted in time"
        await asyncio.sleep(0.01)


async def _receipted(client: AsyncClient) -> int:
    return (await client.get_channel("channels/hk-to-kr")).receipted_size


def _channel(address: str, profile: Profile) -> Any:
    credentials = grpc.ssl_channel_credentials(
        profile.ca.read_bytes(), profile.key.read_bytes(), profile.certificate.read_bytes()
    )
    options = [("grpc.ssl_target_name_override", profile.server_name), ("grpc.enable_http_proxy", 0)]
    return grpc.aio.secure_channel(address, credentials, options=options)


def _stub(channel: Any) -> Any:
    from regulator.exchange.v1.notice_service_pb2_grpc import NoticeServiceStub

    return NoticeServiceStub(channel).CreateNotice
