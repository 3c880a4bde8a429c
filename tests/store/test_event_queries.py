"""What watchers ask of the store."""

import pytest
from regulator.exchange.v1.event_service_pb2 import Event

from gateway.errors import Unavailable
from gateway.store.event_queries import EventFilter, read_events
from gateway.supervision.disclosure import EVERYTHING
from tests.store.exchanging import settle
from tests.store.stores import Opened, refused


@pytest.fixture
async def filled(hk: Opened, kr: Opened) -> Opened:
    """Hong Kong's store, with events of several kinds."""
    await hk.release("hk-1")
    await hk.release("hk-2")
    await kr.release("kr-1", issuing_authority="FSC")
    await settle(hk, kr)
    await kr.acknowledge("hk-1")
    await hk.withdraw("hk-2")
    await settle(kr, hk)
    return hk


async def test_events_follow_a_cursor_without_gap_or_repeat(filled: Opened):
    every = await filled.read(read_events, EVERYTHING, 0, 1000)
    assert [event.cursor for event in every] == list(range(1, len(every) + 1))
    paged, cursor = [], 0
    while page := await filled.read(read_events, EVERYTHING, cursor, 4):
        paged += page
        cursor = page[-1].cursor
    assert paged == every


async def test_events_of_some_kinds_keep_their_cursors(filled: Opened):
    every = await filled.read(read_events, EVERYTHING, 0, 1000)
    kinds = (Event.NOTICE_DELIVERED, Event.NOTICE_ACKNOWLEDGED)
    assert await filled.read(read_events, EVERYTHING, 0, 1000, EventFilter(kinds)) == [
        event for event in every if event.kind in kinds
    ]


async def test_an_event_of_the_node_itself_stands_in_no_channel(hk: Opened):
    await hk.committer.submit(lambda tx: tx.tell_node(Event.ALARM, "an operator must look"))
    await hk.release("hk-1")
    alarm, released = await hk.read(read_events, EVERYTHING, 0, 10)
    assert (alarm.kind, alarm.origin, alarm.index, alarm.detail) == (Event.ALARM, "", 0, "an operator must look")
    assert released.cursor == alarm.cursor + 1
    assert await hk.read(read_events, EVERYTHING, 0, 10, EventFilter(hidden=(Event.ALARM,))) == [released]


async def test_reads_of_a_database_that_is_gone_are_unavailable(hk: Opened):
    hk.execute("DROP TABLE draft_events", "DROP TABLE framework_events", "DROP TABLE events")
    assert isinstance(await refused(hk.read(read_events, EVERYTHING, 0, 1)), Unavailable)
