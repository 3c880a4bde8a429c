"""How a figure grows: the power law that fits it, and what that means in words."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.benchmarks.results import Point, Series, number

FLAT, IN_PROPORTION = 0.05, 0.1  # how far from 0 and from 1 an exponent may lie
BENT = 0.25  # a point that lies so far from the line (a quarter of it) shows that no one power holds
STRETCHES = 8  # points, between which the powers are told; of more, not between all


@dataclass(frozen=True)
class Law:
    """``value = factor * at ** exponent``, fitted to the logarithms by least squares.

    Attributes:
        farthest: how far a point lies from the line at most, as a share of what the line says
    """

    factor: float
    exponent: float
    farthest: float

    def value(self, at: float) -> float:
        return self.factor * at**self.exponent


def fitted(points: Sequence[Point]) -> Law | None:
    """The law of these points; None: there are not two places."""
    xs = [math.log(point.at) for point in points]
    ys = [math.log(point.value) for point in points]
    if len(set(xs)) < 2:
        return None
    middle_x, middle_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - middle_x) ** 2 for x in xs)
    exponent = sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys, strict=True)) / spread
    law = Law(math.exp(middle_y - exponent * middle_x), exponent, 0)
    farthest = max(abs(point.value / law.value(point.at) - 1) for point in points)
    return Law(law.factor, law.exponent, farthest)


def told(series: Series) -> str:
    """The law of a series in a line; empty: it has none."""
    law = fitted(series.points)
    if law is None:
        return ""
    first, last = series.points[0], series.points[-1]
    times = number(last.value / first.value)
    seen = f"at {_count(last.at)} {times} times what it is at {_count(first.at)}"
    return f"{series.unit} ~ {series.by}^{law.exponent:.2f}, {_meaning(law, series)}; {seen}"


def _meaning(law: Law, series: Series) -> str:
    """One power, if one holds; else that of each stretch."""
    if abs(law.exponent) < FLAT and law.farthest < BENT:
        return f"flat, whatever the {series.by}"
    if law.farthest < BENT:
        return _word(law.exponent, series.by)
    pairs = pairwise(_marks(series.points))
    laws = ((last.at, fitted([first, last])) for first, last in pairs)
    stretches = (f"^{each.exponent:.2f} up to {_count(at)}" for at, each in laws if each)
    return f"but no one power holds: {', '.join(stretches)}"


def _marks(points: Sequence[Point]) -> Sequence[Point]:
    """The ends of stretches: all points, or, of many, one a decade."""
    if len(points) <= STRETCHES:
        return points
    marks = [points[0]]
    for point in points:
        if point.at >= 10 * marks[-1].at:
            marks.append(point)
    return marks


def _word(exponent: float, by: str) -> str:
    if abs(exponent - 1) < IN_PROPORTION:
        return f"in proportion to the {by}"
    if abs(exponent + 1) < IN_PROPORTION:
        return f"in inverse proportion to the {by}"
    direction = "grows" if exponent > 0 else "falls"
    speed = "faster" if abs(exponent) > 1 else "more slowly"
    return f"{direction} {speed} than the {by}: {number(10**exponent)} times for ten times as many"


def _count(value: float) -> str:
    return f"{value:,.0f}"
