"""Carries out the messages of a stream in order, and begins with the next one while the one before is committed."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from contextvars import ContextVar
from typing import Generic, TypeVar

M = TypeVar("M")
T = TypeVar("T")

AT_ONCE = 2  # messages of one stream: one is checked while the other is committed

IN_HAND: ContextVar[AsyncExitStack] = ContextVar("in_hand")
"""What is held for the message that was read last, and let go of when the next is asked for; whoever asks for it before
the last is done takes this over (``pop_all``)."""


async def ahead(
    messages: AsyncIterator[M], act: Callable[[M], Awaitable[T]], is_enough: Callable[[], bool]
) -> AsyncGenerator[tuple[M, T], None]:
    """Gives each message with what became of it, in order.

    Args:
        messages: a stream, as the guard gives it
        act: carries out one
        is_enough: asked before another message is read; what was begun is carried out all the same

    Raises:
        Exception: what ``act`` raised; what was begun after that message may be done, and is not told.
    """
    under_way = deque[_UnderWay[M, T]]()
    try:
        async for message in messages:
            under_way.append(_UnderWay(message, IN_HAND.get().pop_all(), act))
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


class _UnderWay(Generic[M, T]):
    """A message that is carried out, and what is held for it."""

    def __init__(self, message: M, held: AsyncExitStack, act: Callable[[M], Awaitable[T]]) -> None:
        self._message, self._held = message, held
        self._task = asyncio.create_task(self._carry_out(act))

    async def _carry_out(self, act: Callable[[M], Awaitable[T]]) -> T:
        async with self._held:
            return await act(self._message)

    async def outcome(self) -> tuple[M, T]:
        """The message, and what became of it."""
        return self._message, await self._task

    async def drop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._held.aclose()  # one that was cancelled before it ran held it still
