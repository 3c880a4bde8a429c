"""A node: the one place where its parts are put together, started and stopped."""

import asyncio
import secrets
import socket
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry

from gateway.errors import BrokenStorage, Unavailable
from gateway.home.home import Home
from gateway.home.lifetimes import lifetimes_of
from gateway.identity.seals.signers import Keyring
from gateway.logs import Log
from gateway.metrics.instruments import Instruments
from gateway.node import chores
from gateway.node.core import Core, Ground, open_core, take_up
from gateway.node.files import room_of
from gateway.node.listeners import Listeners
from gateway.node.peering import Peering, replicas_of
from gateway.node.serving import serving_of
from gateway.node.subjects import subjects_of
from gateway.node.trust import TrustStore
from gateway.questions.links import Links
from gateway.replicas import Shared
from gateway.rpc.server import back_office_server, peer_server
from gateway.scraping.families import Sources
from gateway.scraping.lateness import watch_lateness
from gateway.scraping.listener import MetricsListener
from gateway.scraping.page import Page
from gateway.store.clocks import Clock
from gateway.store.database import Database
from gateway.store.engines.failing import being_opened
from gateway.store.engines.postgresql import PATIENCE_SECONDS
from gateway.store.recovery.continuity import Continuity
from gateway.telemetry.starting import tracing_of
from gateway.watching import ClockWatch, SealKeyWatch, disk_room, queue_room, watch

_log = Log(__name__)


