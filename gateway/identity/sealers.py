"""The certified seal of one side of a proof, as a third person finds it: under a root that is trusted, and exact."""

from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from gateway.errors import Malformed, Untrusted
from gateway.identity.certificates import Cause, Window, load_certificate, untrusted
from gateway.identity.names import NodeId
from gateway.identity.seal_certificates import verify_seal_certificates
from gateway.ledger.checkpoint import SealPublic

# AlgorithmIdentifier of ecdsa-with-SHA256, without parameters (RFC 5758, section 3.2)
_ECDSA_WITH_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
_SEQUENCE, _BIT_STRING = 0x30, 0x03


@dataclass(frozen=True, slots=True)
class Sealer:
    """A node's certified seal: its keys, and when their certificates and their root are all valid."""

    node: NodeId
    seal: SealPublic
    window: Window
    root: x509.Certificate

    def told(self) -> str:
        """Says for people whose keys they are."""
        return f"Ed25519 and ML-DSA-44 keys of {self.node}, certified by the root {fingerprint(self.root)[:16]}"


@lru_cache(64)  # files of the same few nodes are verified by the thousand
def certified(certificates: tuple[bytes, ...], domain: str, roots: tuple[x509.Certificate, ...]) -> Sealer:
    """Gives the seal whose certificates name exactly a domain, under one of the roots.

    Raises:
        Malformed: they are not two certificates in their one DER form.
        Untrusted: they do not lead to a root, or name another node.
    """
    if len(certificates) != 2:
        raise Malformed("each side has two sealing certificates: of its Ed25519 key, and of its ML-DSA-44 key")
    ed25519, ml_dsa_44 = certificates
    node, window = NodeId(domain), Window.of(_canonical(ed25519)) & Window.of(_canonical(ml_dsa_44))
    for root in (each for each in roots if _may_speak_for(each, domain)):
        valid = window & Window.of(root)
        try:
            seal = verify_seal_certificates(ed25519, ml_dsa_44, (root,), node, valid.not_before)
        except Untrusted as error:
            if error.metadata.get("reason") != Cause.UNKNOWN_ISSUER:
                raise
        else:
            return Sealer(node, seal, valid, root)
    raise untrusted(Cause.UNKNOWN_ISSUER, f"none of the given roots issued the sealing certificates of {node}")


def fingerprint(certificate: x509.Certificate) -> str:
    """Gives SHA-256 over a certificate's DER, in hexadecimal digits."""
    return certificate.fingerprint(SHA256()).hex()


def _may_speak_for(root: x509.Certificate, domain: str) -> bool:
    """A root's own subject may name its domain (RFC 4519, section 2.4), as those do that ``gateway certs`` makes."""
    labels = [str(each.value) for each in root.subject.get_attributes_for_oid(NameOID.DOMAIN_COMPONENT)]
    return not labels or ".".join(reversed(labels)) == domain


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
