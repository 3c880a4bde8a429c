"""The certified seal of a node: under one root that is trusted, and exact.

A node asks it before it believes a seal, and a third person before believing evidence. What one of them took and the
other refused could be denied for ever: so there is one answer.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.x509.oid import NameOID

from gateway.errors import Malformed, Untrusted
from gateway.identity.certificates.chains import require_authority, require_leaf, require_usage
from gateway.identity.certificates.profiles import KeyKind, profiles
from gateway.identity.certificates.revocation import Revocation
from gateway.identity.certificates.x509 import (
    Cause,
    Window,
    certificate_identity,
    fingerprint,
    load_certificate,
    untrusted,
)
from gateway.identity.names import NodeId
from gateway.ledger.checkpoint import SealPublic

# AlgorithmIdentifier of ecdsa-with-SHA256, without parameters (RFC 5758, section 3.2)
_ECDSA_WITH_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
_SEQUENCE, _BIT_STRING = 0x30, 0x03
_KINDS = KeyKind.ED25519, KeyKind.ML_DSA_44


@dataclass(frozen=True, slots=True)
class Sealer:
    """A node's certified seal.

    Attributes:
        node: whose it is
        seal: the keys
        certificates: of the Ed25519 key, then of the ML-DSA-44 key
        window: when these and their root are all valid
        root: that issued both
    """

    node: NodeId
    seal: SealPublic
    certificates: tuple[x509.Certificate, x509.Certificate]
    window: Window
    root: x509.Certificate

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the Ed25519 certificate, in hexadecimal digits: by it one seal is told from another."""
        return fingerprint(self.certificates[0])

    def told(self) -> str:
        """Says for people whose keys they are."""
        root, seal = fingerprint(self.root)[:16], self.fingerprint[:16]
        return f"Ed25519 and ML-DSA-44 keys of {self.node}, certified by the root {root}; the seal {seal}"

    def require_good(self, at: datetime, revocation: Revocation) -> None:
        """Asks for validity at a moment, at which something was signed; it has a time zone.

        Raises:
            Untrusted: EXPIRED, NOT_YET_VALID, or REVOKED at that moment or before.
        """
        self.window.require(at)
        for each in self.certificates:
            since = revocation.revoked_since(each, str(self.node), self.root)
            if since and since <= at:
                told = f"the seal {self.fingerprint[:16]} of {self.node} counts as revoked"
                when = f"from {since:%Y-%m-%d %H:%M:%S} UTC on"
                raise untrusted(Cause.REVOKED, f"{told} {when}, and this was signed later, or then")


@lru_cache(64)  # files of the same few nodes are verified by the thousand
def certified(certificates: tuple[bytes, ...], domain: str, roots: tuple[x509.Certificate, ...]) -> Sealer:
    """Gives the seal whose certificates name exactly a domain, under one of the roots; dates are the caller's matter.

    Raises:
        Malformed: they are not two certificates in their one DER form.
        Untrusted: they do not lead to one root that may speak for the domain, or name another node.
    """
    if len(certificates) != len(_KINDS):
        raise Malformed("each side has two sealing certificates: of its Ed25519 key, and of its ML-DSA-44 key")
    node, loaded = NodeId(domain), tuple(_canonical(each) for each in certificates)
    for root in (each for each in roots if may_speak_for(each, domain)):
        require_authority(root)
        try:
            classical, post_quantum = (
                _seal_key(each, kind, root, node) for each, kind in zip(loaded, _KINDS, strict=True)
            )
        except Untrusted as error:
            if error.metadata.get("reason") != Cause.UNKNOWN_ISSUER:
                raise
        else:
            dates = Window.of(loaded[0]) & Window.of(loaded[1]) & Window.of(root)
            return Sealer(node, SealPublic(classical, post_quantum), (loaded[0], loaded[1]), dates, root)
    if any(_issued(root, each) for root in roots for each in loaded):
        told = f"no one root that may speak for {domain} issued both sealing certificates of {node}"
    else:
        told = f"none of the given roots issued the sealing certificates of {node}"
    raise untrusted(Cause.UNKNOWN_ISSUER, told)


def domain_named(root: x509.Certificate) -> str | None:
    """Gives the domain in the subject of a root (RFC 4519, section 2.4), as ``gateway certs`` makes it; or None."""
    labels = [str(each.value) for each in root.subject.get_attributes_for_oid(NameOID.DOMAIN_COMPONENT)]
    return ".".join(reversed(labels)) if labels else None


def may_speak_for(root: x509.Certificate, domain: str) -> bool:
    """Whether what a root issues for a domain counts: one that names another domain is not for it."""
    return domain_named(root) in (None, domain)


def share_a_root(ones: Iterable[x509.Certificate], others: Iterable[x509.Certificate]) -> bool:
    """Whether one root, known by its key, is of both sides: it could make all evidence of theirs alone."""
    keys = [other.public_key() for other in others]
    return any(one.public_key() in keys for one in ones)


def _issued(root: x509.Certificate, certificate: x509.Certificate) -> bool:
    with suppress(ValueError, TypeError, InvalidSignature):
        certificate.verify_directly_issued_by(root)
        return True
    return False


def _seal_key(certificate: x509.Certificate, kind: KeyKind, root: x509.Certificate, node_id: NodeId) -> bytes:
    require_leaf(certificate, (root,), kind)
    for purpose in profiles().seal.extended_key_usage:
        require_usage(certificate, purpose, Cause.NO_SEAL_EKU)
    identity = certificate_identity(certificate)
    if identity != node_id:
        raise untrusted(Cause.OTHER_IDENTITY, f"the sealing certificate is that of {identity}, not of {node_id}")
    key = certificate.public_key()
    assert isinstance(key, Ed25519PublicKey | MLDSA44PublicKey), "require_leaf has seen the key's type"
    return key.public_bytes_raw()


def _canonical(data: bytes) -> x509.Certificate:
    """A certificate whose bytes outside of what its issuer signed are those of DER (X.690), and no others.

    The signature covers the ``tbsCertificate`` alone. The algorithm, the BIT STRING and the two numbers in it could
    be written otherwise and still verify.
    """
    certificate = load_certificate(data)
    try:
        signature = encode_dss_signature(*decode_dss_signature(certificate.signature))
    except ValueError as error:
        raise Malformed("the signature of a sealing certificate is not one of ECDSA") from error
    bits = _der(_BIT_STRING, b"\0" + signature)
    if _der(_SEQUENCE, certificate.tbs_certificate_bytes + _ECDSA_WITH_SHA256 + bits) != data:
        raise Malformed("a sealing certificate is not in its one DER form")
    return certificate


def _der(tag: int, content: bytes) -> bytes:
    """One value in DER: tag, shortest form of the length, content (X.690, section 10.1)."""
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(octets)]) + octets + content
