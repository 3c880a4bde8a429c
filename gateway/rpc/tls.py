"""TLS of both listeners and of the link: version 1.3 alone, client certificates, trust that is asked for each time.

gRPC in Python has no way to set the lowest TLS version. It takes TLS 1.2 too, with the cipher suites that
``GRPC_SSL_CIPHER_SUITES`` names; ``gateway`` itself names one that needs an RSA key, which no node has. So only
TLS 1.3 is left, and ``require_tls_1_3_only`` proves it on every listener that starts.
"""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc

from gateway.errors import ConfigError

HANDSHAKE_TIMEOUT_MILLISECONDS = 3000
HANDSHAKE_RECORD = b"\x16"  # TLS record type (RFC 8446, section 5.1); an alert is 0x15
PROBE_TIMEOUT_SECONDS = 30  # a machine on which all starts at once is slow


@dataclass(frozen=True, slots=True)
class Material:
    """What a listener presents, and the roots it trusts: PEM."""

    key: bytes
    certificate: bytes
    roots: bytes


def server_credentials(material: Callable[[], Material]) -> grpc.ServerCredentials:
    """Credentials of a listener that demands client certificates; what ``material`` gives anew is used from then on.

    Asked at each handshake, it is told to gRPC only where it differs. gRPC (1.85.3) uses a configuration while another
    thread may replace it: told anew each time, some hundred connections at once, of anybody, end the process. So a
    session may be resumed, and its certificate is then not looked at by the handshake, but by every call (admission).
    If ``material`` raised, gRPC would keep the trust before: so it must not.
    """
    told, turn = material(), threading.Lock()

    def configuration() -> Any:  # None for "as before", which gRPC's stubs do not know
        nonlocal told
        with turn:
            if (now := material()) == told:
                return None
            told = now
        return _configuration(now)

    return grpc.dynamic_ssl_server_credentials(_configuration(told), configuration, require_client_authentication=True)


def _configuration(now: Material) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(now.key, now.certificate)], now.roots)


def require_tls_1_3_only(address: str) -> None:
    """Passes if a listener refuses TLS 1.2: it answers a ClientHello of that version with no ServerHello.

    A handshake that fails would prove nothing: without a client certificate it fails in any version.

    Raises:
        ConfigError: it does not, or cannot be reached.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    hello = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), hello).do_handshake()
    if _first_byte_of_answer(address, hello.read()) == HANDSHAKE_RECORD:
        raise ConfigError(f"{address} takes TLS 1.2; was gRPC imported before GRPC_SSL_CIPHER_SUITES was set?")


def _first_byte_of_answer(address: str, sent: bytes) -> bytes:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), PROBE_TIMEOUT_SECONDS) as raw:
            raw.sendall(sent)
            return raw.recv(1)
    except ConnectionResetError:
        return b""
    except OSError as error:
        raise ConfigError(f"{address} cannot be reached: {error}") from error
