"""The read side of a store: no caller has all of it."""

import asyncio
from threading import Event

from sqlalchemy import Connection

from gateway.journal.entries import CALL_RECORD, CallRecord, Requester
from gateway.store.readers import CALLER_AT_ONCE
from tests.store.stores import Opened

ASKED = 5 * CALLER_AT_ONCE


async def test_who_asks_for_much_at_once_leaves_readers_for_others(hk: Opened):
    """Each such read may take as long as a large page takes, and its caller may have hundreds of calls."""
    begun, ends = asyncio.Semaphore(0), Event()
    loop = asyncio.get_running_loop()

    def long(_connection: Connection) -> None:
        loop.call_soon_threadsafe(begun.release)
        ends.wait()

    async def called(client: str, read) -> None:
        CALL_RECORD.set(CallRecord(Requester(client), "/x.Y/Z") if client else None)
        await hk.readers.run(read)

    asked = [asyncio.create_task(called("one", long)) for _ in range(ASKED)]
    try:
        async with asyncio.timeout(60):
            for _ in range(CALLER_AT_ONCE):
                await begun.acquire()
            for client in ("another", ""):
                await asyncio.create_task(called(client, lambda _connection: None))
        assert begun.locked(), "no more of the first have begun"
    finally:
        ends.set()
        await asyncio.gather(*asked)
    assert begun._value == ASKED - CALLER_AT_ONCE


async def test_who_hangs_up_gives_no_turn_back_before_its_read_has_ended(hk: Opened):
    """No thread can be stopped: who calls with short deadlines, again and again, would have all of them."""
    begun, ends = asyncio.Semaphore(0), Event()
    loop = asyncio.get_running_loop()

    def long(_connection: Connection) -> None:
        loop.call_soon_threadsafe(begun.release)
        ends.wait()

    async def called(client: str, read) -> None:
        CALL_RECORD.set(CallRecord(Requester(client), "/x.Y/Z"))
        await hk.readers.run(read)

    hung_up = [asyncio.create_task(called("one", long)) for _ in range(CALLER_AT_ONCE)]
    try:
        async with asyncio.timeout(60):
            for _ in hung_up:
                await begun.acquire()
            for each in hung_up:
                each.cancel()
            asked = [asyncio.create_task(called("one", long)) for _ in range(ASKED)]
            await asyncio.create_task(called("another", lambda _connection: None))
        assert begun.locked(), "none of the others have begun"
    finally:
        ends.set()
        told = await asyncio.gather(*hung_up, *asked, return_exceptions=True)
    assert [isinstance(each, asyncio.CancelledError) for each in told] == [True] * len(hung_up) + [False] * ASKED
