"""What goes wrong in a schedule, and when."""

import asyncio
from collections.abc import Callable, Sequence
from hashlib import sha256
from random import Random
from typing import Any

from regulator.exchange.v1.admin_service_pb2 import RotateSealRequest

from gateway.errors import Halted, Unavailable, WrongState
from tests.simulation.nodes.disk import Fault
from tests.simulation.nodes.going_back import Whole, put_back
from tests.simulation.nodes.moving import Moving, hold, release
from tests.simulation.nodes.network import KEEPALIVE_SECONDS, LONGEST_DELAY_SECONDS
from tests.simulation.nodes.restoring import Way
from tests.simulation.nodes.site import Site
from tests.simulation.nodes.times import Times

LONGEST_SECONDS = 60.0  # that faults go on
STEPS_AHEAD = 120
ANOTHER_COPY = 0.2  # how likely it is that a newer one takes the place of one that is there
LONGEST_LOSS_SECONDS = 6.0  # that are gone where all of a node is rolled back
LONGEST_PAUSE_SECONDS = 12.0  # of a process that stands still: longer than a lease, and than a peer waits for another
HEARS_LATE = 0.7  # how likely it is that a node which was rolled back seals something before it hears of its peers
FORGETS = 0.5  # how likely it is that a replica which stands still is not stopped, too
MOVED = 0.15  # how likely it is that nodes may be moved to other databases
LONGEST_WAIT_SECONDS = 3.0  # until an operator says again what was cut short
MISLED = 0.1  # how likely it is that all clocks may be wrong in the same way

STORAGE = list(Fault)
ROTATE_SEAL, ANSWER_SECONDS = "/regulator.exchange.v1.AdminService/RotateSeal", 30.0


class NoFaults:
    """Nothing goes wrong but what a test has armed, whenever it comes to that."""

    async def run(self, _are_done: Callable[[], bool]) -> None:
        """Has nothing to wait for."""

    def stop(self) -> None:
        """Ends nothing."""

    def set_right(self, _site: Site) -> None:
        """No clock is wrong."""

    def downtime(self) -> float:
        """Seconds until a node that ended is started again."""
        return 0.1


