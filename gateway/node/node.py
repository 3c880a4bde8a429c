"""A node: the one place where its parts are put together, started and stopped."""

import asyncio
import secrets
import socket
import time
from collections.abc import Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from typing import Any

from prometheus_client import CollectorRegistry

from gateway.alarms import Alarms
from gateway.carrier import Resources
from gateway.errors import BrokenStorage, Unavailable
from gateway.home.home import Home
from gateway.identity.pairing.parties import Parties
from gateway.identity.seals.signers import Keyring
from gateway.link.dialler import Dialler, hurry
from gateway.link.link import Link
from gateway.logs import Log
from gateway.metrics.instruments import Instruments
from gateway.node import chores
from gateway.node.endings import Endings
from gateway.node.listeners import Listeners
from gateway.node.serving import Core, serving_of
from gateway.node.trust import TrustStore
from gateway.questions.links import Links
from gateway.replicas import Alone, Shared
from gateway.rpc.journaling import Journaling
from gateway.rpc.peer import PeerServicer
from gateway.rpc.server import (
    back_office_server,
    peer_server,
)
from gateway.scraping.families import Load, Sources
from gateway.scraping.lateness import watch_lateness
from gateway.scraping.listener import MetricsListener
from gateway.scraping.page import Page
from gateway.store.backlog import Backlog, read_waiting
from gateway.store.bulletin import Bulletin
from gateway.store.clocks import Clock
from gateway.store.commits import Commit
from gateway.store.committer import Committer
from gateway.store.database import Database
from gateway.store.engines.failing import being_opened
from gateway.store.engines.postgresql import PATIENCE_SECONDS
from gateway.store.leases import Replica
from gateway.store.opening import (
    add_channels,
    channel_names,
    check_channels,
    check_journal,
    check_owner,
    read_token_key,
)
from gateway.store.own_seal import read_own_seal
from gateway.store.readers import Readers
from gateway.store.recovery.continuity import Continuity
from gateway.store.writer_session import WriterSession
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
        self._links = Links()
        self._registry = CollectorRegistry()
        self._instruments = Instruments(self._registry)

    async def start(self) -> None:
        """Opens the store, then the links and listeners.

        Raises:
            ConfigError, StoreError, Untrusted: something does not fit; says what, and what to do.
        """
        config = self.home.config
        self._tracing = tracing_of(config.telemetry, self.home.path, config.node.domain)
        self._open_database()
        parties = self.home.parties(_now())
        self._trust = TrustStore(self.home, parties.peers, _now)
        self._keyring = Keyring(each.dated(_now) for each in self.home.seals.signing())
        self._access, self._officers = self.home.access(), self.home.officers()
        with self._closing_database():
            await asyncio.to_thread(self._keyring.open)
            require = partial(self._continuity.require, parties, self._keyring, trusts_clock=self._trusts_clock)
            await asyncio.to_thread(require)
        self._open_store(parties)
        alarms = Alarms(self._committer, self._clock.now)
        with self._closing_database():
            self._endings = Endings(self.home, parties, self._committer, self._bulletin, self._links, alarms)
        self._trust.is_ended = lambda peer: self._endings.of(peer) is not None
        listeners = Listeners(config, self._trust, self._journaling, self._instruments, self._tracing, _now)
        back_office = listeners.back_office(lambda: self._access.current, self._officers)
        self._serving = serving_of(self._core(parties, alarms))
        self._back_office, self.back_office_port = await back_office_server(back_office, self._serving.services)
        resources = Resources(
            self._committer,
            self._readers,
            self._keyring,
            self._trust.certify,
            self._trust.require_unrevoked,
            parties.own.earlier_seals,
            self._tracing,
        )
        self._replicas = self._make_replicas(parties)
        diallers = {each: self._make_diallers(parties, each, resources) for each in parties.peers}
        self._receiving = PeerServicer(
            parties,
            resources,
            self._bulletin,
            self._links,
            self._replicas,
            lambda seen: hurry(diallers[seen]),
            self._serving.attaching.wanting,
        )
        self._peer, self.peer_port = peer_server(listeners.peer(parties, self._endings.require_paired), self._receiving)
        self._committer.start()
        self._metrics = MetricsListener(self._metrics_page(parties, alarms, listeners.loads).make)
        if address := config.metrics.listen:
            self.metrics_port = await self._metrics.start(address)
        await listeners.open((self._back_office, self.back_office_port), (self._peer, self.peer_port))
        self._tasks = [chores.begin(each) for each in self._background(chain.from_iterable(diallers.values()), alarms)]

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
        drain = self.home.config.limits.drain_seconds
        self._bulletin.close()
        self._receiving.stop()
        self._links.wake()
        await self._metrics.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(self._back_office.stop(drain), self._peer.stop(min(drain, 1)))
        await self._journaling.settle()
        if isinstance(self._replicas, Shared):
            await self._replicas.close()
        if isinstance(self.failure, BrokenStorage):
            return  # closing a SQLite database writes to it: the process must end with it open
        await self._committer.stop()
        await asyncio.to_thread(self._continuity.keep, self._committer.latest())
        self._readers.close()
        self._database.close()
        await asyncio.to_thread(self._keyring.close)
        await asyncio.to_thread(self._tracing.close)

    def _background(self, diallers: Iterable[Dialler], alarms: Alarms) -> Iterator[Coroutine[Any, Any, None]]:
        """What runs for as long as the node does."""
        yield from (dialler.run() for dialler in diallers)
        yield from (chore() for chore in self._serving.chores)
        if isinstance(self._replicas, Shared):
            yield self._replicas.run()
        yield watch([self._access, *self._trust.watched, *self._endings.watched], alarms)
        yield self._endings.run()
        # Each by itself: one that is slow to fetch must not keep the others from being looked at.
        yield from (watch([source], alarms) for source in self._officers.sources)
        rooms = disk_room(self.home.path), queue_room(self._committer.waiting_weight)
        yield watch([*rooms, ClockWatch(self._clock), *self._replicas.watched], alarms)
        seals = self._serving.seals  # by themselves, since a token may be slow
        yield watch([seals, SealKeyWatch(self._keyring, seals.seal_in_force, self._clock.now)], alarms)
        yield self._journaling.run()
        yield self._continuity.run(self._committer.latest)
        if self.metrics_port:
            yield watch_lateness(self._instruments.loop_came_late)

    # --- parts ----------------------------------------------------------------------------------------------------

    def _open_database(self) -> None:
        """Opens it, and puts the files of a rotated seal in their place, if the node ended before it had."""
        node = self.home.config.node
        self._database = Database(self.home.config.database.url, self.home.path, patience_seconds=PATIENCE_SECONDS)
        self._continuity = Continuity(self.home.high_water, self._database, self._clock)
        with self._closing_database():
            self._database.check_revision()
            with self._database.readers.connect() as connection:
                check_owner(connection, node.jurisdiction, node.domain)
                in_force, is_told = read_own_seal(connection)
                self.home.seals.adopt(in_force, is_told=is_told)

    def _open_store(self, parties: Parties) -> None:
        with self._closing_database():
            add_channels(self._database, channel_names(parties))
            check_journal(self._database, parties.own_seals)
            check_channels(self._database, parties)
            self._readers = Readers(self._database)
            session = WriterSession(
                self._database, self._keyring, self._clock.now, secrets.token_bytes, witnesses=self._clock
            )
            self._committer = Committer(session, on_commit=self._publish, on_fatal=self._break, tracing=self._tracing)
            self._committer.on_measured = self._measured
            latest = self._committer.latest()
            with self._database.readers.connect() as connection:
                self._token_key = read_token_key(connection)
                backlog = Backlog(read_waiting(connection, latest.states), self._clock.now, self._instruments.delivered)
        self._bulletin = Bulletin(latest, backlog, self._committer.follow)
        self._journaling = Journaling(self._committer, self._instruments.refused)

    @contextmanager
    def _closing_database(self) -> Iterator[None]:
        """Lets go of the home if the node does not start, and tells why."""
        try:
            with being_opened(self.home.path):
                yield
        except BaseException:
            self._database.close()
            raise

    def _core(self, parties: Parties, alarms: Alarms) -> Core:
        return Core(
            self.home,
            parties,
            self._keyring,
            self._token_key,
            self._committer,
            self._readers,
            self._bulletin,
            self._links,
            alarms,
            self._instruments,
            self._tracing,
            _now,
            self._clock.now,
        )

    def _make_replicas(self, parties: Parties) -> Alone | Shared:
        if self._database.is_local:
            return Alone()
        states = self._committer.latest().states
        channels = {origin: states[origin] for origin, _, _ in parties.channels()}
        name = self.home.config.node.replica or f"{socket.gethostname()} {self.home.config.back_office.listen}"
        me = Replica(secrets.token_hex(16), name, len(parties.peers))
        domain = parties.own.domain
        return Shared(self._database, me, domain, channels, self._links, self._committer, self._break)

    def _make_diallers(self, parties: Parties, jurisdiction: str, resources: Resources) -> tuple[Dialler, Dialler]:
        """What keeps both streams to a peer up: that of the channel, and that of the files beside it."""
        peer = parties.peers[jurisdiction]
        credentials = partial(self._endings.dialling(self._trust.to_peer), jurisdiction)
        link = Link(peer, parties, credentials, resources, self._bulletin, self._links, self._replicas)
        return link, self._serving.attaching.link(peer, credentials, self._replicas)

    def _metrics_page(self, parties: Parties, alarms: Alarms, loads: Mapping[str, Load]) -> Page:
        sources = Sources(
            parties.own,
            self._bulletin,
            self._committer.waiting_weight,
            self._links,
            self._serving.attaching.standing,
            alarms,
            loads,
            self._clock.now,
        )
        return Page(self._registry, sources, self._serving.certificates.lifetimes, self._database.sizes, self.home.path)

    def _measured(self, weight: int, seconds: float, is_durable: bool) -> None:
        self._instruments.committed(weight, seconds, is_durable)
        self._serving.health.note_commit(is_durable=is_durable)

    def _publish(self, commit: Commit) -> None:
        self._bulletin.publish(commit)
        self._links.follow(commit.states)

    def _break(self, error: Exception) -> None:
        _log.critical("node_broken", error=str(error))
        self.failure = error
        self._broken.set()


def _now() -> datetime:
    return datetime.now(UTC)


def _micros() -> int:
    return time.time_ns() // 1000
