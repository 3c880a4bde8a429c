"""Who takes which lease: thousands of made-up replicas, which start, stop, die and are paused, in steps of a beat."""

import random
from dataclasses import dataclass, field, replace

import pytest

from gateway.moments import MICROS
from gateway.store.lease_rules import GIVEN_AT_ONCE, SETTLED_SECONDS, decide
from gateway.store.leases import LEASE_SECONDS, Holding, Lease, Picture, Replica

STEP = MICROS * 3 // 4
BOUND = 4 * MICROS  # within which what a dead replica held is held by another one
SETTLING = int((SETTLED_SECONDS + 5) * MICROS)


@dataclass
class World:
    """Replicas that decide by the same rows."""

    channels: int
    now: int = 1_000 * MICROS
    replicas: dict[str, Replica] = field(default_factory=dict)
    holdings: dict[int, Holding] = field(default_factory=dict)
    alive: list[str] = field(default_factory=list)

    @property
    def picture(self) -> Picture:
        return Picture(self.now, 0, self.replicas, self.holdings)

    def start(self, name: str, outgoing: int | None = None) -> None:
        count = self.channels if outgoing is None else outgoing
        self.replicas[name] = Replica(name, name, count, self.now, self.now)
        self.alive.append(name)

    def step(self, chance: random.Random) -> None:
        """Every replica that is alive beats once, in any order."""
        self.now += STEP
        for name in chance.sample(self.alive, len(self.alive)):
            me = self.replicas[name] = replace(self.replicas[name], seen_at=self.now)
            for channel, holding in self.holdings.items():
                if holding.lease.holder == name:
                    self.holdings[channel] = replace(holding, expires_at=self.now + int(LEASE_SECONDS * MICROS))
            decision = decide(name, self.picture, range(me.outgoing))
            for channel in decision.take:
                self._take(channel, name)
            for channel in decision.give_back:
                assert self.holdings[channel].lease.holder == name
                self.holdings[channel] = Holding(Lease(channel, "", 1), self.now)

    def _take(self, channel: int, name: str) -> None:
        known = self.holdings.get(channel)
        assert known is None or known.expires_at <= self.now, "it asks for nothing that another one has"
        self.holdings[channel] = Holding(Lease(channel, name, 1), self.now + int(LEASE_SECONDS * MICROS))

    def run(self, micros: int, chance: random.Random) -> None:
        end = self.now + micros
        while self.now < end:
            self.step(chance)

    def held(self) -> dict[str, int]:
        counts = dict.fromkeys(self.alive, 0)
        for holding in self.holdings.values():
            if holding.expires_at > self.now and holding.lease.holder:
                counts[holding.lease.holder] = counts.get(holding.lease.holder, 0) + 1
        return counts


@pytest.mark.parametrize("seed", range(300))
def test_every_channel_is_held_soon_and_shares_are_even_in_the_end(seed):
    chance = random.Random(seed)
    world = World(channels=chance.choice([1, 2, 3, 7, 30]))
    for place in range(chance.randint(1, 4)):
        world.start(f"r{place}")
    for life in range(chance.randint(1, 5)):
        world.run(BOUND, chance)
        assert sum(world.held().values()) == world.channels
        match chance.choice(["die", "start", "both"]):
            case "die" if len(world.alive) > 1:
                world.alive.remove(chance.choice(world.alive))
            case "start":
                world.start(f"n{life}")
            case "both":
                world.alive.remove(chance.choice(world.alive))
                world.start(f"n{life}")
    world.run(BOUND, chance)
    assert sum(world.held().values()) == world.channels, "whoever died, others have what it held"
    world.run(SETTLING + world.channels // GIVEN_AT_ONCE * STEP, chance)
    counts = world.held()
    assert sum(counts.values()) == world.channels
    assert set(counts) == set(world.alive)
    assert max(counts.values()) <= -(-world.channels // len(world.alive))


def test_nothing_moves_without_need():
    chance, world = random.Random(1), World(channels=9)
    for place in range(3):
        world.start(f"r{place}")
    world.run(SETTLING, chance)
    before = {channel: holding.lease.holder for channel, holding in world.holdings.items()}
    world.run(60 * MICROS, chance)
    assert {channel: holding.lease.holder for channel, holding in world.holdings.items()} == before


def test_a_replica_with_other_pairings_is_not_counted_upon():
    """It was started before a peer was added, say, and cannot dial that one."""
    chance, world = random.Random(1), World(channels=4)
    world.start("old", outgoing=3)
    world.run(SETTLING, chance)
    assert world.held() == {"old": 3}
    world.start("new")
    world.run(BOUND, chance)
    assert world.held() == {"old": 3, "new": 1}
    world.run(SETTLING, chance)
    assert world.held() == {"old": 3, "new": 1}


def test_a_paused_replica_asks_for_what_it_held_only_when_it_is_free():
    chance, world = random.Random(1), World(channels=2)
    world.start("a")
    world.run(BOUND, chance)
    world.alive.remove("a")
    world.start("b")
    world.run(BOUND, chance)
    world.alive.append("a")
    world.step(chance)
    assert world.held() == {"a": 0, "b": 2}


def test_without_channels_there_is_nothing_to_decide():
    world = World(channels=0)
    world.start("a")
    decision = decide("a", world.picture, ())
    assert (decision.take, decision.give_back) == ((), ())
