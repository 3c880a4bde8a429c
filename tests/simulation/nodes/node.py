"""A node of the simulation: all of ``gateway.node`` but what touches files of keys, TLS and gRPC's own servers.

It is put together in the same order, of the same parts.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry

from gateway.alarms import Alarms
from gateway.carrier import Resources
from gateway.commands.assistance import tell_overdue
from gateway.commands.attachments.from_peers import FromPeers
from gateway.commands.attachments.removal import Removal
from gateway.commands.attachments.storage import Room, Storage
from gateway.commands.attachments.uploads import AttachmentCommands
from gateway.commands.draft_acts import DraftActs
from gateway.commands.drafts import DraftCommands
from gateway.commands.framework_sealing import FrameworkSealing
from gateway.commands.frameworks import FrameworkCommands
from gateway.commands.notice_sealing import NoticeSealing
from gateway.commands.notices import NoticeCommands
from gateway.commands.retention import Retention
from gateway.commands.seals import SealCommands
from gateway.commands.sharing import SharingCommands
from gateway.errors import GatewayError, Unavailable
from gateway.identity.pairing.parties import Parties
from gateway.identity.seals.signers import Keyring
from gateway.journal.entries import CALL_RECORD
from gateway.link.attachment_link import AttachmentLink
from gateway.link.dialler import Dialler, hurry
from gateway.link.dialling import Credentials
from gateway.link.link import Link
from gateway.metrics.instruments import Instruments
from gateway.moments import datetime_of
from gateway.node import chores
from gateway.node.endings import Endings
from gateway.questions.assistance import AssistanceQuestions
from gateway.questions.attachment_standing import Transfers
from gateway.questions.attachments import AttachmentQuestions
from gateway.questions.drafts import DraftQuestions
from gateway.questions.events import EventQuestions
from gateway.questions.filters import Filters
from gateway.questions.frameworks import FrameworkQuestions
from gateway.questions.links import Links
from gateway.questions.notices import NoticeQuestions
from gateway.questions.sealed_tokens import SealedTokens
from gateway.questions.sharing import SharingQuestions
from gateway.replicas import Alone, Shared
from gateway.rpc.admission import PEER
from gateway.rpc.journaling import Journaling
from gateway.rpc.peer import PeerServicer
from gateway.rpc.peer_attachments import Wanting
from gateway.store.backlog import Backlog, read_waiting
from gateway.store.bulletin import Bulletin
from gateway.store.clocks import Clock
from gateway.store.committer import Commit, Committer
from gateway.store.database import Database
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
        self._database.check_revision()
        with self._database.readers.connect() as connection:
            check_owner(connection, site.name, site.domain)
            in_force, is_told = read_own_seal(connection)
            site.adopt(in_force, is_told=is_told)
        parties = site.parties
        keyring = self.keyring = Keyring((each, site.signer(each)) for each in (site.seal, *site.kept_seals))
        await self._compare(parties, keyring)
        while not site.disk.is_free(self):  # noqa: ASYNC110 - nothing may come between this and what follows
            await asyncio.sleep(0.01)
        add_channels(self._database, channel_names(parties))
        check_journal(self._database, parties.own_seals)
        check_channels(self._database, parties)
        self.readers = Readers(self._database)
        session = WriterSession(self._database, keyring, self.clock.now, site.random.randbytes, witnesses=self.clock)
        session.signing.thread = Inline()
        self.committer = Committer(session, on_commit=self._publish, on_fatal=self._break)
        latest = self.committer.latest()
        instruments = Instruments(CollectorRegistry())
        self.links = Links()
        with self._database.readers.connect() as connection:
            token_key = read_token_key(connection)
            backlog = Backlog(read_waiting(connection, latest.states), self.clock.now, instruments.delivered)
        site.compared(latest, token_key)
        self.bulletin = Bulletin(latest, backlog, self.committer.follow)
        self.journaling = Journaling(self.committer, instruments.refused)
        self._alarms = Alarms(self.committer, self.clock.now)
        self._endings = Endings(site, parties, self.committer, self.bulletin, self.links, self._alarms)
        self._make_commands(token_key)
        resources = Resources(
            self.committer,
            self.readers,
            keyring,
            site.certify,
            lambda *_: None,
            site.earlier_seals,
        )
        self._keep_files()
        self._replicas = self._make_replicas(parties)
        diallers = {each: (self._link(each, resources), self._attachment_link(each)) for each in parties.peers}
        self._peer = PeerServicer(
            parties,
            resources,
            self.bulletin,
            self.links,
            self._replicas,
            lambda seen: hurry(diallers[seen]),
            self._wanting,
        )
        self.committer.start()
        site.network.acceptors[site.place] = Acceptor(self._life, self._accept)
        self._tasks = [asyncio.create_task(each.run()) for each in chain.from_iterable(diallers.values())]
        self._tasks += [
            asyncio.create_task(self._wanting.certify()),
            asyncio.create_task(chores.clear_attachments(self._clearing)),
            asyncio.create_task(chores.sweep_attachments(self._clearing)),
            asyncio.create_task(chores.scrub_attachments(self._clearing)),
            asyncio.create_task(chores.tell_days(self.frameworks, self._believed)),
            asyncio.create_task(
                chores.tell_overdue(partial(tell_overdue, self.committer, site.micros), self._believed)
            ),
            asyncio.create_task(chores.expire_drafts(self.drafts)),
            asyncio.create_task(chores.tell_seal(self.seals)),
            asyncio.create_task(chores.destroy_past(self.retention, self._believed)),
            asyncio.create_task(watch([*self._endings.watched, *self._replicas.watched], self._alarms)),
            asyncio.create_task(watch([self.seals], self._alarms)),
            asyncio.create_task(self._endings.run()),
            asyncio.create_task(self.journaling.run()),
            asyncio.create_task(self._continuity.run(self.committer.latest)),
        ]
        if isinstance(self._replicas, Shared):
            self._tasks.append(asyncio.create_task(self._replicas.run()))
        for task in self._tasks:
            task.add_done_callback(self._site.watch)

    async def _compare(self, parties: Parties, keyring: Keyring) -> None:
        trusts_clock = self._site.trusts_clock
        await asyncio.to_thread(partial(self._continuity.require, parties, keyring, trusts_clock=trusts_clock))
        if self.clock.doubt:
            self._site.doubts_at_start()
        if trusts_clock and self._site.trusts_clock and self.clock.doubt:  # nobody has set it meanwhile
            self._site.defects.append(AssertionError(f"an operator looked at the clock, and {self.clock.doubt}"))

    def _believed(self) -> datetime:
        return datetime_of(self.clock.now())

    def _make_commands(self, token_key: bytes) -> None:
        site, parties, committer, random = self._site, self._site.parties, self.committer, self._site.random.randbytes
        tokens = self.tokens = SealedTokens(token_key, random)
        filters = Filters(parties, self.readers)
        self.questions = NoticeQuestions(self.readers, tokens, filters)
        self.events = EventQuestions(self.readers, self.bulletin, tokens, lambda *_: "", filters)
        rules = self.framework_questions = FrameworkQuestions(self.readers, tokens, filters)
        approval = site.approval
        sealing, rule_sealing = NoticeSealing(parties, approval), FrameworkSealing(parties, approval, rules)
        self.notices = NoticeCommands(parties, committer, sealing, self.questions, self.clock.now, random)
        self.frameworks = FrameworkCommands(parties, committer, rule_sealing, rules, self.clock.now, random)
        self.assistance = AssistanceQuestions(self.readers, tokens, self.clock.now, (), filters)
        drafts = self.draft_questions = DraftQuestions(self.readers, tokens)
        acts = DraftActs(parties, sealing, rule_sealing, approval)
        self.drafts = DraftCommands(parties.jurisdiction, committer, acts, drafts, DRAFT_DAYS, self.clock.now, random)
        sharing = self.sharing_questions = SharingQuestions(self.readers, tokens, self.clock.now)
        self.sharing = SharingCommands(committer, sealing, sharing, random)
        self.retention = Retention(parties, committer, self.readers, self.clock.now)
        self.seals = SealCommands(parties, committer, self.bulletin, self.keyring, site.prepared_seal, site.adopt)

    def _make_replicas(self, parties: Parties) -> Alone | Shared:
        site = self._site
        if self._database.is_local:
            return Alone()
        states = self.committer.latest().states
        channels = {origin: states[origin] for origin, _, _ in parties.channels()}
        me = Replica(site.random.randbytes(16).hex(), site.place, len(parties.peers))
        return Shared(self._database, me, site.domain, channels, self.links, self.committer, self._break)

    def _keep_files(self) -> None:
        """What wants files of peers, and takes those of back offices; as ``attaching.Attaching``."""
        site = self._site
        room = Room(2**32, 2**40, 2**40, 1000, 0, lambda: None)
        storing = Storage(self.committer, self.readers, room, site.random.randbytes)
        receiving = FromPeers(site.parties, self.committer, self.readers, storing, self.clock.now)
        self._transfers = Transfers(self.clock.now, lambda *_: None, lambda _: None)
        self._wanting = Wanting(receiving, self.bulletin, self._alarms, self._transfers)
        questions = self.attachment_questions = AttachmentQuestions(self.readers)
        self.attachments = AttachmentCommands(self.committer, storing, questions)
        self._clearing = Removal(self.committer, self.readers, self.clock.now, storing.dropped, unfinished_days=7)

    def _attachment_link(self, peer: str) -> AttachmentLink:
        site, credentials = self._site, partial(self._endings.dialling(lambda _: NOTHING), peer)
        party, origin = site.parties.peers[peer], site.parties.origin_to(peer)
        return SimulatedAttachmentLink(
            site.network, site.place, party, origin, credentials, self.readers, self._replicas, self._transfers
        )

    def _link(self, peer: str, resources: Resources) -> Link:
        site, credentials = self._site, partial(self._endings.dialling(lambda _: NOTHING), peer)
        party = site.parties.peers[peer]
        return SimulatedLink(
            site.network,
            site.place,
            party,
            site.parties,
            credentials,
            resources,
            self.bulletin,
            self.links,
            self._replicas,
        )

    async def stop(self) -> None:
        """As ``Node.stop``."""
        self.bulletin.close()
        self._peer.stop()
        self.links.wake()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._site.network.vanish(self._site.place)
        await asyncio.sleep(0.3)  # what is under way ends, or is cut off with its stream
        await self.journaling.settle()
        if isinstance(self._replicas, Shared):
            await self._replicas.close()
        await self.committer.stop()
        await asyncio.to_thread(self._continuity.keep, self.committer.latest())
        self.readers.close()
        self._database.close()

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
                self._endings.require_paired(dialler)
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
            self._endings.require_paired(dialler)
            record = self.journaling.begin({}, PEER_SERVICE + stream.method.name)
            await self.journaling.opened(record)
            CALL_RECORD.set(None)
            async with (
                aclosing(self._admitted(dialler, stream)) as requests,
                aclosing(getattr(self._peer, stream.method.name)(requests, stream)) as responses,
            ):
                async for response in responses:
                    self._endings.require_paired(dialler)
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

    async def serve(self, method: str, act: Callable[["Running"], Awaitable[T]]) -> T:
        """Serves one call of a back office."""
        record = self.journaling.begin({}, method)
        try:
            answer = await act(self)
            await self.journaling.answered(record, answer)
        except GatewayError as error:
            await self.journaling.refused(record, error)
            raise
        return answer

    # --- what is told -------------------------------------------------------------------------------------------------

    def _publish(self, commit: Commit) -> None:
        self._site.committed(commit)
        self.bulletin.publish(commit)
        self.links.follow(commit.states)

    def _break(self, error: Exception) -> None:
        self._site.broke(error)
