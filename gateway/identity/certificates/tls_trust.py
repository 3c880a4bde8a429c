"""Whom a TLS certificate speaks for.

The TLS library has checked much of this in its handshake. It accepts a certificate without any extended key usage,
a resumed session after the certificate's end, and a connection that outlives it: so all is checked here, at each call.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import lru_cache

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.identity.certificates.chains import require_authority, require_leaf, require_usage
from gateway.identity.certificates.profiles import KeyKind
from gateway.identity.certificates.revocation import NOTHING_REVOKED, Revocation, key_of
from gateway.identity.certificates.x509 import Cause, Window, certificate_identity, load_certificate

REMEMBERED = 1024  # certificates whose checks one trust remembers

_NO_EKU = {
    ExtendedKeyUsageOID.CLIENT_AUTH: Cause.NO_CLIENT_EKU,
    ExtendedKeyUsageOID.SERVER_AUTH: Cause.NO_SERVER_EKU,
}


class Purpose(Enum):
    """What a TLS certificate is presented as."""

    CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
    SERVER = ExtendedKeyUsageOID.SERVER_AUTH


@dataclass(frozen=True, slots=True)
class _Leaf:
    """What holds of a certificate at any time."""

    identity: str
    window: Window
    issuer_key: bytes


class TlsTrust:
    """Decides whom a TLS certificate speaks for, by one set of roots and for one purpose.

    A leaf is trusted if one of the roots signed it (ECDSA P-256, SHA-256), both are within their dates, its key is
    ECDSA P-256, it is no CA, it has the purpose among its extended key usages, it has no critical extension that is
    unknown here, its one URI SAN is a name of ours, and it is not revoked.

    It does not prove that the caller holds the key (the handshake does), nor say what that name may do (``access``).
    All but the dates is remembered by the certificate's exact bytes, for the last ``REMEMBERED`` of them.
    """

    def __init__(
        self, roots: Iterable[x509.Certificate], purpose: Purpose, revocation: Revocation = NOTHING_REVOKED
    ) -> None:
        """Takes the pinned roots, and what is known of revoked certificates.

        Raises:
            Untrusted: one of them is not an authority's certificate.
        """
        self._roots = tuple(roots)
        for root in self._roots:
            require_authority(root)
        self._purpose, self._revocation = purpose.value, revocation
        self._remembered = lru_cache(REMEMBERED)(self._check)

    def verify(self, certificate: bytes, now: datetime) -> str:
        """Gives the exact SPIFFE ID that a leaf speaks for, now.

        Args:
            certificate: the leaf as the peer presented it, DER or PEM
            now: with a time zone

        Raises:
            Untrusted: ``metadata["reason"]`` is a ``Cause``.
            Malformed: it is not a certificate.
        """
        leaf = self._remembered(certificate)
        leaf.window.require(now)
        self._revocation.require_fresh(leaf.issuer_key, now)
        return leaf.identity

    def named(self, certificate: bytes) -> str:
        """Gives whom a leaf speaks for while it does: as ``verify``, but for the dates."""
        return self._remembered(certificate).identity

    def _check(self, data: bytes) -> _Leaf:
        certificate = load_certificate(data)
        root = require_leaf(certificate, self._roots, KeyKind.ECDSA_P256)
        require_usage(certificate, self._purpose, _NO_EKU[self._purpose])
        identity = str(certificate_identity(certificate))
        self._revocation.require_good(certificate, identity, root)
        return _Leaf(identity, Window.of(certificate) & Window.of(root), key_of(root))