class Faults:
    """Draws one after another, as often as the schedule is rough; ``only``: of these kinds, if there are any."""

    only: Sequence[str] = ()

    def __init__(self, world: Any, random: Random) -> None:
        self._world, self._random = world, random
        self._pause_seconds = random.choice([0.3, 1.0, 3.0])
        world.network.loss = random.choice([0, 0.1, 0.3])
        self._times = Times(world, Random(random.random()))
        kinds = [
            self._break_stream,
            self._partition,
            self._isolate,
            self._kill,
            self._stop,
            self._fail_steps,
            self._fail_steps,
            self._fail_commit,
            self._pause,
            self._lose_server,
            self._slow_down,
            self._times.set_clock,
            self._times.set_clock,
            self._times.let_hours_pass,
            self._rotate,
            self._end_pairing,
            self._flap,
            self._go_back,
            self._put_back,
            self._roll_back,
        ]
        self._kinds = random.sample(kinds, random.randint(3, len(kinds)))
        if world.moves:
            self._kinds.append(self._move)
        if self.only:
            self._kinds = [each for each in (*kinds, self._move) if each.__name__.strip("_") in self.only]
        if random.random() < MISLED:
            self._kinds.append(self._times.mislead)
        self._backups: dict[str, Any] = {}
        self._copies: dict[str, tuple[Any, dict[str, int]]] = {}
        self._is_over = False
        self._forgetful: Site | None = None  # one of all, again and again: two that forget can lose what both had

    async def run(self, are_done: Callable[[], bool]) -> None:
        """Has things go wrong until all is done, or for long enough."""
        loop = self._world.loop
        end = loop.time() + LONGEST_SECONDS
        while not are_done() and loop.time() - loop.leapt_seconds < end:
            await asyncio.sleep(self._random.expovariate(1 / self._pause_seconds))
            site = self._random.choice(list(self._world.sites.values()))
            kind = self._random.choice(self._kinds)
            self._world.told(kind.__name__.strip("_"), site.place)
            await kind(site)

    def stop(self) -> None:
        """Ends all faults."""
        self._is_over, world = True, self._world
        world.network.loss = 0.0
        world.network.open()
        world.network.longest_delay_seconds = LONGEST_DELAY_SECONDS
        world.loop.slowness = 0.0
        for site in world.sites.values():
            site.disk.disarm()
            for peer in site.parties.peers:
                site.pair_again(peer)
        self._times.stop()
        world.told("faults stop")

    def set_right(self, site: Site) -> None:
        """An operator looks at a clock."""
        self._times.set_right(site)

    def downtime(self) -> float:
        """Seconds until a node that ended is started again."""
        return self._random.choice([0.05, self._random.uniform(0.1, 5)])

    # --- the network --------------------------------------------------------------------------------------------------

    async def _break_stream(self, site: Site) -> None:
        streams = [each for each in self._world.network.streams if site.place in (each.dialler, each.acceptor)]
        if streams:
            self._random.choice(streams).break_off()

    async def _partition(self, site: Site) -> None:
        """Between two nodes, one way or both, for less or more than it takes to notice."""
        network, here, other = self._world.network, site.place, self._random.choice(self._others(site))
        ways = self._random.choice([[(here, other)], [(other, here)], [(here, other), (other, here)]])
        for way in ways:
            network.block(*way)
        seconds = self._random.choice([self._random.uniform(0.1, 3), self._random.uniform(20, 1.5 * KEEPALIVE_SECONDS)])
        self._world.loop.call_later(seconds, network.open)

    async def _isolate(self, site: Site) -> None:
        """One node is away from all others, and they go on without it."""
        network = self._world.network
        for other in self._others(site):
            network.block(site.place, other)
            network.block(other, site.place)
        self._world.loop.call_later(self._random.uniform(1, 1.5 * KEEPALIVE_SECONDS), network.open)

    def _others(self, site: Site) -> list[str]:
        return sorted(each.place for each in self._world.sites.values() if each.name != site.name)

    async def _flap(self, site: Site) -> None:
        for _ in range(self._random.randint(2, 6)):
            await self._break_stream(site)
            await asyncio.sleep(self._random.uniform(0, 0.2))

    async def _slow_down(self, _site: Site) -> None:
        """Disk and network get slow, or fast again."""
        self._world.loop.slowness = self._random.choice([0, 0.02, 0.2])
        self._world.network.longest_delay_seconds = self._random.choice([LONGEST_DELAY_SECONDS, 0.3, 1.0])

    # --- processes and disks ------------------------------------------------------------------------------------------

    async def _kill(self, site: Site) -> None:
        site.kill()

    async def _stop(self, site: Site) -> None:
        await site.stop()

    async def _fail_steps(self, site: Site) -> None:
        """Some of the next steps fail, or are the last ones."""
        for _ in range(self._random.randint(1, 4)):
            site.disk.arm(self._random.choice(STORAGE), self._random.randint(0, STEPS_AHEAD))

    async def _pause(self, site: Site) -> None:
        """A process stands still, and its machine answers for it."""
        if site.life and not site.life.is_over:
            seconds = self._random.choice([self._random.uniform(0.1, 3), LONGEST_PAUSE_SECONDS])
            self._world.loop.pause(site.life, seconds)

    async def _lose_server(self, site: Site) -> None:
        """A replica does not reach its database for a while."""
        if len(site.doors) > 1:
            site.disk.away_until = self._world.loop.time() + self._random.uniform(0.1, LONGEST_PAUSE_SECONDS)

    async def _fail_commit(self, site: Site) -> None:
        site.disk.next_commit = self._random.choice(STORAGE)

    async def _go_back(self, site: Site) -> None:
        """A backup is made; once there is one, the node goes back to it, or another is made: of whatever is there."""
        if not site.life or site.life.is_over or len(site.doors) > 1:
            return
        if site.name not in self._backups or self._random.random() < ANOTHER_COPY:
            self._backups[site.name] = site.disk.image()
        elif self._may_go_back(site):
            site.is_on_new_machine = self._random.random() < 0.5
            self._has_gone_back(site, self._backups, put_back(self._world, site, self._backups[site.name]))

    async def _move(self, site: Site) -> None:
        """Its operator moves a node to another database."""
        if not any(door.disk.moving_to or door.held or door.is_retired for door in site.doors):
            self._world.begin(self._until_moved(site, Moving(site, self._random)))

    async def _until_moved(self, site: Site, moving: Moving) -> None:
        while not await self._has_moved(site, moving):
            seconds = self._random.uniform(0.1, LONGEST_WAIT_SECONDS)
            await asyncio.sleep(seconds)

    async def _has_moved(self, site: Site, moving: Moving) -> bool:
        """Its operator stops all replicas, but for one that stands still, and is forgotten."""
        others = [door for door in site.doors if door is not site]
        for door in others:
            await hold(door, may_forget=self._random.random() < FORGETS)
        is_moved = await site.visited(moving.say, may_lose=False)
        for door in others:
            if is_moved and door.is_forgotten:
                self._world.told("forgets", door.place)
                await asyncio.sleep(self._random.uniform(0, LONGEST_PAUSE_SECONDS))
            await release(door, is_moved=is_moved)
        return is_moved

    async def _put_back(self, site: Site) -> None:
        """The database's files are copied; once they have been, the copy takes their place, and nobody says so.

        What the node had seen of it since, it must have noted beside it: that of a last second it may not.
        """
        if len(site.doors) > 1:
            return
        if site.name not in self._copies or self._random.random() < ANOTHER_COPY:
            if site.life and not site.life.is_over:
                self._copies[site.name] = site.disk.image(), dict(site.disk.read("SELECT origin, size FROM channels"))
            return
        copy, sizes = self._copies[site.name]
        if self._may_go_back(site) and not site.backup and site.may_tell(sizes):
            if self._random.random() < 0.5:
                await site.stop()
            self._has_gone_back(site, self._copies, put_back(self._world, site, copy, Way.PUT_BACK))

    async def _roll_back(self, site: Site) -> None:
        """All is copied; soon the copy takes the place of all, so that nothing at the node can find that.

        It signs a second history of those channels in which its peer holds more, unless it hears of that before;
        operators decide then.
        """
        if site.life and not site.life.is_over and len(site.doors) == 1 and self._may_go_back(site):
            self._world.begin(self._roll_back_to(site, Whole.of(site), site.restored))

    async def _roll_back_to(self, site: Site, whole: Whole, restored: int) -> None:
        await asyncio.sleep(self._random.uniform(0.3, LONGEST_LOSS_SECONDS))
        is_same = whole.has_keys_of(site) and site.restored == restored and not site.backup
        if self._is_over or not is_same or not self._may_go_back(site):
            return
        self._has_gone_back(site, {}, self._world.operators.roll_back(site, whole))
        if self._random.random() < HEARS_LATE:
            await self._isolate(site)

    def _may_go_back(self, site: Site) -> bool:
        is_settled = not self._world.operators.is_forking(site) and not site.next_seal
        return is_settled and self._forgetful in {None, site}

    def _has_gone_back(self, site: Site, kept: dict[str, Any], is_back: bool) -> None:
        """What else was copied of it may hold what is lost now: to go back to that would be to sign two histories."""
        if is_back:
            self._forgetful = site
            for each in (self._backups, self._copies):
                if each is not kept:
                    each.pop(site.name, None)

    # --- pairings -----------------------------------------------------------------------------------------------------

    async def _end_pairing(self, site: Site) -> None:
        """An operator ends a pairing, or those of both nodes do; each takes it up again in its own time."""
        if not site.parties.peers:
            return
        other = self._world.sites[self._random.choice(sorted(site.parties.peers))]
        ends = [(site, other), (other, site)] if self._random.random() < 0.5 else [(site, other)]
        for one, peer in ends:
            if peer.name in one.parties.peers and one.end_pairing(peer.name):
                self._world.loop.call_later(self._random.uniform(1, 40), one.pair_again, peer.name)

    # --- seals --------------------------------------------------------------------------------------------------------

    async def _rotate(self, site: Site) -> None:
        """An operator puts the next seal in force, and asks again until it is known that it is."""
        rotate(self._world, site, self._random)


