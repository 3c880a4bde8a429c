"""A stream is looked at again and again, as long as it is open and no longer."""

import asyncio

import pytest

from gateway.errors import NotAllowed
from gateway.rpc import rechecks
from gateway.rpc.rechecks import rechecked

SECONDS = 60


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rechecks, "RECHECK_SECONDS", 0.001)


class Caller:
    """Who may so often, and then no more; ``looked``: after the second look."""

    def __init__(self, times: int) -> None:
        self.times, self.asked, self.looked = times, 0, asyncio.Event()

    def ask(self) -> None:
        self.asked += 1
        if self.asked > 1:
            self.looked.set()
        if self.asked > self.times:
            raise NotAllowed("not any more")


@pytest.mark.parametrize("times", [0, 1, 5])
async def test_who_may_no_more_is_ended_however_often_it_might_before(times: int):
    caller = Caller(times)
    async with asyncio.timeout(SECONDS):
        with pytest.raises(NotAllowed):
            async with rechecked(caller.ask):
                await asyncio.Event().wait()
    assert caller.asked == times + 1


async def test_nobody_is_asked_once_the_stream_is_over():
    caller = Caller(times=1000)
    async with asyncio.timeout(SECONDS):
        async with rechecked(caller.ask):
            await caller.looked.wait()
        asked = caller.asked
        await asyncio.sleep(0.01)
    assert caller.asked == asked
