"""A node goes back to what its disk once was, in one way or another; what that takes from its back offices."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regulator.exchange.v1.envelope_pb2 import Envelope

from gateway.ledger.seals import CertifiedSeal
from tests.simulation.nodes.checks import logs_of
from tests.simulation.nodes.restoring import Way
from tests.simulation.nodes.site import Site


@dataclass(frozen=True)
class Whole:
    """All that a node had: its database, what tells how far that was, and the keys of these seals."""

    image: Mapping[Path, bytes]
    seals: tuple[CertifiedSeal, ...]
    peers: tuple[str, ...]

    @classmethod
    def of(cls, site: Site) -> "Whole":
        """As it is now."""
        mark = site.high_water
        image = {**site.disk.image(), **({mark: mark.read_bytes()} if mark.exists() else {})}
        return cls(image, _seals(site), tuple(site.parties.peers))

    def has_keys_of(self, site: Site) -> bool:
        """Whether no key was made since, and none dropped; nor was a peer paired."""
        return self.seals == _seals(site) and self.peers == tuple(site.parties.peers)


def _seals(site: Site) -> tuple[CertifiedSeal, ...]:
    return (site.seal, *site.earlier_seals, *site.kept_seals)


def put_back(world: Any, site: Site, backup: Any, way: Way = Way.RESTORED) -> bool:
    """A node goes back to a backup; False: not now, as it sealed with a seal that nobody was told of.

    What was answered and had not arrived is lost with the disk, unless the backup has it; nobody saw it.
    """
    lost = {peer: _not_arrived(world, site, peer) for peer in site.parties.peers}
    if any(each.HasField("seal_rotated") for several in lost.values() for each in several):
        return False  # an operator has to replace it (docs/certificates.md)
    site.backup, site.way = backup, way
    site.kill()
    for peer, several in lost.items():
        origin = site.parties.origin_to(peer)
        world.witness.forget(origin, len(logs_of(world.sites[peer]).get(origin, ())))
        for office in world.offices:
            if office.site is site:
                office.forget(several)
    return True


def _not_arrived(world: Any, site: Site, peer: str) -> list[Envelope]:
    origin = site.parties.origin_to(peer)
    arrived = len(logs_of(world.sites[peer]).get(origin, ()))
    return [Envelope.FromString(bytes(data)) for _, data in logs_of(site).get(origin, ())[arrived:]]
