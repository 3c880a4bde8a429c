"""A node whose database was put back waits for each sender to show what it had; one that says nothing has shown it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

import pytest

from gateway.alarms import Alarms
from gateway.carrier import Message
from gateway.ledger import steps
from gateway.questions.links import Links
from gateway.replicas import Alone
from gateway.rpc.admission import PEER
from gateway.rpc.allowances import Allowances
from gateway.rpc.peer import PeerServicer, Taking
from gateway.store.backlog import Backlog
from gateway.store.bulletin import Bulletin
from tests.store.exchanging import carrier_of, resources_of, settle
from tests.store.stores import KR_TO_HK, NOW, Opened


async def becomes(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


async def said(messages: "asyncio.Queue[Message]") -> AsyncIterator[Message]:
    while True:
        yield await messages.get()


@pytest.fixture
def bulletin(hk: Opened) -> Bulletin:
    return Bulletin(hk.committer.latest(), Backlog({}, lambda: 0, lambda *_: None))


@pytest.fixture
def servicer(hk: Opened, bulletin: Bulletin) -> PeerServicer:
    nothing, allowances = lambda *_: None, Allowances(2**40, Alarms(hk.committer, lambda: NOW), lambda: NOW)
    parts = hk.parties, resources_of(hk), bulletin, Links(), Alone(), nothing
    return PeerServicer(*parts, Taking(None, allowances))  # type: ignore[arg-type]


async def test_a_stream_that_was_up_before_has_shown_all_and_needs_to_say_nothing_more(hk, kr, bulletin, servicer):
    await kr.release("kr-1")
    await settle(hk, kr)
    messages = asyncio.Queue[Message]()
    await (await carrier_of(kr, KR_TO_HK, messages)).feed(steps.Opened())
    PEER.set(hk.parties.peers["KR"])
    async with aclosing(servicer.Exchange(said(messages), None)) as answers:
        assert (await anext(answers)).position.size == 1
        await hk.committer.submit(lambda tx: tx.await_senders())
        assert hk.state(KR_TO_HK).unheard
        bulletin.publish(hk.committer.latest())
        await becomes(lambda: not hk.state(KR_TO_HK).unheard)
