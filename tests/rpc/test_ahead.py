import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakSet

import pytest

from gateway.rpc.ahead import AT_ONCE, IN_HAND, Turn, ahead


class Stream:
    """Messages 0, 1, 2, ...: which were read, which are in hand, which are carried out; an act ends when it is let."""

    def __init__(self, count: int) -> None:
        self.read: list[int] = []
        self.in_hand: set[int] = set()
        self.begun: list[int] = []
        self.may_end = [asyncio.Event() for _ in range(count)]

    @asynccontextmanager
    async def _holding(self, number: int):
        self.in_hand.add(number)
        try:
            yield
        finally:
            self.in_hand.discard(number)

    async def messages(self) -> AsyncIterator[int]:
        for number in range(len(self.may_end)):
            self.read.append(number)
            async with AsyncExitStack() as in_hand:
                await in_hand.enter_async_context(self._holding(number))
                IN_HAND.set(in_hand)
                yield number

    async def act(self, number: int, turn: Turn) -> str:
        self.begun.append(number)
        await turn()
        await self.may_end[number].wait()
        return f"done {number}"


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def gather_all(stream: Stream, told: list, is_enough=lambda: False, act=None) -> None:
    async for outcome in ahead(stream.messages(), act or stream.act, is_enough):
        told.append(outcome)  # noqa: PERF401 - one by one, as ``is_enough`` looks at it


async def test_the_next_message_is_begun_while_the_one_before_is_carried_out_and_no_more_are_read():
    stream, told = Stream(4), []
    running = asyncio.create_task(gather_all(stream, told))
    await turns()
    assert (stream.read, stream.begun, told) == ([0, 1], [0, 1], [])
    assert len(stream.read) == AT_ONCE
    stream.may_end[0].set()
    await turns()
    assert (stream.begun, told) == ([0, 1, 2], ["done 0"])
    for each in stream.may_end:
        each.set()
    await running
    assert told == [f"done {number}" for number in range(4)]


async def test_outcomes_come_in_the_order_of_the_messages_whichever_is_done_first():
    stream, told = Stream(2), []
    running = asyncio.create_task(gather_all(stream, told))
    stream.may_end[1].set()
    await turns()
    assert told == []
    stream.may_end[0].set()
    await running
    assert told == ["done 0", "done 1"]


async def test_a_message_whose_checks_take_longer_is_not_overtaken_by_the_next():
    stream, told, sealed = Stream(2), [], []

    async def act(number: int, turn: Turn) -> int:
        if number == 0:
            await stream.may_end[0].wait()
        await turn()
        sealed.append(number)
        return number

    running = asyncio.create_task(gather_all(stream, told, act=act))
    await turns()
    assert (stream.read, sealed) == ([0, 1], [])
    stream.may_end[0].set()
    await running
    assert sealed == told == [0, 1]


async def test_nothing_is_carried_out_after_a_message_that_was_refused_before_its_turn():
    stream, told, sealed = Stream(2), [], []

    async def act(number: int, turn: Turn) -> int:
        if number == 0:
            await stream.may_end[0].wait()
            raise ValueError(number)
        await turn()
        sealed.append(number)
        return number

    running = asyncio.create_task(gather_all(stream, told, act=act))
    await turns()
    stream.may_end[0].set()
    with pytest.raises(ValueError, match="0"):
        await running
    assert (sealed, told) == ([], [])


async def test_no_message_is_kept_while_a_caller_lets_the_next_one_wait():
    class Large:
        """What stands for a message of 4 MiB."""

    alive, silent = WeakSet[Large](), asyncio.Event()

    async def messages() -> AsyncIterator[Large]:
        for _ in range(3):
            IN_HAND.set(AsyncExitStack())
            message = Large()
            alive.add(message)
            yield message
            del message
        await silent.wait()

    async def act(_message: Large, turn: Turn) -> None:
        await turn()

    async def take_all() -> None:
        async for _ in ahead(messages(), act, lambda: False):
            pass

    running = asyncio.create_task(take_all())
    await turns()
    assert not alive
    silent.set()
    await running


async def test_what_is_held_for_a_message_is_held_until_it_is_carried_out():
    stream, told = Stream(3), []
    running = asyncio.create_task(gather_all(stream, told))
    await turns()
    assert stream.in_hand == {0, 1}
    stream.may_end[1].set()
    await turns()
    assert stream.in_hand == {0}
    for each in stream.may_end:
        each.set()
    await running
    assert stream.in_hand == set()


async def test_what_is_raised_ends_it_with_nothing_left_in_hand_or_under_way():
    stream, told = Stream(4), []

    async def act(number: int, turn: Turn) -> str:
        if number == 1:
            raise ValueError(number)
        return await stream.act(number, turn)

    stream.may_end[0].set()
    with pytest.raises(ValueError, match="1"):
        await gather_all(stream, told, act=act)
    assert told == ["done 0"]
    assert stream.in_hand == set()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_once_it_is_enough_nothing_is_read_and_what_was_begun_is_told():
    stream, told = Stream(9), []
    for each in stream.may_end:
        each.set()
    await gather_all(stream, told, lambda: len(told) >= 3)
    assert stream.read == [0, 1, 2, 3]
    assert told == [f"done {number}" for number in range(4)]
