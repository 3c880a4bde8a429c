import asyncio

import pytest

from tests.benchmarks import load


async def test_each_call_is_made_once_by_so_many_callers():
    under_way, most, made = 0, 0, []

    async def call(number: int) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        made.append(number)
        under_way -= 1

    run = await load.Calls(50).run(7, lambda _count: call)
    assert sorted(made) == list(range(50))
    assert most == 7
    assert len(run.latencies_seconds) == 50


async def test_so_many_calls_are_made_as_take_the_seconds():
    async def call(_: int) -> None:
        await asyncio.sleep(0.002)

    asked: list[int] = []

    def ready(count: int) -> load.Call:
        asked.append(count)
        return call

    run = await load.Seconds(0.2).run(2, ready)
    assert asked[0] == load.TRIED_AT_LEAST  # they warm up, and are not counted
    assert len(run.latencies_seconds) == asked[1]
    assert 2 <= asked[1] <= 200  # two callers of 2 ms each, at best


async def test_there_is_at_least_one_call_a_caller():
    async def call(_: int) -> None:
        await asyncio.sleep(0.001)

    run = await load.Seconds(0.0).run(30, lambda _count: call)
    assert len(run.latencies_seconds) == 30


def test_rounds_are_put_together():
    run = load.pooled([load.Run(1, (0.1, 0.3)), load.Run(3, (0.2, 0.4))])
    assert run.per_second == 1
    assert run.latencies_seconds == (0.1, 0.2, 0.3, 0.4)
    assert run.percentile(50) == pytest.approx(0.3)
    assert run.percentile(99) == run.percentile(100) == pytest.approx(0.4)
