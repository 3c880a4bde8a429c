"""Reads whole tables in pages by their keys, so that memory stays flat however long a log is."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, tuple_

PAGE_ROWS = 500


def pages(
    connection: Connection, statement: Select[Any], *key: ColumnElement[Any], page_rows: int = PAGE_ROWS
) -> Iterator[Sequence[RowMapping]]:
    """Gives what a statement selects in the order of a unique key, which is among its columns, a page at a time."""
    following = statement = statement.order_by(*key).limit(page_rows)
    while page := connection.execute(following).mappings().all():
        yield page
        if len(page) < page_rows:
            return
        following = statement.where(tuple_(*key) > tuple_(*(page[-1][column] for column in key)))


def rows(
    connection: Connection, statement: Select[Any], *key: ColumnElement[Any], page_rows: int = PAGE_ROWS
) -> Iterator[RowMapping]:
    """Gives the same rows one by one."""
    for page in pages(connection, statement, *key, page_rows=page_rows):
        yield from page
