"""How long everything lasts that a node depends on: read from its home, whether it runs or not."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType

from cryptography import x509

from gateway.home.home import Home
from gateway.identity.certificates.keyfiles import read_certificate
from gateway.identity.certificates.lifetimes import Branch, Lifetime, by_end
from gateway.identity.certificates.revocation import Revocation, load_crls
from gateway.identity.certificates.x509 import load_certificate
from gateway.identity.seals.folders import SealFolders
from gateway.ledger.seals import CertifiedSeal

EARLIER_SEAL = "earlier seal of this node"
"""What certificates are for whose keys are kept to tell channels that a rotation left behind."""


def lifetimes_of(
    home: Home,
    now: datetime,
    told: Mapping[str, CertifiedSeal] = MappingProxyType({}),
    ended: Collection[str] = (),
) -> list[Lifetime]:
    """Every certificate that a node depends on: its own, and the roots and seals of its peers; the first to end first.

    Args:
        home: of the node
        now: with a time zone
        told: the seals in force of peers, by jurisdiction, as channels told them; of others that of the document
        ended: peers on whom nothing depends, since their pairing has ended

    Raises:
        ConfigError: one cannot be read.
    """
    denied, tls = home.denied(), read_certificate(home.certificate("node"))
    own, clients = home.roots("node-authority"), home.roots("client-authority")
    of_node = [("TLS of this node", tls), *_own_seals(home.seals)]
    of_clients = Revocation(denied, load_crls(home.client_crls(), clients, now))
    branches = [
        Branch("root of the node authority", own, of_node, Revocation(denied)),
        Branch("root of the client authority", clients, revocation=of_clients),
    ]
    for document in home.peer_documents():
        peer, roots = document.jurisdiction, document.node_authorities
        if peer in ended:
            continue
        seal = told.get(peer, document.certified_seal)
        seals = [(f"seal of {peer}", load_certificate(each)) for each in seal.certificates]
        of_peer = Revocation(denied, load_crls(home.peer_crls(peer), roots, now))
        branches.append(Branch(f"root of the node authority of {peer}", roots, seals, of_peer))
    return by_end(branches)


def _own_seals(seals: SealFolders) -> Iterator[tuple[str, x509.Certificate]]:
    in_force, *earlier = seals.signing()
    for each in in_force.certified().certificates:
        yield "seal of this node", load_certificate(each)
    for folder in earlier:
        for each in folder.certified().certificates:
            yield EARLIER_SEAL, load_certificate(each)
    if seals.coming.holds_one():
        for each in seals.coming.certified().certificates:
            yield "next seal of this node", load_certificate(each)
