"""What is aimed at, and whether a run reached it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from tests.benchmarks.forms import CALLERS, MESSAGE_BYTES, MILLION
from tests.benchmarks.laws import FLAT, fitted
from tests.benchmarks.results import Results, number

Measured = tuple[float, float]
"""A figure, and at how many notices it was taken: 0 where that does not matter."""


@dataclass(frozen=True)
class Goal:
    """One goal.

    Attributes:
        what: is measured, with its unit
        aim: to be reached
        at_least: it is reached from below; else the figure is to be no more
        measure: gives the figure of a run; None: it was not taken
    """

    what: str
    aim: float
    at_least: bool
    measure: Callable[[Results], Measured | None]

    def is_reached(self, value: float) -> bool:
        return value >= self.aim if self.at_least else value <= self.aim


def _value(key: str, at: float, results: Results) -> Measured | None:
    point = (series := results.find(key)) and series.at(at)
    return (point.value, 0) if point else None


def _ratio(key: str, at: float, results: Results) -> Measured | None:
    """To the first floor."""
    point = (series := results.find(key)) and series.at(at)
    return (point.value / next(iter(point.floors.values())), 0) if point else None


def _last(key: str, results: Results) -> Measured | None:
    series = results.find(key)
    return (series.points[-1].value, series.points[-1].at) if series else None


def _last_ratio(key: str, results: Results) -> Measured | None:
    found = results.find(key)
    last = found.points[-1] if found else None
    return (last.value / next(iter(last.floors.values())), last.at) if last else None


def _highest(keys: Sequence[str], results: Results) -> Measured | None:
    points = [point for key in keys if (series := results.find(key)) for point in series.points]
    return (max(point.value for point in points), max(point.at for point in points)) if points else None


def _growth(keys: Sequence[str], results: Results) -> Measured | None:
    """The exponent of the one that grows fastest."""
    found = [each for key in keys if (each := results.find(key))]
    laws = [(law.exponent, each.points[-1].at) for each in found if (law := fitted(each.points))]
    return max(laws) if laws else None


_LISTS = ("list_newest_by_notices", "list_filtered_by_notices", "list_nothing_by_notices")
_MEMORY = ("sender_memory_by_notices", "receiver_memory_by_notices")

GOALS: Sequence[Goal] = (
    Goal(
        f"`CreateNotice`, {CALLERS} callers, of bare calls",
        0.75,
        at_least=True,
        measure=partial(_ratio, "creates_by_callers", CALLERS),
    ),
    Goal(
        "`SubmitNotices`, 1 KB each, to the durable receipt, notices/s",
        20_000,
        at_least=True,
        measure=partial(_value, "bulk_by_bytes", MESSAGE_BYTES),
    ),
    Goal(
        "create to receipt, p50, in bare calls",
        10,
        at_least=False,
        measure=partial(_ratio, "receipt_p50_by_callers", 1),
    ),
    Goal(
        "create to receipt, p99, in bare calls",
        50,
        at_least=False,
        measure=partial(_ratio, "receipt_p99_by_callers", 1),
    ),
    Goal("most memory of a node over a million notices, MB", 250, at_least=False, measure=partial(_highest, _MEMORY)),
    Goal(
        "page of a list, exponent of its growth with notices",
        FLAT,
        at_least=False,
        measure=partial(_growth, _LISTS),
    ),
    Goal(
        "notice by its id, exponent of its growth with notices",
        FLAT,
        at_least=False,
        measure=partial(_growth, ["get_by_notices"]),
    ),
    Goal("start with a million notices, s", 2, at_least=False, measure=partial(_last, "restart_by_notices")),
    Goal(
        "on disk at the sender, in messages", 2, at_least=False, measure=partial(_last_ratio, "sender_disk_by_notices")
    ),
    Goal(
        "on disk at the receiver, in messages",
        2,
        at_least=False,
        measure=partial(_last_ratio, "receiver_disk_by_notices"),
    ),
)


def rows(results: Results, why: str) -> list[tuple[str, str, str, str]]:
    """Of each goal: what, the aim, what was measured, and whether that is enough.

    Args:
        results: of a run
        why: where a reader finds why a goal is not reached
    """
    return [(goal.what, _aim(goal), *_verdict(goal, goal.measure(results), why)) for goal in GOALS]


def _aim(goal: Goal) -> str:
    return f"{'at least' if goal.at_least else 'at most'} {goal.aim:,g}"


def _verdict(goal: Goal, measured: Measured | None, why: str) -> tuple[str, str]:
    if measured is None:
        return "", "not taken"
    value, at = measured
    told = "reached" if goal.is_reached(value) else f"**falls short**: [why]({why})"
    taken_at = f" with {at:,.0f} notices" if 0 < at < MILLION else ""
    return number(value), told + taken_at
