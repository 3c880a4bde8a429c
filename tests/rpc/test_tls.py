"""What a listener's TLS is made of: material that changes while strangers connect, and the proof of TLS 1.3 alone."""

import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest

from gateway.errors import ConfigError
from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.certificates.x509 import to_pem
from gateway.identity.names import NodeId
from gateway.rpc import tls
from gateway.rpc.tls import Material, require_tls_1_3_only, server_credentials
from tests.support.certificates import Credential, authority, issued
from tests.support.ports import free_port

# --- material that changes ----------------------------------------------------------------------------------------

SECONDS = 4
CALM_SECONDS = 0.1  # a tenth of a node's, so that much can change; with none, the process ends within three seconds
AT_ONCE = 40


class Clock:
    """In place of ``time``: it moves when somebody sleeps, or by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(tls, "time", clock)
    return clock


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Material]], Callable[[], Any]]:
    """Gives what gRPC would ask at each handshake; a certificate stands for a whole configuration."""

    def of(material: Callable[[], Material]) -> Callable[[], Any]:
        with monkeypatch.context() as patch:
            patch.setattr(grpc, "dynamic_ssl_server_credentials", lambda _first, ask, **_: ask)
            return server_credentials(material)  # type: ignore[return-value]

    monkeypatch.setattr(grpc, "ssl_server_certificate_configuration", lambda pairs, _roots: pairs[0][1])
    return of


def test_nothing_is_told_where_nothing_changed(asked, clock):
    ask = asked(lambda: Material(b"", b"one", b""))
    assert [ask() for _ in range(3)] == [None] * 3
    assert clock.now == 1000


def test_a_change_is_told_a_calm_second_after_the_last_handshake_began(asked, clock):
    certificates = [b"one"]
    ask = asked(lambda: Material(b"", certificates[-1], b""))
    ask()
    clock.now += 0.25
    certificates.append(b"two")
    assert ask() == b"two"
    assert clock.now == 1000 + tls.CALM_SECONDS
    assert ask() is None
    certificates.append(b"three")
    assert ask() == b"three"
    assert clock.now == 1000 + 2 * tls.CALM_SECONDS


def test_a_change_is_told_at_once_where_nobody_connected(asked, clock):
    certificates = [b"one"]
    ask = asked(lambda: Material(b"", certificates[-1], b""))
    ask()
    clock.now += 60
    certificates.append(b"two")
    assert ask() == b"two"
    assert clock.now == 1060


def hello(port: int) -> socket.socket:
    """A connection of a stranger who has said the first word."""
    wire = socket.create_connection(("127.0.0.1", port), 60)
    try:
        wire.sendall(tls._client_hello(ssl.TLSVersion.TLSv1_3))
    except OSError:
        wire.close()
        raise
    return wire


@contextmanager
def changing(path: Path) -> Iterator[tuple[int, "subprocess.Popen[str]"]]:
    """A listener as a process, with its port."""
    root = authority(AuthorityKind.NODE)
    node = NodeId("hk.test")
    (path / "root").write_bytes(to_pem(root.certificate))
    files = [path / "root"]
    for number in range(2):
        credential: Credential = issued(root, "node", node)
        for name, content in (("key", credential.key_pem), ("crt", credential.pem)):
            files.append(path / f"{number}.{name}")
            files[-1].write_bytes(content)
    port = free_port()
    settings = (f"127.0.0.1:{port}", files[0], SECONDS, CALM_SECONDS, *files[1:])
    command = [sys.executable, "-m", "tests.rpc.changing", *map(str, settings)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "listens\n"
        try:
            yield port, process
        finally:
            process.kill()


def test_a_listener_outlives_new_material_while_strangers_connect(tmp_path):
    """Told at once, gRPC (1.85.3) uses what it has freed: docs/adr/0008."""
    with changing(tmp_path) as (port, process):
        over = threading.Event()

        def flood() -> None:
            while not over.is_set():
                with suppress(OSError), ExitStack() as wires:
                    for _ in range(AT_ONCE):
                        wires.enter_context(hello(port))

        flooding = threading.Thread(target=flood)
        flooding.start()
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "still\n", f"the listener ended: {process.wait()}"
        finally:
            over.set()
            flooding.join()
        with hello(port) as wire:
            assert wire.recv(1) == tls.HANDSHAKE_RECORD


# --- the proof of TLS 1.3 alone -----------------------------------------------------------------------------------


@contextmanager
def listener(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """One that does ``answer`` with each connection, then closes it."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    wire, _ = server.accept()
                    with wire, suppress(OSError):
                        answer(wire)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture
def context(tmp_path: Path) -> ssl.SSLContext:
    """Of a server in Python, whose TLS library has an answer for old versions."""
    credential = issued(authority(AuthorityKind.NODE), "node", NodeId("hk.test"))
    path = tmp_path / "both.pem"
    path.write_bytes(credential.key_pem + credential.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def shaken(context: ssl.SSLContext) -> Callable[[socket.socket], None]:
    def answer(wire: socket.socket) -> None:
        context.wrap_socket(wire, server_side=True).close()

    return answer


def test_an_alert_is_a_refusal(context):
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    with listener(shaken(context)) as address:
        require_tls_1_3_only(address)


def test_a_connection_that_is_closed_at_once_is_a_refusal(context):
    context.minimum_version = ssl.TLSVersion.TLSv1_3

    def answer(wire: socket.socket) -> None:
        offered = b"\x03\x04" in wire.recv(4096, socket.MSG_PEEK)  # TLS 1.3 (RFC 8446, section 4.2.1)
        if offered:
            shaken(context)(wire)

    with listener(answer) as address:
        require_tls_1_3_only(address)


def test_who_takes_tls_1_2_is_found(context):
    with listener(shaken(context)) as address, pytest.raises(ConfigError, match=r"takes TLS 1\.2"):
        require_tls_1_3_only(address)


def test_an_end_that_the_time_of_the_handshake_may_have_brought_proves_nothing(context, monkeypatch):
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    monkeypatch.setattr(tls, "HANDSHAKE_TIMEOUT_MILLISECONDS", 0)
    with listener(lambda _: None) as address, pytest.raises(ConfigError, match=r"SILENCE to TLS 1\.2"):
        require_tls_1_3_only(address)


def test_a_listener_that_answers_no_version_proves_nothing():
    with listener(lambda _: None) as address, pytest.raises(ConfigError, match=r"REFUSAL to 1\.3"):
        require_tls_1_3_only(address)


def test_a_late_refusal_is_asked_for_again(context, monkeypatch):
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    monkeypatch.setattr(tls, "HANDSHAKE_TIMEOUT_MILLISECONDS", 1000)
    late = iter([1.5])

    def answer(wire: socket.socket) -> None:
        time.sleep(next(late, 0))
        if b"\x03\x04" in wire.recv(4096, socket.MSG_PEEK):
            shaken(context)(wire)

    with listener(answer) as address:
        require_tls_1_3_only(address)
