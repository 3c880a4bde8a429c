"""What back offices ask of the store about notices."""

from dataclasses import replace

import pytest
from regulator.exchange.v1.notice_pb2 import Incident, Reference
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import (
    SECTOR_CUSTODY,
    SECTOR_EXCHANGE,
    SECTOR_STABLECOIN_ISSUER,
    Entity,
)

from gateway.store.notice_queries import NoticeFilter, NoticeView, list_notices, read_notice
from gateway.supervision.disclosure import EVERYTHING
from tests.store.exchanging import settle
from tests.store.stores import NOW, Opened
from tests.supervision.samples import reference

ALL = NoticeFilter()


async def page(
    store: Opened, wanted: NoticeFilter = ALL, before: int | None = None, limit: int = 100, max_bytes: int = 1 << 20
) -> tuple[list[NoticeView], bool]:
    return await store.read(list_notices, EVERYTHING, wanted, before, limit, max_bytes)


async def listed(store: Opened, wanted: NoticeFilter = ALL, before: int | None = None) -> list[str]:
    return [view.record.id for view in (await page(store, wanted, before))[0]]


@pytest.fixture
async def filled(hk: Opened, kr: Opened) -> Opened:
    """Hong Kong's store with notices both ways, of each kind of difference that a list can ask for."""
    await hk.release("hk-1", sectors=[SECTOR_EXCHANGE, SECTOR_CUSTODY])
    await hk.release("hk-2", issuing_authority="HKMA", sectors=[SECTOR_STABLECOIN_ISSUER])
    await hk.release("hk-3", incident=Incident(type=Incident.OUTAGE))
    await hk.release(
        "hk-4", subjects=[Entity(name="Firm", licence_number="bcd-7"), Entity(name="F", licence_number="x")]
    )
    await kr.release("kr-1", issuing_authority="FSC")
    await settle(hk, kr)
    await kr.acknowledge("hk-1")
    await hk.release("hk-5", references=[reference(Reference.SUPERSEDES, "hk-2")])
    await hk.withdraw("hk-3")
    await settle(kr, hk)
    return hk


async def test_a_notice_comes_with_the_envelopes_that_made_it_what_it_is(filled: Opened):
    view = await filled.read(read_notice, EVERYTHING, "hk-1")
    assert view.record.state == Notice.ACKNOWLEDGED
    assert b"Cap. 656" in view.released
    assert b"F-1" in view.acknowledged
    assert view.withdrawn == b""
    withdrawn = await filled.read(read_notice, EVERYTHING, "hk-3")
    assert b"It was wrong." in withdrawn.withdrawn
    assert await filled.read(read_notice, EVERYTHING, "hk-9") is None


async def test_what_is_read_at_once_is_what_a_thread_reads(filled: Opened):
    for wanted in ("hk-1", "hk-2", "hk-9"):
        at_once = await filled.readers.at_once(read_notice, EVERYTHING, wanted)
        assert at_once == await filled.readers.run(read_notice, EVERYTHING, wanted)


async def test_what_is_read_at_once_is_what_was_committed_last(filled: Opened):
    assert await filled.readers.at_once(read_notice, EVERYTHING, "hk-10") is None
    await filled.release("hk-10")
    assert await filled.readers.at_once(read_notice, EVERYTHING, "hk-10") is not None


async def test_a_list_is_newest_first(filled: Opened):
    assert await listed(filled) == ["hk-5", "kr-1", "hk-4", "hk-3", "hk-2", "hk-1"]


