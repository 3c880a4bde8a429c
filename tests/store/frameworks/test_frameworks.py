"""Frameworks and assessments in the store: both ends come to the same, and a rebuild too."""

import asyncio
from contextlib import ExitStack
from datetime import date

import pytest
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.framework_pb2 import Provision
from regulator.exchange.v1.framework_service_pb2 import ListAssessmentsRequest, ListProvisionsRequest
from regulator.exchange.v1.values_pb2 import SECTOR_CUSTODY, SECTOR_STABLECOIN_ISSUER

from gateway.store.event_queries import EventFilter, read_events
from gateway.store.frameworks.newest import Wanted, read_newest
from gateway.store.frameworks.queries import (
    list_assessments,
    read_assessment,
    read_assessments_between,
    read_provisions,
    read_published,
    read_version,
)
from gateway.store.recovery.rebuild import Rebuilt
from gateway.store.tables import (
    assessments,
    framework_events,
    framework_versions,
    provisions,
    told_days,
)
from gateway.supervision.disclosure import EVERYTHING
from gateway.supervision.frameworks.selection import selected
from gateway.supervision.projections import projection
from tests.store.exchanging import exchange, settle
from tests.store.stores import HK_TO_KR, Opened, each_statement
from tests.supervision.framework_samples import assessment, day, pair, provision, real, version

RULES = (framework_versions, provisions, assessments)


@pytest.fixture
async def filled(hk: Opened, kr: Opened) -> Opened:
    """Korea's store: versions and assessments of both sides, all receipted but the last."""
    await hk.publish("hk-x", 1, version(provision("a"), provision("b", effective_from=day("2026-01-02"))))
    await hk.publish("hk-y", 1, version())
    await kr.publish("kr-x", 1, version(provision("b"), jurisdiction="KR"))
    await settle(hk, kr)
    await kr.release("kr-1", issuing_authority="FSC")
    await hk.publish("hk-x", 2, version(provision("b", effective_from=day("2026-01-03")), provision("c")))
    await hk.assess("hk-1", assessment())
    await kr.assess("kr-1", assessment(pair=pair()))
    await hk.assess("hk-2", assessment(supersedes="assessments/hk-1"))
    await settle(kr, hk)
    await kr.publish("kr-x", 2, version(provision("z"), jurisdiction="KR"))
    return kr


async def test_both_ends_know_the_same_but_for_the_direction_and_their_cursors(hk: Opened, kr: Opened, filled: Opened):
    await settle(hk, kr)
    for table, key in ((framework_versions, ("framework", "version")), (assessments, ("id",))):
        told = []
        for store in (hk, kr):
            rows = await store.rows(table)
            ends = [(row.pop("cursor"), row.pop("direction"), row.pop("channel")) for row in rows]
            assert len(ends) == len(rows)
            told.append(sorted(rows, key=lambda row: [row[name] for name in key]))
        assert told[0] == told[1]
        assert all(row["receipt_time"] for row in told[0])


async def test_a_later_assessment_takes_the_place_of_an_earlier_one(filled: Opened):
    view = await filled.read(read_assessment, "hk-1")
    assert (view.record.superseded_by, view.assessed.framework_assessed.assessment) == ("hk-2", "assessments/hk-1")
    assert (await filled.read(read_assessment, "hk-9")) is None
    assert [each.record.id for each in await filled.read(read_assessments_between, "HK", "KR")] == [
        each.record.id for each in reversed((await filled.read(list_assessments, every(), None, 10, 1 << 20))[0])
    ]


def every(**wanted) -> ListAssessmentsRequest:
    return ListAssessmentsRequest(show_superseded=True, **wanted)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (every(), {"hk-1", "hk-2", "kr-1"}),
        (ListAssessmentsRequest(), {"hk-2", "kr-1"}),
        (every(assessor="KR"), {"kr-1"}),
        (every(sector=SECTOR_STABLECOIN_ISSUER, topic="reserve_assets"), {"hk-1", "hk-2"}),
        (every(sector=SECTOR_CUSTODY), set()),
        (every(provision="frameworks/hk-x/provisions/a"), {"kr-1"}),
        (every(provision="frameworks/kr-x/provisions/b"), {"kr-1"}),
    ],
)
async def test_assessments_are_listed_newest_first(filled: Opened, wanted, found):
    views, _ = await filled.read(list_assessments, wanted, None, 10, 1 << 20)
    assert {each.record.id for each in views} == found
    assert [each.cursor for each in views] == sorted((each.cursor for each in views), reverse=True)
    if views:
        rest, _ = await filled.read(list_assessments, wanted, views[0].cursor, 10, 1 << 20)
        assert rest == views[1:]
        for limit, max_bytes in ((1, 1 << 20), (10, 0), (10, len(views[0].assessed.SerializeToString()) + 1)):
            page = await filled.read(list_assessments, wanted, None, limit, max_bytes)
            assert page == (views[:1], len(views) > 1)


