"""Operators whose channel halts as forked: they agree on what its receiver holds, and its sender gives up the rest.

They do so by what ``gateway fork keep`` and ``gateway fork give-up`` do, each with a node that is stopped.
"""

import asyncio
from collections.abc import Iterator
from functools import partial
from random import Random
from typing import Any

from regulator.exchange.v1.envelope_pb2 import Envelope

from gateway.errors import GatewayError
from gateway.identity.evidence.forks import ForkCheck
from gateway.identity.seals.signers import Keyring
from gateway.ledger.checkpoint import Signer
from gateway.ledger.fork_proof import ForkProof
from gateway.ledger.settlement import Settlement
from gateway.ledger.steps import FORKED
from gateway.store.database import snapshot, stopped
from gateway.store.forking import read_forks
from gateway.store.recovery.settlement import Branch, GivenUp, give_up_branch, keep_history
from gateway.store.state import read_channels
from tests.simulation.nodes.checks import is_quiet, logs_of
from tests.simulation.nodes.going_back import Whole, put_back
from tests.simulation.nodes.restoring import Way
from tests.simulation.nodes.site import Site
from tests.support.seals import node_authority

LOOK_SECONDS, LONGEST_TALK_SECONDS = 10.0, 20.0

_HALT = "SELECT halt_reason FROM channels WHERE origin = ?"


class Operators:
    """Of all nodes.

    Attributes:
        forking: channels of which there may be two histories, until both ends hold the same again
    """

    def __init__(self, world: Any, random: Random) -> None:
        self._world, self._random = world, random
        self.forking: set[str] = set()
        self._settled: list[tuple[Site, str, int]] = []

    def is_forking(self, site: Site) -> bool:
        """Whether a node may have signed two histories of a channel."""
        return any(origin.startswith(f"{site.domain}/") for origin in self.forking)

    def roll_back(self, site: Site, whole: Whole) -> bool:
        """Puts back all that a node had; False: not now."""
        is_back = put_back(self._world, site, whole.image, Way.ROLLED_BACK)
        if is_back:
            self.forking.update(site.parties.origin_to(peer) for peer in site.parties.peers)
        return is_back

    async def run(self) -> None:
        """Looks after what may fork, until it is cancelled."""
        while True:
            await asyncio.sleep(self._random.uniform(0.5, LOOK_SECONDS))
            for origin in sorted(self.forking):
                sender, receiver = self._ends(origin)
                if self._is_one(origin, sender, receiver):
                    self.forking.discard(origin)
                    self._world.told("one history", origin)
                elif _is_forked(sender, origin) or _is_forked(receiver, origin):
                    await self._settle(origin, sender, receiver)

    def _ends(self, origin: str) -> tuple[Site, Site]:
        by_domain = {site.domain: site for site in self._world.sites.values()}
        sender, _, receiver = origin.partition("/to/")
        return by_domain[sender], by_domain[receiver]

    def _is_one(self, origin: str, sender: Site, receiver: Site) -> bool:
        """Whether both hold the same, and nothing of the time before is under way any more."""
        running = sender.running
        if sender.backup or not running or not running.core.links.of(origin).connected:
            return False
        if not is_quiet([sender, receiver], [origin]):
            return False
        return logs_of(sender)[origin] == logs_of(receiver)[origin]

    async def _settle(self, origin: str, sender: Site, receiver: Site) -> None:
        """They talk, each does its part, and neither knows how the other fares."""
        await self._talk()
        shown = None if _is_forked(receiver, origin) else _newest_proof(sender, origin)
        settlement = await self._done(receiver, "keeps", origin, partial(_keep, receiver, origin, shown))
        if settlement is None:
            return
        await self._talk()
        given_up: list[Envelope] = []
        done = await self._done(sender, "gives up", origin, partial(_give_up, sender, settlement, given_up))
        if done is None:
            return
        for office in self._world.offices:
            if office.site is sender:
                office.forget(given_up)
        self._settled += [(site, origin, site.restored) for site in (sender, receiver)]
        self._world.told("given up", origin, len(given_up), done.drafts)

    def check(self) -> Iterator[str]:
        """The proof of each fork that was settled stays, at both ends, and verifies."""
        for site, origin, restored in self._settled:
            if site.restored > restored:
                continue
            if not (proofs := _proofs(site, origin)):
                yield f"{site.name}: no proof is left of the fork of {origin}"
            for each in proofs:
                *_, _ = ForkCheck(each, [node_authority(origin.partition("/to/")[0]).certificate]).steps()

    async def _talk(self) -> None:
        await asyncio.sleep(self._random.uniform(0.5, LONGEST_TALK_SECONDS))

    async def _done(self, site: Site, what: str, origin: str, act: Any) -> Any:
        """What an operator's act gives, who has looked at the clock; None: it was refused, and the two look again."""
        self._world.faults.set_right(site)
        try:
            found = await site.visited(act)
        except GatewayError as error:
            self._world.told(f"no one {what}", site.name, origin, error.message)
            return None
        self._world.told(what, site.name, origin)
        return found


def _is_forked(site: Site, origin: str) -> bool:
    return site.disk.read(_HALT, origin) == [(FORKED,)]


def _keep(site: Site, origin: str, shown: bytes | None) -> Settlement:
    """As ``gateway fork keep``."""
    proof = ForkProof.parse(shown) if shown else None
    keyring = Keyring([(each, site.signers[each]) for each in (site.seal, *site.kept_seals)])
    with stopped(site.disk.url, site.disk.folder) as database:
        with database.readers.connect() as connection:
            name = read_channels(connection)[origin].name
        return keep_history(database, keyring, name, proof, clock=site.micros, random=site.random.randbytes)


def _give_up(site: Site, settlement: Settlement, given_up: list[Envelope]) -> GivenUp:
    """As ``gateway fork give-up``."""

    def signing(_time: int) -> Signer:
        return site.signers[site.seal]

    def keep(branch: Branch) -> None:
        given_up.extend(leaf.envelope for leaf in branch.leaves if leaf.envelope)

    with stopped(site.disk.url, site.disk.folder) as database:
        return give_up_branch(database, site.parties, signing, settlement, keep, site.micros(), site.random.randbytes)


def _newest_proof(site: Site, origin: str) -> bytes:
    return _proofs(site, origin)[-1]


def _proofs(site: Site, origin: str) -> list[bytes]:
    with snapshot(site.disk.url, site.disk.folder) as connection:
        return [proof for proof, _ in read_forks(connection, origin)]
