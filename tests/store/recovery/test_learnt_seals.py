"""A node that goes back learns from its own signatures which of its seals a channel had, and from where on."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.identity.pairing.parties import Parties, Party
from gateway.identity.seals.signers import Keyring
from gateway.ledger.checkpoint import countersign
from gateway.ledger.seals import CertifiedSeal
from gateway.store.database import Database
from gateway.store.opening import add_channels, channel_names, check_channels, create
from gateway.store.own_seal import left_behind, own_seal, read_own_seal
from gateway.store.recovery.awaiting import halt_outgoing
from gateway.store.recovery.rebuild import rebuild
from gateway.store.recovery.replacing import replace_own_seal, replace_peer_seal
from tests.ledger.samples import FixedSeal
from tests.store.exchanging import check_equal, exchange, settle
from tests.store.rotating import HK_TO_SG, rotate
from tests.store.stores import CERTIFIED, DOMAINS, HK_TO_KR, KR_TO_HK, NOW, Opened, check_verified
from tests.store.stores import SEALS as FIRST_KEYS
from tests.support.seals import FOUNDED, certified

KEYS = [FixedSeal(f"hk seal {number}") for number in range(4)]
SEALS = [certified(keys, DOMAINS["HK"], FOUNDED + timedelta(days=number)) for number, keys in enumerate(KEYS)]


@dataclass
class Node(Opened):
    """A store, and what the home beside it names: its seals, of which the last is in force, and its peers."""

    seals: list[CertifiedSeal] = field(default_factory=list)
    peers: dict[str, list[CertifiedSeal]] = field(default_factory=dict)
    empty: Any = None  # its database as it was before all pairings

    @property
    def parties(self) -> Parties:
        *earlier, seal = self.seals
        own = Party(self.jurisdiction, DOMAINS[self.jurisdiction], "", (), seal, "", tuple(earlier))
        peers = (Party(each, DOMAINS[each], "", (), one, "", (*before,)) for each, (*before, one) in self.peers.items())
        return Parties(own, {each.jurisdiction: each for each in peers})

    def have(self, number: int, *kept: int) -> None:
        """Its home has another seal in force, with its keys, and of those before the certificates; of some the keys."""
        self.seals = [*(each for each in self.seals if each != SEALS[number]), SEALS[number]]
        self.earlier_seals = tuple(self.seals[:-1])
        self.keyring = Keyring([(SEALS[each], KEYS[each]) for each in (number, *kept)])

    async def turn(self, number: int, *kept: int) -> None:
        self.keyring.add(SEALS[number], KEYS[number])
        await rotate(self, SEALS[number])
        await self.committer.stop()
        self.have(number, *kept)
        self.write_on()

    async def add_channels(self, *, lost: bool = False) -> None:
        await self.committer.stop()
        add_channels(self.database, channel_names(self.parties, lost=lost))
        self.write_on()

    async def pair(self, peer: str, seal: CertifiedSeal) -> None:
        self.peers[peer] = [seal]
        await self.add_channels()

    async def go_back(self, backup: Any, *, is_found: bool = True) -> None:
        """Its database is that of a backup, as its start finds, or does not."""
        await self.restore(backup)
        await self.add_channels(lost=is_found)
        states = self.committer.latest().states
        if is_found:
            await self.committer.submit(lambda tx: halt_outgoing(tx, states, "restored"))


def made(name: str, folder: Path, seal: CertifiedSeal, keys: FixedSeal) -> Node:
    (folder / name).mkdir()
    database = Database("sqlite:///node.db", folder / name)
    create(database, name, DOMAINS[name], bytes(32))
    database.close()
    node = Node(name, "sqlite:///node.db", folder / name, Keyring([(seal, keys)]), seals=[seal])
    node.start()
    return node


@pytest.fixture
async def hk(tmp_path: Path) -> AsyncIterator[Node]:
    """It is paired with Singapore, and turned its seal after that."""
    node = made("HK", tmp_path, SEALS[0], KEYS[0])
    node.empty = node.backup()
    await node.pair("SG", CERTIFIED["SG"])
    await node.turn(1)
    yield node
    await node.close()
    check_verified(node)


@pytest.fixture
async def kr(tmp_path: Path) -> AsyncIterator[Node]:
    """It is to be paired with Hong Kong, under the second seal of that."""
    node = made("KR", tmp_path, CERTIFIED["KR"], FIRST_KEYS["KR"])
    await node.pair("HK", SEALS[1])
    yield node
    await node.close()
    check_verified(node)


def sealed_by(node: Opened, origin: str = HK_TO_KR, *, receiver: bool = False) -> list[tuple[int, int]]:
    """Above which sizes which of Hong Kong's seals hold in a channel, as this end knows it."""
    seals = node.state(origin).seals
    return [(span.above, SEALS.index(span.seal)) for span in (seals.receiver if receiver else seals.sender).spans]


async def tried(hk: Node, kr: Node, *, first: bool = True) -> None:
    """Both dial again and again, whatever ends a stream."""
    for _ in range(3):
        for one, other in ((hk, kr), (kr, hk)) if first else ((kr, hk), (hk, kr)):
            with suppress(AssertionError):
                await exchange(one, other)


