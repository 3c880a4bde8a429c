"""Listings read their pages when they are needed."""

from datetime import UTC, datetime

import pytest
from grpc import StatusCode
from regulator.exchange import InvalidRequest, NotAllowed
from regulator.exchange.v1.admin_service_pb2 import ListPeersResponse, Peer
from regulator.exchange.v1.notice_service_pb2 import ListNoticesResponse, Notice

from tests.clients.python.fake_node import status


@pytest.fixture
def three_pages(node):
    def answer(request):
        first = int(request.page_token or 0)
        token = str(first + 2) if first < 4 else ""
        found = [Notice(name=f"notices/hk-{number}") for number in range(first, min(first + 2, 5))]
        return ListNoticesResponse(notices=found, next_page_token=token)

    node.answers["ListNotices"] = answer


@pytest.mark.usefixtures("three_pages")
def test_all_items_of_all_pages_come_in_order(client, node):
    assert [notice.name for notice in client.list_notices()] == [f"notices/hk-{number}" for number in range(5)]
    assert [request.page_token for request in node.requests_of("ListNotices")] == ["", "2", "4"]


@pytest.mark.usefixtures("three_pages")
def test_a_page_is_not_fetched_before_it_is_needed(client, node):
    listing = client.list_notices()
    assert node.requests == []
    assert [next(listing).name, next(listing).name] == ["notices/hk-0", "notices/hk-1"]
    assert len(node.requests) == 1
    next(listing)
    assert len(node.requests) == 2


@pytest.mark.usefixtures("three_pages")
def test_pages_can_be_read_one_by_one(client):
    pages = list(client.list_notices().pages())
    assert [len(page.notices) for page in pages] == [2, 2, 1]
    assert [page.next_page_token for page in pages] == ["2", "4", ""]


@pytest.mark.usefixtures("three_pages")
def test_a_listing_goes_on_where_an_earlier_one_stopped(client):
    page = next(client.list_notices().pages())
    rest = client.list_notices(page_token=page.next_page_token)
    assert [notice.name for notice in rest] == ["notices/hk-2", "notices/hk-3", "notices/hk-4"]


@pytest.mark.usefixtures("three_pages")
def test_filters_go_with_every_page(client, node):
    since = datetime(2026, 1, 2, 3, 4, 5, 678900, tzinfo=UTC)
    list(client.list_notices(peer="KR", kind=Notice.INCIDENT, page_size=2, release_time_from=since))
    for request in node.requests_of("ListNotices"):
        assert (request.peer, request.kind, request.page_size) == ("KR", Notice.INCIDENT, 2)
        assert request.release_time_from.ToDatetime(tzinfo=UTC) == since
        assert not request.HasField("release_time_before")


@pytest.mark.usefixtures("three_pages")
def test_a_page_is_tried_again_like_any_call(client, node):
    node.fail("ListNotices", status(StatusCode.UNAVAILABLE))
    assert len(list(client.list_notices())) == 5


@pytest.mark.usefixtures("three_pages")
def test_an_error_comes_where_its_page_would_begin(client, node):
    listing = client.list_notices()
    first = [next(listing), next(listing)]
    node.fail("ListNotices", status(StatusCode.INVALID_ARGUMENT, "page_token"))
    with pytest.raises(InvalidRequest, match="page_token"):
        next(listing)
    assert len(first) == 2


def test_an_empty_listing_has_one_empty_page(client):
    assert list(client.list_notices()) == []
    assert [len(page.notices) for page in client.list_notices().pages()] == [0]


def test_peers_are_paged_too(client, node):
    node.answers["ListPeers"] = lambda request: ListPeersResponse(
        peers=[Peer(name=f"peers/{request.page_token or 'jp'}")], next_page_token="" if request.page_token else "kr"
    )
    assert [peer.name for peer in client.list_peers(page_size=1)] == ["peers/jp", "peers/kr"]
    assert [request.page_size for request in node.requests_of("ListPeers")] == [1, 1]


def test_a_refused_listing_is_typed(client, node):
    node.fail("ListChannels", status(StatusCode.PERMISSION_DENIED, "operators only"))
    with pytest.raises(NotAllowed, match="operators only"):
        list(client.list_channels())
