"""How often it is looked for files that a peer names: readers are there for others, whatever it never sends."""

import asyncio
from types import SimpleNamespace

import pytest

from gateway.rpc import peer_attachments
from gateway.rpc.peer_attachments import SHORT_LOOK_SECONDS
from gateway.store.attachments.queries import Wanted
from tests.store.carrying import Ends
from tests.store.stores import Opened

STREAMS = 3


class Looked:
    """A reader that takes so long, by a clock that moves by that and by what is slept."""

    def __init__(self, took: float, monkeypatch: pytest.MonkeyPatch) -> None:
        self.took, self.now, self.at_once, self.most, self.slept = took, 0.0, 0, 0, list[float]()
        self._yield = asyncio.sleep
        monkeypatch.setattr(peer_attachments, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(asyncio, "sleep", self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await self._yield(0)

    async def wanted(self, _peer: str, _beside: int) -> list[Wanted]:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await self._yield(0)
        self.now += self.took
        self.at_once -= 1
        return []


@pytest.mark.parametrize("took", [10.0, SHORT_LOOK_SECONDS / 2], ids=["long", "short"])
async def test_streams_of_a_peer_look_one_after_the_other_and_no_more_than_half_of_the_time(
    hk: Opened, monkeypatch: pytest.MonkeyPatch, took: float
):
    ends, looked = Ends(hk, "KR"), Looked(took, monkeypatch)
    monkeypatch.setattr(ends.receiving, "wanted", looked.wanted)
    assert await asyncio.gather(*(ends.wanting._next("KR") for _ in range(STREAMS))) == [None] * STREAMS
    assert looked.most == 1
    assert looked.slept == ([took] * (STREAMS - 1) if took > SHORT_LOOK_SECONDS else [])


async def test_a_stream_that_ends_during_its_look_makes_no_way_for_another_one_before_that_has_ended(
    hk: Opened, monkeypatch: pytest.MonkeyPatch
):
    """No thread can be stopped: who dials, and hangs up, again and again would have all readers look for its files."""
    ends, begun, may_end = Ends(hk, "KR"), asyncio.Semaphore(0), asyncio.Event()

    async def wanted(_peer: str, _beside: int) -> list[Wanted]:
        begun.release()
        await may_end.wait()
        return []

    monkeypatch.setattr(ends.receiving, "wanted", wanted)
    first = asyncio.create_task(ends.wanting._next("KR"))
    await begun.acquire()
    first.cancel()
    second = asyncio.create_task(ends.wanting._next("KR"))
    for _ in range(10):
        await asyncio.sleep(0)
    assert (begun.locked(), first.done()) == (True, False)
    may_end.set()
    assert await second is None
    assert (begun.locked(), first.cancelled()) == (False, True)
