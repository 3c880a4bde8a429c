"""Onward sharing at both nodes: rows, events, rebuilds, recoveries and destruction."""

import asyncio
from datetime import date
from functools import partial

import pytest
from google.type.date_pb2 import Date
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.values_pb2 import Handling

from gateway.store.changes import request_key
from gateway.store.destroying import NO_DIGEST
from gateway.store.event_queries import EventView, read_events
from gateway.store.tables import leaves, requests, sharing_acts
from gateway.store.transaction import Transaction
from gateway.supervision.disclosure import EVERYTHING, Scope
from gateway.supervision.projections import projection
from gateway.supervision.projections.sharing import NOT_COVERED
from gateway.supervision.sharing.names import consent_name, share_name
from tests.store.destruction import CANARY, NEXT_DAY, destroy, found, kept_until
from tests.store.exchanging import exchange, settle
from tests.store.stores import CLIENT, Opened
from tests.supervision.samples import handling
from tests.supervision.sharing_samples import FINMA

CONSENT, SHARE = "c0000001", "s0000001"
ACTS = (Event.SHARING_REQUESTED, Event.SHARING_DECIDED, Event.CONTENT_SHARED)


@pytest.fixture
async def pair(hk: Opened, kr: Opened) -> tuple[Opened, Opened]:
    """A notice of Hong Kong that Korea may pass on with consent."""
    await hk.release("hk-1")
    await settle(hk, kr)
    return hk, kr


async def acts(store: Opened) -> list[dict]:
    """The rows of both nodes, without what each numbers for itself."""
    return [{**row, "cursor": 0, "channel": 0} for row in await store.rows(sharing_acts)]


async def told(store: Opened, scope: Scope = EVERYTHING) -> list[EventView]:
    return [each for each in await store.read(read_events, scope, 0, 1000) if each.kind in ACTS]


async def agree(hk: Opened, kr: Opened) -> None:
    """A request, a grant, a share, a revocation."""
    await kr.ask_consent("hk-1", CONSENT)
    await settle(kr, hk)
    await hk.decide("hk-1", CONSENT, valid_until=20260131)
    await settle(hk, kr)
    await kr.share("hk-1", SHARE)
    await settle(kr, hk)
    await hk.decide("hk-1", CONSENT, 2, granted=False)
    await settle(hk, kr)


async def test_both_nodes_know_the_same(pair):
    hk, kr = pair
    await agree(hk, kr)
    mine = await acts(hk)
    assert mine == await acts(kr)
    assert [(row["kind"], row["decision"], row["is_granted"], row["is_covered"]) for row in mine] == [
        (Event.SHARING_REQUESTED, 0, False, False),
        (Event.SHARING_DECIDED, 1, True, False),
        (Event.CONTENT_SHARED, 1, False, True),
        (Event.SHARING_DECIDED, 2, False, False),
    ]
    assert [row["valid_until"] for row in mine] == [0, 20260131, 0, 0]


async def test_each_act_is_told_with_what_it_is_about(pair):
    await agree(*pair)
    for store in pair:
        assert [(each.kind, each.notice, each.consent, each.share, each.detail) for each in await told(store)] == [
            (Event.SHARING_REQUESTED, "hk-1", CONSENT, "", ""),
            (Event.SHARING_DECIDED, "hk-1", CONSENT, "", "granted"),
            (Event.CONTENT_SHARED, "hk-1", CONSENT, SHARE, ""),
            (Event.SHARING_DECIDED, "hk-1", CONSENT, "", "revoked"),
        ]


async def test_who_may_not_see_the_notice_is_told_of_none(pair):
    await agree(*pair)
    assert [await told(store, Scope(Handling.GREEN)) for store in pair] == [[], []]


