"""What a scope leaves of the store: as if the rest were not there."""

import pytest
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_pb2 import Reference
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import SECTOR_CUSTODY, SECTOR_DEALING, Handling

from gateway.errors import NotFound
from gateway.store.event_queries import read_events
from gateway.store.notice_queries import NoticeFilter, list_notices, read_notice
from gateway.store.proofs import read_inclusion
from gateway.supervision.disclosure import EVERYTHING, Scope
from tests.store.exchanging import settle
from tests.store.stores import Opened, refused
from tests.supervision.samples import HK_TO_KR, KR_TO_HK, handling, reference

AMBER = Scope(Handling.AMBER)
CUSTODY = Scope(Handling.RED, frozenset({SECTOR_CUSTODY}))
RED = {"handling": handling(tlp=Handling.RED)}


async def seen(store: Opened, scope: Scope, limit: int = 100, before: int | None = None) -> list[str]:
    views, _ = await store.read(list_notices, scope, NoticeFilter(), before, limit, 1 << 20)
    return [view.record.id for view in views]


@pytest.fixture
async def filled(hk: Opened, kr: Opened) -> Opened:
    """Hong Kong's store: red notices between amber ones, and one for custody alone."""
    for number in range(1, 9):
        await hk.release(f"hk-{number}", **(RED if number % 4 else {}), sectors=[SECTOR_DEALING])
    await hk.release("hk-9", sectors=[SECTOR_CUSTODY])
    await settle(hk, kr)
    await kr.acknowledge("hk-1")
    await kr.acknowledge("hk-4")
    await hk.release("hk-10", **RED, references=[reference(Reference.WITHDRAWS, "hk-8")])
    await hk.release("hk-11", **RED, references=[reference(Reference.SUPERSEDES, "hk-4")])
    await settle(kr, hk)
    return hk


async def test_a_page_is_full_whatever_is_hidden_between(filled: Opened):
    assert await seen(filled, AMBER) == ["hk-9", "hk-8", "hk-4"]
    assert await seen(filled, AMBER, limit=2) == ["hk-9", "hk-8"]
    assert await seen(filled, CUSTODY) == ["hk-9"]
    assert len(await seen(filled, EVERYTHING)) == 11


async def test_a_notice_that_is_not_seen_is_not_there(filled: Opened):
    for scope, hidden in ((AMBER, "hk-1"), (CUSTODY, "hk-4")):
        assert await filled.read(read_notice, scope, hidden) is None
        assert await filled.read(read_notice, EVERYTHING, hidden) is not None


async def test_events_are_those_of_what_is_seen(filled: Opened):
    for scope in (AMBER, CUSTODY):
        names = set(await seen(filled, scope))
        told = await filled.read(read_events, scope, 0, 100)
        everything = await filled.read(read_events, EVERYTHING, 0, 100)
        places = [(each.cursor, each.kind) for each in told]
        assert places == [(each.cursor, each.kind) for each in everything if each.notice in names]
        assert await filled.read(read_events, scope, 0, 3) == told[:3]


async def test_events_of_no_notice_are_told_to_all(filled: Opened):
    await filled.committer.submit(lambda tx: tx.tell(HK_TO_KR, Event.PEER_ROLLED_BACK, "it was"))
    told = await filled.read(read_events, CUSTODY, 0, 100)
    assert told[-1].kind == Event.PEER_ROLLED_BACK


async def test_an_envelope_that_cannot_be_used_is_told_to_who_may_see_everything(filled: Opened, kr: Opened):
    await kr.acknowledge("hk-2")
    filled.execute("DELETE FROM notice_identifiers", "DELETE FROM notices WHERE id = 'hk-2'")
    await settle(kr, filled)
    for scope, told in ((EVERYTHING, True), (Scope(Handling.AMBER_STRICT), False), (CUSTODY, False)):
        kinds = [each.kind for each in await filled.read(read_events, scope, 0, 100)]
        assert (Event.ENVELOPE_UNSUPPORTED in kinds) == told


async def test_what_a_hidden_notice_did_is_seen_and_its_name_is_not(filled: Opened):
    withdrawn, superseded = [await filled.read(read_notice, AMBER, each) for each in ("hk-8", "hk-4")]
    assert (withdrawn.record.state, withdrawn.record.withdrawn_by) == (Notice.WITHDRAWN, "")
    assert (withdrawn.record.withdrawn_at, withdrawn.withdrawn) == (None, b"")
    assert (superseded.record.state, superseded.record.superseded_by) == (Notice.SUPERSEDED, "")
    whole = await filled.read(read_notice, EVERYTHING, "hk-8")
    assert (whole.record.withdrawn_by, b"notices/hk-10" in whole.withdrawn) == ("hk-10", True)
    kinds = (Event.NOTICE_WITHDRAWN, Event.NOTICE_SUPERSEDED)
    details = [
        [each.detail for each in await filled.read(read_events, scope, 0, 100) if each.kind in kinds]
        for scope in (AMBER, EVERYTHING)
    ]
    assert details == [["", ""], ["by notices/hk-10", "by notices/hk-11"]]


async def test_an_envelope_that_is_not_seen_has_no_proof(filled: Opened):
    names = {"hk-4": 3, "hk-8": 7}
    for index in range(11):
        if index in names.values() or index == 8:
            assert (await filled.read(read_inclusion, AMBER, HK_TO_KR, index)).envelope
            continue
        error = await refused(filled.read(read_inclusion, AMBER, HK_TO_KR, index))
        assert isinstance(error, NotFound)
        assert error.message == f"the log has no envelope {index}"
    assert (await refused(filled.read(read_inclusion, AMBER, HK_TO_KR, 99))).message == "the log has no envelope 99"
    assert isinstance(await refused(filled.read(read_inclusion, AMBER, KR_TO_HK, 0)), NotFound)
    assert (await filled.read(read_inclusion, AMBER, KR_TO_HK, 1)).envelope