async def test_a_version_is_read_as_it_was_sealed(filled: Opened):
    (view,) = await filled.read(read_version, "hk-x", 2)
    act = (await filled.read(read_published, view.record)).framework_version_published
    read = await filled.read(read_provisions, view.cursor, -1, 10, ListProvisionsRequest())
    assert [each for _, each in read] == list(act.content.provisions)
    assert [ordinal for ordinal, _ in read] == [0, 1]
    assert {each.record.framework_id for each in await filled.read(read_newest, Wanted(jurisdiction="HK"), "", 10)} == {
        "hk-x",
        "hk-y",
    }


async def test_filters_and_pages_agree_with_the_plain_rule(hk: Opened):
    content = real("HK").content
    await hk.publish("hk-x", 1, content)
    (view,) = await hk.read(read_version, "hk-x", 1)
    filters = [
        ListProvisionsRequest(),
        ListProvisionsRequest(sector=SECTOR_STABLECOIN_ISSUER),
        ListProvisionsRequest(topic="redemption"),
        ListProvisionsRequest(status=Provision.CONSULTATION),
        ListProvisionsRequest(text="STABLECOIN"),
        ListProvisionsRequest(as_of=day("2024-01-01")),
        ListProvisionsRequest(as_of=day("2026-01-31"), text="licen", sector=SECTOR_STABLECOIN_ISSUER),
    ]
    for wanted in filters:
        found, after = [], -1
        while page := await hk.read(read_provisions, view.cursor, after, 3, wanted):
            found += [each for _, each in page]
            after = page[-1][0]
        assert found == selected(content.provisions, wanted)


# --- rebuild and damage ------------------------------------------------------------------------------------------


async def test_rebuilding_changes_nothing(filled: Opened):
    await filled.tell_days(date(2026, 1, 1))
    await filled.tell_days(date(2026, 1, 5))
    before = filled.backup()
    assert await filled.rebuilt() == Rebuilt(notices=1, events=0)
    assert filled.backup() == before


async def test_damaged_tables_come_back_as_they_were(filled: Opened):
    before = filled.backup()
    for statements in (
        ["DELETE FROM provisions", "DELETE FROM framework_versions", "DELETE FROM assessments"],
        ["UPDATE framework_versions SET receipt_time = NULL, base_version = 7"],
        ["UPDATE assessments SET superseded_by = '', outcome = 4"],
        ["UPDATE provisions SET topic = 'audit'"],
    ):
        filled.execute(*statements)
        assert filled.verify().findings
        await filled.rebuilt()
        assert filled.backup() == before
    filled.damaged = False


async def test_a_version_that_an_older_node_could_not_use_is_told_by_the_rebuild(hk: Opened, kr: Opened, monkeypatch):
    with monkeypatch.context() as patch:
        rules = {name: rule for name, rule in projection.RULES.items() if not str(name).startswith("framework")}
        await hk.publish("hk-x", 1, version(provision("a")))
        await hk.assess("hk-1", assessment())
        patch.setattr(projection, "RULES", rules)
        await exchange(hk, kr)
    assert await kr.rows(framework_versions) == []
    assert await kr.rebuilt() == Rebuilt(notices=0, events=2)
    kinds = [each.kind for each in await kr.read(read_events, EVERYTHING, 0, 10)]
    assert kinds == [Event.ENVELOPE_UNSUPPORTED] * 2 + [Event.FRAMEWORK_VERSION_RECEIVED, Event.FRAMEWORK_ASSESSED]
    assert [row["cursor"] for row in await kr.rows(framework_versions)] == [3]
    assert [row["cursor"] for row in await kr.rows(framework_events)] == [3, 4]
    assert len(await kr.rows(provisions)) == 1
    (row,) = await kr.rows(assessments)
    assert row["receipt_time"] is not None


async def test_what_was_lost_comes_back_from_the_peer(hk: Opened, kr: Opened):
    empty = hk.backup()
    await hk.publish("hk-x", 1, version(provision("a")))
    await hk.assess("hk-1", assessment())
    await settle(hk, kr)
    rows = [await hk.rows(table) for table in RULES]
    await hk.restore(empty)
    await exchange(hk, kr)
    await exchange(hk, kr)
    assert hk.state(HK_TO_KR).halt is None
    found = [await hk.rows(table) for table in RULES]
    for each in (*rows[0], *rows[1], *rows[2], *found[0], *found[1], *found[2]):
        each.pop("cursor")  # other events came before: that the channel halted, and was recovered
    assert found == rows


