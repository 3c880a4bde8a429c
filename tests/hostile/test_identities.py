"""Who a caller says it is. More odd certificates are in tests/rpc/strangers.py; every shape of a name in
tests/identity/test_names.py."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import grpc
import pytest

from tests.hostile.conftest import Target, assert_serves
from tests.rpc import strangers
from tests.rpc.calls import PEER, SERVER_INFO, Answer, call, client_files, connected, files, node_files
from tests.rpc.raw import Http2, tls, tls_context
from tests.rpc.test_handshakes import HELLO

DESK = strangers.DESK
REFUSED = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}

CONFUSABLE = {
    "Cyrillic": "spiffe://gateway.hk.example/SFC/оffice",  # noqa: RUF001 - that is the attack, here and below
    "fullwidth": "spiffe://gateway.hk.example/ＳFC/office",  # noqa: RUF001
    "a joiner that nobody sees": "spiffe://gateway.hk.example/SFC/off\u200dice",
    "percent": "spiffe://gateway.hk.example/SFC/%6fffice",
    "a slash, encoded": "spiffe://gateway.hk.example/SFC%2foffice",
    "a parent": "spiffe://gateway.hk.example/HKMA/../SFC/office",
    "itself": "spiffe://gateway.hk.example/./SFC/office",
    "two slashes": "spiffe://gateway.hk.example//SFC/office",
    "a user": "spiffe://gateway.hk.example@gateway.kr.example/SFC/office",
    "a port": "spiffe://gateway.hk.example:443/SFC/office",
    "a dot at the domain's end": "spiffe://gateway.hk.example./SFC/office",
    "the domain in capitals": "spiffe://GATEWAY.HK.EXAMPLE/SFC/office",
    "a fragment": "spiffe://gateway.hk.example/SFC/office#x",
    "a longer system": "spiffe://gateway.hk.example/SFC/office2",
    "a line break": "spiffe://gateway.hk.example/SFC/office\n",
    "NUL": "spiffe://gateway.hk.example/SFC/office\0",
    "another scheme": "https://gateway.hk.example/SFC/office",
    "nothing": "spiffe://",
    "a node": "spiffe://gateway.hk.example/node",
    "2,100 characters": "spiffe://gateway.hk.example/SFC/" + "a" * 2_100,
}


def ask(target: Target, pair: tuple[bytes | None, bytes | None]) -> Answer:
    with connected(target.hk, target.hk.back_office_port, pair) as channel:
        return call(channel, SERVER_INFO, b"")


@pytest.mark.parametrize("name", CONFUSABLE)
def test_a_name_that_looks_like_a_known_one_is_nobodys(target, name):
    """The authority itself certified it, by mistake."""
    certificate = strangers.desk(target, CONFUSABLE[name])
    answer = ask(target, files(certificate))
    assert answer.code in REFUSED
    assert answer.data == b""


SEVERAL = {
    "a known one and a stranger's": [DESK, "spiffe://gateway.kr.example/FSC/office"],
    "a stranger's and a known one": ["https://example.org/", DESK],
    "a known one and a node's": [DESK, "spiffe://gateway.hk.example/node"],
    "the same twice": [DESK, DESK],
    "of thirty authorities": [f"spiffe://gateway.hk.example/A{number}/office" for number in range(30)] + [DESK],
}


@pytest.mark.parametrize("name", SEVERAL)
def test_a_certificate_of_several_names_is_nobodys(target, name):
    assert ask(target, files(strangers.desk(target, uris=SEVERAL[name]))).code == grpc.StatusCode.UNAUTHENTICATED


def test_certificates_that_are_swapped(target):
    """Each is good, in another place: another client's key, another jurisdiction, the other listener."""
    own_key, _ = target.foe
    _, others_certificate = client_files(target.hk, "HKMA")
    assert ask(target, (own_key, others_certificate)).code == grpc.StatusCode.UNAVAILABLE
    assert ask(target, client_files(target.kr, "FSS")).code == grpc.StatusCode.UNAVAILABLE
    assert ask(target, node_files(target.sg)).code == grpc.StatusCode.UNAVAILABLE
    assert ask(target, node_files(target.hk)).code == grpc.StatusCode.UNAVAILABLE
    for pair in (target.foe, client_files(target.sg, "MAS"), node_files(target.hk)):
        with connected(target.hk, target.hk.peer_port, pair) as channel:
            assert call(channel, PEER, HELLO).code in REFUSED


# --- replayed -----------------------------------------------------------------------------------------------------


@contextmanager
def recorder(port: int) -> Iterator[tuple[int, list[bytes]]]:
    """A port that passes one connection on to another port, and what the caller sent there."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def pass_on() -> None:
            caller, _ = listening.accept()
            with caller, socket.create_connection(("127.0.0.1", port)) as node:
                back = threading.Thread(target=_copy, args=(node, caller, []))
                back.start()
                _copy(caller, node, heard)
                back.join()

        thread = threading.Thread(target=pass_on)
        thread.start()
        yield int(listening.getsockname()[1]), heard
        thread.join()


def _copy(source: socket.socket, sink: socket.socket, heard: list[bytes]) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            heard.append(data)
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


def test_a_recorded_connection_that_is_played_again(target):
    """Also with what would let a session be resumed: its bytes without its keys say nothing."""
    with (
        recorder(target.hk.back_office_port) as (port, heard),
        tls(target.hk, port, tls_context(target.hk, target.foe)) as wire,
    ):
        assert Http2(wire).call(SERVER_INFO) == "0"
    for played in (b"".join(heard), b"".join(heard[1:])):
        with socket.create_connection(("127.0.0.1", target.hk.back_office_port)) as again:
            again.sendall(played)
            again.settimeout(5)
            answered = b""
            with suppress(OSError):
                while data := again.recv(65_536):
                    answered += data
        assert b"SFC" not in answered
    assert_serves(target.hk)
