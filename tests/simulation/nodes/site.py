"""What a jurisdiction has, whether its node runs or not: disk, clock, keys, and whoever starts the node again."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import GatewayError, StoreError, Unavailable, WrongState
from gateway.identity.certificates.x509 import Window
from gateway.identity.pairing.end import EndMarks, ended
from gateway.identity.pairing.parties import Parties, Party
from gateway.identity.seals.certificates import seal_of
from gateway.identity.seals.signers import DatedSeal
from gateway.ledger.checkpoint import Signer
from gateway.ledger.seals import CertifiedSeal
from gateway.ledger.steps import FORKED, RESTORED, SENDER_ROLLED_BACK
from gateway.node.subjects import Subjects
from gateway.store.clocks import MAX_LEAP_MICROS
from gateway.store.commits import Commit
from gateway.store.recovery.high_water import HighWater
from gateway.supervision.approval import ApprovalRule
from tests.simulation.nodes.disk import Disk
from tests.simulation.nodes.loop import LIFE, Died, Life, VirtualLoop, in_a_process
from tests.simulation.nodes.network import Network
from tests.simulation.nodes.node import Running
from tests.simulation.nodes.restoring import Way, restore
from tests.simulation.nodes.signing import Mortal
from tests.store.exchanging import certify
from tests.store.stores import NOW

T = TypeVar("T")

MICROS = 1_000_000

_OF_RESTORED = (RESTORED, SENDER_ROLLED_BACK)


class Site:
    """What a jurisdiction has, whether its node runs or not.

    Attributes:
        place: name of its process among all; the first of a node's is the node's own
        doors: what its node has: several such places, where they are replicas on one database
        seal: of which the home holds the keys
        earlier_seals: that it replaced; ``kept_seals``: of these it still holds the keys
        next_seal: that is prepared; None: none is
        signers: of all seals that there will ever be
        defects: what no fault explains
        restored: how often it went back to a backup, or its database was put back
        begun_anew: how often cursors that its watchers keep have become useless
        trusts_clock: an operator starts it who has looked at the clock
        was_put_back: its database once was, and nobody had said so
        was_far_behind: its clock was; ``is_misled``: it was wrong, and so were all that it could ask
        peers_changed: a pairing of it ended once, or began later
        is_retired: it is not started again
        held: it is not started before that; ``is_forgotten``: it runs on all the same (``moving``)
        backup: to which it goes back before it starts again, and in which ``way``
        is_on_new_machine: a restore finds nothing of the home before but its keys
        may_have_lost: there was a reason for its start to find commits missing
        forkable: channels of which there may be two histories now
        approval: rules of four eyes; ``publishes_by_draft``: whether they ask for approval of versions
        audit: is told of each commit; ``told``: of what happens here
        marks: what notices said that nothing else says, by id, as the audit read it
    """

    def __init__(
        self,
        parties: Parties,
        loop: VirtualLoop,
        network: Network,
        disk: Disk,
        random: Random,
        told: Callable[..., None],
        place: str = "",
    ) -> None:
        self._parties, self.loop, self.network, self.disk, self.random = parties, loop, network, disk, random
        self.name, self.domain = parties.jurisdiction, parties.own.domain
        self.place, self.doors = place or self.name, [self]
        self.offset_seconds = 0.0  # of its clock
        self.seal = parties.own.seal
        self.earlier_seals: tuple[CertifiedSeal, ...] = ()
        self.kept_seals: tuple[CertifiedSeal, ...] = ()
        self.next_seal: CertifiedSeal | None = None
        self.held: asyncio.Event | None = None
        self.is_retired = False
        self.signers: dict[CertifiedSeal, Signer] = {}
        self.defects: list[BaseException] = []
        self.halts: dict[str, str] = {}  # reasons, by channel, as of the newest commit
        self.backup: Mapping[Path, bytes] | None = None
        self.running: Running | None = None
        self.way, self.is_on_new_machine = Way.RESTORED, False
        self.deaths = self.starts = self.restored = self.begun_anew = 0
        self.peers_changed = False
        self.was_put_back = self.trusts_clock = self.was_far_behind = self.is_misled = self.is_forgotten = False
        self.may_have_lost = self._is_put_back = False  # since the last start that found out
        self._ever_lost, self._token_key = False, b""
        self.life: Life | None = None
        self.approval: Sequence[ApprovalRule] = ()
        self.publishes_by_draft = False
        self.audit: Callable[[], None] = lambda: None
        self.forkable: Collection[str] = ()
        self.marks: dict[str, str] = {}
        self.told = told
        self._ended = asyncio.Event()
        self._calls: list[asyncio.Future[Any]] = []
        self._visits: list[tuple[Callable[[], Any], asyncio.Future[Any], bool]] = []

    # --- what a process asks for --------------------------------------------------------------------------------------

    def micros(self) -> int:
        return NOW + round((self.loop.time() + self.offset_seconds) * MICROS)

    def elapsed(self) -> int:
        return round(self.loop.time() * MICROS)

    @property
    def high_water(self) -> Path:
        return self.disk.folder / "high-water.json"

    @property
    def endings(self) -> EndMarks:
        return EndMarks(self.disk.folder / "ended")

    def end_pairing(self, peer: str) -> bool:
        """As ``gateway pair end``; False: it had ended already."""
        known, now = self.endings.read(peer), self.micros() // MICROS
        if known and not known.is_over:
            return False
        self.told("ends", self.place, peer)
        for door in self.doors:
            door.peers_changed = True
        self.endings.write(peer, self._parties.peers[peer].domain, "", ended(known, now, "an operator", "a drill"))
        return True

    def pair_again(self, peer: str) -> None:
        """As ``gateway pair import``."""
        known, now = self.endings.read(peer), self.micros() // MICROS
        if known and not known.is_over:
            self.told("pairs again", self.place, peer)
            self.endings.write(peer, self._parties.peers[peer].domain, "", known.resumed(now))

    def join(self, party: Party) -> None:
        """As ``gateway pair import`` of a new peer, at a node that does not run."""
        self._parties = Parties(self._parties.own, {**self._parties.peers, party.jurisdiction: party})
        for door in self.doors:
            door.peers_changed = True

    def may_tell(self, sizes: Mapping[str, int]) -> bool:
        """Whether what is kept beside the database tells that logs of these sizes are not all that there was."""
        kept = HighWater.parse(self.high_water.read_bytes()).logs if self.high_water.exists() else {}
        return any(size > sizes.get(origin, 0) for origin, (size, _) in kept.items())

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.micros() / MICROS, UTC)

    def signer(self, seal: CertifiedSeal) -> Signer:
        window = Window(*(datetime.fromtimestamp(each, UTC) for each in (seal.not_before, seal.not_after)))
        return DatedSeal(Mortal(self.disk, self.signers[seal]), window, self.now)

    @property
    def parties(self) -> Parties:
        own = replace(self._parties.own, seal=self.seal, earlier_seals=self.earlier_seals)
        return Parties(own, self._parties.peers)

    def prepared_seal(self) -> tuple[CertifiedSeal, Signer]:
        if not self.next_seal:
            raise WrongState("no seal is prepared")
        return self.next_seal, self.signer(self.next_seal)

    def adopt(self, seal: CertifiedSeal | None, *, is_told: bool) -> None:
        """As ``SealFolders.adopt``: the files of the seal in force take the place of those before."""
        if self.next_seal and seal == self.next_seal:
            self.earlier_seals += (self.seal,)
            if not is_told:
                self.told("leaves behind", self.place)
                self.kept_seals += (self.seal,)
            self.seal, self.next_seal = self.next_seal, None
        if is_told and seal == self.seal:
            self.kept_seals = ()

    def certify(self, domain: str, certificates: Any, at: int) -> CertifiedSeal:
        return seal_of(certificates) if domain == self.domain else certify(domain, certificates, at)

    def committed(self, commit: Commit) -> None:
        self.halts = {origin: state.halt.reason for origin, state in commit.states.items() if state.halt}
        for origin, reason in self.halts.items():
            of_restored = self._ever_lost and commit.states[origin].ends.outgoing and reason in _OF_RESTORED
            if not of_restored and not (reason == FORKED and origin in self.forkable):
                self.defects.append(AssertionError(f"{origin} halted: {reason} (G7)"))
        self._require_timely(commit)
        self.audit()

    def compared(self, latest: Commit, token_key: bytes) -> None:
        """A start has compared its database with how far the node had seen it."""
        if begins_anew := self._token_key not in (b"", token_key):
            self.begun_anew += 1
            if not self.may_have_lost:
                self.defects.append(AssertionError("nothing was lost, and watchers have to begin anew"))
        waits = all(state.halt for state in latest.states.values() if state.ends.outgoing)
        if self._is_put_back and not (begins_anew and waits):
            self.defects.append(AssertionError("the database was put back, and that was not found"))
        self._ever_lost |= self.may_have_lost
        self.may_have_lost, self._is_put_back, self._token_key = False, False, token_key

    def doubts_at_start(self) -> None:
        self.told("doubts its clock", self.place)

    def _require_timely(self, commit: Commit) -> None:
        """Nothing is signed for which a peer would have to wait until that time has come (G7)."""
        latest = (NOW + self.elapsed() + MAX_LEAP_MICROS) // MICROS
        for origin, state in commit.states.items():
            signed = state.head if state.ends.outgoing else state.receipt
            if signed and signed.time > latest and not self.is_misled:
                self.defects.append(AssertionError(f"{origin} is signed {signed.time - latest} s too early (G7)"))

    def refused(self, method: str, error: GatewayError) -> None:
        """A back office was refused something for good."""
        self.told(f"refused {method.rpartition('/')[2]}", self.place, type(error).__name__)

    def broke(self, error: Exception) -> None:
        """The node ends by itself; whoever runs it starts it again."""
        self.told("broke", self.place, str(error))
        if not self.disk.injected and not (self.is_forgotten and "nobody's any more" in str(error)):
            self.defects.append(error)
        self.loop.call_soon(self.kill)

    def watch(self, task: "asyncio.Task[Any]") -> None:
        """A task of a node runs until the node ends."""
        if task.cancelled() or not self.life or self.life.is_over:
            return
        error = task.exception()
        self.defects.append(error or AssertionError(f"ended by itself: {task}"))

    # --- lives --------------------------------------------------------------------------------------------------------

    def context(self) -> Context:
        """For what is done in the present life."""
        context = copy_context()
        context.run(LIFE.set, self.life)
        return context

    async def run(self, again: Callable[[], float]) -> None:
        """Keeps the node running, as a service manager does: starts it again some time after it ended."""
        while True:
            await self._live()
            if self.is_retired:
                return
            await asyncio.sleep(again())
            while self.held:
                await self.held.wait()
            if self.backup:
                self.disk.close()  # here: what a thread opened, it closes
                self._go_back(self.backup)
                self.restored, self.backup = self.restored + 1, None
            self._be_visited()

    def _go_back(self, backup: Mapping[Path, bytes]) -> None:
        self.may_have_lost = self._ever_lost = True
        self.told(self.way, self.place)
        self._is_put_back = self.was_put_back = self.way is Way.PUT_BACK  # what told of the one before may be gone
        if self.way is Way.RESTORED:
            in_a_process(partial(restore, self, backup))
        else:
            self.disk.put_back(backup)
        if self.way is not Way.PUT_BACK:  # of that its start tells
            self.begun_anew += 1

    async def visited(self, act: Callable[[], T], *, may_lose: bool = True) -> T:
        """Has its operator stop the node, do something with its files, and have it started again; raises as the act.

        ``may_lose``: whether its next start may find commits missing then.
        """
        done: asyncio.Future[T] = self.loop.create_future()
        self._visits.append((act, done, may_lose))
        await self.stop()
        self.kill()  # also while it starts
        return await done

    def _be_visited(self) -> None:
        visits, self._visits = self._visits, []
        for act, done, may_lose in visits:
            self.disk.close()
            self.may_have_lost |= may_lose
            try:
                done.set_result(in_a_process(act))
            except GatewayError as error:
                done.set_exception(error)

    async def _live(self) -> None:
        life = self.life = Life(self.disk, self._die)
        self._ended.clear()
        self.starts += 1
        running = Running(self, life)
        starting = self.loop.create_task(running.start(), context=self.context())
        starting.add_done_callback(partial(self._started, running))
        await self._ended.wait()
        await self._bury(life)

    def _started(self, running: Running, starting: "asyncio.Task[None]") -> None:
        if starting.cancelled() or (self.life and self.life.is_over):
            return
        error = starting.exception()
        if error is None:
            self.running, self.trusts_clock = running, False
            self.told("started", self.place)
            return
        if not (self.disk.injected and isinstance(error, (StoreError, SQLAlchemyError, Unavailable))):
            self.defects.append(error)
        self.told("not started", self.place)
        self.kill()

    def kill(self) -> None:
        """Ends the process at once."""
        if self.life and not self.life.is_over:
            with suppress(Died):
                self.life.die()

    def _die(self, life: Life) -> None:
        self.loop.go_on(life)
        self.told("died", self.place)
        self.deaths += 1
        self.running = None
        self.network.vanish(self.place)
        for call in self._calls:
            if not call.done():
                call.set_exception(Unavailable("the connection was lost"))
        self._calls.clear()
        self._ended.set()

    async def _bury(self, life: Life) -> None:
        await life.bury()
        self.disk.cut_off()
        if life.lock:
            life.lock.close()

    async def stop(self) -> None:
        """Has the node end as SIGTERM does."""
        running, life = self.running, self.life
        if not running or not life:
            return
        self.running = None
        self.network.acceptors.pop(self.place, None)
        self.told("stops", self.place)
        stopping = self.loop.create_task(running.stop(), context=self.context())
        await asyncio.wait([stopping])
        if not life.is_over:
            self.kill()

    # --- calls --------------------------------------------------------------------------------------------------------

    async def call(self, method: str, act: Callable[[Subjects], Awaitable[T]], patience_seconds: float) -> T:
        """A call of a back office, over a network that loses answers as it loses requests.

        Raises:
            GatewayError: of the node; ``Unavailable`` also where nobody knows what became of it.
        """
        await asyncio.sleep(self.network.delay())
        door = self.random.choice(self.doors) if len(self.doors) > 1 else self
        return await door.serve(method, act, patience_seconds)

    async def serve(self, method: str, act: Callable[[Subjects], Awaitable[T]], patience_seconds: float) -> T:
        """Likewise, once it has reached this place."""
        running, life = self.running, self.life
        if not running or not life:
            raise Unavailable("connection refused")
        answer: asyncio.Future[T] = self.loop.create_future()
        self._calls = [each for each in self._calls if not each.done()] + [answer]
        serving = self.loop.create_task(running.serve(method, act), context=self.context())
        serving.add_done_callback(partial(self._answered, answer, life))
        try:
            async with asyncio.timeout(patience_seconds):
                found = await answer
        except TimeoutError as error:
            raise Unavailable("deadline exceeded") from error
        finally:
            if not serving.done():  # gRPC tells the node that its caller has gone
                self.network.later(serving.cancel)
        await asyncio.sleep(self.network.delay())
        if self.network.random.random() < self.network.loss:
            raise Unavailable("the connection was lost")
        return found

    def _answered(self, answer: "asyncio.Future[T]", life: Life, serving: "asyncio.Task[T]") -> None:
        error = None if serving.cancelled() else serving.exception()
        if serving.cancelled() or answer.done() or life.is_over:
            return
        if error is None:
            answer.set_result(serving.result())
            return
        if not isinstance(error, GatewayError) or type(error) is GatewayError:
            self.defects.append(error)
        answer.set_exception(error)
