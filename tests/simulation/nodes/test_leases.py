"""Replicas of a node on the simulation's clock: they pause, die, start, and lose the database for a while.

What beats, takes, follows and gives back is the product's (``replicas.Shared``); the rows of ``leases`` are a model of
theirs, whose one promise is that of ``leases.require``: what a holder writes counts only if the row still names it.
"""

import asyncio
import random as global_random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from types import SimpleNamespace
from unittest.mock import patch

import pytest

from gateway import replicas
from gateway.errors import Unavailable
from gateway.moments import MICROS
from gateway.questions.links import Links
from gateway.replicas import Shared
from gateway.store.leases import LEASE_SECONDS, Holding, Lease, Picture, Replica
from tests.simulation.nodes.loop import VirtualLoop

SEEDS = 40
FAULTS_SECONDS, REST_SECONDS = 40.0, 20.0
MOVES_WITHIN_SECONDS = 5.0  # of what a dead replica held
OUTGOING, INCOMING = ("a/to/b", "a/to/c", "a/to/d"), ("b/to/a",)
CHANNELS = {
    origin: SimpleNamespace(id=place, ends=SimpleNamespace(outgoing=origin in OUTGOING))
    for place, origin in enumerate((*OUTGOING, *INCOMING), 1)
}


@dataclass
class Rows:
    """The tables ``replicas`` and ``leases``, on a server that goes away; and what was written, by channel."""

    random: Random
    away_until: float = 0.0
    slow_until: float = 0.0
    replicas: dict[str, Replica] = field(default_factory=dict)
    holdings: dict[int, Holding] = field(default_factory=dict)
    refused: list[float] = field(default_factory=list)
    written: dict[int, list[tuple[float, Lease]]] = field(default_factory=lambda: defaultdict(list))

    @property
    def now(self) -> int:
        return round(asyncio.get_running_loop().time() * MICROS)

    async def reach(self) -> None:
        """The way to the server, or back from it: a replica that is paused is one to which an answer comes late."""
        now = asyncio.get_running_loop().time()
        await asyncio.sleep(
            self.random.uniform(0, 6.0 if now < self.slow_until and self.random.random() < 0.3 else 0.02)
        )
        if asyncio.get_running_loop().time() < self.away_until:
            raise Unavailable("away")

    def write(self, lease: Lease) -> bool:
        """As a commit under a lease (``leases.require``)."""
        known = self.holdings.get(lease.channel)
        if known is None or known.lease != lease:
            self.refused.append(asyncio.get_running_loop().time())
            return False
        self.written[lease.channel].append((asyncio.get_running_loop().time(), lease))
        return True


class Keeping:
    """``LeaseKeeping`` on these rows."""

    def __init__(self, rows: Rows, me: Replica) -> None:
        self._rows, self._me = rows, me

    async def beat(self, held: Sequence[Holding]) -> Picture:
        rows = self._rows
        await rows.reach()
        known = rows.replicas.get(self._me.id, replace(self._me, started_at=rows.now))
        rows.replicas[self._me.id] = replace(known, seen_at=rows.now)
        for each in held:
            if (row := rows.holdings.get(each.lease.channel)) and row.lease == each.lease:
                rows.holdings[each.lease.channel] = replace(each, expires_at=self._until())
        picture = Picture(rows.now, 0, dict(rows.replicas), dict(rows.holdings))
        await rows.reach()
        return picture

    async def take(self, channel: int, *, by_force: bool = False) -> Lease | None:
        rows = self._rows
        await rows.reach()
        known = rows.holdings.get(channel)
        if known and not by_force and known.expires_at > rows.now:
            return None
        lease = Lease(channel, self._me.id, known.lease.epoch + 1 if known else 1)
        rows.holdings[channel] = Holding(lease, self._until())
        await rows.reach()
        return lease

    async def give_back(self, *held: Lease) -> None:
        rows = self._rows
        await rows.reach()
        for lease in held:
            if rows.holdings[lease.channel].lease == lease:
                ended = replace(lease, holder="")
                rows.holdings[lease.channel] = Holding(ended, rows.now)

    def _until(self) -> int:
        return self._rows.now + int(LEASE_SECONDS * MICROS)


class Listening:
    """Nobody is told of anything: what is not told is seen at the next beat."""

    def __init__(self, *_: object) -> None:
        pass

    def start(self) -> None:
        pass


