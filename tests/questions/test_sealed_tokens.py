"""Tokens whose positions tell their holder nothing."""

import base64
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regulator.exchange.v1.admin_service_pb2 import ListPeersRequest
from regulator.exchange.v1.notice_service_pb2 import ListNoticesRequest

from gateway.errors import BadInput
from gateway.questions.paging import MAX_POSITION, page_token
from gateway.questions.sealed_tokens import SealedTokens
from gateway.store.opening import TOKEN_KEY_BYTES

LIST = ListNoticesRequest()
POSITIONS = st.integers(0, MAX_POSITION)


def tokens(key: bytes = bytes(TOKEN_KEY_BYTES)) -> SealedTokens:
    return SealedTokens(key, secrets.token_bytes)


def refused(work, *arguments) -> str:
    with pytest.raises(BadInput) as error:
        work(*arguments)
    (violation,) = error.value.violations
    return violation.field


@given(POSITIONS, st.integers(0, 100), st.text(max_size=20))
def test_a_token_gives_back_its_position_whatever_the_page_before_was(position, size, before):
    request = ListNoticesRequest(peer="KR", page_size=size, page_token=before)
    assert tokens().page_position(tokens().page_token(position, request), ListNoticesRequest(peer="KR")) == position


@given(POSITIONS, POSITIONS)
def test_a_token_may_hold_a_pin_too(position, pin):
    assert tokens().pinned_position(tokens().page_token(position, LIST, pin), LIST) == (position, pin)
    assert refused(tokens().page_position, tokens().page_token(position, LIST, pin), LIST) == "page_token"
    assert refused(tokens().pinned_position, tokens().page_token(position, LIST), LIST) == "page_token"


def test_the_first_page_has_no_position():
    assert tokens().page_position("", LIST) is None
    assert tokens().pinned_position("", LIST) is None


@given(POSITIONS)
def test_a_cursor_gives_back_its_position_and_is_no_page_token(position):
    cursor = tokens().cursor(position)
    assert tokens().cursor_position(cursor) == position
    assert refused(tokens().page_position, cursor, LIST) == "page_token"
    assert refused(tokens().cursor_position, tokens().page_token(position, LIST)) == "cursor"


@given(POSITIONS, POSITIONS)
def test_tokens_tell_nothing_of_their_positions(one, other):
    """All have one length, and no two are the same: not even two for one position."""
    first, second = tokens().cursor(one), tokens().cursor(other)
    assert len(first) == len(second)
    assert first != second


@given(POSITIONS, st.data())
def test_what_this_node_did_not_give_is_refused(position, data):
    token = tokens().cursor(position)
    raw = bytearray(base64.urlsafe_b64decode(token))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    assert refused(tokens().cursor_position, base64.urlsafe_b64encode(raw).decode()) == "cursor"
    assert refused(tokens(bytes([1] * TOKEN_KEY_BYTES)).cursor_position, token) == "cursor"


@given(st.text(max_size=60))
def test_what_is_no_token_is_refused(text):
    assert refused(tokens().cursor_position, text) == "cursor"
    if text:
        assert refused(tokens().page_position, text, LIST) == "page_token"


@pytest.mark.parametrize("other", [ListNoticesRequest(peer="SG"), ListPeersRequest()])
def test_a_token_is_for_one_list_and_its_filters(other):
    assert refused(tokens().page_position, tokens().page_token(1, LIST), other) == "page_token"
    assert refused(tokens().page_position, page_token(1, LIST), LIST) == "page_token"