def rotate(world: Any, site: Site, random: Random) -> None:
    """Has the next seal of a node put in force, if there is one, and none is prepared already."""
    after = list(site.signers).index(site.seal) + 1
    is_under_way = any(each.next_seal or each.seal != site.seal for each in site.doors)
    is_under_way |= not world.joining.may_rotate or not site.parties.peers  # a node alone does so while it is stopped
    if not is_under_way and after < len(site.signers) and not world.operators.is_forking(site):
        for each in site.doors:
            each.next_seal = list(site.signers)[after]
        world.begin(_until_rotated(world, site, site.next_seal, random))


async def _until_rotated(world: Any, site: Site, seal: Any, random: Random) -> None:
    operator = next(office.caller for office in world.offices if office.site in site.doors)
    request = RotateSealRequest(ed25519_certificate_sha256=sha256(seal.certificates[0]).hexdigest())
    while True:
        try:
            await site.call(ROTATE_SEAL, lambda node: node.seals.rotate(request, operator), ANSWER_SECONDS)
        except (Unavailable, Halted):
            await asyncio.sleep(random.uniform(0.2, 2))
        except WrongState:
            # Which receipts it gave before it went back it does not know yet.
            if any(each.next_seal == seal for each in site.doors):
                await asyncio.sleep(random.uniform(0.2, 2))
                continue
            known = [known for each in site.doors for known in (each.seal, *each.earlier_seals)]
            assert seal in known, "it came into force, and a backup or the next one has taken its place"
            return
        else:
            return
