"""Load from one process: so many calls, so many of them in flight, and how long each took."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


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


async def run(calls: int, in_flight: int, call: Callable[[int], Awaitable[object]]) -> Run:
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
