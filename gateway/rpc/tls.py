"""TLS of both listeners and of the link: version 1.3 alone, client certificates, trust that is asked for each time.

gRPC in Python has no way to set the lowest TLS version. It takes TLS 1.2 too, with the cipher suites that
``GRPC_SSL_CIPHER_SUITES`` names; named here is one that needs an RSA key, which no node has. So only TLS 1.3 is left,
and ``require_tls_1_3_only`` proves it on every listener that starts.
"""

import os
import socket
import ssl
from collections.abc import Callable

TLS_1_2_SUITE_NOBODY_HAS = "ECDHE-RSA-AES128-GCM-SHA256"
os.environ["GRPC_SSL_CIPHER_SUITES"] = TLS_1_2_SUITE_NOBODY_HAS  # read when gRPC makes its first TLS context

import grpc  # noqa: E402 - after the line above

from gateway.errors import ConfigError  # noqa: E402

HANDSHAKE_TIMEOUT_MILLISECONDS = 3000
PROBE_TIMEOUT_SECONDS = 5


def server_credentials(key: bytes, certificate: bytes, roots: Callable[[], bytes]) -> grpc.ServerCredentials:
    """Credentials of a listener that demands client certificates.

    A new configuration at each handshake makes the tickets of earlier sessions useless: with them a client would
    come in after its certificate's end.

    Args:
        key: of the node, PEM
        certificate: of the node, PEM
        roots: gives the roots that are trusted now, PEM; must not raise
    """

    def configuration() -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration([(key, certificate)], roots())

    return grpc.dynamic_ssl_server_credentials(configuration(), configuration, require_client_authentication=True)


def require_tls_1_3_only(address: str) -> None:
    """Passes if a listener refuses TLS 1.2.

    Raises:
        ConfigError: it does not, or cannot be reached.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    host, _, port = address.rpartition(":")
    try:
        raw = socket.create_connection((host.strip("[]"), int(port)), PROBE_TIMEOUT_SECONDS)
        with raw, context.wrap_socket(raw):
            raise ConfigError(f"{address} takes TLS 1.2; was gRPC started before this module set its suites?")
    except (ssl.SSLError, ConnectionError):
        return
    except OSError as error:
        raise ConfigError(f"{address} cannot be reached: {error}") from error
