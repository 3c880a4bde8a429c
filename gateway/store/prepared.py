"""Statements that are made once, and run with what is at hand: making one takes longer than running it.

Of what SQLAlchemy does for each execution, these leave out the compiler and the conversion of types, which the tables
they are for do not need; with SQLite all the rest, too: it takes longer than most statements.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, lru_cache, partial
from itertools import chain
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

import pysqlite3.dbapi2 as sqlite
from sqlalchemy import Column, Connection, Delete, Dialect, Insert, Select, Table, Update, bindparam, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler

T = TypeVar("T")


class Row(Protocol):
    """What a query found: a value a column, by its name."""

    def __getitem__(self, column: str, /) -> Any: ...


_SIZES = (1, 8, 64, 512, 4096)  # keys of a statement: SQLite takes 32,766 parameters, PostgreSQL 65,535
STATEMENTS_KEPT = 1024  # more than there are, but for questions, of which there are as many as filters
ROWS_AT_ONCE = 32  # in one statement; one is kept for each number of rows, and each table


def execute(connection: Connection, statement: Insert | Update | Delete, values: Mapping[str, Any]) -> int:
    """Runs a statement; gives the number of rows that it wrote."""
    compiled = _compiled(statement, connection.dialect)
    parameters = _parameters(compiled, {**compiled.params, **values})  # what the statement holds itself is among them
    return _wrote(connection, str(compiled), parameters)


def execute_many(connection: Connection, statement: Insert | Update, rows: Sequence[Mapping[str, Any]]) -> None:
    """Runs one statement for all rows."""
    compiled = _compiled(statement, connection.dialect)
    connection.exec_driver_sql(str(compiled), [_parameters(compiled, row) for row in rows])


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows of all columns, with SQLite many in one statement: it frees the interpreter's lock for each."""
    if not rows:
        return
    statement = _insert_into(table)
    compiled = _compiled(statement, connection.dialect)
    if not compiled.positiontup:
        execute_many(connection, statement, rows)
        return
    of_row = _in_order(compiled)
    for first in range(0, len(rows), ROWS_AT_ONCE):
        some = rows[first : first + ROWS_AT_ONCE]
        _wrote(connection, _of_rows(compiled, len(some)), tuple(chain.from_iterable(map(of_row, some))))


def rows(
    connection: Connection, statement: Select[Any], values: Mapping[str, Any] = MappingProxyType({})
) -> Sequence[Row]:
    """Runs a query; ``values`` are those of its parameters that it does not hold itself.

    What it compares with a list must be given as a list of literals, or its text depends on the list's length.
    """
    compiled = _compiled(statement, connection.dialect)
    parameters = _parameters(compiled, {**compiled.params, **values})
    return _found(connection, str(compiled), parameters)


def rows_by_keys(connection: Connection, statement: Select[Any], column: Column[T], keys: Sequence[T]) -> Iterator[Row]:
    """Reads the rows in which a column has one of many values."""
    place = 0
    while place < len(keys):
        size = next((size for size in _SIZES if size >= len(keys) - place), _SIZES[-1])
        some = keys[place : place + size]
        padded = [*some, *[some[-1]] * (size - len(some))]
        compiled = _compiled_for(statement, column, size, connection.dialect)
        parameters = {f"key_{number}": key for number, key in enumerate(padded)}
        yield from _found(connection, str(compiled), _parameters(compiled, parameters))
        place += size


def driven(
    connection: Connection, text: str, parameters: tuple[Any, ...] = ()
) -> tuple[sqlite.Cursor, list[tuple[Any, ...]]]:
    """Runs a statement on the driver's own connection to SQLite, in whatever transaction is there; it begins none.

    Returns:
        the cursor, and all rows that it found

    Raises:
        DBAPIError: as SQLAlchemy raises it.
    """
    driver: Any = connection.connection.dbapi_connection
    try:
        cursor = driver.execute(text, parameters)
        return cursor, cursor.fetchall()
    except sqlite.Error as error:
        raise DBAPIError.instance(
            text, None, error, sqlite.Error, hide_parameters=True, dialect=connection.dialect
        ) from error


def _wrote(connection: Connection, text: str, parameters: Any) -> int:
    if connection.dialect.name != "sqlite":
        return connection.exec_driver_sql(text, parameters).rowcount
    cursor, _ = driven(_begun(connection), text, parameters)
    return int(cursor.rowcount)


def _found(connection: Connection, text: str, parameters: Any) -> Sequence[Row]:
    if connection.dialect.name != "sqlite":
        return connection.exec_driver_sql(text, parameters).mappings().all()
    cursor, found = driven(_begun(connection), text, parameters)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in found]


def _begun(connection: Connection) -> Connection:
    if not connection.in_transaction():
        connection.begin()
    return connection


def _parameters(compiled: SQLCompiler, values: Mapping[str, Any]) -> Any:
    names = compiled.positiontup
    return tuple(map(values.__getitem__, names)) if names else values


@cache
def _insert_into(table: Table) -> Insert:
    return insert(table)


@lru_cache(maxsize=STATEMENTS_KEPT)
def _compiled(statement: Insert | Update | Delete | Select[Any], dialect: Dialect) -> SQLCompiler:
    return statement.compile(dialect=dialect)


@cache
def _in_order(compiled: SQLCompiler) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    names = compiled.positiontup or []
    return itemgetter(*names) if len(names) > 1 else partial(_parameters, compiled)


@cache
def _of_rows(compiled: SQLCompiler, count: int) -> str:
    head, _, one = str(compiled).rpartition(" VALUES ")
    return f"{head} VALUES {', '.join([one] * count)}"


@cache
def _compiled_for(statement: Select[Any], column: Column[Any], size: int, dialect: Dialect) -> SQLCompiler:
    keys = [bindparam(f"key_{number}", type_=column.type) for number in range(size)]
    return statement.where(column.in_(keys)).compile(dialect=dialect)
