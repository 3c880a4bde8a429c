"""What every trusted certificate has: an authority that issued it, and the form of a leaf.

An authority issues directly: a chain is a leaf and a pinned root, and no intermediate is ever looked at. A root
is recognised by its key, never by its name.
"""

import contextlib
from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import SignatureAlgorithmOID

from gateway.identity.certificates.profiles import KeyKind
from gateway.identity.certificates.x509 import Cause, extension_of, key_kind, untrusted


def require_authority(certificate: x509.Certificate) -> None:
    """Asks for the form of an authority: a CA with an ECDSA P-256 key that signed its own certificate.

    Raises:
        Untrusted: NOT_AN_AUTHORITY.
    """
    constraints = extension_of(certificate, x509.BasicConstraints)
    usage = extension_of(certificate, x509.KeyUsage)
    if not (constraints and constraints.ca and usage and usage.key_cert_sign):
        raise untrusted(Cause.NOT_AN_AUTHORITY, "the certificate is not that of an authority: it may not issue")
    if key_kind(certificate.public_key()) is not KeyKind.ECDSA_P256:
        raise untrusted(
            Cause.NOT_AN_AUTHORITY, "the certificate is not that of an authority: its key is not ECDSA P-256"
        )
    try:
        certificate.verify_directly_issued_by(certificate)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise untrusted(
            Cause.NOT_AN_AUTHORITY, "the certificate is not that of an authority: it is not self-signed"
        ) from error


def require_leaf(certificate: x509.Certificate, roots: Sequence[x509.Certificate], kind: KeyKind) -> x509.Certificate:
    """Checks what TLS and sealing certificates have in common, but for the dates.

    Args:
        certificate: the leaf
        roots: any of which may have issued it
        kind: the type that its key must have

    Returns:
        The root that issued it. The leaf speaks for somebody while both are within their dates.

    Raises:
        Untrusted: ``metadata["reason"]`` is a ``Cause``.
    """
    root = _issuer(certificate, roots)
    if key_kind(certificate.public_key()) is not kind:
        raise untrusted(Cause.WRONG_KEY_TYPE, f"the certificate's key is not of the type {kind}")
    constraints = extension_of(certificate, x509.BasicConstraints)
    usage = extension_of(certificate, x509.KeyUsage)
    issues = usage and (usage.key_cert_sign or usage.crl_sign)
    if (constraints and constraints.ca) or issues:  # X.509-SVID, section 5.2
        raise untrusted(Cause.CA_CERTIFICATE, "the certificate is an authority's, which never speaks for itself")
    for extension in certificate.extensions:
        if extension.critical and isinstance(extension.value, x509.UnrecognizedExtension):  # RFC 5280, section 4.2
            raise untrusted(Cause.UNKNOWN_EXTENSION, f"the critical extension {extension.oid.dotted_string} is unknown")
    return root


def require_usage(certificate: x509.Certificate, purpose: x509.ObjectIdentifier, cause: Cause) -> None:
    """Asks for an extended key usage; a certificate without any has none.

    Raises:
        Untrusted: of the cause that is passed in.
    """
    usages = extension_of(certificate, x509.ExtendedKeyUsage)
    if usages is None or purpose not in usages:
        raise untrusted(cause, f"the certificate's extended key usages do not hold {purpose.dotted_string}")


def _issuer(certificate: x509.Certificate, roots: Sequence[x509.Certificate]) -> x509.Certificate:
    if certificate.signature_algorithm_oid != SignatureAlgorithmOID.ECDSA_WITH_SHA256:
        raise untrusted(Cause.WRONG_SIGNATURE_ALGORITHM, "the certificate is not signed with ECDSA and SHA-256")
    for root in roots:
        with contextlib.suppress(ValueError, TypeError, InvalidSignature):
            certificate.verify_directly_issued_by(root)  # compares the names, then verifies with the root's key
            return root
    raise untrusted(Cause.UNKNOWN_ISSUER, "no authority that is trusted here issued the certificate")