async def test_what_a_peer_shares_without_cover_is_kept_and_told_as_that(pair):
    hk, kr = pair
    await kr.ask_consent("hk-1", CONSENT)
    await settle(kr, hk)
    await hk.decide("hk-1", CONSENT)
    await settle(hk, kr)
    await kr.share("hk-1", SHARE, recipients=[FINMA])
    await settle(kr, hk)
    for store in pair:
        last = (await told(store))[-1]
        assert (last.kind, last.detail) == (Event.CONTENT_SHARED, NOT_COVERED)
        assert (await acts(store))[-1]["is_covered"] is False


async def test_a_rebuild_gives_the_same(pair):
    await agree(*pair)
    for store in pair:
        before = store.backup()
        await store.rebuilt()
        assert store.backup() == before


async def test_what_an_earlier_version_did_not_know_is_taken_by_a_rebuild(pair, monkeypatch):
    hk, kr = pair
    await kr.ask_consent("hk-1", CONSENT)
    known = {member: rule for member, rule in projection.RULES.items() if "shar" not in str(member)}
    with monkeypatch.context() as earlier:
        earlier.setattr(projection, "RULES", known)
        await settle(kr, hk)
    assert await acts(hk) == []
    hk.damaged = True  # as long as it is not rebuilt
    assert (await hk.rebuilt()).events == 1
    assert await acts(hk) == await acts(kr)
    assert [each.consent for each in await told(hk)] == [CONSENT]
    hk.damaged = False
    await hk.decide("hk-1", CONSENT)
    await settle(hk, kr)


async def test_damaged_rows_are_found_and_come_back(pair):
    hk, _ = pair
    await agree(*pair)
    before = hk.backup()
    hk.execute("UPDATE sharing_acts SET is_covered = NOT is_covered", "DELETE FROM sharing_acts WHERE decision = 2")
    findings = {each.where.split()[0] for each in hk.verify().findings}
    assert "sharing_acts" in findings
    await hk.rebuilt()
    assert hk.backup() == before
    hk.damaged = False


@pytest.mark.parametrize("column", ["kind", "decision", "valid_until"])
async def test_every_column_is_verified(pair, column):
    hk, _ = pair
    await agree(*pair)
    hk.execute(f"UPDATE sharing_acts SET {column} = 7 WHERE is_granted")
    assert [each.what for each in hk.verify().findings if f"has {column} 7" in each.what]


async def test_handling_is_verified_and_rebuilt(pair):
    hk, _ = pair
    before = hk.backup()
    hk.execute("UPDATE notices SET onward_sharing = 1, permitted_uses = 62")
    assert len(hk.verify().findings) == 2
    await hk.rebuilt()
    assert hk.backup() == before
    hk.damaged = False


async def test_units_of_one_commit_see_each_others_acts(pair):
    hk, kr = pair
    await kr.ask_consent("hk-1", CONSENT)
    await settle(kr, hk)
    await asyncio.gather(hk.decide("hk-1", CONSENT, 1), hk.decide("hk-1", CONSENT, 2, granted=False))
    await settle(hk, kr)
    assert [row["decision"] for row in await acts(kr)] == [0, 1, 2]


@pytest.mark.parametrize("lost", ["hk", "kr"])
async def test_a_node_restored_from_a_backup_has_all_of_it_back(hk: Opened, kr: Opened, lost):
    empty = {"hk": hk, "kr": kr}[lost].backup()
    await hk.release("hk-1")
    await settle(hk, kr)
    await agree(hk, kr)
    before = [await acts(store) for store in (hk, kr)]
    victim, other = (hk, kr) if lost == "hk" else (kr, hk)
    await victim.restore(empty)
    for _ in range(3):
        await exchange(other, victim)
        await exchange(victim, other)
    await victim.rebuilt()
    assert [sorted(map(str, await acts(store))) for store in (hk, kr)] == [sorted(map(str, each)) for each in before]


async def test_replies_that_came_back_first_are_taken_once_the_channel_is_open_again(hk: Opened, kr: Opened):
    """No rebuild is needed where the peer's channel came back before the own one."""
    empty = hk.backup()
    await hk.release("hk-1")
    await settle(hk, kr)
    await agree(hk, kr)
    await hk.restore(empty)
    await exchange(kr, hk)  # requests and shares of a notice that is not here yet
    assert await acts(hk) == []
    await exchange(hk, kr, drop_after=2)
    await settle(hk, kr)
    assert sorted(map(str, await acts(hk))) == sorted(map(str, await acts(kr)))


