"""A replica's own connection for leases: on a thread, so that they are renewed whatever else the store does."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import Unavailable
from gateway.store import leases
from gateway.store.database import Database
from gateway.store.leases import Holding, Lease, Picture, Replica

P = ParamSpec("P")
T = TypeVar("T")


class LeaseKeeping:
    """Does one thing after the other; connects anew after each that failed.

    Args:
        database: PostgreSQL's; it is given up where it says nothing for as long as a lease lasts
        me: this replica
    """

    def __init__(self, database: Database, me: Replica) -> None:
        self._database, self._me = database, me
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="leases")
        self._connection: Connection | None = None

    async def beat(self, held: Sequence[Holding]) -> Picture:
        """Says that this replica runs, and renews what it holds (``leases.beat``).

        Raises:
            Unavailable: the database does not answer, as in all that follows.
        """
        return await self._run(leases.beat, self._me, held)

    async def take(self, channel: int, *, by_force: bool = False) -> Lease | None:
        """Takes a lease that is free, or by force; None: it is not free."""
        return await self._run(leases.take, channel, self._me.id, by_force=by_force)

    async def give_back(self, *held: Lease) -> None:
        """Ends leases, those of them that are still this replica's."""
        for lease in held:
            await self._run(leases.give_back, lease)

    async def close(self, held: Sequence[Lease]) -> None:
        """Ends leases, takes this replica off the list, and closes the connection, if the database answers."""
        with suppress(Unavailable):
            await self.give_back(*held)
            await self._run(leases.leave, self._me)
        self._thread.shutdown()
        if self._connection:
            self._connection.close()

    async def _run(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        def call() -> T:
            try:
                connection = self._connection = self._connection or self._database.committing(leases.LEASE_SECONDS)
                with connection.begin():
                    return work(connection, *args, **kwargs)
            except SQLAlchemyError as error:
                self._drop()
                raise Unavailable("the leases of channels cannot be looked at now") from error

        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            connection.invalidate()
            connection.close()
