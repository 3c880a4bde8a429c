"""The node's own TLS key and certificate, taken only together and only if they fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.errors import ConfigError
from gateway.identity.certificates.tls_trust import Purpose, TlsTrust
from gateway.identity.certificates.x509 import load_certificate
from gateway.identity.names import NodeId


@dataclass(frozen=True, slots=True)
class TlsPair:
    """Key and certificate of a node, PEM; made by ``checked``."""

    key: bytes
    certificate: bytes

    @classmethod
    def checked(
        cls, key: bytes, certificate: bytes, roots: Sequence[x509.Certificate], node: NodeId, now: datetime
    ) -> "TlsPair":
        """Takes a pair with which the node can serve and dial now.

        Raises:
            ConfigError: the key is none, or not that of the certificate, or the certificate is another node's.
            Untrusted: the certificate is not from one of the own roots, or not valid now.
            Malformed: it is not one certificate.
        """
        try:
            own = load_pem_private_key(key, password=None).public_key()
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise ConfigError("node.key does not hold a private key in PEM that is not encrypted") from error
        if own != load_certificate(certificate).public_key():
            raise ConfigError("node.key is not the key of node.crt")
        for purpose in Purpose:
            found = TlsTrust(roots, purpose).verify(certificate, now)
            if found != str(node):
                raise ConfigError(f"node.crt is that of {found}, and this is {node}")
        return cls(key, certificate)
