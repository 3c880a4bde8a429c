"""Handshakes, calls, messages and answers that are begun and never finished: they hold up nobody else."""

import resource
import socket
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest

from tests.hostile.conftest import Target, assert_serves, wires
from tests.rpc.calls import CREATE, EVENTS, SERVER_INFO, call, client_files, connected
from tests.rpc.malformed_requests import creation
from tests.rpc.raw import frame, prefixed
from tests.rpc.test_limits import client_hello
from tests.supervision.samples import content
from tests.support.nodes import Site, eventually

HANDSHAKES = 1000
CONNECTIONS, STREAMS = 9, 250  # together more than the listener takes calls at once
LEFT, STRANGERS = 50, 70  # file descriptors, and who would take them; each is hung up on after three seconds
GROWTH_BYTES = 256 * 2**20
HEADERS = 1
PREVIEW = creation(content(issuing_authority="HKMA"), validate_only=True).SerializeToString()


def test_a_thousand_handshakes_half_done(target):
    hello = client_hello()
    with ExitStack() as stack:
        sockets = []
        for number in range(HANDSHAKES):
            port = (target.hk.back_office_port, target.hk.peer_port)[number % 2]
            each = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            each.sendall((b"", hello[:100], hello)[number % 3])
            sockets.append(each)
        assert_serves(target.hk, 3)
        eventually(lambda: ended(sockets[0]) and ended(sockets[-1]))
    assert_serves(target.hk)


def test_connections_take_every_file_descriptor(target):
    """Who is connected is served on, and others come in once the strangers are hung up on."""
    process = target.hk.process
    assert process is not None
    before = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    used = len(list(Path(f"/proc/{process.pid}/fd").iterdir()))
    with (
        connected(target.hk, target.hk.back_office_port, client_files(target.hk, "HKMA")) as channel,
        ExitStack() as stack,
    ):
        assert call(channel, SERVER_INFO, b"").code == grpc.StatusCode.OK
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (used + LEFT, before[1]))
        for _ in range(STRANGERS):
            stack.enter_context(socket.create_connection(("127.0.0.1", target.hk.back_office_port)))
        for _ in range(5):
            assert call(channel, SERVER_INFO, b"").code == grpc.StatusCode.OK
            assert call(channel, CREATE, PREVIEW).code == grpc.StatusCode.OK
        eventually(lambda: serves(target.hk))
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, before)


def serves(site: Site) -> bool:
    try:
        assert_serves(site)
    except grpc.RpcError:
        return False
    return True


def ended(wire: socket.socket) -> bool:
    """Whether the other end has hung up, after whatever it said."""
    wire.settimeout(0.1)
    try:
        while wire.recv(65_536):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return True


@pytest.mark.parametrize("method", [CREATE, f"{EVENTS}WatchEvents", "/a.B/C"])
def test_more_half_messages_than_the_listener_takes_calls(target, method):
    """Who sends half a request has a call under way, and no more of them than it may."""
    before = target.hk.resident_bytes
    with wires(target, CONNECTIONS) as opened:
        for http in opened:
            for _ in range(STREAMS):
                http.send(http.begin(method), prefixed(bytes(65_535))[:10])
        assert_serves(target.hk, 5)
        assert target.hk.resident_bytes - before < GROWTH_BYTES


def test_more_unread_answers_than_the_listener_takes_calls(target):
    """A caller whose window is closed lets the node keep its answers."""
    with wires(target, CONNECTIONS) as opened:
        for http in opened:
            http.close_window()
            for _ in range(STREAMS):
                http.send(http.begin(SERVER_INFO), prefixed(b""), end=True)
        assert_serves(target.hk, 5)


def test_headers_without_an_end(target, wire):
    """HEADERS without END_HEADERS: nothing but CONTINUATION may follow, and nothing does."""
    wire.wire.sendall(frame(HEADERS, 0, 1, b"\x82"))
    assert_serves(target.hk, 3)


def test_large_messages_that_arrive_slowly(target: Target):
    """A caller's requests are taken a few at a time: what is not yet wanted stays at the caller."""
    before = target.hk.resident_bytes
    half = prefixed(bytes(2 * 2**20))[:-10]
    with wires(target, 4) as opened:
        for http in opened:
            streams = [http.begin(CREATE) for _ in range(48)]
            http.flush()
            for stream in streams:
                http.send_what_fits(stream, half)
        assert_serves(target.hk, 3)
        assert target.hk.resident_bytes - before < GROWTH_BYTES
