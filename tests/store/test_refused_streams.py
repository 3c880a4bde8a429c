"""A peer's stream that is refused is told to operators, in the log and in the status, whatever was wrong."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.alarms import Alarms
from gateway.carrier import Message
from gateway.errors import GatewayError, RateLimited, RemoteProtocolError, Untrusted
from gateway.ledger import steps
from gateway.moments import DAY_MICROS
from gateway.questions.links import Links, LinkStatus
from gateway.replicas import Alone
from gateway.rpc import peer
from gateway.rpc.admission import PEER
from gateway.rpc.allowances import Allowances
from gateway.rpc.peer import PeerServicer, Taking
from gateway.store.backlog import Backlog
from gateway.store.bulletin import Bulletin
from tests.store.exchanging import carrier_of, resources_of
from tests.store.stores import KR_TO_HK, NOW, Opened

ALLOWED_BYTES = 4000  # a day: one envelope with its signature, and the next one that is begun with
TWO_HOURS = 2 * 3_600_000_000  # microseconds
NOTHING = wire.ExchangeRequest()
NEWER = wire.ExchangeRequest(hello=wire.Hello(versions=[99], origin=KR_TO_HK))
NO_STEP = "BAD_INPUT: step: exactly one is required of hello, batch, recover"
NO_HELLO = "no Hello came within 0.01 s"
NO_VERSION = "REMOTE_PROTOCOL_ERROR: this node speaks version 1 only"


class Receiving:
    """The receiving end at Hong Kong's store, and what operators are told of it."""

    def __init__(self, hk: Opened, caplog: pytest.LogCaptureFixture) -> None:
        self.links, self._caplog = Links(), caplog
        bulletin = Bulletin(hk.committer.latest(), Backlog({}, lambda: 0, lambda *_: None))
        nothing = lambda *_: None  # noqa: E731
        parts = hk.parties, resources_of(hk), bulletin, self.links, Alone(), nothing
        self.alarms, self.now = Alarms(hk.committer, lambda: NOW), NOW
        allowances = Allowances(ALLOWED_BYTES, self.alarms, lambda: self.now)
        self.servicer = PeerServicer(*parts, Taking(None, allowances))  # type: ignore[arg-type]
        PEER.set(hk.parties.peers["KR"])

    async def refuses(self, request: wire.ExchangeRequest) -> None:
        messages = asyncio.Queue[Message]()
        messages.put_nowait(request)
        async with aclosing(self.servicer.Exchange(said(messages), None)) as answers:
            with pytest.raises(GatewayError):
                await anext(answers)

    @property
    def told(self) -> list[str]:
        lines = [record for record in self._caplog.records if record.msg == "stream_refused"]
        return [record.__dict__["fields"]["error"] for record in lines]


async def said(messages: "asyncio.Queue[Message]") -> AsyncIterator[Message]:
    while True:
        yield await messages.get()


@pytest.fixture
def receiving(hk: Opened, caplog: pytest.LogCaptureFixture) -> Receiving:
    return Receiving(hk, caplog)


@pytest.mark.parametrize(("request_", "why"), [(NOTHING, NO_STEP), (NEWER, NO_VERSION)], ids=["unreadable", "broken"])
async def test_what_cannot_be_read_is_told_like_what_breaks_the_protocol(receiving, request_, why):
    await receiving.refuses(request_)
    assert receiving.told == [why]
    assert receiving.links.of(KR_TO_HK).last_error == why


async def test_a_stream_whose_caller_does_not_say_which_channel_it_has_is_ended(receiving, monkeypatch):
    """It answers pings, and holds the channel: nothing but a newer stream of it would end this one."""
    monkeypatch.setattr(peer, "HELLO_SECONDS", 0.01)
    async with aclosing(receiving.servicer.Exchange(said(asyncio.Queue()), None)) as answers, asyncio.timeout(60):
        with pytest.raises(RemoteProtocolError, match=NO_HELLO):
            await anext(answers)
    assert receiving.told == [f"REMOTE_PROTOCOL_ERROR: {NO_HELLO}"]
    assert receiving.links.of(KR_TO_HK) == LinkStatus(last_error=receiving.told[0])


async def test_a_sender_that_has_greeted_may_have_nothing_to_say(kr, receiving, monkeypatch):
    monkeypatch.setattr(peer, "HELLO_SECONDS", 0.01)
    messages = asyncio.Queue[Message]()
    await (await carrier_of(kr, KR_TO_HK, messages)).feed(steps.Opened())
    async with aclosing(receiving.servicer.Exchange(said(messages), None)) as answers:
        assert (await anext(answers)).HasField("position")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await anext(answers)
    assert receiving.told == []


async def test_each_reason_is_told_once_in_turn(receiving):
    for request in (NOTHING, NOTHING, NEWER, NEWER, NOTHING):
        await receiving.refuses(request)
    assert receiving.told == [NO_STEP, NO_VERSION, NO_STEP]


async def test_a_reason_is_told_anew_after_a_receipt(hk, kr, receiving):
    await receiving.refuses(NOTHING)
    await kr.release("kr-1")
    await exchanged(receiving, kr)
    await receiving.refuses(NOTHING)
    assert receiving.told == [NO_STEP, NO_STEP]


async def test_a_peer_whose_clock_is_far_ahead_is_told(hk, kr, receiving):
    """Neither node's operator would learn from the other's log why nothing comes."""
    kr.clock = itertools.count(NOW + TWO_HOURS, 250_000)
    await kr.release("kr-1")
    with pytest.raises(Untrusted, match="an hour ahead"):
        await exchanged(receiving, kr)
    (why,) = receiving.told
    assert why == receiving.links.of(KR_TO_HK).last_error
    assert why.startswith("UNTRUSTED: the peer's clock is more than an hour ahead")


async def test_a_peer_that_has_sealed_its_share_of_a_day_waits_for_the_next_one_and_loses_nothing(hk, kr, receiving):
    for number in range(2):
        await kr.release(f"kr-{number}")
        await exchanged(receiving, kr)
    assert receiving.alarms.current() == ()
    await kr.release("kr-2")
    for _ in range(2):
        with pytest.raises(RateLimited) as refused:
            await exchanged(receiving, kr)
    assert refused.value.retry_after_seconds * 1_000_000 == DAY_MICROS - NOW % DAY_MICROS
    assert receiving.links.of(KR_TO_HK).last_error == receiving.told[0] == f"RATE_LIMITED: {refused.value.message}"
    assert [each.about for each in receiving.alarms.current()] == ["envelopes from KR"]
    assert hk.state(KR_TO_HK).log.size == 2
    receiving.now += DAY_MICROS
    await exchanged(receiving, kr)
    assert hk.state(KR_TO_HK).receipted_size == 3
    assert receiving.alarms.current() == ()


async def exchanged(receiving: Receiving, kr: Opened) -> None:
    """One stream, until a receipt is there."""
    messages = asyncio.Queue[Message]()
    carrier = await carrier_of(kr, KR_TO_HK, messages)
    await carrier.feed(steps.Opened())

    async with aclosing(receiving.servicer.Exchange(said(messages), None)) as answers:
        await carrier.feed((await anext(answers)).position)
        assert (await anext(answers)).HasField("receipt")
