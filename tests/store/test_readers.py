"""The read side of a store: no caller has all of it."""

import asyncio
from collections.abc import Callable
from threading import Event

import pytest
from sqlalchemy import Connection

from gateway.journal.entries import CALL_RECORD, CallRecord, Requester
from gateway.store.readers import CALLER_AT_ONCE
from tests.store.stores import Opened

ASKED = 5 * CALLER_AT_ONCE


class Reads:
    """Reads of a store: each of ``long`` has begun once more, and lasts until all may end."""

    def __init__(self, store: Opened) -> None:
        self.begun, self.ends = asyncio.Semaphore(0), Event()
        self._store, self._loop = store, asyncio.get_running_loop()

    def long(self, _connection: Connection) -> None:
        self._loop.call_soon_threadsafe(self.begun.release)
        self.ends.wait()

    async def called(self, client: str, read: Callable[[Connection], None]) -> None:
        """For a call of a client; empty: the node reads by itself."""
        CALL_RECORD.set(CallRecord(Requester(client), "/x.Y/Z") if client else None)
        await self._store.readers.run(read)


@pytest.fixture
async def reads(hk: Opened) -> Reads:
    return Reads(hk)


async def test_who_asks_for_much_at_once_leaves_readers_for_others(reads: Reads):
    """Each such read may take as long as a large page takes, and its caller may have hundreds of calls."""
    long, called = reads.long, reads.called
    asked = [asyncio.create_task(called("one", long)) for _ in range(ASKED)]
    try:
        async with asyncio.timeout(60):
            for _ in range(CALLER_AT_ONCE):
                await reads.begun.acquire()
            for client in ("another", ""):
                await asyncio.create_task(called(client, lambda _connection: None))
        assert reads.begun.locked(), "no more of the first have begun"
    finally:
        reads.ends.set()
        await asyncio.gather(*asked)
    assert reads.begun._value == ASKED - CALLER_AT_ONCE


async def test_who_hangs_up_gives_no_turn_back_before_its_read_has_ended(reads: Reads):
    """No thread can be stopped: who calls with short deadlines, again and again, would have all of them."""
    long, called = reads.long, reads.called
    hung_up = [asyncio.create_task(called("one", long)) for _ in range(CALLER_AT_ONCE)]
    try:
        async with asyncio.timeout(60):
            for _ in hung_up:
                await reads.begun.acquire()
            for each in hung_up:
                each.cancel()
            asked = [asyncio.create_task(called("one", long)) for _ in range(ASKED)]
            await asyncio.create_task(called("another", lambda _connection: None))
        assert reads.begun.locked(), "none of the others have begun"
    finally:
        reads.ends.set()
        told = await asyncio.gather(*hung_up, *asked, return_exceptions=True)
    assert [isinstance(each, asyncio.CancelledError) for each in told] == [True] * len(hung_up) + [False] * ASKED
