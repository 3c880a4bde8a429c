"""What one run of the benchmark found: figures that grow with something, each beside its floors. Kept as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Point:
    """One figure.

    Attributes:
        at: callers, bytes, peers or notices
        value: the figure
        floors: figures in the same unit from the same run, by what they are of
        beside: what else was seen, by what it is, with its unit
    """

    at: float
    value: float
    floors: Mapping[str, float] = field(default_factory=dict)
    beside: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Series:
    """A figure as something grows.

    Attributes:
        key: names it in this project
        title: names it for people
        unit: of the figures
        by: what grows: ``callers``, ``bytes``, ``peers`` or ``notices``
        points: in the order in which it grows
    """

    key: str
    title: str
    unit: str
    by: str
    points: Sequence[Point]

    def at(self, at: float) -> Point | None:
        return next((point for point in self.points if point.at == at), None)


@dataclass(frozen=True)
class Results:
    """Everything that one run found.

    Attributes:
        form: ``whole``, ``quick``, or the names of the parts that were run
        machine: what it ran on
        floors: what a single act of each kind takes, by its name with its unit
        series: figures that grow
        facts: other figures, by their name with its unit
        refused: what a node does not take, and its own words for that
        profile: by load and node, where the processor's time goes, in µs a notice
    """

    form: str
    machine: Mapping[str, Any]
    floors: Mapping[str, float]
    series: Sequence[Series]
    facts: Mapping[str, float]
    refused: Mapping[str, str]
    profile: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def find(self, key: str) -> Series | None:
        return next((each for each in self.series if each.key == key), None)

    def encode(self) -> str:
        return json.dumps(_rounded(asdict(self)), indent=1) + "\n"

    @classmethod
    def decode(cls, text: str) -> "Results":
        read = json.loads(text)
        series = [Series(**each | {"points": [Point(**point) for point in each["points"]]}) for each in read["series"]]
        return cls(**read | {"series": series})


def number(value: float) -> str:
    """As people read it: no more digits than were measured."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.2g}"


def _rounded(value: Any) -> Any:
    """Four digits are more than can be measured."""
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value
