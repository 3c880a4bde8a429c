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
FULL = "database or disk is full"


class Fault(StrEnum):
    """What happens at a step."""

    REFUSED = "refused"  # not done, and the next one is
    UNTOLD = "untold"  # done, though it is told that it was not
    KILLED = "killed"  # not done, nor anything after it
    KILLED_AFTER = "killed after"
    LOST = "lost"  # not done, and so is the connection to a server (``faulty_server``)


class Killed(BaseException):
    """In the place of the end of the process."""


class Steps:
    """The statements and commits of all connections that are opened meanwhile.

    Args:
        kill: ends the process, where that is what happens; who may end in its own time goes on

    Attributes:
        taken: what each of them was, in order: the statement, or ``COMMIT``
        happened: whether the fault came to pass
    """

    def __init__(self, kill: Callable[[], None] | None = None) -> None:
        self._kill = kill or self._end
        self.taken: list[str] = []
        self._is_over = False
        self.arm(-1, Fault.REFUSED)

    def arm(self, step: int, fault: Fault, *, message: str = FULL, what: str = "", then: str = "") -> None:
        """Has a fault happen at a step, counted from here on.

        Args:
            step: of all, or of those alone that begin with ``what``
            fault: what happens
            message: what SQLite tells
            what: see ``step``
            then: it happens at the next one after that which begins so
        """
        self._left, self._what, self._then, self._fault, self._message = step, what, then, fault, message
        self.happened = False

    def take(self, act: Callable[[], Any], what: str, fail: Callable[[Fault], Exception] | None = None) -> Any:
        """Takes a step, or what happens in its place; ``fail`` makes what is told then."""
        if self._is_over:
            raise Killed
        self.taken.append(what)
        if not what.startswith(self._what):
            return act()
        self._left -= 1
        if self._left != -1 or self.happened:
            return act()
        if self._then:
            self._left, self._what, self._then = 0, self._then, ""
            return act()
        self.happened = True
        if self._fault is Fault.KILLED:
            self._kill()
            return act()
        if self._fault is Fault.KILLED_AFTER:
            found = act()
            self._kill()
            return found
        if self._fault is Fault.UNTOLD:
            act()
        raise fail(self._fault) if fail else sqlite.OperationalError(self._message)

    def _end(self) -> None:
        self._is_over = True
        raise Killed


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
def faulty(steps: Steps | None = None) -> Iterator[Steps]:
    """Has the store open its databases so that they take steps."""
    steps = steps or Steps()

    def connect(*arguments: Any, **options: Any) -> Any:
        connection = sqlite.connect(*arguments, factory=_Connection, **options)
        connection.steps = steps
        return connection

    with patch.object(engine, "sqlite", SimpleNamespace(**vars(sqlite) | {"connect": connect})):
        yield steps
