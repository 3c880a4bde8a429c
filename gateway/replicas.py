"""The replicas of a node on one PostgreSQL database: what this one holds of their leases, and follows of their commits.

A replica beats: it says that it runs, renews what it holds, sees what the others do, and takes or gives back what the
rules say (``store.lease_rules``). With SQLite a node is one process, which moves every channel: ``Alone``.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from gateway.errors import StoreError, Unavailable
from gateway.logs import Log
from gateway.news import News, wait_at_most
from gateway.questions.links import Links, LinkStatus
from gateway.store.commits import COMMITS, Commit
from gateway.store.database import Database
from gateway.store.following import Listening
from gateway.store.lease_keeping import LeaseKeeping
from gateway.store.lease_rules import decide
from gateway.store.leases import LEASE_SECONDS, Holding, Lease, Picture, Replica
from gateway.store.state import ChannelState
from gateway.watching import Watched

BEAT_SECONDS = 0.75  # a lease is renewed three times before it ends
FOLLOW_PAUSE_SECONDS = 0.01  # from one look at what others committed to the next

_log = Log(__name__)


class Hold:
    """That this replica moves a channel, until ``lost`` is set. Without a lease nobody else could."""

    def __init__(self, lease: Lease | None = None) -> None:
        self.lease = lease
        self.lost = asyncio.Event()


class Replicas(Protocol):
    """What the ends of channels need to know of other replicas."""

    async def hold(self, origin: str, /) -> Hold:
        """Waits until this replica moves a channel that leads away from here, and knows where it stands."""

    async def claim(self, origin: str, /) -> Hold:
        """Takes a channel that leads here, whichever replica has it: the peer has dialled this one.

        Raises:
            Unavailable: the database does not answer.
        """

    def give_back(self, origin: str, hold: Hold, /) -> None:
        """Ends a hold: the peer has gone."""


class Following(Protocol):
    """What replicas need of the one writer (``store.committer``)."""

    async def follow(self, version: int | None = None) -> None:
        """Takes what others committed up to a version; None: up to now."""

    async def look(self) -> None:
        """Finds out whether the database is still the one that was known, and takes writes."""

    def latest(self) -> Commit:
        """Gives what is true since the newest commit that is known."""


class Alone:
    """The only process of a node."""

    watched: Sequence[Watched] = ()

    async def hold(self, _origin: str) -> Hold:
        """Gives it at once."""
        return Hold()

    async def claim(self, _origin: str) -> Hold:
        """Gives it at once."""
        return Hold()

    def give_back(self, _origin: str, _hold: Hold) -> None:
        """Does nothing."""


class Shared:
    """One of the replicas; on the loop's thread alone.

    Args:
        database: of all of them
        me: this one, under an id that no other start of it had
        domain: of the node
        channels: that this replica was started with, by origin
        links: how their streams do, here or at other replicas
        committer: takes what others committed, and finds out whether the database is still the same
        on_fatal: called when this replica must not go on
    """

    def __init__(
        self,
        database: Database,
        me: Replica,
        domain: str,
        channels: Mapping[str, ChannelState],
        links: Links,
        committer: Following,
        on_fatal: Callable[[Exception], None],
    ) -> None:
        self.me = me
        links.replica, links.replica_id = me.name, me.id
        self._keeping, self._links = LeaseKeeping(database, me), links
        self._committer, self._on_fatal = committer, on_fatal
        self._channels = channels
        self._outgoing = {state.id for state in channels.values() if state.ends.outgoing}
        self._held: dict[str, Hold] = {}
        self._taken = News()  # that something is held which was not
        self._woken, self._news = asyncio.Event(), asyncio.Event()
        self._newest = 0  # version that was told of, by whomever: no newer one may be passed over for it
        self._renewed = time.monotonic()
        self._ending = set[asyncio.Task[None]]()
        loop = asyncio.get_running_loop()

        def told(kind: str, number: int) -> None:
            loop.call_soon_threadsafe(self._told, kind, number)

        self._listening = Listening(database, domain, told)
        self.watched: Sequence[Watched] = (self._listening,)

    # --- for the ends of channels -----------------------------------------------------------------------------------

    async def hold(self, origin: str) -> Hold:
        """Waits until this replica has the lease, and has read what others wrote before."""
        while origin not in self._held:
            await self._taken.next().wait()
        await self._committer.follow()
        return self._held.get(origin) or await self.hold(origin)

    async def claim(self, origin: str) -> Hold:
        """Takes the lease by force; the stream that had it ends, wherever it is."""
        lease = await self._keeping.take(self._channels[origin].id, by_force=True)
        self._lose(origin)
        hold = self._held[origin] = Hold(lease)
        return hold

    def give_back(self, origin: str, hold: Hold) -> None:
        """Ends the lease soon, if it is still this one."""
        if self._held.get(origin) is hold and hold.lease:
            self._lose(origin)
            ending = asyncio.create_task(self._end(hold.lease))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)

    # --- for the node -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Beats, and follows what others commit, until it is cancelled, or must not go on."""
        self._listening.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._beat_on())
                tasks.create_task(self._follow_on())
        except* StoreError as errors:
            self._on_fatal(errors.exceptions[0])
        except* Exception as defects:  # noqa: BLE001 - without leases a replica must not seem to run
            _log.defect("replica_failed", defects.exceptions[0])
            self._on_fatal(defects.exceptions[0])

    async def close(self) -> None:
        """Gives back everything, so that others take it at once."""
        held = [hold.lease for hold in self._held.values() if hold.lease]
        for origin in list(self._held):
            self._lose(origin)
        await asyncio.gather(*self._ending, return_exceptions=True)
        await self._keeping.close(held)
        await asyncio.to_thread(self._listening.stop)

    # --- how --------------------------------------------------------------------------------------------------------

    async def _beat_on(self) -> None:
        was_away = False
        while True:
            try:
                await self._beat()
                if was_away:  # it may be another one: the writer finds out, as it connects anew
                    await self._committer.look()
                was_away = False
            except Unavailable:
                was_away = True
                self._expire()
                with suppress(Unavailable):  # who has nothing to write finds out, too, whether it could
                    await self._committer.look()
            pause = random.uniform(0.8, 1) * BEAT_SECONDS  # noqa: S311 - jitter, not a secret
            await wait_at_most(self._woken, pause)
            self._woken.clear()

    async def _beat(self) -> None:
        began, held, known = time.monotonic(), dict(self._held), self._committer.latest().version
        picture = await self._keeping.beat([self._holding(origin, hold) for origin, hold in held.items()])
        self._links.picture, self._renewed = picture, began
        for origin, hold in held.items():
            holding = picture.holdings.get(self._channels[origin].id)
            if self._held.get(origin) is hold and (holding is None or holding.lease != hold.lease):
                self._lose(origin)
        decision = decide(self.me.id, picture, self._outgoing)
        for origin, state in self._channels.items():
            if state.id in decision.give_back and origin in self._held:
                self.give_back(origin, self._held[origin])
            if state.id in decision.take:
                await self._take(origin)
            if origin not in self._held:
                self._links.note(origin, self._elsewhere(state))
        if picture.version > self._newest:
            self._told(COMMITS, picture.version)
        if picture.version < known:  # it is nobody's, or was put back: who has nothing to write finds out, too
            await self._committer.follow()

    async def _take(self, origin: str) -> None:
        if lease := await self._keeping.take(self._channels[origin].id):
            self._held[origin] = Hold(lease)
            self._taken.wake()
            _log.info("lease_taken", channel=origin)

    async def _end(self, lease: Lease) -> None:
        with suppress(Unavailable):  # it ends by itself
            await self._keeping.give_back(lease)

    def _lose(self, origin: str) -> None:
        if hold := self._held.pop(origin, None):
            hold.lost.set()
            _log.info("lease_ended", channel=origin)

    def _expire(self) -> None:
        """Lets go of what could not be renewed in time: another replica may have taken it."""
        if time.monotonic() - self._renewed > LEASE_SECONDS:
            self._links.picture = Picture()
            for origin in list(self._held):
                self._lose(origin)

    def _holding(self, origin: str, hold: Hold) -> Holding:
        assert hold.lease is not None, "what is shared is held by a lease"
        status = self._links.of(origin)
        return Holding(hold.lease, 0, status.connected, status.last_error)

    def _elsewhere(self, state: ChannelState) -> LinkStatus:
        """How the stream of a channel does that this replica does not move."""
        picture = self._links.picture
        holding = picture.holdings.get(state.id)
        if holding and picture.holder(state.id):
            return LinkStatus(connected=holding.connected, last_error=holding.last_error)
        return LinkStatus(last_error="no replica moves it now" if state.ends.outgoing else "")

    def _told(self, kind: str, number: int) -> None:
        if kind == COMMITS:
            self._newest = max(self._newest, number)
            self._news.set()
        else:
            self._woken.set()

    async def _follow_on(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            pause, asked = FOLLOW_PAUSE_SECONDS, self._newest
            try:
                await self._committer.follow(asked)
                if self._newest == asked:
                    self._newest = self._committer.latest().version
            except Unavailable:
                pause = BEAT_SECONDS
                self._news.set()  # what was told is not known yet
            await asyncio.sleep(pause)