class Process:
    """One replica, which writes for every channel that it holds."""

    def __init__(self, rows: Rows, name: str) -> None:
        self.fatal: list[Exception] = []
        self._rows = rows
        me = Replica(name, name, len(OUTGOING))
        self.shared = Shared(rows, me, "a", CHANNELS, Links(), self, self.fatal.append)
        self._tasks = [asyncio.create_task(self.shared.run())]
        self._tasks += [asyncio.create_task(self._move(origin)) for origin in OUTGOING]

    async def follow(self, _version: int | None = None) -> None:
        """Nothing is to be read."""
        await asyncio.sleep(0)

    async def look(self) -> None:
        """The database is still the same."""
        await asyncio.sleep(0)

    def latest(self) -> SimpleNamespace:
        """Nothing was committed."""
        return SimpleNamespace(version=0)

    async def _move(self, origin: str) -> None:
        while True:
            await self._write_on(await self.shared.hold(origin))

    async def _write_on(self, hold: replicas.Hold) -> None:
        while not hold.lost.is_set():
            self._rows.write(hold.lease)
            await asyncio.sleep(self._rows.random.uniform(0, 0.3))

    async def dialled(self, origin: str) -> None:
        """A peer has dialled this one."""
        try:
            hold = await self.shared.claim(origin)
        except Unavailable:
            return
        self._tasks.append(asyncio.create_task(self._write_on(hold)))

    async def die(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def schedule(seed: int) -> Rows:
    """Faults for a while, then none; gives what was written."""
    random, loop = Random(seed), asyncio.get_running_loop()
    rows = Rows(Random(random.random()))
    running = [Process(rows, f"r{place}") for place in range(random.randint(1, 3))]
    while loop.time() < FAULTS_SECONDS:
        await asyncio.sleep(random.uniform(0.5, 6))
        match random.choice(["die", "start", "away", "slow", "dial", "dial"]):
            case "die" if len(running) > 1:
                await running.pop(random.randrange(len(running))).die()
            case "start" if len(running) < 4:
                running.append(Process(rows, f"r at {loop.time():.3f}"))
            case "away":
                rows.away_until = loop.time() + random.uniform(0.1, 8)
            case "slow":
                rows.slow_until = loop.time() + random.uniform(1, 10)
            case "dial":
                await random.choice(running).dialled(INCOMING[0])
    rows.away_until = rows.slow_until = 0.0
    await asyncio.sleep(REST_SECONDS)
    for origin in OUTGOING:
        held = [hold.lease for each in running if (hold := each.shared._held.get(origin))]
        assert held == [rows.holdings[CHANNELS[origin].id].lease], "one replica knows itself to be the holder, and is"
    for process in running:
        await process.die()
        assert process.fatal == []
    return rows


@pytest.fixture(autouse=True)
def _in_place_of_postgresql() -> Iterator[None]:
    state = global_random.getstate()
    with (
        patch.object(replicas, "LeaseKeeping", Keeping),
        patch.object(replicas, "Listening", Listening),
        patch.object(replicas, "time", SimpleNamespace(monotonic=lambda: asyncio.get_running_loop().time())),
    ):
        yield
    global_random.setstate(state)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_one_replica_at_a_time_writes_for_a_channel_and_soon_one_does_again(seed: int) -> None:
    loop = VirtualLoop(Random(seed))
    global_random.seed(seed)
    try:
        rows = loop.run_until_complete(schedule(seed))
    finally:
        loop.close()
    for channel, written in rows.written.items():
        epochs = [lease.epoch for _, lease in written]
        assert epochs == sorted(epochs), f"{channel}: one that had lost its lease wrote after its successor"
        assert len({(lease.epoch, lease.holder) for _, lease in written}) == len({*epochs}), "one holder an epoch"
    at_rest = FAULTS_SECONDS + 6 + MOVES_WITHIN_SECONDS + 6  # the last fault, and an answer on its way
    assert not [time for time in rows.refused if time > at_rest], "one that had lost its lease did not hear of it"
    for origin in OUTGOING:
        later = [time for time, _ in rows.written[CHANNELS[origin].id] if time > FAULTS_SECONDS]
        assert later, f"{origin} never moves again"
        gaps = [after - before for before, after in zip([later[0], *later], later, strict=False)]
        assert later[0] < at_rest
        assert max(gaps) < MOVES_WITHIN_SECONDS
