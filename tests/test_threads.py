"""Work on another thread, of a call whose caller hangs up."""

import asyncio
import threading

import pytest

from gateway.errors import BadInput
from gateway.threads import to_its_end

SECONDS = 60


async def test_it_gives_what_the_work_gives_or_raises():
    assert await to_its_end(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await to_its_end(divmod, 7, 0)


@pytest.mark.parametrize("fails", [False, True])
async def test_who_hangs_up_keeps_its_turn_until_the_work_is_done(fails):
    turn, begun, goes_on = asyncio.Semaphore(1), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        assert goes_on.wait(SECONDS)
        if fails:
            raise BadInput.of("content", "must be another")

    async def call() -> None:
        async with turn:
            await to_its_end(work)

    calling = asyncio.create_task(call())
    assert await asyncio.to_thread(begun.wait, SECONDS)
    calling.cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    assert turn.locked()
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert not turn.locked()
