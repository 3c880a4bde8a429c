"""Seals of both nodes are turned, lost and replaced while a database is put back: drawn at random, and all comes back.

Operators do what docs/certificates.md and docs/operations.md say, sooner or later. A run that fails tells its seed.
"""

import os
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import GatewayError
from gateway.identity.seals.signers import Keyring
from gateway.ledger.seals import CertifiedSeal
from gateway.moments import datetime_of
from gateway.store.database import Database
from gateway.store.opening import check_channels, create
from gateway.store.recovery.rebuild import rebuild
from gateway.store.recovery.replacing import replace_own_seal, replace_peer_seal
from tests.ledger.samples import FixedSeal
from tests.store.exchanging import check_equal, exchange
from tests.store.recovery.nodes import Node
from tests.store.rotating import rotate
from tests.store.stores import DOMAINS, NOW, check_verified
from tests.support.seals import certified

RUNS = int(os.environ.get("GATEWAY_SEAL_SCHEDULES", "3"))
FIRST = int(os.environ.get("GATEWAY_SEAL_SCHEDULES_FROM", "0"))
STEP_MICROS = 600 * 1_000_000  # from one act to the next: longer than certificates are dated back
ROUNDS = 12  # of dialling, until all must be there


class Time:
    """One for both nodes."""

    def __init__(self) -> None:
        self.micros = NOW

    def __iter__(self) -> "Time":
        return self

    def __next__(self) -> int:
        self.micros += 1000
        return self.micros


@dataclass
class End(Node):
    """A node whose seals have numbers, and the pairing documents that its operator has yet to give to the peer's."""

    keys: dict[CertifiedSeal, FixedSeal] = field(default_factory=dict)
    owed: list[CertifiedSeal] = field(default_factory=list)
    backups: list[tuple[Any, list[CertifiedSeal]]] = field(default_factory=list)
    time: Time = field(default_factory=Time)
    other: "End" = None  # type: ignore[assignment]
    given: int = 0

    def new_seal(self) -> CertifiedSeal:
        self.time.micros += STEP_MICROS
        made = FixedSeal(f"{self.jurisdiction} at random {len(self.keys)}")
        seal = certified(made, DOMAINS[self.jurisdiction], datetime_of(self.time.micros))
        self.keys[seal] = made
        return seal

    def has_newest(self) -> None:
        """Its home has the keys of that alone."""
        self.earlier_seals = tuple(self.seals[:-1])
        self.keyring = Keyring([(self.seals[-1], self.keys[self.seals[-1]])])

    # --- what happens -------------------------------------------------------------------------------------------

    async def give(self) -> None:
        self.given += 1
        name = f"{self.jurisdiction.lower()}-{self.given}"
        with suppress(GatewayError):
            await self.release(name, issuing_authority={"HK": "SFC", "KR": "FSC"}[self.jurisdiction])

    async def turn_seal(self) -> None:
        """Refused while the channel has halted, and while not all is back."""
        seal = self.new_seal()
        self.keyring.add(seal, self.keys[seal])
        with suppress(GatewayError):
            await rotate(self, seal)
            self.seals = [*self.seals, seal]
        await self.committer.stop()
        self.has_newest()
        self.write_on()

    async def lose_seal(self) -> None:
        """Its operator puts another one in its place, and owes the document of it to that of the peer."""
        seal = self.new_seal()
        await self.committer.stop()
        self.seals = [*self.seals, seal]
        self.has_newest()
        replace_own_seal(self.database, seal, self.keys[seal], self.time.micros)
        rebuild(self.database, self.time.micros)
        self.owed.append(seal)
        self.write_on()

    async def take_document(self) -> None:
        """The peer's next one, if there is any."""
        if not self.other.owed:
            return
        seal = self.other.owed.pop(0)
        await self.committer.stop()
        replace_peer_seal(self.database, DOMAINS[self.other.jurisdiction], seal, self.time.micros)
        self.peers[self.other.jurisdiction].append(seal)
        self.write_on()

    async def back_up(self) -> None:
        self.backups.append((self.backup(), [*self.peers[self.other.jurisdiction]]))

    async def lose_database(self, draw: random.Random) -> None:
        """Now and then the home loses the newest documents as well, and they are given to it again."""
        backup, documents = draw.choice(self.backups)
        if draw.random() < 0.5:
            have = self.peers[self.other.jurisdiction]
            self.other.owed = [*(each for each in have if each not in documents), *self.other.owed]
            self.peers[self.other.jurisdiction] = [*documents]
        await self.go_back(backup)

    async def put_in_force(self) -> None:
        """As ``gateway certs replace-seal --peer``, once the channel is open, where it does not have the seal."""
        state = self.state()
        if state.halt or state.seals.sender.knows(self.seals[-1].public):
            return
        self.time.micros += STEP_MICROS
        await self.committer.stop()
        seal, peer = self.seals[-1], DOMAINS[self.other.jurisdiction]
        replace_own_seal(self.database, seal, self.keys[seal], self.time.micros, only=peer)
        rebuild(self.database, self.time.micros)
        self.write_on()


