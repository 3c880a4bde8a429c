"""A watch: neither gap nor repeat, whatever happens to its streams, and an end whenever someone closes it."""

import asyncio
import threading
from itertools import islice

import pytest
from grpc import StatusCode
from regulator.exchange import AsyncClient, InvalidRequest, NotAllowed
from regulator.exchange.v1.event_service_pb2 import Event

from tests.clients.python.fake_node import PATIENCE_SECONDS, status, until


def names(watch, count):
    """The notices of the next ``count`` events."""
    events = (message.event for message in watch if message.HasField("event"))
    return [event.notice.removeprefix("notices/") for event in islice(events, count)]


def numbered(first, last):
    return [f"kr-{number}" for number in range(first, last + 1)]


def test_events_come_in_order_then_the_word_that_there_are_no_more(client, node):
    node.happen(*numbered(1, 3))
    with client.watch_events() as watch:
        assert names(watch, 3) == numbered(1, 3)
        assert watch.cursor == "3"
        assert not next(watch).HasField("event")
        node.happen("kr-4")
        assert names(watch, 1) == ["kr-4"]


def test_a_watch_begins_after_its_cursor(client, node):
    node.happen(*numbered(1, 5))
    with client.watch_events("3") as watch:
        assert names(watch, 2) == numbered(4, 5)


def test_only_the_kinds_asked_for_come(client, node):
    node.happen("kr-1", kind=Event.NOTICE_RECEIVED)
    node.happen("hk-1", kind=Event.NOTICE_DELIVERED)
    with client.watch_events(kinds=[Event.NOTICE_DELIVERED]) as watch:
        assert names(watch, 1) == ["hk-1"]
    assert list(node.requests_of("WatchEvents")[0].kinds) == [Event.NOTICE_DELIVERED]


def test_from_now_passes_over_what_was_and_holds_over_a_break(client, node):
    node.happen(*numbered(1, 3))
    node.cuts.append(1)  # after the first message, which has no event
    with client.watch_events(from_now=True) as watch:
        assert not next(watch).HasField("event")
        node.happen("kr-4", "kr-5")
        assert names(watch, 2) == ["kr-4", "kr-5"]
    first, second = node.requests_of("WatchEvents")
    assert (first.cursor, first.from_now) == ("", True)
    assert (second.cursor, second.from_now) == ("3", False)


def test_a_watch_goes_on_over_restarts_without_gap_or_repeat(client, node):
    node.happen(*numbered(1, 5))
    with client.watch_events() as watch:
        seen = names(watch, 5)
        for first in (6, 11, 16):
            node.stop()
            node.happen(*numbered(first, first + 4))  # while nobody can watch
            node.start()
            seen += names(watch, 5)
    assert seen == numbered(1, 20)


def test_a_reader_that_waits_while_the_node_restarts_gets_what_happens_after(client, node):
    seen = []
    watch = client.watch_events()
    reader = threading.Thread(target=lambda: seen.extend(names(watch, 3)))
    reader.start()
    assert node.watching.wait(PATIENCE_SECONDS)
    node.happen("kr-1")
    until(lambda: watch.cursor == "1")
    node.stop()
    node.happen("kr-2")
    node.start()
    node.happen("kr-3")
    reader.join(PATIENCE_SECONDS)
    assert seen == numbered(1, 3)


def test_streams_cut_at_every_place_leave_no_gap_and_no_repeat(client, node):
    node.happen(*numbered(1, 8))
    node.cuts.extend([1, 1, 0, 2, 3])
    with client.watch_events() as watch:
        assert names(watch, 8) == numbered(1, 8)
    assert [request.cursor for request in node.requests_of("WatchEvents")] == ["", "1", "2", "2", "4", "7"]


