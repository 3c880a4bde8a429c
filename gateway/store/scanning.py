"""Reads whole tables in pages by their keys, so that memory stays flat however long a log is."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, tuple_

PAGE_ROWS = 500


def pages(connection: Connection, statement: Select[Any], *key: ColumnElement[Any]) -> Iterator[Sequence[RowMapping]]:
    """Gives what a statement selects in the order of a unique key, which is among its columns, a page at a time."""
    following = statement = statement.order_by(*key).limit(PAGE_ROWS)
    while page := connection.execute(following).mappings().all():
        yield page
        if len(page) < PAGE_ROWS:
            return
        following = statement.where(tuple_(*key) > tuple_(*(page[-1][column] for column in key)))


def rows(connection: Connection, statement: Select[Any], *key: ColumnElement[Any]) -> Iterator[RowMapping]:
    """Gives the same rows one by one."""
    for page in pages(connection, statement, *key):
        yield from page
