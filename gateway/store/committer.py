"""The one writer: a thread that commits what waits, in groups, and answers when it is durable.

A unit of work is a function of a ``Transaction``. Units that wait are run one after another in one database
transaction, signed with one checkpoint a channel, and made durable with one commit. A unit that raises harms no
other. If the commit fails, no unit of it is answered as done, and the writer begins again from what is stored;
only an error of the storage itself (not a full disk) ends the node, since a failed fsync must never be tried again.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import GatewayError, Overloaded, StoreError, Unavailable
from gateway.ledger.checkpoint import Signer
from gateway.store.database import Database
from gateway.store.state import ChannelState, Counters, read_channels, read_counters
from gateway.store.transaction import Transaction
from gateway.store.writing import Writing

T = TypeVar("T")
Unit = Callable[[Transaction], T]

MAX_GROUP_WEIGHT = 1000  # envelopes a commit: what one batch on the wire may hold
MAX_WAITING_WEIGHT = 20_000  # envelopes that may wait before callers are refused

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Commit:
    """What is true since a commit: told to those who listen."""

    states: Mapping[str, ChannelState]
    counters: Counters


@dataclass(slots=True)
class _Waiting:
    """Units that one caller waits for. ``outcomes``: of each its result, or the error it raised."""

    units: Sequence[Unit[Any]]
    weight: int
    future: asyncio.Future[list[Any]]
    outcomes: list[Any]
    error: GatewayError | None = None


class Committer:
    """Runs units of work.

    Args:
        database: open and migrated
        signer: this node's seal
        clock: microseconds since 1970
        random: gives so many random bytes
        on_commit: called on the loop's thread after each commit
        on_fatal: called on the loop's thread when nothing more can be written
    """

    def __init__(
        self,
        database: Database,
        signer: Signer,
        *,
        clock: Callable[[], int],
        random: Callable[[int], bytes],
        on_commit: Callable[[Commit], None],
        on_fatal: Callable[[Exception], None],
    ) -> None:
        self._database, self._signer, self._clock, self._random = database, signer, clock, random
        self._on_commit, self._on_fatal = on_commit, on_fatal
        self._loop = asyncio.get_running_loop()
        self._changed = threading.Condition()  # guards the three below
        self._waiting: deque[_Waiting] = deque()
        self._weight = 0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
        self._connection = database.writer()
        self._now = 0
        self._latest = self._load()

    def start(self) -> None:
        """Starts to commit."""
        self._thread.start()

    def latest(self) -> Commit:
        """Gives the state as of the last commit."""
        return self._latest

    async def submit(self, unit: Unit[T], weight: int = 1) -> T:
        """Runs a unit of work and waits until what it wrote is durable.

        Args:
            unit: is called on the writer's thread
            weight: number of envelopes it may append, about

        Raises:
            GatewayError: what the unit raised, or ``Overloaded``, or ``Unavailable``: then whether it is stored is
                unknown to the caller, who asks again under the same request_id.
        """
        outcome = (await self._enqueue([unit], weight))[0]
        if isinstance(outcome, GatewayError):
            raise outcome
        return cast("T", outcome)

    async def submit_all(self, units: Sequence[Unit[T]]) -> list[T | GatewayError]:
        """Runs units of one envelope each; gives, for each, its result or the error that it raised.

        Raises:
            Overloaded, Unavailable: as ``submit``, for all of them.
        """
        return await self._enqueue(units, len(units)) if units else []

    async def _enqueue(self, units: Sequence[Unit[Any]], weight: int) -> list[Any]:
        future: asyncio.Future[list[Any]] = self._loop.create_future()
        with self._changed:
            if self._stopping:
                raise Unavailable("the node is stopping")
            if self._weight + weight > MAX_WAITING_WEIGHT:
                raise Overloaded("too much waits to be written; try again later")
            self._waiting.append(_Waiting(units, weight, future, []))
            self._weight += weight
            self._changed.notify()
        return await future

    async def stop(self) -> None:
        """Commits what waits, then ends."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        await asyncio.to_thread(self._thread.join)
        self._connection.close()

    # --- on the writer's thread -----------------------------------------------------------------------------------

    def _run(self) -> None:
        while group := self._next_group():
            try:
                self._commit(group)
            except StoreError as error:
                self._end(group, error)
                return

    def _next_group(self) -> list[_Waiting]:
        """What waits, up to a bound; none once the node stops and nothing waits."""
        group: list[_Waiting] = []
        weight = 0
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopping)
            while self._waiting and (not group or weight + self._waiting[0].weight <= MAX_GROUP_WEIGHT):
                group.append(self._waiting.popleft())
                weight += group[-1].weight
            self._weight -= weight
        return group

    def _commit(self, group: list[_Waiting]) -> None:
        self._now = max(self._now, self._clock())
        try:
            with self._connection.begin():
                transaction = Transaction(self._connection, self._latest.states, self._now, self._random)
                for waiting in group:
                    waiting.outcomes = [_attempt(unit, transaction) for unit in waiting.units]
                writing = Writing(
                    transaction.group, self._latest.states, self._latest.counters, self._signer, self._now
                )
                writing.execute(self._connection)
        except SQLAlchemyError as error:
            self._recover(group, error)
            return
        self._latest = Commit(writing.states, writing.counters)
        self._loop.call_soon_threadsafe(self._answer, group, self._latest)

    def _recover(self, group: list[_Waiting], error: SQLAlchemyError) -> None:
        """Begins again from what is stored: what became of the failed commit is found there.

        Raises:
            StoreError: the storage is broken.
        """
        _log.error("a commit failed: %s", type(error).__name__)
        if "disk I/O error" in str(error):
            raise StoreError("the storage failed; the node stops, and must not write again before it is mended")
        for waiting in group:
            waiting.error = Unavailable("the store cannot write now; try again with the same request_id")
        self._connection.close()
        try:
            self._connection = self._database.writer()
            self._latest = self._load()
        except SQLAlchemyError as second:
            raise StoreError("the database does not answer") from second
        self._loop.call_soon_threadsafe(self._answer, group, self._latest)

    def _end(self, group: list[_Waiting], error: StoreError) -> None:
        with self._changed:
            self._stopping = True
            group += self._waiting
            self._waiting.clear()
        for waiting in group:
            waiting.error = Unavailable("the store cannot write any more")
        self._loop.call_soon_threadsafe(self._answer, group, None)
        self._loop.call_soon_threadsafe(self._on_fatal, error)

    def _load(self) -> Commit:
        with self._connection.begin():
            return Commit(read_channels(self._connection), read_counters(self._connection))

    # --- on the loop's thread ---------------------------------------------------------------------------------------

    def _answer(self, group: list[_Waiting], commit: Commit | None) -> None:
        for waiting in group:
            if waiting.future.done():
                continue
            if waiting.error:
                waiting.future.set_exception(waiting.error)
            else:
                waiting.future.set_result(waiting.outcomes)
        if commit:
            self._on_commit(commit)


def _attempt(unit: Unit[Any], transaction: Transaction) -> Any:
    try:
        return transaction.run(unit)
    except SQLAlchemyError:
        raise
    except GatewayError as error:
        return error
    except Exception:  # noqa: BLE001 - a defect in one unit must not stop the others
        _log.exception("a unit of work failed")
        return GatewayError("internal error")
