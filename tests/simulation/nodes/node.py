"""A node of the simulation: all of ``gateway.node`` but what touches files of keys, TLS and gRPC's own servers.

It is put together as ``gateway.node.node`` does it, of the same parts; its network and its keys are the site's.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry

from gateway.commands.attachments.storage import Room
from gateway.errors import GatewayError, Unavailable
from gateway.identity.seals.signers import Keyring
from gateway.journal.entries import CALL_RECORD
from gateway.link.attachment_link import AttachmentLink
from gateway.link.dialler import Dialler
from gateway.link.dialling import Credentials
from gateway.link.link import Link
from gateway.metrics.instruments import Instruments
from gateway.node.core import Ground, open_core, take_up
from gateway.node.peering import Peering, replicas_of
from gateway.node.subjects import Subjects, subjects_of
from gateway.questions.links import Links
from gateway.replicas import Shared
from gateway.rpc.admission import PEER
from gateway.store.clocks import Clock
from gateway.store.commits import Commit
from gateway.store.database import Database
from gateway.store.recovery.continuity import Continuity
from gateway.telemetry.tracing import OFF
from gateway.watching import watch
from tests.simulation.nodes.loop import Died, Inline, Life
from tests.simulation.nodes.network import METHODS, Acceptor, Network, Stream

T = TypeVar("T")

DRAFT_DAYS = 30
NOTHING = Credentials(b"", b"", b"")
PEER_SERVICE = "/regulator.exchange.v1.PeerService/"


class Simulated(Dialler):
    """A stream that goes through the network of the simulation."""

    def __init__(self, network: Network, own: str, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._network, self._own = network, own

    @asynccontextmanager
    async def _dialled(self, address: str, used: Credentials) -> AsyncIterator[Any]:
        yield self._network.dial(METHODS[self.method], self._own, place_of(address))

    async def _reach(self, _used: Credentials, address: str) -> None:
        await self._network.reach(self._own, place_of(address))


def place_of(address: str) -> str:
    """The name of the process that listens there."""
    return address.partition(":")[0]


class SimulatedLink(Simulated, Link):
    """That of a channel."""


class SimulatedAttachmentLink(Simulated, AttachmentLink):
    """That of the files beside it."""


class Running:
    """The parts of a node in one life, at its ``site.Site``."""

    def __init__(self, site: Any, life: Life) -> None:
        self._site, self._life = site, life
        self.clock = Clock(site.micros, site.elapsed)

    async def start(self) -> None:
        """As ``Node.start``."""
        site = self._site
        self._database = Database(site.disk.url, site.disk.folder)
        self._life.lock = self._database._lock
        site.may_have_lost |= self._database.lost_commit
        self._continuity = Continuity(site.high_water, self._database, self.clock, site.random.randbytes)
        take_up(self._database, site.name, site.domain, site.adopt)
        ground = self._ground()
        await self._compare(ground)
        while not site.disk.is_free(self):  # noqa: ASYNC110 - nothing may come between this and what follows
            await asyncio.sleep(0.01)
        core = self.core = open_core(self._database, ground, self.clock, Links(), site.broke)
        core.committer._session.signing.thread = Inline()
        self._publish, core.committer._on_commit = core.committer._on_commit, self._committed
        site.compared(core.committer.latest(), core.token_key)
        self.subjects = subjects_of(core)
        self._replicas = replicas_of(core, self._database, site.place, site.broke)
        self._peering = Peering(
            core,
            self.subjects.files,
            self._replicas,
            partial(SimulatedLink, site.network, site.place),
            partial(SimulatedAttachmentLink, site.network, site.place),
        )
        core.committer.start()
        site.network.acceptors[site.place] = Acceptor(self._life, self._accept)
        self._tasks = [asyncio.create_task(each) for each in self._upkeep()]
        for task in self._tasks:
            task.add_done_callback(self._site.watch)

    def _ground(self) -> Ground:
        site, parties = self._site, self._site.parties
        return Ground(
            parties=parties,
            keyring=Keyring((each, site.signer(each)) for each in (site.seal, *site.kept_seals)),
            prepared_seal=site.prepared_seal,
            adopt=site.adopt,
            endings=site.endings,
            certify=site.certify,
            require_unrevoked=lambda *_: None,
            credentials=lambda _: NOTHING,
            authorities=(),
            approval=site.approval,
            draft_days=DRAFT_DAYS,
            room=Room(2**32, 2**40, 2**40, 1000, 0, lambda: None),
            unfinished_days=7,
            peer_bytes_per_day=2**40,
            instruments=Instruments(CollectorRegistry()),
            tracing=OFF,
            clock=self.clock.now,
            random=site.random.randbytes,
        )

    async def _compare(self, ground: Ground) -> None:
        trusts_clock = self._site.trusts_clock
        require = partial(self._continuity.require, ground.parties, ground.keyring, trusts_clock=trusts_clock)
        await asyncio.to_thread(require)
        if self.clock.doubt:
            self._site.doubts_at_start()
        if trusts_clock and self._site.trusts_clock and self.clock.doubt:  # nobody has set it meanwhile
            self._site.defects.append(AssertionError(f"an operator looked at the clock, and {self.clock.doubt}"))

    def _committed(self, commit: Commit) -> None:
        self._site.committed(commit)
        self._publish(commit)

    def _upkeep(self) -> Iterator[Coroutine[Any, Any, None]]:
        """As ``Node._upkeep``: without what listeners, certificates and the disk are looked at for."""
        core = self.core
        yield from self._peering.upkeep()
        yield from (chore() for chore in self.subjects.chores)
        yield from core.upkeep(self._continuity)
        yield watch([*core.endings.watched, *self._replicas.watched], core.alarms)
        yield watch([self.subjects.seals], core.alarms)

    async def stop(self) -> None:
        """As ``Node.stop``."""
        self.core.bulletin.close()
        self._peering.servicer.stop()
        self.core.links.wake()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._site.network.vanish(self._site.place)
        await asyncio.sleep(0.3)  # what is under way ends, or is cut off with its stream
        await self.core.journaling.settle()
        if isinstance(self._replicas, Shared):
            await self._replicas.close()
        await self.core.close(self._database, self._continuity)

    # --- what comes in ------------------------------------------------------------------------------------------------

    def _accept(self, dialler: str, stream: Stream) -> "asyncio.Task[None] | None":
        context, peer = self._site.context(), dialler.partition(" ")[0]
        if peer not in self._site.parties.peers:
            return None
        context.run(PEER.set, self._site.parties.peers[peer])
        return self._site.loop.create_task(self._serve(peer, stream), context=context)

    async def _admitted(self, dialler: str, stream: Stream) -> AsyncGenerator[Any, None]:
        """As admission does at each message, and within a second where there is none."""
        requests = aiter(stream.requests())
        arriving = asyncio.ensure_future(anext(requests, None))
        try:
            while True:
                await asyncio.wait([arriving], timeout=1)
                self.core.endings.require_paired(dialler)
                if arriving.done():
                    if (request := arriving.result()) is None:
                        return
                    yield request
                    arriving = asyncio.ensure_future(anext(requests, None))
        finally:
            arriving.cancel()

    async def _serve(self, dialler: str, stream: Stream) -> None:
        """As the guard and gRPC do around a handler."""
        try:
            self.core.endings.require_paired(dialler)
            record = self.core.journaling.begin({}, PEER_SERVICE + stream.method.name)
            await self.core.journaling.opened(record)
            CALL_RECORD.set(None)
            async with (
                aclosing(self._admitted(dialler, stream)) as requests,
                aclosing(getattr(self._peering.servicer, stream.method.name)(requests, stream)) as responses,
            ):
                async for response in responses:
                    self.core.endings.require_paired(dialler)
                    await stream.answer(response)
        except GatewayError as error:
            stream.finish(error)
        except asyncio.CancelledError:
            if self._life.is_over or stream.is_left:
                raise
            stream.finish(Unavailable("the stream was ended here; call again"))
        except Died:
            raise
        except Exception as defect:  # noqa: BLE001 - what the guard would tell to the log
            if not self._life.is_over:
                self._site.defects.append(defect)
            stream.finish(GatewayError("internal error"))
        else:
            stream.finish(None)

    async def serve(self, method: str, act: Callable[[Subjects], Awaitable[T]]) -> T:
        """Serves one call of a back office."""
        record = self.core.journaling.begin({}, method)
        try:
            answer = await act(self.subjects)
            await self.core.journaling.answered(record, answer)
        except GatewayError as error:
            await self.core.journaling.refused(record, error)
            raise
        return answer
