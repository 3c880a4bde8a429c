"""A peer's stream leaves nothing behind: once it is closed, no part of it runs, whatever was under way."""

import asyncio

from gateway.carrier import Carrier, Message
from gateway.ledger import steps
from gateway.rpc.admission import PEER
from gateway.rpc.peer import OUTBOX, PeerServicer
from tests.store.exchanging import carrier_of
from tests.store.stores import KR_TO_HK, Opened
from tests.store.test_hearing import becomes, bulletin, said, servicer  # noqa: F401 - fixtures


async def greeting(kr: Opened) -> tuple[Carrier, "asyncio.Queue[Message]"]:
    """A sender that has a notice to send; and what it says."""
    await kr.release("kr-1")
    messages = asyncio.Queue[Message]()
    sender = await carrier_of(kr, KR_TO_HK, messages)
    await sender.feed(steps.Opened())
    return sender, messages


async def test_a_stream_that_is_ended_while_its_peer_says_nothing(hk: Opened, kr: Opened, servicer: PeerServicer):  # noqa: F811
    """What reads its messages must have ended before they are closed: who closes them then fails, and is told so."""
    _, messages = await greeting(kr)
    PEER.set(hk.parties.peers["KR"])
    before, requests = asyncio.all_tasks(), said(messages)
    answers = servicer.Exchange(requests, None)
    await anext(answers)
    await answers.aclose()
    await requests.aclose()
    await asyncio.sleep(0)  # in which what was cancelled ends
    assert asyncio.all_tasks() == before


async def test_a_stream_that_is_ended_while_its_peer_reads_nothing(hk: Opened, kr: Opened, servicer: PeerServicer):  # noqa: F811
    """Answers wait then, as many as may: what makes them must not wait for room."""
    sender, messages = await greeting(kr)
    PEER.set(hk.parties.peers["KR"])
    before, requests = asyncio.all_tasks(), said(arriving := asyncio.Queue[Message]())
    arriving.put_nowait(messages.get_nowait())
    answers = servicer.Exchange(requests, None)
    await sender.feed((await anext(answers)).position)
    batch = messages.get_nowait()
    for _ in range(OUTBOX + 1):  # each is answered by a receipt
        arriving.put_nowait(batch)
    await becomes(arriving.empty)
    async with asyncio.timeout(60):
        await answers.aclose()
    await requests.aclose()
    await asyncio.sleep(0)  # in which what was cancelled ends
    assert asyncio.all_tasks() == before
