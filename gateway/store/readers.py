"""Runs reads: on a few threads, each with a connection that cannot write; or on the loop, if they are short."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import Unavailable
from gateway.journal.entries import CALL_RECORD
from gateway.store.database import READERS, Database

P = ParamSpec("P")
T = TypeVar("T")


CALLER_AT_ONCE = READERS // 2  # reads of one caller: the others are there for others, however much it asks for


class Readers:
    """The read side of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._turns: dict[str, asyncio.Semaphore] = {}  # by caller

    async def run(self, read: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Calls ``read`` with a connection, in one snapshot of what is committed; of one caller, a few at once.

        No thread can be stopped: who hangs up meanwhile keeps the turn until the read is done.

        Raises:
            Unavailable: the database does not answer.
        """
        call, loop = partial(self._call, read, *args, **kwargs), asyncio.get_running_loop()
        if (turn := self._turn()) is None:
            return await loop.run_in_executor(self._threads, call)
        await turn.acquire()
        reading = loop.run_in_executor(self._threads, call)

        def give_back(done: asyncio.Future[T]) -> None:
            turn.release()
            if not done.cancelled():
                done.exception()  # nobody may be there to be told

        reading.add_done_callback(give_back)
        return await asyncio.shield(reading)

    def _turn(self) -> asyncio.Semaphore | None:
        """The turns of who makes the call that is served now; what the node asks for by itself waits for none."""
        if (record := CALL_RECORD.get()) is None:
            return None
        client = record.requester.client
        return self._turns.get(client) or self._turns.setdefault(client, asyncio.Semaphore(CALLER_AT_ONCE))

    async def at_once(self, read: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Likewise, of what a key leads to: with SQLite on the loop, which takes less than to wait for it (adr/0003).

        Raises:
            Unavailable: the database does not answer.
        """
        return self._call(read, *args, **kwargs) if self._database.is_local else await self.run(read, *args, **kwargs)

    def _call(self, read: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._database.is_away:
            raise Unavailable("the database does not answer; try again later")
        try:
            with self._database.readers.connect() as connection:
                return read(connection, *args, **kwargs)
        except SQLAlchemyError as error:
            raise Unavailable("the store cannot be read now") from error

    def close(self) -> None:
        """Ends the threads once what they do is done."""
        self._threads.shutdown()


class SnapshotReaders(Readers):
    """The read side of one snapshot, for who asks one question after the other where no node serves the database.

    Args:
        connection: open as long as something is asked
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def run(self, read: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Calls ``read`` with the connection."""
        return read(self._connection, *args, **kwargs)

    async def at_once(self, read: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Likewise."""
        return read(self._connection, *args, **kwargs)

    def close(self) -> None:
        """Leaves the connection to who opened it."""
