"""A stream of notices: in chunks, with request ids, sent again only where that is safe."""

from uuid import UUID, uuid4

import pytest
from grpc import StatusCode
from hypothesis import given
from hypothesis import strategies as st
from regulator.exchange import AsyncClient, NotAllowed, Unavailable, notice_request
from regulator.exchange.submission import MAX_CHUNK_BYTES, Chunker, Chunks
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.values_pb2 import LocalizedText

from tests.clients.python.fake_node import PATIENCE_SECONDS, status, until

BUSY = status(StatusCode.UNAVAILABLE, "restarting")


def request(number, size_bytes=1):
    title = [LocalizedText(language_tag="en", text="x" * size_bytes)]
    return notice_request(NoticeContent(title=title), recipient="KR", notice_id=f"hk-{number}")


def requests(count):
    return [request(number) for number in range(count)]


def ids(messages):
    return [each.notice_id for message in messages for each in message.requests]


def test_every_notice_arrives_once_in_chunks(client, node):
    answer = client.submit_notices(requests(7), chunk=3)
    (messages,) = node.requests_of("SubmitNotices")
    assert (answer.received_count, answer.sealed_count) == (7, 7)
    assert [len(message.requests) for message in messages] == [3, 3, 1]
    assert ids(messages) == [f"hk-{number}" for number in range(7)]


def test_a_list_is_sent_again_with_the_same_request_ids(client, node):
    node.fail("SubmitNotices", BUSY, BUSY)
    unidentified = requests(4)
    for each in unidentified:
        each.request_id = ""
    client.submit_notices(unidentified, chunk=3)
    first, second, third = node.requests_of("SubmitNotices")
    assert first == second == third
    assert len({UUID(each.request_id) for message in first for each in message.requests}) == 4
    assert {each.request_id for each in unidentified} == {""}  # the caller's messages are left alone


def test_an_iterator_is_sent_once(client, node):
    node.fail("SubmitNotices", BUSY)
    with pytest.raises(Unavailable):
        client.submit_notices(iter(requests(2)))
    assert len(node.requests_of("SubmitNotices")) == 1


def test_an_iterators_requests_get_ids_too(client, node):
    source = requests(2)
    source[0].request_id, source[1].request_id = own, _ = str(uuid4()), ""
    client.submit_notices(iter(source))
    (message,) = node.requests_of("SubmitNotices")[0]
    assert message.requests[0].request_id == own
    assert UUID(message.requests[1].request_id).version == 7


def test_a_refused_stream_is_not_sent_again(client, node):
    node.fail("SubmitNotices", status(StatusCode.PERMISSION_DENIED, "not an author"))
    with pytest.raises(NotAllowed, match="not an author"):
        client.submit_notices(requests(2))
    assert len(node.requests_of("SubmitNotices")) == 1


def test_nothing_to_submit_is_no_error(client):
    assert client.submit_notices([]).received_count == 0


def test_what_the_source_raises_reaches_the_caller_and_the_stream_is_not_completed(client, node):
    def source():
        yield from requests(2)
        raise LookupError("the file ends here")

    node.expects_cancelled = True
    with pytest.raises(LookupError, match="the file ends here"):
        client.submit_notices(source(), chunk=1)
    until(lambda: not node.not_cancelled)
    assert node.requests_of("SubmitNotices") == []


@pytest.mark.parametrize("chunk", [0, 1001])
def test_a_chunk_outside_the_contract_is_refused(client, chunk):
    with pytest.raises(ValueError, match="1 to 1000"):
        client.submit_notices(requests(1), chunk=chunk)


def test_a_deadline_of_its_own_may_be_longer_than_the_profiles(connect, node):
    def slow():
        for each in requests(4):
            node.watching.wait(0.1)  # nobody watches: it takes the whole time
            yield each

    answer = connect(deadline_seconds=0.2).submit_notices(slow(), chunk=1, deadline_seconds=PATIENCE_SECONDS / 2)
    assert answer.sealed_count == 4


async def test_the_source_may_be_asynchronous(profile, node):
    async def source():
        for each in requests(5):
            yield each

    async with AsyncClient(profile) as client:
        answer = await client.submit_notices(source(), chunk=2)
    assert answer.sealed_count == 5
    assert ids(node.requests_of("SubmitNotices")[0]) == [f"hk-{number}" for number in range(5)]


async def test_what_an_asynchronous_source_raises_reaches_the_caller(profile):
    async def source():
        yield request(1)
        raise LookupError("the queue is gone")

    async with AsyncClient(profile) as client:
        with pytest.raises(LookupError, match="the queue is gone"):
            await client.submit_notices(source())
        assert (await client.server_info()).jurisdiction == "HK"  # the client lives on


@given(
    sizes=st.lists(st.sampled_from([1, 1000, MAX_CHUNK_BYTES // 2, MAX_CHUNK_BYTES]), max_size=12),
    chunk=st.integers(1, 5),
)
def test_chunks_keep_order_and_bounds(sizes, chunk):
    given_requests = [request(number, size) for number, size in enumerate(sizes)]
    messages = list(Chunks(given_requests, chunk))
    assert ids(messages) == [each.notice_id for each in given_requests]
    for message in messages:
        assert 1 <= len(message.requests) <= chunk
        total = sum(each.ByteSize() for each in message.requests)
        assert total <= MAX_CHUNK_BYTES or len(message.requests) == 1


def test_a_chunker_gives_what_is_left_once():
    chunker = Chunker(10)
    assert list(chunker.add(request(1))) == []
    assert [len(message.requests) for message in chunker.rest()] == [1]
    assert list(chunker.rest()) == []
