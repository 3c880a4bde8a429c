"""Carries out the messages of a stream in order, and begins with the next one while the one before is committed."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from contextvars import ContextVar
from typing import Generic, TypeVar

M = TypeVar("M")
T = TypeVar("T")

Turn = Callable[[], Awaitable[None]]
"""Waits until the message before has had its turn; what follows, up to the next wait, comes after what it did then."""

AT_ONCE = 2  # messages of one stream: one is checked while the other is committed

IN_HAND: ContextVar[AsyncExitStack] = ContextVar("in_hand")
"""What is held for the message that was read last, and let go of when the next is asked for; whoever asks for it before
the last is done takes this over (``pop_all``)."""


async def ahead(
    messages: AsyncIterator[M], act: Callable[[M, Turn], Awaitable[T]], is_enough: Callable[[], bool]
) -> AsyncGenerator[T, None]:
    """Gives what became of each message, in order. No message is kept once that is known, however long the next takes.

    Args:
        messages: a stream, as the guard gives it
        act: carries out one; it must await its turn once, before it does what must not overtake
        is_enough: asked before another message is read; what was begun is carried out all the same

    Raises:
        Exception: what ``act`` raised; what was begun after that message may be done, and is not told.
    """
    under_way = deque[_UnderWay[T]]()
    had_turn = asyncio.Event()
    had_turn.set()
    try:
        async for message in messages:
            under_way.append(_UnderWay(message, IN_HAND.get().pop_all(), act, had_turn))
            had_turn = under_way[-1].had_turn
            del message
            if len(under_way) < AT_ONCE:
                continue
            yield await under_way[0].outcome()
            under_way.popleft()
            if is_enough():
                break
        while under_way:
            yield await under_way[0].outcome()
            under_way.popleft()
    finally:
        for each in under_way:
            await each.drop()


class _UnderWay(Generic[T]):
    """A message that is carried out, and what is held for it; the message itself only the task has, until it ends."""

    def __init__(
        self, message: M, held: AsyncExitStack, act: Callable[[M, Turn], Awaitable[T]], before: asyncio.Event
    ) -> None:
        self._held, self._before, self.had_turn = held, before, asyncio.Event()
        self._task = asyncio.create_task(self._carry_out(act, message))

    async def _carry_out(self, act: Callable[[M, Turn], Awaitable[T]], message: M) -> T:
        async with self._held:
            return await act(message, self._turn)

    async def _turn(self) -> None:
        await self._before.wait()
        self.had_turn.set()

    async def outcome(self) -> T:
        """What became of the message."""
        return await self._task

    async def drop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._held.aclose()  # one that was cancelled before it ran held it still