FILTERS = [
    ({"direction": Notice.INCOMING}, ["kr-1"]),
    ({"direction": Notice.OUTGOING}, ["hk-5", "hk-4", "hk-3", "hk-2", "hk-1"]),
    ({"kind": Notice.INCIDENT}, ["hk-3"]),
    ({"state": Notice.ACKNOWLEDGED}, ["hk-1"]),
    ({"state": Notice.SUPERSEDED}, ["hk-2"]),
    ({"state": Notice.WITHDRAWN}, ["hk-3"]),
    ({"issuing_authority": "HKMA"}, ["hk-2"]),
    ({"sector": SECTOR_CUSTODY}, ["hk-1"]),
    ({"sector": SECTOR_STABLECOIN_ISSUER}, ["hk-2"]),
    ({"identifier": " BCD-7 "}, ["hk-4"]),
    ({"identifier": "bcd-7"}, ["hk-4"]),
    ({"identifier": "bcd-8"}, []),
    ({"peer": "KR"}, ["hk-5", "kr-1", "hk-4", "hk-3", "hk-2", "hk-1"]),
    ({"peer": "SG"}, []),
    ({"peer": "HK"}, []),  # the own jurisdiction is on no other side
    ({"peer": "HK", "state": Notice.RECEIVED}, []),
    ({"direction": Notice.OUTGOING, "sector": SECTOR_EXCHANGE, "state": Notice.DELIVERED}, ["hk-5", "hk-4"]),
]


async def test_each_filter_gives_what_it_asks_for_and_no_more(filled: Opened):
    for wanted, expected in FILTERS:
        assert await listed(filled, replace(ALL, **wanted)) == expected, wanted


async def test_a_range_of_time_has_its_first_moment_and_not_its_last(filled: Opened):
    times = {view.record.id: view.record.released_at for view in (await page(filled))[0]}
    span = NoticeFilter(released_from=times["hk-2"], released_before=times["hk-4"])
    assert set(await listed(filled, span)) == {
        name for name, time in times.items() if times["hk-2"] <= time < times["hk-4"]
    }
    assert await listed(filled, NoticeFilter(released_before=NOW)) == []
    assert len(await listed(filled, NoticeFilter(released_from=0))) == 6


async def test_pages_miss_and_repeat_nothing_while_notices_come_in(filled: Opened):
    first, more = await page(filled, limit=3)
    assert more
    await filled.release("hk-6")
    second, more = await page(filled, before=first[-1].sequence, limit=3)
    assert not more
    assert [view.record.id for view in first + second] == ["hk-5", "kr-1", "hk-4", "hk-3", "hk-2", "hk-1"]
    assert await listed(filled, before=second[-1].sequence) == []


async def test_a_page_of_one_filter_follows_on_its_own(filled: Opened):
    outgoing = NoticeFilter(direction=Notice.OUTGOING)
    first, _ = await page(filled, outgoing, limit=2)
    assert await listed(filled, outgoing, first[-1].sequence) == ["hk-3", "hk-2", "hk-1"]


async def test_a_page_ends_before_so_many_bytes_of_all_its_envelopes_but_holds_one_notice(filled: Opened):
    whole, _ = await page(filled)
    sizes = [len(b"".join(envelopes_of(view))) for view in whole]
    for wanted in (ALL, NoticeFilter(peer="KR")):
        for held in range(1, len(whole)):
            for spare, expected in ((0, held), (-1, max(held - 1, 1)), (sizes[held] - 1, held)):
                found, more = await page(filled, wanted, max_bytes=sum(sizes[:held]) + spare)
                assert (found, more) == (whole[:expected], True)
        assert await page(filled, wanted, max_bytes=sum(sizes)) == (whole, False)
        assert await page(filled, wanted, max_bytes=0) == (whole[:1], True)
        assert await page(filled, wanted, whole[-2].sequence, max_bytes=0) == (whole[-1:], False)


def envelopes_of(view: NoticeView) -> tuple[bytes, ...]:
    return view.released, view.acknowledged, view.withdrawn, view.destroyed, view.peer_destroyed, view.attached


async def test_quotes_and_wildcards_are_text_like_any_other(filled: Opened):
    for hostile in ("' OR 1=1 --", "%", "bcd_7", '"', "\\"):
        assert await listed(filled, NoticeFilter(identifier=hostile)) == []
        assert await listed(filled, NoticeFilter(issuing_authority=hostile)) == []
        assert await filled.read(read_notice, EVERYTHING, hostile) is None
