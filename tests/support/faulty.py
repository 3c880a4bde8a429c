"""SQLite in this process, of which any statement or commit fails: not done, done and not told, or the last of all."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pysqlite3.dbapi2 as sqlite

from gateway.store.engines import sqlite as engine

COMMIT = "COMMIT"


class Fault(StrEnum):
    """What happens at a step."""

    REFUSED = "refused"  # not done, and the next one is
    UNTOLD = "untold"  # done, though it is told that it was not
    KILLED = "killed"  # not done, nor anything after it
    KILLED_AFTER = "killed after"


class Killed(BaseException):
    """In the place of the end of the process."""


class Steps:
    """The statements and commits of all connections that are opened meanwhile.

    Attributes:
        taken: what each of them was, in order: the statement, or ``COMMIT``
        happened: whether the fault came to pass
    """

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.happened = False
        self._at, self._fault, self._message, self._is_over = -1, Fault.REFUSED, "", False

    def arm(self, step: int, fault: Fault, message: str = "database or disk is full") -> None:
        """Has a fault happen at a step, counted from here on."""
        self._at, self._fault, self._message = len(self.taken) + step, fault, message
        self.happened = False

    def take(self, act: Callable[[], Any], what: str) -> Any:
        """Takes a step, or what happens in its place."""
        if self._is_over:
            raise Killed
        place = len(self.taken)
        self.taken.append(what)
        if place != self._at:
            return act()
        self.happened = True
        if self._fault in {Fault.UNTOLD, Fault.KILLED_AFTER}:
            act()
        if self._fault in {Fault.KILLED, Fault.KILLED_AFTER}:
            self._is_over = True
            raise Killed
        raise sqlite.OperationalError(self._message)


class _Cursor(sqlite.Cursor):  # type: ignore[misc]
    def execute(self, statement: str, *values: Any) -> Any:
        return self.connection.steps.take(lambda: super(_Cursor, self).execute(statement, *values), statement)

    def executemany(self, statement: str, *values: Any) -> Any:
        return self.connection.steps.take(lambda: super(_Cursor, self).executemany(statement, *values), statement)


class _Connection(sqlite.Connection):  # type: ignore[misc]
    steps: Steps

    def cursor(self, factory: type[_Cursor] = _Cursor) -> Any:
        return super().cursor(factory)

    def commit(self) -> None:
        self.steps.take(super().commit, COMMIT)


@contextmanager
def faulty() -> Iterator[Steps]:
    """Has the store open its databases so that they take steps."""
    steps = Steps()

    def connect(*arguments: Any, **options: Any) -> Any:
        connection = sqlite.connect(*arguments, factory=_Connection, **options)
        connection.steps = steps
        return connection

    with patch.object(engine, "sqlite", SimpleNamespace(**vars(sqlite) | {"connect": connect})):
        yield steps
