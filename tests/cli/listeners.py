"""TLS listeners that are not what they should be, for the doctor to find."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cryptography import x509

from gateway.identity.certificates.x509 import to_pem
from tests.support.certificates import Credential

HYBRID_KEY_BYTES = 1216  # a share of X25519MLKEM768: a ClientHello with one is longer
HANDSHAKE_FAILURE = bytes.fromhex("15030300020228")  # the alert of who has no group in common (RFC 8446, section 6.2)


def context_of(server: Credential, clients: x509.Certificate, folder: Path) -> ssl.SSLContext:
    """A server's TLS context; it demands a client certificate of one root."""
    folder.mkdir(exist_ok=True)
    (folder / "server.pem").write_bytes(server.pem + server.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    context.load_verify_locations(cadata=to_pem(clients).decode())
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["h2"])
    return context


@contextmanager
def listening(context: ssl.SSLContext | None, port: int, says: bytes = b"\0") -> Iterator[None]:
    """Accepts connections on a port, and says something, as HTTP/2 does; without a context it closes them at once."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, context, says), daemon=True)
        thread.start()
        yield
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(60)
    assert not thread.is_alive()


@contextmanager
def taking_hybrid_keys_alone(port: int, behind: int) -> Iterator[None]:
    """Passes connections on to the port ``behind``, and refuses who offers no key of X25519MLKEM768."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        thread = threading.Thread(target=_pass_on, args=(listener, behind), daemon=True)
        thread.start()
        yield
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(60)
    assert not thread.is_alive()


def _pass_on(listener: socket.socket, behind: int) -> None:
    while True:
        try:
            near, _ = listener.accept()
        except OSError:
            return
        with near:
            header = near.recv(5, socket.MSG_PEEK | socket.MSG_WAITALL)
            if int.from_bytes(header[3:]) < HYBRID_KEY_BYTES:
                near.recv(1 << 16)
                near.sendall(HANDSHAKE_FAILURE)
                continue
            with socket.create_connection(("127.0.0.1", behind)) as far:
                back = threading.Thread(target=_pump, args=(far, near), daemon=True)
                back.start()
                _pump(near, far)
                back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def _serve(listener: socket.socket, context: ssl.SSLContext | None, says: bytes) -> None:
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:
            return
        with suppress(OSError), plain:
            if context:
                with context.wrap_socket(plain, server_side=True) as secure:
                    secure.sendall(says)
                    secure.recv(1)  # until the other side hangs up
