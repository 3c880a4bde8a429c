"""Whose sealing keys are these? Their node's, if its authority certified them for sealing."""

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from gateway.identity.certificates import Cause, Window, certificate_identity, load_certificate, untrusted
from gateway.identity.chains import require_authority, require_leaf, require_usage
from gateway.identity.names import NodeId
from gateway.identity.profiles import KeyKind, profiles
from gateway.ledger.checkpoint import SealPublic


def verify_seal_certificates(
    ed25519: bytes, ml_dsa_44: bytes, roots: Sequence[x509.Certificate], node_id: NodeId, at: datetime
) -> SealPublic:
    """Gives the keys of a node's seal, as its authority certified them.

    Args:
        ed25519: certificate of the Ed25519 key, DER or PEM
        ml_dsa_44: certificate of the ML-DSA-44 key, DER or PEM
        roots: the pinned certificates of the node authority: more than one while it changes its key
        node_id: the node whose seal it must be
        at: when both must be valid: for evidence the time of sealing

    Raises:
        Untrusted: ``metadata["reason"]`` is a ``Cause``.
        Malformed: one is not a certificate.
    """
    for root in roots:
        require_authority(root)
    classical = _seal_key(load_certificate(ed25519), KeyKind.ED25519, roots, node_id, at)
    post_quantum = _seal_key(load_certificate(ml_dsa_44), KeyKind.ML_DSA_44, roots, node_id, at)
    return SealPublic(classical, post_quantum)


def _seal_key(
    certificate: x509.Certificate, kind: KeyKind, roots: Sequence[x509.Certificate], node_id: NodeId, at: datetime
) -> bytes:
    root = require_leaf(certificate, roots, kind)
    for purpose in profiles().seal.extended_key_usage:
        require_usage(certificate, purpose, Cause.NO_SEAL_EKU)
    identity = certificate_identity(certificate)
    if identity != node_id:
        raise untrusted(Cause.OTHER_IDENTITY, f"the sealing certificate is that of {identity}, not of {node_id}")
    (Window.of(certificate) & Window.of(root)).require(at)
    key = certificate.public_key()
    assert isinstance(key, Ed25519PublicKey | MLDSA44PublicKey), "require_leaf has seen the key's type"
    return key.public_bytes_raw()
