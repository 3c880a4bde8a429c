"""The one writer: commits what waits, in groups, and answers when it is durable.

A unit of work is a function of a ``Transaction``. Units that wait are run one after another in one database
transaction, signed with one checkpoint a channel, and made durable with one commit. A unit that raises harms no
other. If the commit fails, no unit of it is answered as done, and the writer begins again from what is stored;
only an error of the storage itself (not a full disk) ends the node, since a failed fsync must never be tried again. A
PostgreSQL server that goes away is waited for: meanwhile callers are refused at once.

With SQLite the statements run on the loop's own thread, and only signing and the commit, with its fsync, on others:
each statement lets go of the interpreter's lock, and a busy loop would give it back only after its switch interval, for
every row (docs/adr/0003). With PostgreSQL, where a statement waits for a server, and with a key in a token, whose
signatures may take long (docs/adr/0022), they run on the commit's thread too.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any, TypeVar, cast

from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from gateway.backoff import Backoff
from gateway.errors import BrokenStorage, GatewayError, SealUnavailable, StoreError, Unavailable
from gateway.journal.entries import Entry
from gateway.logs import Log, kind_of
from gateway.store.clocks import Witnesses
from gateway.store.commits import Commit
from gateway.store.engines.failing import is_broken
from gateway.store.leases import Lease
from gateway.store.reading import NOTHING, Needs
from gateway.store.recent import Recent
from gateway.store.rejoining import load_newer
from gateway.store.transaction import Transaction
from gateway.store.waiting import Queue, Unit, Waiting, answer
from gateway.store.writer_session import WriterSession
from gateway.telemetry.tracing import OFF, Tracing

T = TypeVar("T")

UNKNOWN = "the store cannot write now, and whether this is stored is unknown; try again, same request_id"
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.1, 3.0  # for a server that went away, from one try to the next
SOON_SECONDS = 1.0  # in which a server is back, before callers are told that it is not

_log = Log(__name__)


class Committer:
    """Runs units of work. ``recent`` holds what it sealed last.

    ``on_measured`` is told of each commit its weight, the seconds that it took, and whether it is durable.

    Args:
        session: writes; it is closed with this
        on_commit: called after each commit
        on_fatal: called when nothing more can be written
        tracing: makes the spans of commits
    """

    def __init__(
        self,
        session: WriterSession,
        *,
        on_commit: Callable[[Commit], None],
        on_fatal: Callable[[Exception], None],
        tracing: Tracing = OFF,
    ) -> None:
        self._session, self._database = session, session.database
        self._on_commit, self._on_fatal, self._tracing = on_commit, on_fatal, tracing
        self._queue = Queue()
        self._turn, self._following = asyncio.Lock(), asyncio.Lock()  # whose holder alone uses the connection; follows
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="committer")
        self.recent = Recent()
        self.on_measured: Callable[[int, float, bool], None] = lambda *_: None

    def start(self) -> None:
        """Starts to commit."""
        self._task = asyncio.create_task(self._run())

    def latest(self) -> Commit:
        """Gives the state as of the last commit."""
        return self._session.latest

    @property
    def witnesses(self) -> Witnesses:
        """What knows the time beside the machine's clock."""
        return self._session.witnesses

    def waiting_weight(self) -> int:
        """Gives how much waits to be written: envelopes, about; above ``MAX_WAITING_WEIGHT`` callers are refused."""
        return self._queue.weight

    async def submit(
        self,
        unit: Unit[T],
        needs: Needs = NOTHING,
        weight: int = 1,
        *,
        bounded: bool = True,
        lease: Lease | None = None,
    ) -> T:
        """Runs a unit of work and waits until what it wrote is durable.

        What it writes for a call (``CALL_RECORD``) is told by an entry of the access journal in the same commit.

        Args:
            unit: decides, and drafts what is to be written
            needs: what it will look up, so that it is read at once for all that waits
            weight: number of envelopes it may append, about; ``MAX_GROUP_WEIGHT``: it has its commit for itself
            bounded: refuse it when too much waits; not so what channels ask for, which is bounded by their window
            lease: without which it must not be run

        Raises:
            GatewayError: what the unit raised, or ``Overloaded``, or ``Unavailable``: then whether it is stored is
                unknown to the caller, who asks again under the same request_id.
        """
        outcome = (await self._queue.wait_for([unit], needs, weight, bounded=bounded, lease=lease))[0]
        if isinstance(outcome, GatewayError):
            raise outcome
        return cast("T", outcome)

    async def submit_all(self, units: Sequence[Unit[T]], needs: Needs = NOTHING) -> list[T | GatewayError]:
        """Runs units of one envelope each; gives, for each, its result or the error that it raised.

        Raises:
            Overloaded, Unavailable: as ``submit``, for all of them.
        """
        return await self._queue.wait_for(units, needs, len(units)) if units else []

    async def journal(self, *entries: Entry) -> None:
        """Adds entries to the access journal, and waits until they are durable.

        Raises:
            Overloaded, Unavailable: as ``submit``.
        """
        await self._queue.wait_for([], NOTHING, 1, entries=entries)

    async def look(self) -> None:
        """Commits nothing that anybody reads: to find out whether the database takes it, and is still the same.

        Raises:
            Unavailable: it does not.
        """
        await self.submit(Transaction.try_to_write, bounded=False)

    async def scrub(self) -> bool:
        """Leaves what was destroyed in no place from which the database could give it (``Database.scrub``).

        Returns:
            False: a reader still uses an older state; ask again.

        Raises:
            Unavailable: the database failed at it, as it may fail at a commit; ask again.
        """
        try:
            if not self._database.is_local:  # on a connection of its own, beside what is written
                return await asyncio.to_thread(self._session.scrub)
            async with self._turn:
                try:
                    return await self._elsewhere(self._session.scrub)
                except SQLAlchemyError as error:
                    await self._recover([], error)
                    raise
        except SQLAlchemyError as error:
            raise Unavailable("the store cannot be scrubbed now") from error
        except StoreError as broken:
            self._end([], broken)
            raise Unavailable("the store cannot be scrubbed any more") from broken

    async def stop(self) -> None:
        """Commits what waits, then ends."""
        self._queue.close()
        await self._task
        self._thread.shutdown()
        self._session.close()

    # --- commits --------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while group := await self._queue.next_group():
            try:
                async with self._turn:
                    await self._commit(group)
                if self._queue.is_refusing:  # not in its turn: who waits for that is refused, too
                    await self._come_back()
            except StoreError as error:
                self._end(group, error)
                return
            except Exception as defect:  # noqa: BLE001 - callers must not wait for ever, whatever it is
                _log.defect("writer_failed", defect)
                self._end(group, StoreError("the writer failed, and the node stops; its log tells how"))
                return

    async def _commit(self, group: list[Waiting], *, is_again: bool = False) -> None:
        weight, started = sum(waiting.weight for waiting in group), perf_counter()
        began, known = time.time_ns(), self._session.latest
        try:
            if self._database.is_local and not self._session.signing.is_remote:
                commit = self._session.write(group)
            else:
                commit = await self._elsewhere(self._session.write, group)
            await self._elsewhere(self._session.commit)
        except StoreError:
            raise
        except IntegrityError as error:  # as after a size that has changed: the rows are there already
            raise StoreError("another writer uses this database; the node stops") from error
        except (SQLAlchemyError, GatewayError) as error:  # of the database, or of the seal
            if isinstance(error, SealUnavailable) and not is_again and await self._reopened():
                self._begin_again()  # it is known now: only units are refused that need a signature
                await self._commit(group, is_again=True)
                return
            self.on_measured(weight, perf_counter() - started, False)
            self._trace(group, began, failed=True)
            await self._recover(group, error)
            return
        if commit.destroyed or self._session.latest is not known:
            self.recent.forget()  # another replica may have destroyed content, too
        self._session.latest = commit
        for run in commit.sealed:
            self.recent.keep(run)
        self._trace(group, began)  # before watchers are told
        self._on_commit(commit)
        answer(group)
        self.on_measured(weight, perf_counter() - started, True)

    def _trace(self, group: list[Waiting], began: int, *, failed: bool = False) -> None:
        if works := [waiting.work for waiting in group if waiting.work]:
            try:
                self._tracing.committed(works, began, failed=failed)
            except Exception as defect:  # noqa: BLE001 - whatever it is, what was written does not depend on it
                _log.defect("trace_failed", defect)

    async def _recover(self, group: list[Waiting], error: Exception) -> None:
        """Begins again from what is stored: what became of the failed commit is found there.

        Raises:
            StoreError: the storage is broken.
        """
        _log.error("commit_failed", error=kind_of(error))
        if is_broken(error):
            raise BrokenStorage("the storage failed; the node stops, and must not write again before it is mended")
        for waiting in group:
            waiting.error = error if isinstance(error, SealUnavailable) else Unavailable(UNKNOWN)
        if self._database.is_local:
            await self._reopened()
        else:
            late = asyncio.get_running_loop().call_later(SOON_SECONDS, self._refuse, group)
            try:
                if not await self._reopened():
                    self._refuse(group)
            finally:
                late.cancel()
        self._begin_again()
        answer(group)

    def _refuse(self, group: list[Waiting]) -> None:
        """Has nobody wait for a server that does not answer, or not soon."""
        self._database.is_away = True
        answer([*group, *self._queue.refuse("the database does not answer; try again later, same request_id")])

    async def _reopened(self) -> bool:
        """Connects anew, and reads what is stored; False: the server does not answer, or takes no writes.

        Raises:
            StoreError: SQLite's file cannot be opened.
        """
        try:
            await self._elsewhere(self._session.reopen)
        except SQLAlchemyError as error:
            if self._database.is_local:
                raise StoreError("the database does not answer") from error
            return False
        return True

    async def _come_back(self) -> None:
        """Waits for a server that went away; only then callers are taken again."""
        _log.error("database_away")
        backoff, went = Backoff(FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS), perf_counter()
        while not self._queue.is_closed:
            async with self._turn:
                if await self._reopened():
                    self._begin_again()
                    break
            await asyncio.sleep(backoff.next_seconds())
        self._database.is_away = False
        if self._queue.take_again():
            _log.warning("database_back", seconds=int(perf_counter() - went))
            self.on_measured(0, 0.0, True)

    def _begin_again(self) -> None:
        self.recent.forget()  # a commit may have been made, though it failed, and have destroyed content
        self._on_commit(self._session.latest)

    async def follow(self, version: int | None = None) -> None:
        """Takes what other replicas committed up to a version, or up to now, if this one does not know it yet.

        Raises:
            StoreError: the database is nobody's any more, or has lost commits; the node ends.
            Unavailable: it does not answer.
        """
        if self._database.is_local:
            return
        async with self._following:
            while version is None or version > self._session.latest.version:
                if self._queue.is_refusing:
                    raise Unavailable("the database does not answer")
                known = self._session.latest
                try:  # not in its turn: where the server stands still for this, it may still take commits
                    newer = await asyncio.to_thread(load_newer, self._database, known)
                except StoreError as error:
                    self._on_fatal(error)
                    raise
                async with self._turn:
                    if self._session.latest is known and newer is not known:
                        self._session.latest = newer
                        self.recent.forget()
                        self._on_commit(newer)
                    if self._session.latest.version >= newer.version:
                        return  # else this began from what is not the last: again

    def _end(self, group: list[Waiting], error: StoreError) -> None:
        self._queue.close()
        group += self._queue.take_all()
        for waiting in group:
            waiting.error = Unavailable("the store cannot write any more")
        answer(group)
        self._on_fatal(error)

    async def _elsewhere(self, work: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)
