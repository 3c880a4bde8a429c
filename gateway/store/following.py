"""Hears what other replicas tell through PostgreSQL: that something was committed, or that a lease has another holder.

NOTIFY is quick and may be lost, as with a connection: a replica also looks at every beat (``gateway.replicas``).
"""

import random
import threading
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy.exc import SQLAlchemyError

from gateway.store.commits import COMMITS
from gateway.store.database import Database
from gateway.store.leases import LEASES

LOOK_SECONDS = 0.5  # from one look whether it is to stop to the next
LONGEST_WAIT_SECONDS = 3.0  # before it connects again


class Listening:
    """A thread with a connection of its own.

    Args:
        database: of the node; of no use with SQLite
        domain: of the node: others may use the same server
        on_told: called on the thread, with ``COMMITS`` or ``LEASES`` and the number that was told with it
    """

    def __init__(self, database: Database, domain: str, on_told: Callable[[str, int], None]) -> None:
        self._database, self._domain, self._on_told = database, domain, on_told
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listening", daemon=True)

    def start(self) -> None:
        """Begins to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it, and waits for that; not on the loop's thread."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        wait = 0.1
        while not self._stopping.is_set():
            try:
                with self._database.writer() as connection:
                    self._listen(connection.connection.driver_connection)
                wait = 0.1
            except (SQLAlchemyError, psycopg.Error):
                self._stopping.wait(random.uniform(wait / 2, wait))  # noqa: S311 - jitter, not a secret
                wait = min(wait * 2, LONGEST_WAIT_SECONDS)

    def _listen(self, connection: Any) -> None:
        connection.autocommit = True
        for name in (COMMITS, LEASES):
            connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(name)))
        while not self._stopping.is_set():
            for told in connection.notifies(timeout=LOOK_SECONDS):
                domain, _, number = told.payload.partition(" ")
                if domain == self._domain and number.isdecimal():
                    self._on_told(told.channel, int(number))
                if self._stopping.is_set():
                    return
