"""What a hostile or broken caller takes of a node is bounded, and others are served meanwhile."""

import socket
import ssl
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack

import grpc
import pytest

from gateway.identity.access.access import Role
from tests.rpc.calls import (
    CREATE,
    DEADLINE_SECONDS,
    EVENTS,
    NOTICES,
    SERVER_INFO,
    call,
    client_files,
    connected,
    refusal,
)
from tests.rpc.raw import Http2, frame, prefixed, tls, tls_context
from tests.support.nodes import Site, eventually, running

MAX_CALLS = 24
BOMB_BYTES = 512 * 2**20
HANG_UP_SECONDS = 30  # gRPC's own bound is four times as long, ours a tenth
GROWTH_BYTES = 128 * 2**20  # that one caller may cause; a bomb that went off would cause four times as much
EXHAUSTED = str(grpc.StatusCode.RESOURCE_EXHAUSTED.value[0])
HEADERS, DATA, RST, SETTINGS, PING, CONTINUATION = 1, 0, 3, 4, 6, 9


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A node without peers that takes few calls at once."""
    site = Site("HK", tmp_path_factory.mktemp("limits")).found()
    site.add_client("SFC", list(Role), system="flood")
    config = site.home.config_file
    config.write_text(config.read_text().replace("[peer]", f"max_concurrent_calls = {MAX_CALLS}\n\n[peer]"))
    with running(site):
        yield site


@pytest.fixture(autouse=True)
def others_are_served(site: Site) -> Iterator[None]:
    """During each test a second client's connection is there; after it, a call is answered as soon as ever."""
    with connected(site, site.back_office_port, client_files(site, "HKMA")) as other:
        assert call(other, SERVER_INFO, b"").code == grpc.StatusCode.OK
        yield
        serve_soon(site, other)


def serve_soon(site: Site, channel: grpc.Channel) -> None:
    """A call is answered before the node has worked for half a second, on that and on all else."""
    with site.spending(0.5):
        assert call(channel, SERVER_INFO, b"").code == grpc.StatusCode.OK


@pytest.fixture
def flooder(site: Site) -> Iterator[Http2]:
    context = tls_context(site, client_files(site, "SFC", "flood"))
    with tls(site, site.back_office_port, context) as wire:
        yield Http2(wire)


# --- before a call ------------------------------------------------------------------------------------------------


def client_hello() -> bytes:
    outgoing = ssl.MemoryBIO()
    context = ssl.create_default_context()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="gateway.hk.example").do_handshake()
    return outgoing.read()


