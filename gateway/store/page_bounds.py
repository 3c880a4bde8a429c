"""How far a page goes: so many rows at most, and so many bytes, but one row at least."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row


def fitting(rows: Iterable[Row[Any]], limit: int, max_bytes: int) -> tuple[list[Row[Any]], bool]:
    """The rows of a page, and whether more follow.

    Args:
        rows: in order, one more than ``limit`` if there are so many; the column ``size`` is a row's bytes
        limit: at most so many
        max_bytes: of all of them together, but for one at least
    """
    page: list[Row[Any]] = []
    total = 0
    for row in rows:
        total += row.size
        if len(page) == limit or (page and total > max_bytes):
            return page, True
        page.append(row)
    return page, False
