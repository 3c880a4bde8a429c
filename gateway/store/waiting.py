"""What waits to be written, in the order in which it came, and how much of it makes a group.

A commit costs the same signatures for one unit of work and for many. So a group waits a moment for callers that are
known to come again, if they are many: those just answered, and those who wait.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import GatewayError, Overloaded, Unavailable
from gateway.journal.entries import CALL_RECORD, CallRecord, Entry
from gateway.logs import Log
from gateway.news import wait_at_most
from gateway.store.leases import Lease, require
from gateway.store.reading import Needs
from gateway.store.state import ChannelState
from gateway.store.transaction import Transaction
from gateway.telemetry.tracing import Work, work_of_now

_log = Log(__name__)

T = TypeVar("T")
Unit = Callable[[Transaction], T]

MAX_GROUP_WEIGHT = 500  # envelopes a commit, about; a batch on the wire holds twice as many
BUSY_CALLERS = 4  # in one commit: then more are on their way
GATHER_SECONDS, GATHER_STEP_SECONDS = 0.040, 0.010  # that a busy writer waits for others: for all, for the next one
LEAST_PATIENCE = 0.1  # share of a step that it waits where nobody came: who was answered may wait for a receipt
MAX_WAITING_WEIGHT = 20_000  # envelopes that may wait before callers are refused


@dataclass(slots=True)
class Waiting:
    """Units that one caller waits for. ``outcomes``: of each its result, or the error it raised.

    ``call`` goes into the access journal if the units write anything; ``entries`` go into it in any case. ``work`` is
    there if it is traced. With a ``lease``, the units run only while it holds.
    """

    units: Sequence[Unit[Any]]
    needs: Needs
    weight: int
    call: CallRecord | None
    entries: Sequence[Entry]
    future: asyncio.Future[list[Any]]
    outcomes: list[Any]
    work: Work | None
    lease: Lease | None = None
    is_journaled: bool = False
    error: GatewayError | None = None

    def run(self, transaction: Transaction, states: Mapping[str, ChannelState]) -> None:
        """Runs the units, and journals what they wrote; ``states``: every channel, by its origin, before the commit."""
        before = transaction.group.sizes(states) if self.work else {}
        fence = partial(require, transaction.connection, self.lease) if self.lease else None
        self.outcomes = [_attempt(unit, transaction, fence) for unit in self.units]
        if self.work:
            after = transaction.group.sizes(states)
            self.work.sealed = [(each, before[each], after[each]) for each in after if after[each] > before[each]]
        self.is_journaled = transaction.journal_call(self.call)
        transaction.journal(*self.entries)

    def is_refused(self) -> bool:
        """Asks for its caller again, who may have waited long; one who may no more is told so, unless more was done."""
        if self.units and self.call and self.call.ask and not self.call.is_journaled:
            try:
                self.call.ask()
            except GatewayError as error:
                self.error = error
            except Exception as defect:  # noqa: BLE001 - of one caller; it must not end the writer
                _log.defect("unit_failed", defect)
                self.error = GatewayError("internal error")
            if self.error:
                self.answer()
        return self.error is not None

    def answer(self) -> None:
        """Tells its caller how it went, unless it has gone."""
        if self.future.done():
            return
        if self.error:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.outcomes)


def answer(group: Iterable[Waiting]) -> None:
    """Tells all callers how it went."""
    for waiting in group:
        waiting.answer()


def _attempt(unit: Unit[Any], transaction: Transaction, fence: Callable[[], None] | None) -> Any:
    """Runs one unit, unless the fence raises; gives its result, or the error that it raised.

    Raises:
        SQLAlchemyError: the database failed, for all units.
    """
    try:
        if fence:
            fence()
        return transaction.run(unit)
    except SQLAlchemyError:
        raise
    except GatewayError as error:
        return error
    except Exception as defect:  # noqa: BLE001 - in one unit; it must not stop the others
        _log.defect("unit_failed", defect)
        return GatewayError("internal error")


class Queue:
    """What waits; on the loop's thread alone.

    ``weight``: of all that does; ``is_closed``: it takes nothing more; ``is_refusing``: it takes nothing for now;
    ``patience``: share of ``GATHER_STEP_SECONDS`` that it waits for the next caller.
    """

    def __init__(self) -> None:
        self.weight = 0
        self.is_closed = False
        self.patience = 1.0
        self._refusal = ""
        self._waiting = OrderedDict[asyncio.Future[list[Any]], Waiting]()  # in order
        self._changed = asyncio.Event()
        self._expected = 0  # callers: of the last commit that had any, if they were many
        self._awaited = 1  # that wait, before the writer is told

    async def wait_for(
        self,
        units: Sequence[Unit[Any]],
        needs: Needs,
        weight: int,
        *,
        bounded: bool = True,
        entries: Sequence[Entry] = (),
        lease: Lease | None = None,
    ) -> list[Any]:
        """Takes units of one caller, and waits until they are answered; gives the outcome of each.

        Of a caller that goes away before its turn nothing is kept: what it asked for may be large, and those who come
        again and again would fill the memory while the writer stands still. What channels ask for is done all the same.

        Raises:
            Overloaded: too much waits.
            Unavailable: nothing more is taken; or whether they are stored is unknown.
        """
        if self.is_closed:
            raise Unavailable("the node is stopping")
        if self._refusal:
            raise Unavailable(self._refusal)
        if bounded and self.weight + weight > MAX_WAITING_WEIGHT:
            raise Overloaded("too much waits to be written; try again later", limit="writer_queue")
        future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        waiting = Waiting(units, needs, weight, CALL_RECORD.get(), entries, future, [], work_of_now(), lease)
        self._waiting[future] = waiting
        self.weight += weight
        if len(self._waiting) >= self._awaited:
            self._changed.set()
        try:
            outcomes = await future
        except asyncio.CancelledError:
            if bounded and future in self._waiting:
                del self._waiting[future]
                self.weight -= weight
            raise
        if waiting.call and waiting.is_journaled:
            waiting.call.is_journaled = True
        return outcomes

    async def next_group(self) -> list[Waiting]:
        """Gives what waits, up to a bound; nothing once it is closed and nothing waits."""
        while True:
            known = self._expected and self._expected + len(self._waiting)  # those just answered, and who waits
            while not self._waiting and not self.is_closed:
                self._changed.clear()
                await self._changed.wait()
            await self._gather(known)
            group = self._take_group()
            if group or (self.is_closed and not self._waiting):  # else all of them went away meanwhile, or may no more
                return group

    def _take_group(self) -> list[Waiting]:
        group: list[Waiting] = []
        weight = 0
        while self._waiting and (not group or weight + next(iter(self._waiting.values())).weight <= MAX_GROUP_WEIGHT):
            waiting = self._waiting.popitem(last=False)[1]
            self.weight -= waiting.weight
            if not waiting.is_refused():
                group.append(waiting)
                weight += waiting.weight
        if callers := sum(each.call is not None for each in group):  # what channels ask for tells nothing of them
            self._expected = callers if callers >= BUSY_CALLERS else 0
        return group

    def close(self) -> None:
        """Takes nothing more."""
        self.is_closed = True
        self._changed.set()

    @property
    def is_refusing(self) -> bool:
        """Tells whether callers are refused for now."""
        return bool(self._refusal)

    def refuse(self, why: str) -> list[Waiting]:
        """Takes nothing for now; gives all that waits, to be answered so."""
        self._refusal, refused = why, self.take_all()
        for waiting in refused:
            waiting.error = Unavailable(why)
        return refused

    def take_again(self) -> bool:
        """Takes callers again, unless it is closed."""
        self._refusal = ""
        return not self.is_closed

    def take_all(self) -> list[Waiting]:
        """Gives all that waits, which is answered without being written."""
        taken = list(self._waiting.values())
        self._waiting.clear()
        self.weight = 0
        return taken

    async def _gather(self, known: int) -> None:
        """Lets all known callers come, while they do; each time that nobody did it waits half as long."""
        first = len(self._waiting)
        if not 0 < first < known:
            return
        seen, loop = 0, asyncio.get_running_loop()
        end = loop.time() + GATHER_SECONDS
        self._awaited = known
        while seen < len(self._waiting) < known and loop.time() < end:
            seen = len(self._waiting)
            self._changed.clear()
            await wait_at_most(self._changed, GATHER_STEP_SECONDS * self.patience)
        self._awaited = 1
        self.patience = 1.0 if len(self._waiting) > first else max(self.patience / 2, LEAST_PATIENCE)
