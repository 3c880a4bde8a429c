"""How far an answer of many items goes: so many of them at most, and so many bytes, but one item at least."""

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, TypeVar

T = TypeVar("T")


class ByteBudget:
    """The bytes that items may still take.

    Args:
        max_bytes: of all of them together, but for one at least
        used_bytes: by what stands beside them; where this is more than 0, no item is taken that does not fit
    """

    def __init__(self, max_bytes: int, used_bytes: int = 0) -> None:
        self._max_bytes, self._used_bytes = max_bytes, used_bytes

    def takes(self, size_bytes: int) -> bool:
        """Whether the next item fits, which then has its place."""
        if self._used_bytes and self._used_bytes + size_bytes > self._max_bytes:
            return False
        self._used_bytes += size_bytes
        return True


def fitting(
    items: Iterable[T],
    limit: int,
    max_bytes: int,
    size_of: Callable[[T], Any] = attrgetter("size"),
    used_bytes: int = 0,
) -> tuple[list[T], bool]:
    """The items of a page, and whether more follow.

    Args:
        items: in order, one more than ``limit`` if there are so many
        limit: at most so many
        max_bytes: of all of them together, but for one at least
        size_of: an item's bytes; by default its attribute ``size``, as a row has a column
        used_bytes: as of ``ByteBudget``
    """
    page: list[T] = []
    budget = ByteBudget(max_bytes, used_bytes)
    for item in items:
        if len(page) == limit or not budget.takes(size_of(item)):
            return page, True
        page.append(item)
    return page, False
