"""Finds out that the replica of a peer that has the stream stands still, where another one of it would go on.

A process that is paused ends no connection: its machine answers for it. A ping tells of it, but only late: on a thin
line it waits behind megabytes, and nothing can go before what the machine has taken to send. So where something is
awaited and nothing comes, new connections are begun side by side, to that replica and to the others. A line that is
thin delays them all; a process that stands still completes none. Only then the stream is given up, and another dialled.

Without another replica there is nothing to compare with. Where nothing comes for minutes, which no batch takes on a
line that pings get through, the stream is given up all the same: the peer may have lost it, whatever the reason.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

PATIENCE_SECONDS = 5.0  # without any message, while one is awaited
QUICK_SECONDS = 2.0  # in which another replica has to answer
LONG_SECONDS = 8.0  # in which the one that is silent may
PAUSE_SECONDS = 15.0  # after a silence that meant nothing
LONGEST_SECONDS = 300.0  # of silence, whatever it means
LOOK_SECONDS = 1.0

STANDS_STILL = "the replica that has the stream stands still, and another one answers"
SHOWS_NO_LIFE = "for minutes the peer has neither answered nor taken what is sent"

Reach = Callable[[str], Coroutine[Any, Any, None]]
"""Connects to an address, with TLS, and returns once that stands; raises, or is cancelled, where it does not."""


class Silence:
    """Listens on one stream.

    Args:
        reach: connects
        address: that has the stream
        others: of the peer
    """

    def __init__(self, reach: Reach, address: str, others: Sequence[str]) -> None:
        self._reach, self._address, self._others = reach, address, others
        self._heard = asyncio.get_running_loop().time()

    def heard(self) -> None:
        """Takes that a message came, or went."""
        self._heard = asyncio.get_running_loop().time()

    async def wait(self, is_awaited: Callable[[], bool]) -> str:
        """Returns why the stream is to be given up, once it is: another replica answers, or it took far too long.

        Args:
            is_awaited: tells whether the peer owes a message, or has to take one
        """
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not is_awaited():
                self.heard()
                continue
            before = self._heard
            if self._silent_seconds() >= LONGEST_SECONDS:
                return SHOWS_NO_LIFE
            if self._others and self._silent_seconds() >= PATIENCE_SECONDS:
                if await self._stands_still() and self._heard == before:
                    return STANDS_STILL
                await asyncio.sleep(PAUSE_SECONDS)

    def _silent_seconds(self) -> float:
        return asyncio.get_running_loop().time() - self._heard

    async def _stands_still(self) -> bool:
        here = asyncio.create_task(self._reach(self._address))
        there = [asyncio.create_task(self._reach(each)) for each in self._others]
        try:
            await asyncio.wait([here, *there], timeout=QUICK_SECONDS)
            if not any(map(_is_reached, there)) or _is_reached(here):
                return False
            await asyncio.wait([here], timeout=LONG_SECONDS - QUICK_SECONDS)
            return not _is_reached(here)
        finally:
            for task in (here, *there):
                task.cancel()
            await asyncio.gather(here, *there, return_exceptions=True)


def _is_reached(task: "asyncio.Task[None]") -> bool:
    return task.done() and not task.cancelled() and task.exception() is None