@pytest.mark.parametrize(
    "code",
    [
        StatusCode.UNAVAILABLE,
        StatusCode.RESOURCE_EXHAUSTED,
        StatusCode.CANCELLED,
        StatusCode.INTERNAL,
        StatusCode.UNKNOWN,
    ],
)
def test_a_passing_failure_is_resumed(client, node, code):
    node.fail("WatchEvents", status(code, "not now"))
    node.happen("kr-1")
    with client.watch_events() as watch:
        assert names(watch, 1) == ["kr-1"]


def test_a_stream_that_ends_without_an_error_is_resumed(client, node, monkeypatch):
    node.happen(*numbered(1, 4))
    told = node._told
    monkeypatch.setattr(node, "_told", lambda *given: islice(told(*given), 2))
    with client.watch_events() as watch:
        assert names(watch, 4) == numbered(1, 4)


@pytest.mark.parametrize(
    ("code", "expected"), [(StatusCode.INVALID_ARGUMENT, InvalidRequest), (StatusCode.PERMISSION_DENIED, NotAllowed)]
)
def test_a_refusal_is_raised_and_ends_the_watch(client, node, code, expected):
    node.fail("WatchEvents", status(code, "no such cursor"))
    watch = client.watch_events("x")
    with pytest.raises(expected, match="no such cursor"):
        next(watch)
    assert list(watch) == []
    assert len(node.requests_of("WatchEvents")) == 1


@pytest.mark.parametrize("whom", ["watch", "client"])
def test_closing_ends_a_reader_that_waits_for_events(client, node, whom):
    watch, ended = client.watch_events(), threading.Event()
    reader = threading.Thread(target=lambda: (list(watch), ended.set()))
    reader.start()
    assert node.watching.wait(PATIENCE_SECONDS)
    {"watch": watch, "client": client}[whom].close()
    assert ended.wait(PATIENCE_SECONDS)
    reader.join()


@pytest.mark.parametrize("whom", ["watch", "client"])
def test_closing_ends_a_reader_that_waits_for_the_node(client, node, whom):
    node.stop()
    watch, ended = client.watch_events(), threading.Event()
    reader = threading.Thread(target=lambda: (list(watch), ended.set()))
    reader.start()
    {"watch": watch, "client": client}[whom].close()
    assert ended.wait(PATIENCE_SECONDS)
    reader.join()
    node.start()


def test_a_closed_watch_gives_nothing(client, node):
    node.happen("kr-1")
    watch = client.watch_events()
    watch.close()
    watch.close()
    assert list(watch) == []
    assert node.requests == []


async def test_a_reader_that_is_cancelled_while_it_waits_misses_nothing(profile, node):
    async with AsyncClient(profile) as client, client.watch_events() as watch:
        assert not (await anext(watch)).HasField("event")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await anext(watch)
        node.happen("kr-1", "kr-2")
        seen = [message.event.notice async for message in _events(watch, 2)]
    assert seen == ["notices/kr-1", "notices/kr-2"]


async def test_cancelling_a_reader_is_not_taken_for_closing(profile, node):
    async with AsyncClient(profile) as client, client.watch_events() as watch:
        await anext(watch)
        reader = asyncio.ensure_future(anext(watch))
        await asyncio.sleep(0)
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader


async def test_a_reader_cancelled_while_its_watch_closes_is_still_cancelled(profile, node):
    async with AsyncClient(profile) as client, client.watch_events() as watch:
        await anext(watch)
        reader = asyncio.ensure_future(anext(watch))
        await asyncio.sleep(0)
        await watch.close()
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader


async def test_a_reader_cancelled_as_its_watch_closes_between_two_attempts_is_still_cancelled(profile, node):
    def longest() -> float:
        pausing.set()
        return 1.0

    node.stop()
    async with AsyncClient(profile) as client:
        watch, pausing = client.watch_events(), asyncio.Event()
        watch._dice = longest  # thrown as a pause begins
        reader = asyncio.ensure_future(anext(watch))
        await pausing.wait()
        await watch.close()
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
    node.start()


async def _events(watch, count):
    async for message in watch:
        if message.HasField("event"):
            yield message
            count -= 1
            if not count:
                return
