"""Runs reads off the loop: a few threads, each with a connection that cannot write."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import Unavailable
from gateway.store.database import READERS, Database

P = ParamSpec("P")
T = TypeVar("T")


class Readers:
    """The read side of a database."""

    def __init__(self, database: Database) -> None:
        self._engine = database.readers
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="reader")

    async def run(self, read: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Calls ``read`` with a connection, in one snapshot of what is committed.

        Raises:
            Unavailable: the database does not answer.
        """

        def call() -> T:
            with self._engine.connect() as connection:
                return read(connection, *args, **kwargs)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except SQLAlchemyError as error:
            raise Unavailable("the store cannot be read now") from error

    def close(self) -> None:
        """Ends the threads once what they do is done."""
        self._threads.shutdown()
