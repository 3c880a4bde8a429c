"""Rebuilding what is known of notices from the logs."""

import pytest
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_pb2 import Reference
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import Entity
from sqlalchemy import text

from gateway.errors import Corrupt, StoreError
from gateway.store.database import Database
from gateway.store.event_queries import read_events
from gateway.store.notice_queries import read_notice
from gateway.store.recovery.rebuild import Rebuilt, rebuild
from gateway.store.tables import events, metadata, notice_identifiers, notices
from gateway.supervision.disclosure import EVERYTHING
from gateway.supervision.projections import projection
from tests.store.exchanging import exchange, settle
from tests.store.stores import HK_TO_KR, NOW, Opened
from tests.supervision.samples import reference


@pytest.fixture
async def filled(hk: Opened, kr: Opened) -> Opened:
    """Hong Kong's store, with notices of both directions between each other and of every state."""
    await hk.release("hk-1", "hk-2", subjects=[Entity(name="Firm", licence_number="BCD-7")])
    await settle(hk, kr)
    await kr.release("kr-1", issuing_authority="FSC")
    await kr.acknowledge("hk-1")
    await settle(kr, hk)
    withdrawing = [reference(Reference.WITHDRAWS, "hk-2"), reference(Reference.SUPERSEDES, "hk-1")]
    await hk.release("hk-3", references=withdrawing)
    await hk.withdraw("hk-3")
    await hk.acknowledge("kr-1")
    await settle(hk, kr)
    await hk.release("hk-4")
    return hk


def edit(store: Opened, *statements: str) -> None:
    with store.database.writer() as connection, connection.begin():
        for statement in statements:
            connection.execute(text(statement))


async def test_rebuilding_what_is_right_changes_nothing(filled: Opened):
    before = filled.backup()
    assert await filled.rebuilt() == Rebuilt(notices=5, events=0)
    assert filled.backup() == before


@pytest.mark.parametrize(
    "statements",
    [
        ["DELETE FROM notice_identifiers", "DELETE FROM notices"],
        ["UPDATE notices SET state = 1, revision = 77, superseded_by = 'hk-9', issuing_authority = 'XXX'"],
        ["UPDATE notices SET receipt_time = NULL, acknowledged_channel = NULL, acknowledged_index = NULL"],
        ["UPDATE notice_identifiers SET identifier = 'X'"],
        ["DELETE FROM notice_identifiers WHERE sequence = 1", "DELETE FROM notices WHERE sequence = 1"],
    ],
)
async def test_damaged_projections_come_back_as_they_were(filled: Opened, statements):
    before = filled.backup()
    edit(filled, *statements)
    assert filled.verify().findings
    await filled.rebuilt()
    assert filled.backup() == before
    assert filled.verify().findings == ()


async def test_a_rebuilt_store_goes_on(filled: Opened, kr: Opened):
    edit(filled, "DELETE FROM notice_identifiers", "DELETE FROM notices")
    await filled.rebuilt()
    await filled.release("hk-5")
    await settle(filled, kr)
    assert [row["sequence"] for row in await filled.rows(notices)] == [1, 2, 3, 4, 5, 6]


async def test_an_envelope_that_can_be_used_since_is_told_at_the_end(hk: Opened, kr: Opened, monkeypatch):
    """As after an update of the node: what the old version did not know is a notice for the new one."""
    await hk.release("hk-1")
    with monkeypatch.context() as patch:
        patch.setattr(projection, "RULES", {"notice_released": projection.RULES["notice_released"]})
        rules = dict(projection.RULES)
        patch.setattr(projection, "RULES", {})
        await exchange(hk, kr)
        assert await kr.rows(notices) == []
        patch.setattr(projection, "RULES", rules)
        await hk.release("hk-2")
        await exchange(hk, kr)
    assert await kr.rebuilt() == Rebuilt(notices=2, events=1)
    told = [(event.kind, event.notice) for event in await kr.read(read_events, EVERYTHING, 0, 10)]
    assert told == [
        (Event.ENVELOPE_UNSUPPORTED, ""),
        (Event.NOTICE_RECEIVED, "hk-2"),
        (Event.NOTICE_RECEIVED, "hk-1"),
    ]
    assert [row["id"] for row in await kr.rows(notices)] == ["hk-2", "hk-1"], "earlier sequences stay valid"
    assert await kr.rebuilt() == Rebuilt(notices=2, events=0), "once is enough"


async def test_logs_that_do_not_fit_are_not_rebuilt_from(filled: Opened):
    before = filled.backup()
    filled.execute("UPDATE channels SET size = size + 1 WHERE id = 1")
    with pytest.raises(Corrupt):
        rebuild(filled.database, NOW)
    after = filled.backup()
    assert all(after[table] == before[table] for table in metadata.sorted_tables if table.name != "channels")


async def test_a_database_that_refuses_keeps_what_it_has(filled: Opened):
    filled.execute("DROP TABLE requests", "DROP TABLE draft_events", "DROP TABLE framework_events", "DROP TABLE events")
    with pytest.raises(StoreError, match="are as they were"):
        rebuild(filled.database, NOW)
    assert len(await filled.rows(notices)) == 5
    assert len(await filled.rows(notice_identifiers)) == 2


async def test_no_node_may_run_meanwhile(filled: Opened):
    with pytest.raises(StoreError, match="another process uses"):
        Database(filled.url, filled.home)


async def test_a_reply_that_came_before_its_notice_was_back_is_taken_once_it_is(hk: Opened, kr: Opened):
    """Hong Kong's database is restored from a backup; Korea's reply to what it lost arrives first."""
    await hk.release("hk-1")
    await settle(hk, kr)
    earlier = hk.backup()
    await hk.release("hk-2")
    await settle(hk, kr)
    await kr.acknowledge("hk-2")
    await hk.restore(earlier)
    await exchange(kr, hk)
    assert [event.kind for event in await hk.read(read_events, EVERYTHING, 2, 10)] == [Event.ENVELOPE_UNSUPPORTED]
    await exchange(hk, kr)
    assert (await hk.read(read_notice, EVERYTHING, "hk-2")).record.state == Notice.ACKNOWLEDGED
    acknowledged = [
        event for event in await hk.read(read_events, EVERYTHING, 0, 20) if event.kind == Event.NOTICE_ACKNOWLEDGED
    ]
    assert [event.notice for event in acknowledged] == ["hk-2"]
    rows = [await hk.rows(table) for table in (notices, events)]
    assert await hk.rebuilt() == Rebuilt(notices=2, events=0)
    assert [await hk.rows(table) for table in (notices, events)] == rows
    assert hk.state(HK_TO_KR).halt is None
