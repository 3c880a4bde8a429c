"""Which provisions apply on a day, which are still to come, and which come into force between two days.

What is in force is what its publisher calls so: status ``IN_FORCE``, from ``effective_from`` to ``effective_to``, both
days included. Days are compared as year, month and day, so that a date which is no day of the calendar, sealed by
another node, does no harm.
"""

from collections.abc import Iterable

from google.type.date_pb2 import Date
from regulator.exchange.v1.framework_pb2 import Provision

Day = tuple[int, int, int]  # year, month, day

_ANNOUNCED = frozenset({Provision.PROPOSED, Provision.CONSULTATION})


def ordinal(date: Date) -> Day:
    """A day as what sorts by time."""
    return date.year, date.month, date.day


def is_in_force(provision: Provision, day: Day) -> bool:
    """Whether a provision applies on a day."""
    return provision.status == Provision.IN_FORCE and _has_begun(provision, day) and not _has_ended(provision, day)


def is_pending(provision: Provision, day: Day) -> bool:
    """Whether a provision does not apply on a day, and may later: announced by then, enacted, or in force later."""
    if provision.status == Provision.IN_FORCE:
        return not _has_begun(provision, day)
    if provision.status in _ANNOUNCED:
        return _has_begun(provision, day) and not _has_ended(provision, day)
    return provision.status == Provision.ENACTED and not _has_ended(provision, day)


def coming_into_force(provisions: Iterable[Provision], after: Date, until: Date) -> list[Provision]:
    """The provisions whose first day in force lies after one day and not after the other, by that day."""
    earliest, latest = ordinal(after), ordinal(until)
    found = (each for each in provisions if each.status == Provision.IN_FORCE)
    coming = [each for each in found if earliest < ordinal(each.effective_from) <= latest]
    return sorted(coming, key=lambda each: ordinal(each.effective_from))


def _has_begun(provision: Provision, day: Day) -> bool:
    return ordinal(provision.effective_from) <= day


def _has_ended(provision: Provision, day: Day) -> bool:
    return provision.HasField("effective_to") and ordinal(provision.effective_to) < day
