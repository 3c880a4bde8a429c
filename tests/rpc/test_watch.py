"""``EventService``: every event after a cursor, in order, and only what was asked for."""

from regulator.exchange.v1.event_service_pb2 import Event, WatchEventsResponse

from tests.supervision.samples import content
from tests.support.nodes import Site, eventually


def told(site: Site, cursor: str = "", kinds: tuple[Event.Kind.ValueType, ...] = ()) -> list[WatchEventsResponse]:
    """All events after a cursor, so far."""
    found = []
    with site.client() as client, client.watch_events(cursor, kinds) as watch:
        for response in watch:
            if not response.HasField("event"):
                return found
            found.append(response)
    raise AssertionError("the watch ended by itself")


def give(site: Site, count: int) -> list[str]:
    with site.client("SFC") as client:
        return [client.create_notice(content(), recipient="KR").name for _ in range(count)]


def names(responses: list[WatchEventsResponse], kind: Event.Kind.ValueType) -> list[str]:
    return [each.event.notice for each in responses if each.event.kind == kind]


def test_events_come_in_the_order_of_their_cursors_and_each_once(nodes):
    given = give(nodes.hk, 5)
    events = told(nodes.hk)
    assert len({each.cursor for each in events}) == len(events)
    assert names(events, Event.NOTICE_RELEASED)[-5:] == given


def test_a_watch_goes_on_after_each_cursor_with_the_very_next_event(nodes):
    give(nodes.hk, 3)
    events = told(nodes.hk)
    for place in range(len(events)):
        rest = [each.event for each in told(nodes.hk, events[place].cursor)]
        assert rest[: len(events) - place - 1] == [each.event for each in events[place + 1 :]]


def test_a_watch_tells_what_happens_while_it_is_open(nodes):
    with nodes.hk.client() as client, client.watch_events(from_now=True) as watch:
        assert not next(watch).HasField("event")
        given = give(nodes.hk, 3)
        released = []
        while len(released) < 3:
            response = next(watch)
            if response.event.kind == Event.NOTICE_RELEASED:
                released.append(response.event.notice)
    assert released == given


def test_from_now_leaves_out_what_was(nodes):
    (given,) = give(nodes.hk, 1)
    eventually(lambda: given in names(told(nodes.hk), Event.NOTICE_DELIVERED))
    with nodes.hk.client() as client, client.watch_events(from_now=True) as watch:
        first = next(watch)
    assert not first.HasField("event")
    assert given not in names(told(nodes.hk, first.cursor), Event.NOTICE_RELEASED)


def test_a_cursor_counts_for_more_than_from_now(nodes):
    give(nodes.hk, 2)
    first = told(nodes.hk)[0]
    with nodes.hk.client() as client, client.watch_events(first.cursor, from_now=True) as watch:
        assert next(watch).HasField("event")


def test_kinds_filter_and_the_cursor_passes_what_is_left_out(nodes):
    (given,) = give(nodes.hk, 1)
    eventually(lambda: given in names(told(nodes.hk), Event.NOTICE_DELIVERED))
    everything, delivered = told(nodes.hk), told(nodes.hk, kinds=(Event.NOTICE_DELIVERED,))
    assert {each.event.kind for each in delivered} == {Event.NOTICE_DELIVERED}
    expected = [each.event for each in everything if each.event.kind == Event.NOTICE_DELIVERED]
    assert [each.event for each in delivered] == expected
    kinds = (Event.CHANNEL_HALTED,)
    with nodes.hk.client() as client, client.watch_events(kinds=kinds) as watch:
        passed = next(watch).cursor
    assert not {each.event.notice for each in told(nodes.hk, passed)} & {given}


def test_an_event_says_what_it_is_about(nodes):
    (given,) = give(nodes.hk, 1)
    event = next(each.event for each in told(nodes.hk) if each.event.notice == given)
    with nodes.hk.client() as client:
        notice = client.get_notice(given)
    assert event.kind == Event.NOTICE_RELEASED
    assert (event.origin, event.index) == (notice.position.origin, notice.position.index)
    assert event.notice_kind == notice.kind
    assert event.HasField("time")
