"""A server of PostgreSQL as this process sees it, of which any statement or commit fails, or the connection at it.

A statement that the server refuses fails at the server itself, whose transaction it then ends. Where the connection is
lost at a COMMIT, nobody knows whether it was made: once it was, once it was not.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar
from unittest.mock import patch

import psycopg

from gateway.store.engines import patience
from tests.support.faulty import COMMIT, Fault, Steps

REFUSED = "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100', MESSAGE = 'No space left on device'; END $$"
FAULTS = (Fault.REFUSED, Fault.LOST, Fault.UNTOLD)


class _Cursor(psycopg.Cursor[Any]):
    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        return self._take(query, lambda: super(_Cursor, self).execute(query, params, **options))

    def executemany(self, query: Any, params_seq: Any, **options: Any) -> Any:
        return self._take(query, lambda: super(_Cursor, self).executemany(query, params_seq, **options))

    def _take(self, query: Any, act: Callable[[], Any]) -> Any:
        connection: Any = self.connection
        return connection.take(act, str(query), partial(super().execute, REFUSED))


class _Connection(patience.PatientConnection):
    steps: ClassVar[Steps]

    @classmethod
    def connect(cls, *arguments: Any, **options: Any) -> Any:
        return super().connect(*arguments, cursor_factory=_Cursor, **options)

    def take(self, act: Callable[[], Any], what: str, refused: Callable[[], Any]) -> Any:
        def fail(fault: Fault) -> Exception:
            if fault is Fault.REFUSED:
                try:
                    refused()
                except psycopg.Error as error:
                    return error
            self.close()
            return psycopg.OperationalError("server closed the connection unexpectedly")

        return self.steps.take(act, what, fail)

    def commit(self) -> None:
        if self.info.transaction_status != psycopg.pq.TransactionStatus.INTRANS:  # there is nothing to commit
            super().commit()
            return
        self.take(super().commit, COMMIT, self._refuse)

    def _refuse(self) -> None:
        """As where a constraint is looked at last: the server has rolled back by the time it says so."""
        try:
            psycopg.Cursor(self).execute(REFUSED)
        finally:
            super().rollback()


@contextmanager
def faulty_server(steps: Steps | None = None) -> Iterator[Steps]:
    """Has the store reach its server so that what it asks takes steps: of all connections that are opened meanwhile."""
    steps = steps or Steps()
    with patch.object(patience, "PatientConnection", type("_Connection", (_Connection,), {"steps": steps})):
        yield steps
