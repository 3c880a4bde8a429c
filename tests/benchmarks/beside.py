"""A figure and its floor, taken in turns: whatever else the machine does meanwhile meets both."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.benchmarks import load
from tests.benchmarks.results import Point


@dataclass
class Beside:
    """Of one figure: its rounds, and those of its floor."""

    bare: list[load.Run] = field(default_factory=list)
    measured: list[load.Run] = field(default_factory=list)

    def rate(self, at: float, beside: Mapping[str, float] | None = None) -> Point:
        bare, measured = load.pooled(self.bare), load.pooled(self.measured)
        return Point(at, measured.per_second, {"bare calls": bare.per_second}, beside or {})

    def milliseconds(self, at: float, percent: float, more: Mapping[str, float] | None = None) -> Point:
        """What so many percent take at most, beside the middle one of the bare calls."""
        bare, measured = load.pooled(self.bare), load.pooled(self.measured)
        bare_ms = 1000 * bare.percentile(50)
        return Point(at, 1000 * measured.percentile(percent), {"bare call, p50": bare_ms} | dict(more or {}))
