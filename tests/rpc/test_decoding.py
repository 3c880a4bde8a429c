"""Requests from bytes."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regulator.exchange.v1.notice_service_pb2 import CreateNoticeRequest, Notice

from gateway.errors import BadInput
from gateway.rpc.decoding import decode
from tests.supervision.samples import arbitrary

ALL_FIELDS = arbitrary(CreateNoticeRequest.DESCRIPTOR)


def refused_field(data: bytes) -> str:
    with pytest.raises(BadInput) as refused:
        decode(CreateNoticeRequest, data)
    (violation,) = refused.value.violations
    return violation.field


def read_or_named(data: bytes) -> bool:
    try:
        return isinstance(decode(CreateNoticeRequest, data), CreateNoticeRequest)
    except BadInput as error:
        return all(each.field for each in error.violations)


@given(ALL_FIELDS)
def test_what_was_serialized_is_read(request_):
    assert decode(CreateNoticeRequest, request_.SerializeToString()) == request_


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_by_name(data):
    assert read_or_named(data)


@given(ALL_FIELDS, st.data())
def test_any_request_cut_short_is_read_or_refused_by_name(request_, data):
    whole = request_.SerializeToString()
    cut = whole[: data.draw(st.integers(0, len(whole)))]
    assert read_or_named(cut)


def test_a_text_that_is_no_utf_8_is_named_though_others_come_before_it():
    good = CreateNoticeRequest(notice=Notice(name="notices/hk-1", recipient="KR"), notice_id="hk-1")
    data = good.SerializeToString() + b"\x1a\x02\xff\xfe"
    assert refused_field(data) == "request_id"


@pytest.mark.parametrize("filler", [b"\x20\x01", b"\x0a\x00", b"\x22\x00", b"\x21" + bytes(8)])
def test_looking_for_the_bad_text_takes_no_time_that_others_would_miss(filler):
    data = filler * (8 * 2**20 // len(filler)) + b"\xff"
    began = time.process_time()
    assert refused_field(data) == "request"
    assert time.process_time() - began < 1
