"""Certificates that get in nowhere: each is a good one with one thing wrong. All are for calls to Hong Kong."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from gateway.identity.certificates.issuing import Authority, generate_tls_key
from gateway.identity.certificates.profiles import AuthorityKind
from tests.rpc.conftest import Nodes
from tests.support.certificates import SERVER_AUTH, Credential, OddCertificates
from tests.support.nodes import Site

DESK = "spiffe://gateway.hk.example/SFC/office"  # known to Hong Kong's node
SG_NODE = "spiffe://gateway.sg.example/node"  # paired with it

T = TypeVar("T")


def now() -> datetime:
    return datetime.now(UTC)


def issuer(site: Site, kind: AuthorityKind) -> OddCertificates:
    return OddCertificates(site.authority(kind), now())


def impostor(site: Site, kind: AuthorityKind) -> OddCertificates:
    """An authority of the very same name, with a key of its own."""
    return OddCertificates(Authority.create(kind, site.jurisdiction, site.domain, now()), now())


def desk(nodes: Nodes, identity: str = DESK, **odd: object) -> Credential:
    return issuer(nodes.hk, AuthorityKind.CLIENT).client(identity, **odd)


def node(nodes: Nodes, identity: str = SG_NODE, **odd: object) -> Credential:
    return issuer(nodes.sg, AuthorityKind.NODE).node(identity, **odd)


def self_made(identity: str) -> Credential:
    key, name = generate_tls_key(), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nobody")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now() - timedelta(1)).not_valid_after(now() + timedelta(1))
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identity)])
    return Credential(builder.add_extension(names, critical=False).sign(key, SHA256()), key)


def _dates(make: Callable[..., T]) -> Mapping[str, Callable[[Nodes], T]]:
    hour = timedelta(hours=1)
    return {
        "expired": lambda nodes: make(nodes, not_after=now() - hour),
        "not yet valid": lambda nodes: make(nodes, not_before=now() + hour),
        "server alone": lambda nodes: make(nodes, ekus=[SERVER_AUTH]),
    }


# The handshake itself fails for these.
CLIENTS_OUTSIDE: Mapping[str, Callable[[Nodes], Credential | None]] = {
    "no certificate": lambda nodes: None,
    "another root": lambda nodes: issuer(nodes.kr, AuthorityKind.CLIENT).client(DESK),
    "an impostor root": lambda nodes: impostor(nodes.hk, AuthorityKind.CLIENT).client(DESK),
    "the node root": lambda nodes: issuer(nodes.hk, AuthorityKind.NODE).client(DESK),
    "self-signed": lambda nodes: self_made(DESK),
    **_dates(desk),
}

NODES_OUTSIDE: Mapping[str, Callable[[Nodes], Credential | None]] = {
    "no certificate": lambda nodes: None,
    "the own root": lambda nodes: issuer(nodes.hk, AuthorityKind.NODE).node(SG_NODE),
    "an impostor root": lambda nodes: impostor(nodes.sg, AuthorityKind.NODE).node(SG_NODE),
    "a client of the own": desk,
    "a client of the peer": lambda nodes: issuer(nodes.sg, AuthorityKind.CLIENT).client(SG_NODE),
    "self-signed": lambda nodes: self_made(SG_NODE),
    **_dates(node),
}

# These pass the handshake, and no call after it.
CLIENTS_INSIDE: Mapping[str, Callable[[Nodes], Credential]] = {
    "no EKU": lambda nodes: desk(nodes, no_eku=True),
    "another domain": lambda nodes: desk(nodes, "spiffe://gateway.kr.example/SFC/office"),
    "a node's ID": lambda nodes: desk(nodes, "spiffe://gateway.hk.example/node"),
    "two IDs": lambda nodes: desk(nodes, uris=[DESK, f"{DESK}-2"]),
    "the ID twice": lambda nodes: desk(nodes, uris=[DESK, DESK]),
    "a CN alone": lambda nodes: desk(nodes, uris=[], common_name=DESK),
    "a CN beside a DNS name": lambda nodes: desk(nodes, uris=[], dns=["gateway.hk.example"], common_name=DESK),
    "an upper-case scheme": lambda nodes: desk(nodes, DESK.replace("spiffe", "SPIFFE")),
    "a query": lambda nodes: desk(nodes, f"{DESK}?x=1"),
    "a slash at the end": lambda nodes: desk(nodes, f"{DESK}/"),
    "a wildcard": lambda nodes: desk(nodes, "spiffe://gateway.hk.example/SFC/*"),
    "no ID at all": lambda nodes: desk(nodes, "https://gateway.hk.example/SFC/office"),
}

CLIENTS_UNKNOWN: Mapping[str, Callable[[Nodes], Credential]] = {
    "another system": lambda nodes: desk(nodes, "spiffe://gateway.hk.example/SFC/printer"),
    "another authority": lambda nodes: desk(nodes, "spiffe://gateway.hk.example/FSS/office"),
    "another letter case": lambda nodes: desk(nodes, "spiffe://gateway.hk.example/SFC/OFFICE"),
}

NODES_INSIDE: Mapping[str, Callable[[Nodes], Credential]] = {
    "no EKU": lambda nodes: node(nodes, no_eku=True),
    "another peer's ID": lambda nodes: node(nodes, "spiffe://gateway.kr.example/node"),
    "the callee's ID": lambda nodes: node(nodes, "spiffe://gateway.hk.example/node"),
    "a client's ID": lambda nodes: node(nodes, "spiffe://gateway.sg.example/MAS/office"),
    "a domain below": lambda nodes: node(nodes, "spiffe://a.gateway.sg.example/node"),
    "two IDs": lambda nodes: node(nodes, uris=[SG_NODE, "spiffe://gateway.kr.example/node"]),
    "a CN alone": lambda nodes: node(nodes, uris=[], common_name=SG_NODE),
    "a DNS name alone": lambda nodes: node(nodes, uris=[]),
}