async def go_on(hk: Node, kr: Node) -> None:
    """All that there was is back, all that is given from now on arrives, and everything verifies."""
    await hk.release("hk-last")
    await kr.release("kr-last", issuing_authority="FSC")
    await settle(hk, kr)
    await check_equal(hk, kr)
    assert hk.verify().findings == ()
    await hk.rebuilt()
    await hk.restart()
    check_channels(hk.database, hk.parties)


@pytest.mark.parametrize("turns", [0, 1, 2])
@pytest.mark.parametrize("is_found", [True, False], ids=["found", "not found"])
@pytest.mark.parametrize("first", [True, False], ids=["its own channel first", "that of the peer first"])
async def test_a_node_comes_back_to_a_pairing_that_was_founded_after_it_had_turned_its_seal(
    hk: Node, kr: Node, first: bool, is_found: bool, turns: int
):
    before = hk.backup()
    await hk.pair("KR", CERTIFIED["KR"])
    await hk.release("hk-1", "hk-2")
    await kr.release("kr-1", issuing_authority="FSC")
    await settle(hk, kr)
    for number in range(turns):
        await hk.turn(2 + number)
        await hk.release(f"hk-after-{number}")
        await kr.release(f"kr-after-{number}", issuing_authority="FSC")
        await settle(hk, kr)
        await settle(hk, kr)
    had, receipts = sealed_by(hk), sealed_by(hk, KR_TO_HK, receiver=True)

    await hk.go_back(before, is_found=is_found)
    await tried(hk, kr, first=first)
    assert (sealed_by(hk), sealed_by(hk, KR_TO_HK, receiver=True)) == (had, receipts)
    assert [each.origin for each in left_behind(hk.committer.latest().states)] == ([HK_TO_SG] if turns else [])
    await go_on(hk, kr)


async def test_a_start_amid_that_finds_nothing_wrong(hk: Node, kr: Node):
    before = hk.backup()
    await hk.pair("KR", CERTIFIED["KR"])
    await hk.release("hk-1", "hk-2")
    await settle(hk, kr)
    await hk.turn(2)
    await hk.release("hk-3")
    await settle(hk, kr)
    await hk.go_back(before)
    await exchange(hk, kr, drop_after=4)
    assert hk.state().log.size == 3, "what the seal of then signed, and not the rest"
    await hk.restart()
    check_channels(hk.database, hk.parties)
    assert hk.verify().findings == ()
    await tried(hk, kr)
    await go_on(hk, kr)


async def test_where_the_peer_has_nothing_of_it_the_channel_begins_with_the_seal_in_force(hk: Node, kr: Node):
    before = hk.backup()
    await hk.pair("KR", CERTIFIED["KR"])
    await kr.release("kr-1", issuing_authority="FSC")
    await settle(kr, hk)
    await hk.go_back(before)
    await tried(hk, kr)
    assert sealed_by(hk) == [(0, 1)]
    await go_on(hk, kr)


async def test_keys_that_were_kept_for_a_channel_stay_until_it_is_known_which_it_has(hk: Node, kr: Node):
    """A rotation left it behind; nothing of it is here yet that tells so."""
    await hk.pair("KR", CERTIFIED["KR"])
    await hk.release("hk-1")
    await settle(hk, kr)
    hk.have(2, 1)
    await hk.go_back(hk.empty)
    with hk.database.readers.connect() as connection:
        _, is_told = read_own_seal(connection)
    assert not is_told
    await tried(hk, kr)
    assert sealed_by(hk) == [(0, 1)]


async def test_a_seal_that_an_operator_had_put_in_its_place_is_known_again(hk: Node, kr: Node):
    """No envelope tells it; without it what it signed would verify for nobody here."""
    await hk.pair("KR", CERTIFIED["KR"])
    await hk.release("hk-1")
    await kr.release("kr-1", issuing_authority="FSC")
    await settle(hk, kr)
    receipt = countersign(hk.state(HK_TO_SG).head, DOMAINS["SG"], FIRST_KEYS["SG"], NOW // 1_000_000)
    await hk.committer.submit(lambda tx: tx.keep_receipt(HK_TO_SG, receipt))  # it knows the rotation
    before = hk.backup()
    await hk.committer.stop()
    hk.have(2)
    replace_own_seal(hk.database, SEALS[2], KEYS[2], NOW)
    rebuild(hk.database, NOW)
    hk.write_on()
    await kr.committer.stop()
    replace_peer_seal(kr.database, DOMAINS["HK"], SEALS[2], NOW)
    kr.peers["HK"].append(SEALS[2])
    kr.write_on()
    await hk.release("hk-2")
    await kr.release("kr-2", issuing_authority="FSC")
    await settle(hk, kr)
    await hk.turn(3)
    await hk.release("hk-3")
    await kr.release("kr-3", issuing_authority="FSC")
    await settle(hk, kr)
    await settle(hk, kr)

    await hk.go_back(before)
    await tried(hk, kr)
    assert [seal for _, seal in sealed_by(hk)] == [1, 2, 3]
    assert own_seal(hk.committer.latest().states) == SEALS[3]
    await go_on(hk, kr)