# --- destruction --------------------------------------------------------------------------------------------------


async def told_words(hk: Opened, kr: Opened) -> None:
    kept = kept_until()
    day = Date(year=2026, month=3, day=31)
    await hk.release("hk-1", **kept | {"handling": handling(retain_until=day)})
    await settle(hk, kr)
    await kr.ask_consent("hk-1", CONSENT, purpose=CANARY)
    await settle(kr, hk)
    await hk.decide("hk-1", CONSENT, reason=CANARY, conditions=CANARY)
    await settle(hk, kr)
    await kr.share("hk-1", SHARE)
    await settle(kr, hk)


async def test_the_words_go_with_the_content_and_who_has_it_stays_known(hk: Opened, kr: Opened):
    await told_words(hk, kr)
    before = [await acts(store) for store in (hk, kr)]
    assert all(found(store) for store in (hk, kr))
    await destroy(hk, kr)
    assert [found(store) for store in (hk, kr)] == [[], []]
    assert [await acts(store) for store in (hk, kr)] == before
    for store in (hk, kr):
        await store.rebuilt()
        assert [await acts(each) for each in (hk, kr)] == before


@pytest.mark.parametrize("lost", ["hk", "kr"])
async def test_a_node_that_lost_it_all_has_back_what_is_left(hk: Opened, kr: Opened, lost):
    victim, other = (hk, kr) if lost == "hk" else (kr, hk)
    empty = victim.backup()
    await told_words(hk, kr)
    await destroy(hk, kr)
    before = await acts(victim)
    await victim.restore(empty)
    for _ in range(3):
        await exchange(other, victim)
        await exchange(victim, other)
    await victim.rebuilt()
    assert sorted(map(str, await acts(victim))) == sorted(map(str, before))
    assert found(victim) == []


async def test_words_that_come_after_the_destruction_are_destroyed_too(hk: Opened, kr: Opened):
    await told_words(hk, kr)
    await hk.destroy(NEXT_DAY)
    await hk.decide("hk-1", CONSENT, 2, granted=False, reason=CANARY)
    await settle(hk, kr)
    assert found(hk)
    await destroy(hk, kr, day=date(2026, 4, 2))
    assert [found(store) for store in (hk, kr)] == [[], []]


async def test_digests_of_what_was_asked_go_too(hk: Opened, kr: Opened):
    await told_words(hk, kr)
    names = [consent_name("hk-1", CONSENT), share_name("hk-1", SHARE), "notices/hk-10/consents/c0000001"]
    for place, name in enumerate(names):
        remember = partial(_remember, str(place), name)
        await kr.committer.submit(remember)
    await destroy(hk, kr)
    kept = {row["key"]: row["digest"] for row in await kr.rows(requests)}
    assert [kept[request_key(CLIENT, each)] for each in "012"] == [NO_DIGEST, NO_DIGEST, b"d" * 32]
    kr.damaged = True  # the last one names nothing that is here


async def test_many_words_are_certified_in_more_than_one_certificate(hk: Opened, kr: Opened):
    day = Date(year=2026, month=3, day=31)
    await hk.release("hk-1", handling=handling(retain_until=day))
    await settle(hk, kr)
    ids = [f"c{each:07}" for each in range(20)]
    await asyncio.gather(*(kr.ask_consent("hk-1", each) for each in ids))
    await settle(kr, hk)
    await asyncio.gather(*(hk.decide("hk-1", each, number) for each in ids for number in range(1, 15)))
    await settle(hk, kr)
    await destroy(hk, kr)
    gone = [row for row in await hk.rows(leaves) if row["destroyed"]]
    assert len(gone) == 1 + 20 + 20 * 14


def _remember(key: str, name: str, tx: Transaction) -> None:
    tx.remember_request(CLIENT, key, b"d" * 32, name)
