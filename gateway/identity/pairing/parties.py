"""Who exchanges: this node, and the peers that it is paired with."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gateway.errors import NotFound
from gateway.ledger.origins import origin_of
from gateway.ledger.seals import CertifiedSeal, SealHistory


@dataclass(frozen=True, slots=True)
class Party:
    """A node, by what others must know of it.

    Attributes:
        jurisdiction: ISO 3166-1 alpha-2
        domain: its SPIFFE trust domain
        display_name: for people
        addresses: of its peer listener, ``host:port``
        seal: that its home, or its pairing document, names; which seal is in force, each channel knows
        earlier_seals: that its home, or earlier pairing documents, named before
        fingerprint: of its pairing document
        seal_in_token: whether a token has a key of the seal, and so may be away; of this node alone
        authorities: codes of those that speak through it, or did by an earlier pairing document
    """

    jurisdiction: str
    domain: str
    display_name: str
    addresses: tuple[str, ...]
    seal: CertifiedSeal
    fingerprint: str
    earlier_seals: tuple[CertifiedSeal, ...] = ()
    seal_in_token: bool = False
    authorities: frozenset[str] = frozenset()

    @property
    def seals(self) -> tuple[CertifiedSeal, ...]:
        """All that are named, or were."""
        return self.seal, *self.earlier_seals

    @property
    def first_seal(self) -> CertifiedSeal:
        """The one of these that was certified first."""
        return min(self.seals, key=lambda each: each.not_before)


@dataclass(frozen=True, slots=True)
class Parties:
    """This node, and its peers by jurisdiction."""

    own: Party
    peers: Mapping[str, Party]

    @property
    def all(self) -> tuple[Party, ...]:
        """This node, then its peers."""
        return self.own, *self.peers.values()

    @property
    def own_seals(self) -> SealHistory:
        """The seals of this node, whichever signed what."""
        return SealHistory.of(self.own.seal).expecting(self.own.earlier_seals)

    @property
    def jurisdiction(self) -> str:
        """Of this node."""
        return self.own.jurisdiction

    def origin_to(self, jurisdiction: str) -> str:
        """Names the channel that leads to a peer."""
        return origin_of(self.own.domain, self.peers[jurisdiction].domain)

    def origin_from(self, jurisdiction: str) -> str:
        """Names the channel that comes from a peer."""
        return origin_of(self.peers[jurisdiction].domain, self.own.domain)

    def channel(self, origin: str) -> tuple[Party, Party]:
        """Gives the sender and the receiver of a channel.

        Raises:
            NotFound: it is none of this node's.
        """
        for sender, receiver in self._channels():
            if origin_of(sender.domain, receiver.domain) == origin:
                return sender, receiver
        raise NotFound(f"there is no channel with the origin {origin}")

    def channels(self) -> Iterator[tuple[str, Party, Party]]:
        """Gives every channel: its origin, sender and receiver."""
        for sender, receiver in self._channels():
            yield origin_of(sender.domain, receiver.domain), sender, receiver

    def _channels(self) -> Iterator[tuple[Party, Party]]:
        for peer in self.peers.values():
            yield self.own, peer
            yield peer, self.own
