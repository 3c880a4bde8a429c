"""A connection to PostgreSQL that does not wait without end for a server that says nothing.

The machine of a server answers for it also where the process stands still, and libpq waits for an answer as well where
it could not send the question: neither ``tcp_user_timeout`` nor any timeout of the server's tells of that. So where
nothing comes for some seconds the connection is closed, which it then is for good. What was under way on it may still
be done by the server, a COMMIT too; nothing more is asked on it, so nothing else can be.
"""

from collections.abc import Generator
from time import monotonic
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen

T = TypeVar("T")


class PatientConnection(psycopg.Connection[Any]):
    """``patience_seconds``: without a sign of the server; None: it waits. It may be made less while something waits."""

    patience_seconds: float | None = None

    def wait(self, gen: PQGen[T], *args: Any, **options: Any) -> T:
        """Waits for the server, for everything that is done on a connection.

        Raises:
            OperationalError: nothing came for too long; the connection is closed.
        """
        return super().wait(gen if self.patience_seconds is None else self._patiently(gen), *args, **options)

    def _patiently(self, gen: PQGen[T]) -> Generator[Any, Any, T]:
        """Goes on with what waits: it is resumed when something came, and ten times a second where nothing does."""
        heard = monotonic()
        try:
            awaited = next(gen)
            while True:
                ready, silent = (yield awaited), monotonic() - heard
                if ready:
                    heard += silent
                elif self.patience_seconds is not None and silent > self.patience_seconds:
                    self.close()
                    raise psycopg.OperationalError(f"the server said nothing for {silent:.0f} seconds")
                awaited = gen.send(ready)
        except StopIteration as done:
            result: T = done.value
            return result