def made(name: str, folder: Path, time: Time) -> End:
    (folder / name).mkdir()
    database = Database("sqlite:///node.db", folder / name)
    create(database, name, DOMAINS[name], bytes(32))
    database.close()
    keys = FixedSeal(f"{name} at random 0")
    seal = certified(keys, DOMAINS[name], datetime_of(NOW) - timedelta(hours=1))
    node = End(
        "HK" if name == "HK" else "KR", "sqlite:///node.db", folder / name, Keyring([(seal, keys)]), seals=[seal]
    )
    node.keys, node.time, node.clock = {seal: keys}, time, time
    node.start()
    return node


@pytest.fixture
async def ends(tmp_path: Path) -> AsyncIterator[tuple[End, End]]:
    time = Time()
    hk, kr = made("HK", tmp_path, time), made("KR", tmp_path, time)
    hk.other, kr.other = kr, hk
    await hk.pair("KR", kr.seals[0])
    await kr.pair("HK", hk.seals[0])
    yield hk, kr
    for each in (hk, kr):
        await each.close()
        check_verified(each)


async def dialled(one: End, other: End, messages: int = 1_000_000) -> None:
    with suppress(AssertionError, GatewayError):
        await exchange(one, other, drop_after=messages)


async def act(draw: random.Random, ends: tuple[End, End]) -> None:
    who = draw.choice(ends)
    what = draw.choices(
        (who.give, who.turn_seal, who.lose_seal, who.take_document, who.put_in_force, who.back_up),
        (6, 2, 1, 2, 1, 2),
    )[0]
    await what()
    for _ in range(draw.randrange(3)):
        one = draw.choice(ends)
        await dialled(one, one.other, draw.choice((3, 4, 5, 6, 9, 1_000_000)))


def is_settled(end: End) -> bool:
    states = end.committer.latest().states.values()
    return all(not each.halt and not each.unheard and each.receipted_size == each.log.size for each in states)


async def all_is_there(ends: tuple[End, End]) -> None:
    for _ in range(ROUNDS):
        for one in ends:
            while one.other.owed:
                await one.take_document()
            await dialled(one, one.other)
            await one.put_in_force()
        if all(map(is_settled, ends)):
            break
    for each in ends:
        assert not each.state().halt
        await each.release(f"{each.jurisdiction.lower()}-last-{each.given}", issuing_authority="SFC")
        each.given += 1
    for _ in range(2):
        for one in ends:
            await exchange(one, one.other)
    await check_equal(*ends)
    for each in ends:
        assert each.verify().findings == ()
        await each.rebuilt()
        assert each.verify().findings == ()
        check_channels(each.database, each.parties)


@pytest.mark.parametrize("seed", range(FIRST, FIRST + RUNS))
async def test_whatever_becomes_of_the_seals_of_both_all_comes_back(ends: tuple[End, End], seed: int):
    draw = random.Random(seed)
    for each in ends:
        await each.back_up()
    for _ in range(draw.randint(1, 3)):
        for _ in range(draw.randint(2, 10)):
            await act(draw, ends)
        await all_is_there(ends)
        await draw.choice(ends).lose_database(draw)
        for _ in range(draw.randint(0, 6)):
            await act(draw, ends)
        await all_is_there(ends)