def test_who_does_not_finish_the_handshake_is_hung_up_on_within_seconds(site):
    hello = client_hello()
    with ExitStack() as stack:
        sockets = []
        for port in (site.back_office_port, site.peer_port):
            for sent in (b"", hello[: len(hello) // 2], hello):
                sockets.append(stack.enter_context(socket.create_connection(("127.0.0.1", port))))
                sockets[-1].sendall(sent)
        deadline = time.monotonic() + HANG_UP_SECONDS
        for each in sockets:
            assert hung_up(each, deadline)


def hung_up(wire: socket.socket, deadline: float) -> bool:
    while (left := deadline - time.monotonic()) > 0:
        wire.settimeout(left)
        try:
            if not wire.recv(65536):
                return True
        except ConnectionError:
            return True
        except TimeoutError:
            return False
    return False


# --- messages -----------------------------------------------------------------------------------------------------


def test_a_gzip_bomb_is_refused_before_it_goes_off(site, flooder):
    squeeze = zlib.compressobj(1, wbits=31)
    block = bytes(2**24)
    bomb = b"".join(squeeze.compress(block) for _ in range(BOMB_BYTES // len(block))) + squeeze.flush()
    before = site.highest_bytes
    stream = flooder.begin(CREATE, ("grpc-encoding", "gzip"))
    flooder.send_all(stream, prefixed(bomb, compressed=True))
    flooder.read(lambda: stream in flooder.ended)
    assert flooder.headers[stream]["grpc-status"] == EXHAUSTED
    assert site.highest_bytes - before < GROWTH_BYTES


def test_a_message_that_is_never_finished_holds_up_nobody(site, flooder):
    for _ in range(5):
        flooder.send(flooder.begin(CREATE), prefixed(bytes(65_535))[:10])
    with connected(site, site.back_office_port, client_files(site, "SFC")) as channel:
        serve_soon(site, channel)
    assert flooder.call(SERVER_INFO) == "0"


# --- calls --------------------------------------------------------------------------------------------------------


def test_one_caller_may_not_take_every_place(site):
    with connected(site, site.back_office_port, client_files(site, "SFC", "flood")) as channel:
        watches = [channel.unary_stream(f"{EVENTS}WatchEvents")(b"") for _ in range(MAX_CALLS // 2)]
        for watch in watches:
            next(watch)
        refused = call(channel, SERVER_INFO, b"")
        assert (refused.code, refused.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
        with connected(site, site.back_office_port, client_files(site, "SFC")) as other:
            serve_soon(site, other)
        watches.pop().cancel()
        eventually(lambda: call(channel, SERVER_INFO, b"").code == grpc.StatusCode.OK)


def test_calls_beyond_what_the_listener_takes_are_refused_at_once(site):
    with ExitStack() as stack:
        channels = [
            stack.enter_context(connected(site, site.back_office_port, client_files(site, *who)))
            for who in (("SFC", "flood"), ("SFC",), ("FSTB",))
        ]
        watches = [
            each.unary_stream(f"{EVENTS}WatchEvents")(b"", timeout=DEADLINE_SECONDS)
            for each in channels
            for _ in range(MAX_CALLS // 2)
        ]
        outcomes = [first(watch) for watch in watches]
        assert set(outcomes) == {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED}
        assert outcomes.count(grpc.StatusCode.OK) <= MAX_CALLS
    with connected(site, site.back_office_port, client_files(site, "HKMA")) as channel:
        eventually(lambda: call(channel, SERVER_INFO, b"").code == grpc.StatusCode.OK)


def first(watch) -> grpc.StatusCode:
    try:
        next(watch)
    except grpc.RpcError as error:
        return refusal(error).code
    return grpc.StatusCode.OK


# --- floods of HTTP/2 ---------------------------------------------------------------------------------------------


def pour(http: Http2, data: bytes, times: int) -> None:
    """Sends the same again and again, for as long as the node lets it."""
    http.wire.settimeout(5)
    try:
        for _ in range(times):
            http.wire.sendall(data)
    except OSError:  # hung up on, or not read any more
        http.closed = True


def test_a_flood_of_calls_that_are_reset_at_once(site, flooder):
    with connected(site, site.back_office_port, client_files(site, "SFC")) as channel:
        for number in range(5_000):
            flooder.reset(flooder.begin(f"{NOTICES}ListNotices"))
            if number % 500 == 0:
                serve_soon(site, channel)
                try:
                    flooder.flush()
                except OSError:
                    return
        serve_soon(site, channel)


@pytest.mark.parametrize(
    ("data", "times"),
    [
        pytest.param(frame(PING, 0, 0, bytes(8)) * 100, 100, id="ping"),
        pytest.param(frame(SETTINGS, 0, 0) * 100, 100, id="settings"),
        pytest.param(
            frame(HEADERS, 0, 1, b"\x82") + frame(CONTINUATION, 0, 1, b"\x40\x01a\x01b" * 3000) * 10,
            100,
            id="continuation",
        ),
        pytest.param(frame(DATA, 0, 1), 20_000, id="empty data"),
        pytest.param(frame(RST, 0, 1, bytes(4)) * 100, 100, id="reset of nothing"),
        pytest.param(b"\xff" * 65_536, 50, id="no frames at all"),
    ],
)
def test_a_flood_of_frames_is_borne_or_hung_up_on(site, flooder, data, times):
    before = site.highest_bytes
    with connected(site, site.back_office_port, client_files(site, "SFC")) as channel:
        pour(flooder, data, times)
        serve_soon(site, channel)
    assert site.highest_bytes - before < GROWTH_BYTES