class Node:
    """Everything that one jurisdiction runs.

    Starts only if its home, its keys, its pairings and its database agree with each other. It stops by itself, with
    ``failure`` set, if its storage breaks; everything else that goes wrong is answered to whoever caused it.

    Args:
        home: of the node
        trusts_clock: believes the machine's clock from the first, though nobody confirms it
    """

    def __init__(self, home: Home, *, trusts_clock: bool = False) -> None:
        self.home, self._trusts_clock, self._clock = home, trusts_clock, Clock(_micros)
        self.back_office_port = 0
        self.peer_port = 0
        self.metrics_port = 0  # none
        self.failure: Exception | None = None
        self._broken = asyncio.Event()
        self._registry = CollectorRegistry()
        self._instruments = Instruments(self._registry)

    async def start(self) -> None:
        """Opens the store, then the links and listeners.

        Raises:
            ConfigError, StoreError, Untrusted: something does not fit; says what, and what to do.
        """
        config = self.home.config
        self._tracing = tracing_of(config.telemetry, self.home.path, config.node.domain)
        self._database = Database(config.database.url, self.home.path, patience_seconds=PATIENCE_SECONDS)
        self._continuity = Continuity(self.home.high_water, self._database, self._clock)
        with self._closing_database():
            core = self._core = await self._open_core()
        self._trust.is_ended = lambda peer: core.endings.of(peer) is not None
        listeners = Listeners(config, self._trust, core.journaling, self._instruments, self._tracing, _now)
        subjects = self._subjects = subjects_of(core)
        self._serving = serving_of(core, subjects, partial(lifetimes_of, self.home))
        core.committer.on_measured = self._measured
        back_office = listeners.back_office(lambda: self._access.current, self._officers)
        self._back_office, self.back_office_port = await back_office_server(back_office, self._serving.services)
        name = config.node.replica or f"{socket.gethostname()} {config.back_office.listen}"
        self._replicas = replicas_of(core, self._database, name, self._break)
        self._peering = Peering(core, subjects.files, self._replicas)
        peer = listeners.peer(core.ground.parties, core.endings.require_paired)
        self._peer, self.peer_port = peer_server(peer, self._peering.servicer)
        core.committer.start()
        self._metrics = MetricsListener(self._metrics_page(listeners).make)
        if address := config.metrics.listen:
            self.metrics_port = await self._metrics.start(address)
        await listeners.open((self._back_office, self.back_office_port), (self._peer, self.peer_port))
        self._tasks = [chores.begin(each) for each in self._upkeep()]

    async def run(self, stop: asyncio.Event) -> None:
        """Serves until ``stop`` is set, the storage breaks or a listener ends by itself; then drains and closes.

        Raises:
            StoreError: the storage broke.
            Unavailable: a listener ended.
        """
        waiting = [asyncio.create_task(stop.wait()), asyncio.create_task(self._broken.wait())]
        servers = (self._back_office, self._peer)
        listening = [asyncio.create_task(server.wait_for_termination()) for server in servers]
        ended, _ = await asyncio.wait([*waiting, *listening], return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        await self.stop()
        await asyncio.gather(*listening, return_exceptions=True)
        if not ended.isdisjoint(listening):
            raise Unavailable("a listener ended by itself: a node that cannot be reached must not seem to run")
        if self.failure:
            raise self.failure

    async def stop(self) -> None:
        """Takes no new calls, lets those under way end within the drain time, and closes the store."""
        drain, core = self.home.config.limits.drain_seconds, self._core
        core.bulletin.close()
        self._peering.servicer.stop()
        core.links.wake()
        await self._metrics.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(self._back_office.stop(drain), self._peer.stop(min(drain, 1)))
        await core.journaling.settle()
        if isinstance(self._replicas, Shared):
            await self._replicas.close()
        if isinstance(self.failure, BrokenStorage):
            return  # closing a SQLite database writes to it: the process must end with it open
        await core.close(self._database, self._continuity)
        await asyncio.to_thread(core.ground.keyring.close)
        await asyncio.to_thread(self._tracing.close)

    # --- parts ----------------------------------------------------------------------------------------------------

    async def _open_core(self) -> Core:
        """Opens the store, once home and database are known to agree."""
        home, node = self.home, self.home.config.node
        take_up(self._database, node.jurisdiction, node.domain, home.seals.adopt)
        parties = home.parties(_now())
        self._trust = TrustStore(home, parties.peers, _now)
        keyring = Keyring(each.dated(_now) for each in home.seals.signing())
        self._access, self._officers = home.access(), home.officers()
        await asyncio.to_thread(keyring.open)
        compare = partial(self._continuity.require, parties, keyring, trusts_clock=self._trusts_clock)
        await asyncio.to_thread(compare)
        four_eyes = home.config.four_eyes
        ground = Ground(
            parties=parties,
            keyring=keyring,
            prepared_seal=partial(home.prepared_seal, _now),
            adopt=home.seals.adopt,
            endings=home.endings,
            certify=self._trust.certify,
            require_unrevoked=self._trust.require_unrevoked,
            credentials=self._trust.to_peer,
            authorities=node.authorities,
            approval=four_eyes.approval_rules(),
            draft_days=four_eyes.draft_days,
            room=room_of(home),
            unfinished_days=home.config.attachments.unfinished_days,
            peer_bytes_per_day=home.config.limits.peer_bytes_per_day,
            instruments=self._instruments,
            tracing=self._tracing,
            clock=self._clock.now,
            random=secrets.token_bytes,
        )
        return open_core(self._database, ground, self._clock, Links(), self._break)

    @contextmanager
    def _closing_database(self) -> Iterator[None]:
        """Lets go of the home if the node does not start, and tells why."""
        try:
            with being_opened(self.home.path):
                yield
        except BaseException:
            self._database.close()
            raise

    def _upkeep(self) -> Iterator[Coroutine[Any, Any, None]]:
        """What runs for as long as the node does."""
        core, seals = self._core, self._subjects.seals
        yield from self._peering.upkeep()
        yield from (chore() for chore in (*self._subjects.chores, *self._serving.chores))
        yield from core.upkeep(self._continuity)
        yield watch([self._access, *self._trust.watched, *core.endings.watched], core.alarms)
        # Each by itself: one that is slow to fetch must not keep the others from being looked at.
        yield from (watch([source], core.alarms) for source in self._officers.sources)
        rooms = disk_room(self.home.path), queue_room(core.committer.waiting_weight)
        yield watch([*rooms, ClockWatch(self._clock), *self._replicas.watched], core.alarms)
        key = SealKeyWatch(core.ground.keyring, seals.seal_in_force, self._clock.now)
        yield watch([seals, key], core.alarms)  # by themselves, since a token may be slow
        if self.metrics_port:
            yield watch_lateness(self._instruments.loop_came_late)

    def _metrics_page(self, listeners: Listeners) -> Page:
        core = self._core
        sources = Sources(
            core.ground.parties.own,
            core.bulletin,
            core.committer.waiting_weight,
            lambda: self._serving.health.can_write,
            core.links,
            self._subjects.files.standing,
            core.alarms,
            listeners.loads,
            self._clock.now,
        )
        return Page(self._registry, sources, self._serving.certificates.lifetimes, self._database.sizes, self.home.path)

    def _measured(self, weight: int, seconds: float, is_durable: bool) -> None:
        self._instruments.committed(weight, seconds, is_durable)
        self._serving.health.note_commit(is_durable=is_durable)

    def _break(self, error: Exception) -> None:
        _log.critical("node_broken", error=str(error))
        self.failure = error
        self._broken.set()


def _now() -> datetime:
    return datetime.now(UTC)


def _micros() -> int:
    return time.time_ns() // 1000
