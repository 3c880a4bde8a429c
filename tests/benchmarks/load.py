"""Load from one process: so many calls, so many of them in flight, and how long each took."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

TRIED_A_CALLER, TRIED_AT_LEAST, CALLS_AT_MOST = 2, 12, 50_000

Call = Callable[[int], Awaitable[object]]
"""Makes one call, by its number."""


@dataclass(frozen=True)
class Run:
    """What a run of calls took.

    Attributes:
        seconds: from the first call to the last answer
        latencies_seconds: of each call, sorted
    """

    seconds: float
    latencies_seconds: tuple[float, ...]

    @property
    def per_second(self) -> float:
        return len(self.latencies_seconds) / self.seconds

    def percentile(self, percent: float) -> float:
        """Seconds that so many percent of the calls took at most."""
        return self.latencies_seconds[
            min(len(self.latencies_seconds) - 1, int(percent / 100 * len(self.latencies_seconds)))
        ]


def pooled(runs: Sequence[Run]) -> Run:
    """Several runs as if they were one."""
    latencies = sorted(each for run in runs for each in run.latencies_seconds)
    return Run(sum(run.seconds for run in runs), tuple(latencies))


async def run(calls: int, in_flight: int, call: Call) -> Run:
    """Makes ``calls`` calls; each of ``in_flight`` callers makes its next one when its last is answered."""
    latencies: list[float] = []
    numbers = iter(range(calls))

    async def caller() -> None:
        for number in numbers:
            started = time.perf_counter()
            await call(number)
            latencies.append(time.perf_counter() - started)

    started = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(in_flight)))
    return Run(time.perf_counter() - started, tuple(sorted(latencies)))


Ready = Callable[[int], Call]
"""Makes so many requests beforehand (what the load costs to make is not the node's), and gives the call."""


@dataclass(frozen=True)
class Calls:
    """So many calls."""

    count: int

    async def run(self, in_flight: int, ready: Ready) -> Run:
        return await run(self.count, in_flight, ready(self.count))


@dataclass(frozen=True)
class Seconds:
    """As many calls as take about so many seconds. A few are made first: they warm up, and tell how many those are."""

    seconds: float

    async def run(self, in_flight: int, ready: Ready) -> Run:
        few = max(TRIED_AT_LEAST, TRIED_A_CALLER * in_flight)
        tried = await run(few, in_flight, ready(few))
        calls = min(CALLS_AT_MOST, max(in_flight, int(tried.per_second * self.seconds)))
        return await run(calls, in_flight, ready(calls))


Amount = Calls | Seconds
