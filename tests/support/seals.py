"""Seals with fixed keys, certified by authorities that are made once a run."""

from datetime import UTC, datetime
from functools import cache

from gateway.identity.certificates.issuing import Authority
from gateway.identity.certificates.profiles import AuthorityKind, profiles
from gateway.identity.certificates.x509 import to_der
from gateway.identity.names import NodeId
from gateway.identity.seals.certificates import seal_of
from gateway.ledger.seals import CertifiedSeal
from tests.ledger.samples import FixedSeal

FOUNDED = datetime(2025, 12, 1, tzinfo=UTC)


@cache
def node_authority(domain: str) -> Authority:
    return Authority.create(AuthorityKind.NODE, "HK" if ".hk." in domain else "KR", domain, FOUNDED)


@cache
def certified(seal: FixedSeal, domain: str, issued: datetime = FOUNDED) -> CertifiedSeal:
    root = node_authority(domain)
    made = (to_der(root.issue(profiles().seal, key, NodeId(domain), issued)) for key in seal.public_keys)
    ed25519, ml_dsa_44 = made
    return seal_of((ed25519, ml_dsa_44))
