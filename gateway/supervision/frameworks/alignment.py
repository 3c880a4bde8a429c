"""Figures of two jurisdictions side by side: aligned by kind, key and unit."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from regulator.exchange.v1.framework_pb2 import Comparison, Parameter

from gateway.supervision.frameworks.units import measure

Aligned = Comparison.AlignedParameter
Stated = Comparison.StatedParameter


@dataclass(slots=True)
class _Figures:
    """The figures of one kind and key, by the unit that they were converted to, as (value, where it stands)."""

    first: dict[str, list[tuple[Decimal, Stated]]] = field(default_factory=dict)
    second: dict[str, list[tuple[Decimal, Stated]]] = field(default_factory=dict)


def aligned(first: Iterable[Stated], second: Iterable[Stated]) -> Iterator[Aligned]:
    """The figures of both sides, each once, in the order in which their kinds and keys are first met."""
    groups: dict[tuple[Parameter.Kind.ValueType, str], _Figures] = {}
    for stated in first:
        _add(_group(groups, stated).first, stated)
    for stated in second:
        _add(_group(groups, stated).second, stated)
    for (kind, key), figures in groups.items():
        yield from _rows(kind, key, figures)


def _group(groups: dict[tuple[Parameter.Kind.ValueType, str], _Figures], stated: Stated) -> _Figures:
    return groups.setdefault((stated.parameter.kind, stated.parameter.key), _Figures())


def _add(side: dict[str, list[tuple[Decimal, Stated]]], stated: Stated) -> None:
    measured = measure(stated.parameter)
    side.setdefault(measured.unit, []).append((measured.value, stated))


def _rows(kind: Parameter.Kind.ValueType, key: str, figures: _Figures) -> Iterator[Aligned]:
    """A row for each unit that both sides have, and one for all that is left."""
    first, second = figures.first, figures.second
    for unit in [unit for unit in first if unit in second]:
        mine, theirs = first.pop(unit), second.pop(unit)
        relation = _relation(kind, [value for value, _ in mine], [value for value, _ in theirs])
        yield _row(kind, key, relation, {unit: mine}, {unit: theirs})
    if first and second:
        yield _row(kind, key, Aligned.UNITS_DIFFER, first, second)
    elif first or second:
        yield _row(kind, key, Aligned.FIRST_ALONE if first else Aligned.SECOND_ALONE, first, second)


def _relation(
    kind: Parameter.Kind.ValueType, first: list[Decimal], second: list[Decimal]
) -> Aligned.Relation.ValueType:
    if set(first) == set(second):
        return Aligned.EQUAL
    if kind == Parameter.FLAG or len(first) > 1 or len(second) > 1:
        return Aligned.DIFFERENT
    return Aligned.FIRST_GREATER if first > second else Aligned.SECOND_GREATER


def _row(
    kind: Parameter.Kind.ValueType,
    key: str,
    relation: Aligned.Relation.ValueType,
    first: Mapping[str, list[tuple[Decimal, Stated]]],
    second: Mapping[str, list[tuple[Decimal, Stated]]],
) -> Aligned:
    return Aligned(kind=kind, key=key, relation=relation, first=_stated(first), second=_stated(second))


def _stated(side: Mapping[str, list[tuple[Decimal, Stated]]]) -> Iterator[Stated]:
    return (stated for figures in side.values() for _, stated in figures)
