"""What a node does by itself: at once, on time, and again whatever went wrong; on a clock of the simulation."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from gateway.errors import Unavailable
from gateway.node import chores
from tests.simulation.nodes.loop import VirtualLoop

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
DAY_SECONDS = 86_400


class Done:
    """Commands that note when they were asked for, and fail as they are told."""

    def __init__(self, *errors: Exception | None) -> None:
        self.at: list[float] = []
        self._errors = iter(errors)

    async def destroy_past(self) -> None:
        self.at.append(asyncio.get_running_loop().time())
        if error := next(self._errors, None):
            raise error


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop(Random(1))
    yield loop
    loop.close()


def run(loop: VirtualLoop, chore: Callable[[], Any], seconds: float) -> None:
    async def for_a_while() -> None:
        running = asyncio.create_task(chore())
        await asyncio.sleep(seconds)
        assert not running.done(), "a chore ends with its node alone"
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    loop.run_until_complete(for_a_while())


def clock(loop: VirtualLoop) -> Callable[[], datetime]:
    return lambda: NOON + timedelta(seconds=loop.time())


@pytest.mark.parametrize("error", [Unavailable("away"), KeyError("nobody expected this")], ids=["known", "unexpected"])
def test_a_chore_that_fails_is_done_again_after_a_minute(loop: VirtualLoop, error: Exception) -> None:
    done = Done(error, None)
    run(loop, lambda: chores.destroy_past(done, clock(loop)), 120)
    assert done.at == [0, chores.RETRY_SECONDS]


def test_what_ends_before_its_node_is_told_unless_it_is_cancelled(loop: VirtualLoop, caplog) -> None:
    async def ends(error: BaseException) -> None:
        raise error

    async def for_a_while() -> None:
        await asyncio.wait([chores.begin(ends(KeyError("nobody expected this")))])
        await asyncio.wait([chores.begin(ends(asyncio.CancelledError()))])

    loop.run_until_complete(for_a_while())
    assert [record.msg for record in caplog.records] == ["task_ended"]


def test_a_chore_of_a_day_is_done_at_once_and_soon_after_each_midnight(loop: VirtualLoop) -> None:
    """And every ten minutes, since a clock may be set, and a machine may sleep."""
    done = Done()
    run(loop, lambda: chores.destroy_past(done, clock(loop)), 2 * DAY_SECONDS)
    midnights = [DAY_SECONDS / 2, DAY_SECONDS * 3 / 2]
    assert done.at[0] == 0
    for midnight in midnights:
        assert min(at - midnight for at in done.at if at >= midnight) <= 1
    assert max(later - at for at, later in zip(done.at, done.at[1:], strict=False)) <= chores.LONGEST_SLEEP_SECONDS
