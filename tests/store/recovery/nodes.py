"""Nodes whose seals are turned, lost and replaced, and whose databases go back; each knows what its home names."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from gateway.identity.pairing.parties import Parties, Party
from gateway.identity.seals.signers import Keyring
from gateway.ledger.seals import CertifiedSeal
from gateway.store.database import Database
from gateway.store.opening import add_channels, channel_names, check_channels, create
from gateway.store.recovery.awaiting import halt_outgoing
from gateway.store.recovery.rebuild import rebuild
from gateway.store.recovery.replacing import replace_own_seal, replace_peer_seal
from tests.ledger.samples import FixedSeal
from tests.store.exchanging import check_equal, exchange, settle
from tests.store.rotating import rotate
from tests.store.stores import CERTIFIED, DOMAINS, HK_TO_KR, NOW, Opened, check_verified
from tests.store.stores import SEALS as FIRST_KEYS
from tests.support.seals import FOUNDED, certified

KEYS = [FixedSeal(f"hk seal {number}") for number in range(4)]
SEALS = [certified(keys, DOMAINS["HK"], FOUNDED + timedelta(days=number)) for number, keys in enumerate(KEYS)]
FIRST = {"HK": (SEALS[0], KEYS[0]), "KR": (CERTIFIED["KR"], FIRST_KEYS["KR"])}


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


@asynccontextmanager
async def opened(name: str, folder: Path) -> AsyncIterator[Node]:
    """A node under its first seal, which is paired with nobody; everything in it verifies at the end."""
    seal, keys = FIRST[name]
    (folder / name).mkdir()
    database = Database("sqlite:///node.db", folder / name)
    create(database, name, DOMAINS[name], bytes(32))
    database.close()
    node = Node(name, "sqlite:///node.db", folder / name, Keyring([(seal, keys)]), seals=[seal])
    node.start()
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


async def replace_seal(hk: Node, number: int) -> None:
    """Its operator puts a new seal in the place of the lost one."""
    await hk.committer.stop()
    hk.have(number)
    replace_own_seal(hk.database, SEALS[number], KEYS[number], NOW)
    rebuild(hk.database, NOW)
    hk.write_on()


async def take_document(kr: Node, number: int) -> None:
    """The operator of the peer imports the document that names it."""
    await kr.committer.stop()
    replace_peer_seal(kr.database, DOMAINS["HK"], SEALS[number], NOW)
    if SEALS[number] not in kr.peers["HK"]:
        kr.peers["HK"].append(SEALS[number])
    kr.write_on()


async def both_release(hk: Node, kr: Node, number: int) -> None:
    await hk.release(f"hk-{number}")
    await kr.release(f"kr-{number}", issuing_authority="FSC")
    await settle(hk, kr)
    await settle(hk, kr)
