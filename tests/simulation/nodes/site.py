"""What a jurisdiction has, whether its node runs or not: disk, clock, keys, and whoever starts the node again."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import GatewayError, StoreError, Unavailable, WrongState
from gateway.identity.certificates import Window
from gateway.identity.parties import Parties
from gateway.identity.seal_certificates import seal_of
from gateway.identity.signers import DatedSeal, Keyring
from gateway.ledger.checkpoint import Signer
from gateway.ledger.seals import CertifiedSeal
from gateway.ledger.steps import RESTORED, SENDER_ROLLED_BACK
from gateway.store.awaiting import await_peers
from gateway.store.commits import Commit
from gateway.store.database import Database
from gateway.supervision.approval import ApprovalRule
from tests.simulation.nodes.disk import Disk, Step
from tests.simulation.nodes.loop import LIFE, Died, Life, VirtualLoop
from tests.simulation.nodes.network import Network
from tests.simulation.nodes.node import Running
from tests.store.exchanging import certify
from tests.store.stores import NOW

T = TypeVar("T")

MICROS = 1_000_000

_OF_RESTORED = (RESTORED, SENDER_ROLLED_BACK)


class Site:
    """What a jurisdiction has, whether its node runs or not.

    Attributes:
        seal: of which the home holds the keys
        earlier_seals: that it replaced
        next_seal: that is prepared; None: none is
        signers: of all seals that there will ever be
        defects: what no fault explains
        restored: how often it went back to a backup
        is_retired: it is not started again
        approval: rules of four eyes; ``publishes_by_draft``: whether they ask for approval of versions
        audit: is told of each commit
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
    ) -> None:
        self._parties, self.loop, self.network, self.disk, self.random = parties, loop, network, disk, random
        self.name, self.domain = parties.jurisdiction, parties.own.domain
        self.offset_seconds = 0.0  # of its clock
        self.seal = parties.own.seal
        self.earlier_seals: tuple[CertifiedSeal, ...] = ()
        self.next_seal: CertifiedSeal | None = None
        self.is_retired = False
        self.signers: dict[CertifiedSeal, Signer] = {}
        self.defects: list[BaseException] = []
        self.halts: dict[str, str] = {}  # reasons, by channel, as of the newest commit
        self.backup: Mapping[Path, bytes] | None = None  # to which it goes back before it starts again
        self.running: Running | None = None
        self.deaths = self.starts = self.restored = 0
        self.life: Life | None = None
        self.approval: Sequence[ApprovalRule] = ()
        self.publishes_by_draft = False
        self.audit: Callable[[], None] = lambda: None
        self.marks: dict[str, str] = {}
        self._told = told
        self._ended = asyncio.Event()
        self._calls: list[asyncio.Future[Any]] = []

    # --- what a process asks for --------------------------------------------------------------------------------------

    def micros(self) -> int:
        return NOW + round((self.loop.time() + self.offset_seconds) * MICROS)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.micros() / MICROS, UTC)

    def signer(self, seal: CertifiedSeal) -> Signer:
        window = Window(*(datetime.fromtimestamp(each, UTC) for each in (seal.not_before, seal.not_after)))
        return DatedSeal(_Mortal(self.disk, self.signers[seal]), window, self.now)

    @property
    def parties(self) -> Parties:
        own = replace(self._parties.own, seal=self.seal, earlier_seals=self.earlier_seals)
        return Parties(own, self._parties.peers)

    def prepared_seal(self) -> tuple[CertifiedSeal, Signer]:
        if not self.next_seal:
            raise WrongState("no seal is prepared")
        return self.next_seal, self.signer(self.next_seal)

    def adopt(self, seal: CertifiedSeal | None) -> None:
        """As ``SealFolders.adopt``: the files of the seal in force take the place of those before."""
        if self.next_seal and seal == self.next_seal:
            self.earlier_seals += (self.seal,)
            self.seal, self.next_seal = self.next_seal, None

    def certify(self, domain: str, certificates: Any, at: int) -> CertifiedSeal:
        return seal_of(certificates) if domain == self.domain else certify(domain, certificates, at)

    def committed(self, commit: Commit) -> None:
        self.halts = {origin: state.halt.reason for origin, state in commit.states.items() if state.halt}
        for origin, reason in self.halts.items():
            if not (self.restored and commit.states[origin].ends.outgoing and reason in _OF_RESTORED):
                self.defects.append(AssertionError(f"{origin} halted: {reason} (G7)"))
        self.audit()

    def refused(self, method: str, error: GatewayError) -> None:
        """A back office was refused something for good."""
        self._told(f"refused {method.rpartition('/')[2]}", self.name, type(error).__name__)

    def broke(self, error: Exception) -> None:
        """The node ends by itself; whoever runs it starts it again."""
        self._told("broke", self.name, str(error))
        if not self.disk.injected:
            self.defects.append(error)
        self.loop.call_soon(self.kill)

    def _restore(self, backup: Mapping[Path, bytes]) -> None:
        """As ``gateway restore`` opens what it copied."""
        self.disk.put_back(backup)
        database = Database("sqlite:///node.db", self.disk.folder)
        try:
            keyring = Keyring([(self.seal, self.signers[self.seal])])
            await_peers(
                database, keyring, "restored", act="gateway restore", clock=self.micros, random=self.random.randbytes
            )
        finally:
            database.close()

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
            if self.backup:
                self.disk.close()  # here: what a thread opened, it closes
                restoring = Thread(target=self._restore, args=[self.backup])  # a process of its own, with its own loop
                restoring.start()
                restoring.join()
                self.restored, self.backup = self.restored + 1, None

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
            self.running = running
            self._told("started", self.name)
            return
        if not (self.disk.injected and isinstance(error, (StoreError, SQLAlchemyError))):
            self.defects.append(error)
        self._told("not started", self.name)
        self.kill()

    def kill(self) -> None:
        """Ends the process at once."""
        if self.life and not self.life.is_over:
            with suppress(Died):
                self.life.die()

    def _die(self, _life: Life) -> None:
        self._told("died", self.name)
        self.deaths += 1
        self.running = None
        self.network.vanish(self.name)
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
        self.network.acceptors.pop(self.name, None)
        self._told("stops", self.name)
        stopping = self.loop.create_task(running.stop(), context=self.context())
        await asyncio.wait([stopping])
        if not life.is_over:
            self.kill()

    # --- calls --------------------------------------------------------------------------------------------------------

    async def call(self, method: str, act: Callable[[Running], Awaitable[T]], patience_seconds: float) -> T:
        """A call of a back office, over a network that loses answers as it loses requests.

        Raises:
            GatewayError: of the node; ``Unavailable`` also where nobody knows what became of it.
        """
        await asyncio.sleep(self.network.delay())
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


class _Mortal:
    """A seal in the hands of a process, which may die before or after it signs."""

    def __init__(self, disk: Disk, signer: Signer) -> None:
        self._disk, self._signer, self.public = disk, signer, signer.public

    def sign_ed25519(self, message: bytes) -> bytes:
        return self._sign(lambda: self._signer.sign_ed25519(message))

    def sign_ml_dsa_44(self, message: bytes) -> bytes:
        return self._sign(lambda: self._signer.sign_ml_dsa_44(message))

    def _sign(self, act: Callable[[], bytes]) -> bytes:
        life = LIFE.get()
        assert life, "a process signs"
        signature: bytes = self._disk.take(life, act, Step.SIGN)
        return signature
