"""Units of the figures in provisions: which fit a kind, and which are the same thing in another size."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal

from google.type.decimal_pb2 import Decimal as ProtoDecimal
from regulator.exchange.v1.framework_pb2 import Parameter

from gateway.supervision.rules.identifiers import currency_fault
from gateway.supervision.rules.values import decimal_fault

# Each unit as so many of a smaller one. Only what converts exactly has one in common: a day of the calendar is not
# 24 hours in every rule, and a month is no number of days.
_SHARES: Mapping[str, tuple[str, int]] = {"percent": ("basis_point", 100), "basis_point": ("basis_point", 1)}
_DURATIONS: Mapping[str, tuple[str, int]] = {
    "minute": ("minute", 1),
    "hour": ("minute", 60),
    "day": ("day", 1),
    "business_day": ("business_day", 1),
    "week": ("day", 7),
    "month": ("month", 1),
    "quarter": ("month", 3),
    "year": ("month", 12),
}
_UNITS: Mapping[int, Mapping[str, tuple[str, int]]] = {Parameter.PERCENTAGE: _SHARES, Parameter.DURATION: _DURATIONS}

_EXACT = Context(prec=48)  # digits: a figure has up to 36, and one that is converted two more; Python rounds to 28
_COUNTED = re.compile(r"[a-z][a-z0-9_]{0,31}")
_FLAGS = ("true", "false")
_NEVER_NEGATIVE = frozenset({Parameter.MONEY, Parameter.DURATION, Parameter.COUNT})


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure in the smallest unit that its own converts to exactly; a flag is 1 or 0 of nothing."""

    unit: str
    value: Decimal


def measure(parameter: Parameter) -> Measure:
    """The figure as a number that can be compared with others of its unit; it must keep to the contract."""
    if parameter.kind == Parameter.FLAG:
        return Measure("", Decimal(parameter.value == "true"))
    unit, factor = _UNITS.get(parameter.kind, {}).get(parameter.unit, (parameter.unit, 1))
    return Measure(unit, _EXACT.multiply(Decimal(parameter.value), factor))


def value_fault(parameter: Parameter) -> str | None:
    """What is wrong with the value of a figure, for its kind."""
    if parameter.kind == Parameter.FLAG:
        return None if parameter.value in _FLAGS else "must be true or false for a FLAG"
    if fault := decimal_fault(ProtoDecimal(value=parameter.value)):
        return fault
    if parameter.kind in _NEVER_NEGATIVE and parameter.value.startswith("-"):
        return f"must not be negative for the kind {Parameter.Kind.Name(parameter.kind)}"
    return None


def unit_fault(parameter: Parameter) -> str | None:
    """What is wrong with the unit of a figure, for its kind."""
    kind, unit = parameter.kind, parameter.unit
    if kind == Parameter.MONEY:
        return currency_fault(unit)
    if kind == Parameter.COUNT:
        return _counted_fault(unit)
    if kind == Parameter.FLAG:
        return "must be empty for a FLAG" if unit else None
    if unit not in _UNITS.get(kind, {}):
        return f"must be one of {', '.join(_UNITS.get(kind, {}))} for this kind"
    return None


def _counted_fault(unit: str) -> str | None:
    if not _COUNTED.fullmatch(unit):
        return "must be the word for what a COUNT counts, such as times"
    if unit in _SHARES or unit in _DURATIONS:
        return "must be a unit of no other kind for a COUNT"
    return None
