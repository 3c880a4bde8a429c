"""Who gets in at the two listeners: real handshakes with real nodes."""

import contextlib
import ssl

import grpc
import pytest
from regulator.exchange.v1.peer_service_pb2 import ExchangeRequest, ExchangeResponse, Hello

from tests.rpc import strangers
from tests.rpc.calls import PEER, SERVER_INFO, Answer, call, client_files, connected, files, node_files, unharmed
from tests.rpc.conftest import Nodes
from tests.rpc.raw import Http2, prefixed, tls, tls_context

SG_TO_HK = "gateway.sg.example/to/gateway.hk.example"
UNAUTHENTICATED = str(grpc.StatusCode.UNAUTHENTICATED.value[0])
HELLO = ExchangeRequest(hello=Hello(versions=[1], origin=SG_TO_HK))


def ask(nodes: Nodes, pair: tuple[bytes | None, bytes | None]) -> Answer:
    with connected(nodes.hk, nodes.hk.back_office_port, pair) as channel:
        return call(channel, SERVER_INFO, b"")


def dial(nodes: Nodes, pair: tuple[bytes | None, bytes | None]) -> Answer:
    with connected(nodes.hk, nodes.hk.peer_port, pair) as channel:
        return call(channel, PEER, HELLO)


def test_a_known_client_and_a_paired_node_get_in(nodes):
    assert ask(nodes, client_files(nodes.hk, "SFC")).code == grpc.StatusCode.OK
    answer = dial(nodes, node_files(nodes.sg))
    assert ExchangeResponse.FromString(answer.data).position.version == 1


def test_what_the_strangers_are_made_of_gets_in_where_nothing_is_wrong_with_it(nodes):
    assert ask(nodes, files(strangers.desk(nodes))).code == grpc.StatusCode.OK
    assert dial(nodes, files(strangers.node(nodes))).code == grpc.StatusCode.OK


@pytest.mark.parametrize("name", strangers.CLIENTS_OUTSIDE)
def test_no_handshake_on_the_back_office_port(nodes, name):
    with unharmed(nodes.hk):
        assert ask(nodes, files(strangers.CLIENTS_OUTSIDE[name](nodes))).code == grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("name", strangers.NODES_OUTSIDE)
def test_no_handshake_on_the_peer_port(nodes, name):
    with unharmed(nodes.hk):
        assert dial(nodes, files(strangers.NODES_OUTSIDE[name](nodes))).code == grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("name", strangers.CLIENTS_INSIDE)
def test_no_call_on_the_back_office_port(nodes, name):
    with unharmed(nodes.hk):
        answer = ask(nodes, files(strangers.CLIENTS_INSIDE[name](nodes)))
    assert (answer.code, answer.reason) == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")


@pytest.mark.parametrize("name", strangers.CLIENTS_UNKNOWN)
def test_no_call_for_a_system_that_the_access_file_does_not_name(nodes, name):
    with unharmed(nodes.hk):
        answer = ask(nodes, files(strangers.CLIENTS_UNKNOWN[name](nodes)))
    assert (answer.code, answer.reason) == (grpc.StatusCode.PERMISSION_DENIED, "NOT_ALLOWED")


@pytest.mark.parametrize("name", strangers.NODES_INSIDE)
def test_no_call_on_the_peer_port(nodes, name):
    with unharmed(nodes.hk):
        answer = dial(nodes, files(strangers.NODES_INSIDE[name](nodes)))
    assert (answer.code, answer.reason) == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")


def test_each_listener_refuses_what_gets_in_at_the_other(nodes):
    with unharmed(nodes.hk):
        assert ask(nodes, node_files(nodes.hk)).code == grpc.StatusCode.UNAVAILABLE
        assert ask(nodes, node_files(nodes.sg)).code == grpc.StatusCode.UNAVAILABLE
        assert dial(nodes, client_files(nodes.hk, "SFC")).code == grpc.StatusCode.UNAVAILABLE


def test_a_node_that_is_no_peer_is_refused(nodes):
    with unharmed(nodes.kr), connected(nodes.kr, nodes.kr.peer_port, node_files(nodes.sg)) as channel:
        assert call(channel, PEER, HELLO).code == grpc.StatusCode.UNAVAILABLE


def test_neither_listener_serves_the_services_of_the_other(nodes):
    with connected(nodes.hk, nodes.hk.back_office_port, client_files(nodes.hk, "SFC")) as channel:
        assert call(channel, PEER, HELLO).code == grpc.StatusCode.UNIMPLEMENTED
    with connected(nodes.hk, nodes.hk.peer_port, node_files(nodes.sg)) as channel:
        for method in (SERVER_INFO, "/grpc.health.v1.Health/Check"):
            assert call(channel, method, b"").code == grpc.StatusCode.UNIMPLEMENTED


# --- the session itself -------------------------------------------------------------------------------------------


def doors(nodes: Nodes) -> list[tuple[int, tuple[bytes, bytes], str]]:
    """Each listener's port, who would get in there, and what they would call."""
    return [
        (nodes.hk.back_office_port, client_files(nodes.hk, "SFC"), SERVER_INFO),
        (nodes.hk.peer_port, node_files(nodes.sg), PEER),
    ]


def old_tls(nodes: Nodes, pair: tuple[bytes, bytes]) -> ssl.SSLContext:
    context = tls_context(nodes.hk, pair)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def test_both_speak_tls_1_3(nodes):
    for port, pair, _ in doors(nodes):
        with tls(nodes.hk, port, tls_context(nodes.hk, pair)) as wire:
            assert wire.version() == "TLSv1.3"


def test_no_call_is_served_over_tls_1_2(nodes):
    for port, pair, method in doors(nodes):
        refused = contextlib.suppress(ssl.SSLError, ConnectionError)
        with unharmed(nodes.hk), refused, tls(nodes.hk, port, old_tls(nodes, pair)) as wire:
            assert Http2(wire).call(method) == UNAUTHENTICATED


def test_no_handshake_of_tls_1_2(nodes):
    for port, pair, _ in doors(nodes):
        with pytest.raises((ssl.SSLError, ConnectionError)), tls(nodes.hk, port, old_tls(nodes, pair)):
            pass


def test_a_paired_node_without_post_quantum_key_exchange_is_refused(nodes):
    """Python's TLS library offers X25519 and no hybrid group, and its handshake succeeds."""
    context = tls_context(nodes.hk, node_files(nodes.sg))
    with unharmed(nodes.hk), tls(nodes.hk, nodes.hk.peer_port, context) as wire:
        http = Http2(wire)
        stream = http.begin(PEER)
        http.send(stream, prefixed(HELLO.SerializeToString()), end=True)
        http.read(lambda: stream in http.ended)
        assert http.headers[stream]["grpc-status"] == UNAUTHENTICATED
        assert "X25519MLKEM768" in http.headers[stream]["grpc-message"]


def test_nobody_speaks_without_tls(nodes):
    for port in (nodes.hk.back_office_port, nodes.hk.peer_port):
        with unharmed(nodes.hk), grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            assert call(channel, SERVER_INFO, b"").code == grpc.StatusCode.UNAVAILABLE
