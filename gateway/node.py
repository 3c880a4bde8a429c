"""A node: the one place where its parts are put together, started and stopped."""

import asyncio
import secrets
import socket
import time
from collections.abc import Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry

from gateway import chores
from gateway.alarms import Alarms
from gateway.attaching import Attaching
from gateway.carrier import Store
from gateway.commands.draft_acts import DraftActs
from gateway.commands.drafts import DraftCommands
from gateway.commands.framework_sealing import FrameworkSealing
from gateway.commands.frameworks import FrameworkCommands
from gateway.commands.notice_sealing import NoticeSealing
from gateway.commands.notices import NoticeCommands
from gateway.commands.retention import Retention
from gateway.commands.seals import SealCommands
from gateway.commands.sharing import SharingCommands
from gateway.continuing import Continuity
from gateway.errors import BrokenStorage, Unavailable
from gateway.home import Home
from gateway.identity.parties import Parties
from gateway.identity.signers import Keyring
from gateway.link import Link
from gateway.listeners import Listeners
from gateway.logs import Log
from gateway.metrics.instruments import Instruments
from gateway.moments import datetime_of
from gateway.questions.auditing import Auditing
from gateway.questions.certificates import CertificateQuestions
from gateway.questions.drafts import DraftQuestions
from gateway.questions.evidence import Proofs
from gateway.questions.frameworks import FrameworkQuestions
from gateway.questions.health import Health
from gateway.questions.links import Links
from gateway.questions.notices import NoticeQuestions
from gateway.questions.sealed_tokens import SealedTokens
from gateway.questions.sharing import SharingQuestions
from gateway.questions.standing import Standing
from gateway.replicas import Alone, Shared
from gateway.rpc.admin import AdminServicer
from gateway.rpc.audit import AuditServicer
from gateway.rpc.drafts import DraftServicer
from gateway.rpc.events import EventServicer
from gateway.rpc.evidence import EvidenceServicer
from gateway.rpc.frameworks import FrameworkServicer
from gateway.rpc.health import HealthServicer
from gateway.rpc.journaling import Journaling
from gateway.rpc.notices import NoticeServicer
from gateway.rpc.peer import PeerServicer
from gateway.rpc.server import (
    SERVICES,
    Services,
    back_office_server,
    peer_server,
)
from gateway.rpc.sharing import SharingServicer
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
from gateway.store.failing import being_opened
from gateway.store.leases import Replica
from gateway.store.opening import (
    add_channels,
    channel_names,
    check_channels,
    check_journal,
    check_owner,
    read_own_seal,
    read_token_key,
)
from gateway.store.readers import Readers
from gateway.telemetry.starting import tracing_of
from gateway.trusting import Trusting
from gateway.watching import ClockWatch, disk_room, queue_room, watch

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
        parties = self.home.parties(self.home.peer_documents(), _now())
        self._trusting = Trusting(self.home, parties.peers, _now)
        self._keyring = Keyring([self.home.seal_files.dated(_now)])
        self._access, self._officers = self.home.access(), self.home.officers()
        with self._closing_database():
            require = partial(self._continuity.require, parties, self._keyring, trusts_clock=self._trusts_clock)
            await asyncio.to_thread(require)
        self._open_store(parties)
        alarms = Alarms(self._committer, self._clock.now)
        listeners = Listeners(config, self._trusting, self._journaling, self._instruments, self._tracing, _now)
        back_office = listeners.back_office(lambda: self._access.current, self._officers)
        services = self._services(parties, alarms)
        self._back_office, self.back_office_port = await back_office_server(back_office, services)
        store = Store(
            self._committer,
            self._readers,
            self._keyring,
            self._trusting.certify,
            self._trusting.require_unrevoked,
            parties.own.domain,
            parties.own.earlier_seals,
            self._tracing,
        )
        self._replicas = self._make_replicas(parties)
        links = self._make_links(parties, store)
        self._receiving = PeerServicer(
            parties,
            store,
            self._bulletin,
            self._links,
            self._replicas,
            lambda seen: links[seen].hurry(),
            self._attaching.wanting,
        )
        self._peer, self.peer_port = peer_server(listeners.peer(parties), self._receiving)
        self._committer.start()
        self._metrics = MetricsListener(self._metrics_page(parties, alarms, listeners.loads).make)
        if address := config.metrics.listen:
            self.metrics_port = await self._metrics.start(address)
        await listeners.open((self._back_office, self.back_office_port), (self._peer, self.peer_port))
        self._tasks = [chores.begin(each) for each in self._background(links.values(), alarms)]

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
        await asyncio.to_thread(self._tracing.close)

    def _background(self, links: Iterable[Link], alarms: Alarms) -> Iterator[Coroutine[Any, Any, None]]:
        """What runs for as long as the node does."""
        yield from (link.run() for link in links)
        yield from (link.run() for link in self._attaching.links(self._trusting.to_peer, self._replicas))
        yield from (chore() for chore in self._chores)
        if isinstance(self._replicas, Shared):
            yield self._replicas.run()
        yield watch([self._access, self._seals, *self._trusting.watched], alarms)
        # Each by itself: one that is slow to fetch must not keep the others from being looked at.
        yield from (watch([source], alarms) for source in self._officers.sources)
        rooms = disk_room(self.home.path), queue_room(self._committer.waiting_weight)
        yield watch([*rooms, ClockWatch(self._clock)], alarms)
        yield self._journaling.run()
        yield self._continuity.run(self._committer.latest)
        if self.metrics_port:
            yield watch_lateness(self._instruments.loop_came_late)

    # --- parts ----------------------------------------------------------------------------------------------------

    def _open_database(self) -> None:
        """Opens it, and puts the files of a rotated seal in their place, if the node ended before it had."""
        node = self.home.config.node
        self._database = Database(self.home.config.database.url, self.home.path)
        self._continuity = Continuity(self.home.high_water, self._database, self._clock)
        with self._closing_database():
            self._database.check_revision()
            with self._database.readers.connect() as connection:
                check_owner(connection, node.jurisdiction, node.domain)
                self.home.adopt_next_seal(read_own_seal(connection))

    def _open_store(self, parties: Parties) -> None:
        with self._closing_database():
            add_channels(self._database, channel_names(parties))
            check_journal(self._database, parties.own_seals)
            check_channels(self._database, parties)
            self._readers = Readers(self._database)
            self._committer = Committer(
                self._database,
                self._keyring,
                clock=self._clock.now,
                random=secrets.token_bytes,
                on_commit=self._publish,
                on_fatal=self._break,
                tracing=self._tracing,
            )
            self._committer.witnesses = self._clock
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

    def _services(self, parties: Parties, alarms: Alarms) -> Services:
        """Everything that back offices can call; and, by the way, the chores that go with it."""
        config, committer = self.home.config, self._committer
        clock, random = self._clock.now, secrets.token_bytes
        authorities = config.node.authorities
        approval = config.four_eyes.approval_rules()
        tokens = SealedTokens(self._token_key, random)
        notices = NoticeQuestions(self._readers, self._bulletin, tokens, self._tracing.traceparent_at)
        rules = FrameworkQuestions(self._readers, tokens, clock)
        drafts, sharing = DraftQuestions(self._readers, tokens), SharingQuestions(self._readers, tokens, clock)
        notice_sealing, rule_sealing = NoticeSealing(parties, approval), FrameworkSealing(parties, approval, rules)
        acts = DraftActs(parties, notice_sealing, rule_sealing, approval)
        commands = NoticeCommands(parties, committer, notice_sealing, notices, clock, random)
        rule_commands = FrameworkCommands(parties, committer, rule_sealing, rules, clock, random)
        seals = self._seals = SealCommands(
            parties,
            committer,
            self._bulletin,
            self._keyring,
            partial(self.home.prepared_seal, _now),
            self.home.adopt_next_seal,
        )
        days = config.four_eyes.draft_days
        draft_commands = DraftCommands(parties.jurisdiction, committer, acts, drafts, days, clock, random)
        certificates = self._certificates = CertificateQuestions(self.home.lifetimes, self._bulletin)
        self._attaching = Attaching(
            self.home,
            parties,
            committer,
            self._readers,
            self._bulletin,
            alarms=alarms,
            instruments=self._instruments,
            clock=clock,
        )
        self._health = Health([each.full_name for each in SERVICES], self._bulletin, self._links)
        self._chores: list[chores.Chore] = [
            partial(chores.try_to_write, committer, self._health),
            partial(chores.tell_expiring, committer, certificates.lifetimes, self._believed),
            partial(chores.tell_days, rule_commands, self._believed),
            partial(chores.expire_drafts, draft_commands),
            partial(chores.destroy_past, Retention(parties, committer, self._readers, clock), self._believed),
            *self._attaching.chores,
        ]
        files = self._attaching.standing
        own_seals = lambda: parties.own_seals.expecting(self._keyring.seals)  # noqa: E731
        standing = Standing(
            parties, authorities, seals.seal_in_force, self._bulletin, self._links, files, alarms, clock
        )
        return Services(
            NoticeServicer(commands, notices),
            FrameworkServicer(rule_commands, rules),
            DraftServicer(draft_commands, drafts),
            SharingServicer(SharingCommands(committer, notice_sealing, sharing, random), sharing),
            self._attaching.servicer,
            EventServicer(notices),
            EvidenceServicer(Proofs(self._readers, self._bulletin)),
            AdminServicer(standing, certificates, seals),
            AuditServicer(Auditing(own_seals, self._readers, tokens, committer)),
            HealthServicer(self._health),
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

    def _make_links(self, parties: Parties, store: Store) -> dict[str, Link]:
        return {
            jurisdiction: Link(
                peer,
                parties,
                partial(self._trusting.to_peer, jurisdiction),
                store,
                self._bulletin,
                self._links,
                self._replicas,
            )
            for jurisdiction, peer in parties.peers.items()
        }

    def _metrics_page(self, parties: Parties, alarms: Alarms, loads: Mapping[str, Load]) -> Page:
        sources = Sources(
            parties.own,
            self._bulletin,
            self._committer.waiting_weight,
            self._links,
            self._attaching.standing,
            alarms,
            loads,
            self._clock.now,
        )
        return Page(self._registry, sources, self._certificates.lifetimes, self._database.sizes, self.home.path)

    def _measured(self, weight: int, seconds: float, is_durable: bool) -> None:
        self._instruments.committed(weight, seconds, is_durable)
        self._health.note_commit(is_durable=is_durable)

    def _publish(self, commit: Commit) -> None:
        self._bulletin.publish(commit)
        self._links.follow(commit.states)

    def _believed(self) -> datetime:
        return datetime_of(self._clock.now())

    def _break(self, error: Exception) -> None:
        _log.critical("node_broken", error=str(error))
        self.failure = error
        self._broken.set()


def _now() -> datetime:
    return datetime.now(UTC)


def _micros() -> int:
    return time.time_ns() // 1000
