"""Page tokens."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regulator.exchange.v1.admin_service_pb2 import ListChannelsRequest, ListPeersRequest
from regulator.exchange.v1.notice_service_pb2 import ListNoticesRequest

from gateway.errors import BadInput
from gateway.questions.paging import (
    DEFAULT_PAGE_SIZE,
    MAX_PAGE_SIZE,
    MAX_POSITION,
    page_position,
    page_size,
    page_token,
)


def refused(token: str, request=None) -> bool:
    with pytest.raises(BadInput, match=r"^page_token: ") as error:
        page_position(token, request or ListNoticesRequest())
    return len(error.value.violations) == 1


@given(st.integers(0, MAX_POSITION), st.integers(0, 100), st.text(max_size=20))
def test_a_token_gives_back_its_position_whatever_the_page_before_was(position, size, before):
    request = ListNoticesRequest(peer="KR", page_size=size, page_token=before)
    assert page_position(page_token(position, request), ListNoticesRequest(peer="KR")) == position


def test_the_first_page_has_no_position():
    assert page_position("", ListNoticesRequest()) is None


@given(st.text(min_size=1, max_size=40))
def test_what_is_no_token_is_refused(text):
    assert refused(text)


@pytest.mark.parametrize("other", [ListNoticesRequest(peer="SG"), ListPeersRequest(), ListChannelsRequest()])
def test_a_token_is_for_one_list_and_its_filters(other):
    assert refused(page_token(1, ListNoticesRequest()), other)


def test_a_position_that_no_database_could_hold_is_refused():
    data = base64.urlsafe_b64decode(page_token(1, ListNoticesRequest()))
    for position in (MAX_POSITION + 1, 2**64 - 1):
        assert refused(base64.urlsafe_b64encode(position.to_bytes(8) + data[8:]).decode())


def test_sizes_are_kept_within_bounds():
    assert [page_size(asked) for asked in (0, 1, 10**6)] == [DEFAULT_PAGE_SIZE, 1, MAX_PAGE_SIZE]
