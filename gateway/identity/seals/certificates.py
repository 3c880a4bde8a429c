"""Whose sealing keys are these? Their node's, if its authority certified them for sealing."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from gateway.errors import Malformed, Untrusted
from gateway.identity.certificates.chains import require_leaf
from gateway.identity.certificates.profiles import KeyKind
from gateway.identity.certificates.revocation import Revocation
from gateway.identity.certificates.x509 import Window, load_certificate
from gateway.identity.names import NodeId
from gateway.identity.seals.sealers import certified
from gateway.ledger.checkpoint import MAX_TIME, SealPublic
from gateway.ledger.seals import Certificates, CertifiedSeal


def verify_seal_certificates(
    ed25519: bytes, ml_dsa_44: bytes, roots: Sequence[x509.Certificate], node_id: NodeId, at: datetime
) -> SealPublic:
    """Gives the keys of a node's seal, as its authority certified them.

    Args:
        ed25519: certificate of the Ed25519 key, DER
        ml_dsa_44: certificate of the ML-DSA-44 key, DER
        roots: the pinned certificates of the node authority: more than one while it changes its key
        node_id: the node whose seal it must be
        at: when both must be valid

    Raises:
        Untrusted: ``metadata["reason"]`` is a ``Cause``.
        Malformed: one is not a certificate in its one DER form.
    """
    sealer = certified((ed25519, ml_dsa_44), node_id.domain, tuple(roots))
    sealer.window.require(at)
    return sealer.seal


def seal_of(certificates: Certificates) -> CertifiedSeal:
    """Reads the seal that two certificates name; whether anybody issued them is not asked: it was, or must not be.

    Raises:
        Malformed: one is not a certificate of its type of key.
    """
    ed25519, ml_dsa_44 = (load_certificate(each) for each in certificates)
    classical, post_quantum = ed25519.public_key(), ml_dsa_44.public_key()
    if not isinstance(classical, Ed25519PublicKey) or not isinstance(post_quantum, MLDSA44PublicKey):
        raise Malformed("a seal has a certificate of an Ed25519 key, then one of an ML-DSA-44 key")
    window = Window.of(ed25519) & Window.of(ml_dsa_44)
    public = SealPublic(classical.public_bytes_raw(), post_quantum.public_bytes_raw())
    start, end = (int(moment.timestamp()) for moment in (window.not_before, window.not_after))
    return CertifiedSeal(public, certificates, start, end)


def certified_seal(
    certificates: Certificates, roots: Sequence[x509.Certificate], node_id: NodeId, at: int
) -> CertifiedSeal:
    """Gives a node's seal, if one of its roots certifies it at a time (seconds since 1970).

    Raises:
        Untrusted, Malformed: as ``verify_seal_certificates``.
    """
    moment = datetime.fromtimestamp(min(max(at, 0), MAX_TIME), UTC)
    verify_seal_certificates(*certificates, roots, node_id, moment)
    return seal_of(certificates)


def seal_revoked_since(
    certificates: Certificates, roots: Sequence[x509.Certificate], node_id: NodeId, revocation: Revocation
) -> datetime | None:
    """Since when the first of a seal's certificates is revoked; None: both are good, whichever root they have."""
    found = []
    for data, kind in zip(certificates, (KeyKind.ED25519, KeyKind.ML_DSA_44), strict=True):
        certificate, issuer = load_certificate(data), None
        with suppress(Untrusted):
            issuer = require_leaf(certificate, roots, kind)
        found.append(revocation.revoked_since(certificate, str(node_id), issuer))
    return min(filter(None, found), default=None)
