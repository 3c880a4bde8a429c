"""Bytes that are no request of the contract, over a real channel: refused by name, quickly, harming nothing."""

import grpc
import pytest
from regulator.exchange.v1 import notice_service_pb2 as pb

from tests.rpc.calls import CREATE, EVENTS, NOTICES, SERVER_INFO, bad_input, call
from tests.rpc.malformed_requests import creation
from tests.supervision.samples import content

pytestmark = pytest.mark.usefixtures("cheaply")


def field(number: int, data: bytes) -> bytes:
    """A length-delimited field, as protobuf encodes it."""
    tag, size = number << 3 | 2, b""
    length = len(data)
    while length > 0x7F:
        size += bytes([length & 0x7F | 0x80])
        length >>= 7
    return (bytes([tag]) if tag < 0x80 else bytes([tag & 0x7F | 0x80, tag >> 7])) + size + bytes([length]) + data


NOT_UTF8 = b"\xff\xfe"
BYTES = {
    "garbage": (b"\xff" * 64, "request"),
    "truncated": (creation().SerializeToString()[:-3], "request"),
    "text for the notice": (b"\x0a\x05hello", "request"),
    "an HTTP request": (b"GET / HTTP/1.1\r\n\r\n", "request"),
    "groups 10,000 deep": (b"\x0b" * 10_000, "request"),
    "groups 10,000 deep, closed": (b"\x0b" * 10_000 + b"\x0c" * 10_000, "request"),
    "a length past the end": (b"\x0a\xff\xff\xff\xff\x0f", "request"),
    "an endless varint": (b"\x20" + b"\xff" * 20, "request"),
    "id that is no UTF-8": (field(2, NOT_UTF8), "notice_id"),
    "authority that is no UTF-8": (field(1, field(4, field(1, NOT_UTF8))), "notice.content.issuing_authority"),
    "title that is no UTF-8": (field(1, field(4, field(6, field(2, NOT_UTF8)))), "notice.content.title.text"),
    "surrogates": (field(2, b"\xed\xa0\x80"), "notice_id"),
    "overlong NUL": (field(2, b"\xc0\x80"), "notice_id"),
    "many small fields, then garbage": (b"\x20\x01" * 3_500_000 + b"\xff", "request"),
}


@pytest.mark.parametrize("name", BYTES)
def test_bytes_that_are_no_request(channel, name):
    data, named = BYTES[name]
    assert bad_input(channel, CREATE, data) == (named,)


@pytest.mark.parametrize("method", [SERVER_INFO, f"{EVENTS}WatchEvents", f"{NOTICES}SubmitNotices"])
def test_garbage_in_every_shape_of_call(channel, method):
    assert bad_input(channel, method, b"\xff" * 64) == ("request",)


def test_more_lists_than_memory_would_bear_are_refused_quickly(channel):
    """A megabyte of empty titles breaks a million and a half rules; told one by one they would fill gigabytes."""
    endless = field(1, field(3, b"KR") + field(4, b"\x32\x00" * 500_000))
    assert "notice.content.title" in bad_input(channel, CREATE, endless)


UNKNOWN = b"\xf8\x3f\x01"  # field 1023, which no message has
WHERE = {
    "in the request": ("request", creation().SerializeToString() + UNKNOWN),
    "in the notice": ("notice", field(1, creation().notice.SerializeToString() + UNKNOWN)),
    "in the content": (
        "notice.content",
        field(1, field(3, b"KR") + field(4, content().SerializeToString() + UNKNOWN)),
    ),
    "in a text": (
        "notice.content.title[1]",
        field(
            1, field(3, b"KR") + field(4, content().SerializeToString() + field(6, b"\x0a\x02ko\x12\x01a" + UNKNOWN))
        ),
    ),
    "in a date": (
        "notice.content.event_date",
        field(1, field(3, b"KR") + field(4, content().SerializeToString() + field(5, UNKNOWN))),
    ),
}


@pytest.mark.parametrize("name", WHERE)
def test_fields_that_nobody_has_checked_are_not_sealed(channel, name):
    path, data = WHERE[name]
    assert bad_input(channel, CREATE, data) == (path,)
    batch = field(1, data)
    assert bad_input(channel, f"{NOTICES}BatchCreateNotices", batch) == (
        f"requests[0].{path}".removesuffix(".request"),
    )


def test_unknown_fields_are_refused_in_every_other_act(channel):
    supersede = pb.SupersedeNoticeRequest(name="notices/hk-1", content=content()).SerializeToString()
    assert bad_input(channel, f"{NOTICES}SupersedeNotice", supersede + UNKNOWN) == ("request",)
    assert bad_input(channel, f"{NOTICES}GetNotice", field(1, b"notices/hk-1") + UNKNOWN) == ("request",)
    assert bad_input(channel, f"{NOTICES}BatchCreateNotices", field(1, creation().SerializeToString()) + UNKNOWN) == (
        "request",
    )


# --- what gRPC itself refuses -------------------------------------------------------------------------------------


def test_a_message_of_9_mebibytes(channel):
    for method in (CREATE, f"{NOTICES}SubmitNotices"):
        assert call(channel, method, bytes(9 * 2**20)).code == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_metadata_of_20_kilobytes(channel):
    answer = call(channel, SERVER_INFO, b"", metadata=[("x-flood", "a" * 20_000)])
    assert answer.code == grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("method", [f"{NOTICES}DeleteNotice", "/a.B/C", "/", f"{CREATE}/", CREATE.lower()])
def test_a_method_that_is_not_there(channel, method):
    assert call(channel, method, b"").code == grpc.StatusCode.UNIMPLEMENTED
