import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from gateway.rpc.ahead import AT_ONCE, IN_HAND, ahead


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

    async def act(self, number: int) -> str:
        self.begun.append(number)
        await self.may_end[number].wait()
        return f"done {number}"


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def gather_all(stream: Stream, told: list, is_enough=lambda: False, act=None) -> None:
    async for message, outcome in ahead(stream.messages(), act or stream.act, is_enough):
        told.append((message, outcome))


async def test_the_next_message_is_begun_while_the_one_before_is_carried_out_and_no_more_are_read():
    stream, told = Stream(4), []
    running = asyncio.create_task(gather_all(stream, told))
    await turns()
    assert (stream.read, stream.begun, told) == ([0, 1], [0, 1], [])
    assert len(stream.read) == AT_ONCE
    stream.may_end[0].set()
    await turns()
    assert (stream.begun, told) == ([0, 1, 2], [(0, "done 0")])
    for each in stream.may_end:
        each.set()
    await running
    assert told == [(number, f"done {number}") for number in range(4)]


async def test_outcomes_come_in_the_order_of_the_messages_whichever_is_done_first():
    stream, told = Stream(2), []
    running = asyncio.create_task(gather_all(stream, told))
    stream.may_end[1].set()
    await turns()
    assert told == []
    stream.may_end[0].set()
    await running
    assert [message for message, _ in told] == [0, 1]


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

    async def act(number: int) -> str:
        if number == 1:
            raise ValueError(number)
        return await stream.act(number)

    stream.may_end[0].set()
    with pytest.raises(ValueError, match="1"):
        await gather_all(stream, told, act=act)
    assert told == [(0, "done 0")]
    assert stream.in_hand == set()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_once_it_is_enough_nothing_is_read_and_what_was_begun_is_told():
    stream, told = Stream(9), []
    for each in stream.may_end:
        each.set()
    await gather_all(stream, told, lambda: len(told) >= 3)
    assert stream.read == [0, 1, 2, 3]
    assert [message for message, _ in told] == [0, 1, 2, 3]
