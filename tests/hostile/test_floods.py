"""Floods of one client: another one's calls are answered within their deadlines, and memory stays bounded.

More of them are in tests/rpc/test_limits.py: pings, settings, continuations, empty frames, resets, a gzip bomb.
"""

import zlib

import grpc
import pytest

from tests.hostile.conftest import SERVED_SECONDS, assert_serves, wires
from tests.rpc.calls import CREATE, DEADLINE_SECONDS, NOTICES, SERVER_INFO, call, client_files, connected
from tests.rpc.raw import frame, prefixed

GROWTH_BYTES = 256 * 2**20
DATA, RST, WINDOW_UPDATE, PRIORITY = 0, 3, 8, 2
END_STREAM = 1
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
BATCH, PUBLISH = f"{NOTICES}BatchCreateNotices", "/regulator.exchange.v1.FrameworkService/PublishVersion"


def test_many_waiting_calls_cancel_nobody_elses(target):
    """gRPC cancels calls at random, whoever makes them, once a thousand of a method wait to be looked at."""
    with wires(target, 8) as opened:
        for http in opened:
            for _ in range(240):
                http.queue(http.begin(SERVER_INFO), prefixed(b""))
        for http in opened:
            http.flush()
        with connected(target.hk, target.hk.back_office_port, client_files(target.hk, "HKMA")) as channel:
            stub = channel.unary_unary(SERVER_INFO)
            with target.hk.spending(SERVED_SECONDS):
                for answer in [stub.future(b"", timeout=DEADLINE_SECONDS) for _ in range(50)]:
                    assert answer.result()


@pytest.mark.parametrize("method", [SERVER_INFO, "/a.B/C"])
@pytest.mark.parametrize("sent", [b"", prefixed(b""), prefixed(bytes(100))[:20]], ids=["nothing", "all", "half"])
def test_calls_that_are_reset_at_once(target, wire, method, sent):
    before = target.hk.resident_bytes
    for number in range(3_000):
        stream = wire.begin(method)
        if sent:
            wire.queue(stream, sent, end=False)
        wire.reset(stream)
        if number % 500 == 0 and wire.gone():
            break
    assert_serves(target.hk, 5)
    assert target.hk.resident_bytes - before < GROWTH_BYTES


BREACHES = {
    "a window that grows by nothing": frame(WINDOW_UPDATE, 0, 0, bytes(4)),
    "a window past its bound": frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff") * 2,
    "data after the end": frame(DATA, END_STREAM, 0, b"x"),
    "a priority of itself": frame(PRIORITY, 0, 0, bytes(5)),
    "a reset of four bytes too many": frame(RST, 0, 0, bytes(8)),
}


@pytest.mark.parametrize("name", BREACHES)
def test_calls_that_the_node_is_made_to_reset(target, name):
    """MadeYouReset: each call breaks a rule of its stream, so that the node ends it and forgets to count it."""
    before = target.hk.resident_bytes
    sent = BREACHES[name]
    for _ in range(20):
        with wires(target, 1) as (http,):
            for number in range(200):
                stream = http.begin(SERVER_INFO)
                http.queue(stream, prefixed(b""))
                http.queue_frame(sent[:5] + stream.to_bytes(4) + sent[9:])
                if http.closed or (number % 50 == 0 and http.gone()):
                    break
    assert_serves(target.hk, 5)
    assert target.hk.resident_bytes - before < GROWTH_BYTES


def test_pings_without_end_get_the_connection_closed(target, wire):
    """A caller may ask every second whether the node is there, while it has a call open."""
    for _ in range(50):
        wire.queue_frame(frame(6, 0, 0, bytes(8)))
    wire.gone()
    wire.read(seconds=5)
    assert wire.closed
    assert_serves(target.hk)


# --- heavy messages -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [CREATE, SERVER_INFO, f"{NOTICES}SubmitNotices", PUBLISH])
def test_a_message_of_64_mebibytes(target, method):
    before = target.hk.resident_bytes
    with connected(target.hk, target.hk.back_office_port, target.foe) as channel:
        assert call(channel, method, bytes(64 * 2**20)).code == EXHAUSTED
    assert_serves(target.hk)
    assert target.hk.resident_bytes - before < GROWTH_BYTES


DENSE = {
    BATCH: b"\x0a\x00" * (2**21 - 10),
    CREATE: b"\x0a\x83\xff\xff\x01\x22\xfe\xfe\xff\x01" + b"\x32\x00" * (2**21 - 200),
    PUBLISH: b"\x12\x00" * (2**22 - 10),
}


@pytest.mark.parametrize("method", DENSE)
def test_messages_of_nothing_but_empty_items(target, method):
    """Two bytes on the wire are eighty in memory: read all at once, eight took three gigabytes and seven seconds."""
    before = target.hk.resident_bytes
    with connected(target.hk, target.hk.back_office_port, target.foe) as channel:
        stub = channel.unary_unary(method)
        calls = [stub.future(DENSE[method], timeout=DEADLINE_SECONDS) for _ in range(4)]
        while not all(each.done() for each in calls):
            assert_serves(target.hk)
            assert target.hk.resident_bytes - before < 2 * GROWTH_BYTES
        assert {each.code() for each in calls} <= {grpc.StatusCode.INVALID_ARGUMENT, EXHAUSTED}


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_of_each_encoding(target, wire, encoding):
    squeeze = zlib.compressobj(1, wbits=31 if encoding == "gzip" else 15)
    bomb = b"".join(squeeze.compress(bytes(2**24)) for _ in range(16)) + squeeze.flush()
    before = target.hk.resident_bytes
    stream = wire.begin(CREATE, ("grpc-encoding", encoding))
    wire.send_all(stream, prefixed(bomb, compressed=True))
    wire.read(lambda: stream in wire.ended)
    assert wire.headers[stream]["grpc-status"] == str(EXHAUSTED.value[0])
    assert_serves(target.hk)
    assert target.hk.resident_bytes - before < GROWTH_BYTES