# --- units of one transaction --------------------------------------------------------------------------------------


async def test_units_see_what_those_before_them_are_going_to_write(hk: Opened):
    async def publish(number: int):
        return await hk.publish("hk-x", number, version(provision("a"), provision(f"p{number}")))

    await publish(1)
    seen = []

    def unit(tx):
        seen.append(
            (
                tx.frameworks.newest("hk-x").version,
                tx.frameworks.newest_in(HK_TO_KR, "hk-x").version,
                tx.frameworks.has_provision("hk-x", "p2"),
                tx.frameworks.has_provision("hk-x", "p1"),
                tx.frameworks.recipients(tx.frameworks.newest("hk-x")),
            )
        )

    await hk.committer.submit(unit)
    await asyncio.gather(publish(2), hk.committer.submit(unit))
    await hk.committer.submit(unit)
    assert seen[0] == (1, 1, False, True, {"KR"})
    assert seen[1] == seen[2] == (2, 2, True, False, {"KR"})


# --- days -----------------------------------------------------------------------------------------------------------


async def told(store: Opened) -> list[tuple[str, str, int]]:
    events = await store.read(read_events, EVERYTHING, 0, 1000, EventFilter(kinds=(Event.PROVISION_IN_FORCE,)))
    return [(each.provision, each.detail, each.version) for each in events]


async def test_what_comes_into_force_is_told_on_its_day_and_once(filled: Opened):
    await filled.tell_days(date(2026, 1, 1))
    assert await told(filled) == [], "nothing is told of the past"
    await filled.tell_days(date(2026, 1, 2))
    assert await told(filled) == [], "the newest version says another day"
    for _ in range(2):
        await filled.tell_days(date(2026, 1, 3))
        assert await told(filled) == [("b", "from 2026-01-03", 2)]
    await filled.restart()
    await filled.tell_days(date(2026, 2, 1))
    await filled.tell_days(date(2026, 1, 15))
    assert await told(filled) == [("b", "from 2026-01-03", 2)]
    assert await filled.rows(told_days) == [{"until": 20260201}]


async def test_days_that_passed_meanwhile_are_told_in_their_order(hk: Opened):
    starts = [("late", "2026-01-20"), ("early", "2026-01-05"), ("never", "2026-03-01"), ("before", "2026-01-01")]
    content = version(*(provision(name, effective_from=day(start)) for name, start in starts))
    content.provisions.append(provision("proposed", status=Provision.PROPOSED, effective_from=day("2026-01-05")))
    await hk.publish("hk-x", 1, content)
    await hk.tell_days(date(2026, 1, 1))
    await hk.tell_days(date(2026, 2, 1))
    assert [name for name, _, _ in await told(hk)] == ["early", "late"]


# --- events ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (EventFilter(jurisdiction="KR"), 3),
        (EventFilter(jurisdiction="HK"), 5),
        (EventFilter(topic="reserve_assets"), 6),
        (EventFilter(topic="reserve"), 0),
        (EventFilter(topic="reserve_asset_"), 0),
        (EventFilter(sector=SECTOR_STABLECOIN_ISSUER), 6),
        (EventFilter(sector=SECTOR_CUSTODY), 0),
        (EventFilter(kinds=(Event.FRAMEWORK_ASSESSED,)), 3),
        (EventFilter(kinds=(Event.NOTICE_RELEASED,)), 1),
        (EventFilter(kinds=(Event.NOTICE_RELEASED,), jurisdiction="KR"), 0),
    ],
)
async def test_events_are_found_by_what_they_are_about(filled: Opened, wanted, count):
    assert len(await filled.read(read_events, EVERYTHING, 0, 100, wanted)) == count


async def test_an_event_of_a_version_says_which(filled: Opened):
    event = (await filled.read(read_events, EVERYTHING, 0, 100, EventFilter(jurisdiction="HK")))[0]
    assert (event.framework, event.version, event.notice) == ("hk-x", 1, "")
    assert (event.sectors, event.topics) == ((SECTOR_STABLECOIN_ISSUER,), ("reserve_assets",))


# --- the path of notices --------------------------------------------------------------------------------------------


async def test_notices_alone_take_no_statement_about_frameworks(hk: Opened, kr: Opened):
    statements: list[str] = []

    with ExitStack() as stack:
        for store in (hk, kr):
            stack.enter_context(each_statement(store.committer._session._connection, statements.append))
        await hk.release("hk-1", "hk-2")
        await settle(hk, kr)
    assert any("notices" in each for each in statements)
    assert [each for each in statements if "framework" in each or "assessments" in each or "told_days" in each] == []
