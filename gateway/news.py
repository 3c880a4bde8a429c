"""Waiting on the loop: for the next news of something, or for an event but not for ever."""

import asyncio
from contextlib import suppress


class News:
    """Wakes all who wait for the next of something; on the loop's thread alone."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def next(self) -> asyncio.Event:
        """Gives what is set by the next news: take it before you look, then nothing is missed."""
        return self._next

    def wake(self) -> None:
        """Wakes all who wait."""
        woken, self._next = self._next, asyncio.Event()
        woken.set()


async def wait_at_most(event: asyncio.Event, seconds: float) -> None:
    """Waits until an event is set, or so long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
