"""Hears what other replicas tell through PostgreSQL: that something was committed, or that a lease has another holder.

NOTIFY is quick and may be lost, as with a connection: a replica also looks at every beat (``gateway.replicas``). So
where nobody can listen the node goes on, and hears of the others later: that is told once, and an alarm if it lasts.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy.exc import SQLAlchemyError

from gateway.backoff import Backoff
from gateway.errors import Unavailable
from gateway.logs import Log, kind_of
from gateway.store.commits import COMMITS
from gateway.store.database import Database
from gateway.store.leases import LEASES

LOOK_SECONDS = 0.5  # from one look whether it is to stop to the next
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.1, 3.0  # before it connects again
QUIET_SECONDS = 10.0  # without any news, after which it asks for a sign of the server
LASTING_SECONDS = 30.0  # of failure, after which an operator must look
MAX_DIGITS = 18  # of a number that is told: anybody who may connect may tell one

_log = Log(__name__)


class Listening:
    """A thread with a connection of its own; an operator's alarm (``gateway.watching``) is raised while it has none.

    Args:
        database: of the node; of no use with SQLite
        domain: of the node: others may use the same server
        on_told: called on the thread, with ``COMMITS`` or ``LEASES`` and the number that was told with it
    """

    name = "following"

    def __init__(self, database: Database, domain: str, on_told: Callable[[str, int], None]) -> None:
        self._database, self._domain, self._on_told = database, domain, on_told
        self._failing_since: float | None = None  # by the monotonic clock; the thread's to change
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listening", daemon=True)

    def start(self) -> None:
        """Begins to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it, and waits for that; not on the loop's thread."""
        self._stopping.set()
        self._thread.join()

    def look(self) -> None:
        """Raises ``Unavailable`` where nobody could listen for long, though the database answers."""
        since = self._failing_since
        if since is not None and not self._database.is_away and time.monotonic() - since > LASTING_SECONDS:
            raise Unavailable(
                "nothing listens for what other replicas commit, which is heard of late; the log tells why "
                "(listening_failed)"
            )

    def _run(self) -> None:
        backoff = Backoff(FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS)
        while not self._stopping.is_set():
            try:
                with self._database.writer() as connection:
                    self._listen(connection.connection.driver_connection)
            except Exception as error:  # noqa: BLE001 - whatever it is, somebody must listen again
                if self._failing_since is None:
                    self._failing_since = time.monotonic()
                    backoff.reset()
                    _tell(error)
                self._stopping.wait(backoff.next_seconds())

    def _listen(self, connection: Any) -> None:
        connection.autocommit = True
        for name in (COMMITS, LEASES):
            connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(name)))
        heard = time.monotonic()
        if since := self._failing_since:
            self._failing_since = None
            _log.warning("listening_again", seconds=int(heard - since))
        while not self._stopping.is_set():
            for told in connection.notifies(timeout=LOOK_SECONDS):
                heard = time.monotonic()
                domain, _, number = told.payload.partition(" ")
                if domain == self._domain and number.isdecimal() and len(number) <= MAX_DIGITS:
                    self._on_told(told.channel, int(number))
                if self._stopping.is_set():
                    return
            if time.monotonic() - heard > QUIET_SECONDS:
                connection.execute("SELECT 1")  # one that stands still is given up (``patience``)
                heard = time.monotonic()


def _tell(error: Exception) -> None:
    if isinstance(error, SQLAlchemyError | psycopg.Error):
        _log.warning("listening_failed", error=kind_of(error))
    else:
        _log.defect("listening_broken", error)
