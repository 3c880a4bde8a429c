"""TLS of both listeners and of the link: version 1.3 alone, client certificates, trust that is asked for each time.

gRPC in Python has no way to set the lowest TLS version. It takes TLS 1.2 too, with the cipher suites that
``GRPC_SSL_CIPHER_SUITES`` names; ``gateway`` itself names one that needs an RSA key, which no node has. So only
TLS 1.3 is left, and ``require_tls_1_3_only`` proves it on every listener that starts.
"""

import contextlib
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import grpc

from gateway.errors import ConfigError

HANDSHAKE_TIMEOUT_MILLISECONDS = 3000
HANDSHAKE_RECORD = b"\x16"  # TLS record types (RFC 8446, section 5.1)
ALERT_RECORD = b"\x15"
PROBES = 10  # of each version; on a machine on which all starts at once, an answer may come too late
PROBE_TIMEOUT_SECONDS = 30  # to connect, and again to wait for an answer
CALM_SECONDS = 1.0  # without a new handshake before gRPC is told of other TLS material; docs/adr/0008


@dataclass(frozen=True, slots=True)
class Material:
    """What a listener presents, and the roots it trusts: PEM."""

    key: bytes
    certificate: bytes
    roots: bytes


def server_credentials(material: Callable[[], Material], calm_seconds: float = CALM_SECONDS) -> grpc.ServerCredentials:
    """Credentials of a listener that demands client certificates; what ``material`` gives anew is used from then on.

    Asked at each handshake, it is told to gRPC only where it differs, and only ``calm_seconds`` after the last one
    began. For gRPC (1.85.3) begins a handshake with what it was told, without holding it, while another thread may
    replace and free it: that ends the process (docs/adr/0008). It asks under a lock of the listener's, so nothing
    begins while this waits. A session may be resumed, and its certificate is then not looked at by the handshake, but
    by every call (admission). If ``material`` raised, gRPC would keep the trust before: so it must not.
    """
    told, began = material(), 0.0

    def configuration() -> Any:  # None for "as before", which gRPC's stubs do not know
        nonlocal told, began
        now = material()
        changed = now != told
        if changed:
            time.sleep(max(0.0, began + calm_seconds - time.monotonic()))
            told = now
        began = time.monotonic()
        return _configuration(now) if changed else None

    return grpc.dynamic_ssl_server_credentials(_configuration(told), configuration, require_client_authentication=True)


def _configuration(now: Material) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(now.key, now.certificate)], now.roots)


class _Answer(Enum):
    """To a ClientHello."""

    HELLO = auto()
    REFUSAL = auto()
    SILENCE = auto()  # also: an end that only the handshake's time may have brought


def require_tls_1_3_only(address: str) -> None:
    """Passes if a listener refuses a ClientHello of TLS 1.2, and then answers one of TLS 1.3 with a ServerHello.

    A handshake that fails would prove nothing: without a client certificate it fails in any version.

    Raises:
        ConfigError: it takes TLS 1.2, does neither, or cannot be reached.
    """
    for _ in range(PROBES):
        old, new = _ask(address, ssl.TLSVersion.TLSv1_2), _ask(address, ssl.TLSVersion.TLSv1_3)
        if old is _Answer.HELLO:
            raise ConfigError(f"{address} takes TLS 1.2; was gRPC imported before GRPC_SSL_CIPHER_SUITES was set?")
        if old is _Answer.REFUSAL and new is _Answer.HELLO:
            return
    raise ConfigError(f"{address} does not show that it takes TLS 1.3 alone: {old.name} to TLS 1.2, {new.name} to 1.3")


def _ask(address: str, version: ssl.TLSVersion) -> _Answer:
    began = time.monotonic()
    first = _first_byte_of_answer(address, _client_hello(version))
    if first == HANDSHAKE_RECORD:
        return _Answer.HELLO
    # gRPC (1.85.3) sends no alert: it closes the connection, as it does when the handshake's time is over.
    in_time = time.monotonic() - began < HANDSHAKE_TIMEOUT_MILLISECONDS / 1000
    return _Answer.REFUSAL if first == ALERT_RECORD or (not first and in_time) else _Answer.SILENCE


def _client_hello(version: ssl.TLSVersion) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    hello = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), hello).do_handshake()
    return hello.read()


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
