"""A seal with a key in a token that is slow, or fails: what needs no signature does not wait, and no index is lost."""

import asyncio
import itertools
from dataclasses import replace

import pytest
from regulator.exchange.v1.event_service_pb2 import Event

from gateway.errors import SealUnavailable
from gateway.moments import MICROS
from gateway.store.database import snapshot
from gateway.store.event_queries import read_events
from gateway.store.reverify import verify_store
from gateway.store.tables import heads, leaves
from gateway.supervision.disclosure import EVERYTHING
from tests.store.exchanging import exchange, settle
from tests.store.journaling import called
from tests.store.stores import HK_TO_KR, NOW, Opened
from tests.store.tokens import LONG, with_token


async def test_what_reads_does_not_wait_for_a_signature_that_takes_long(hk: Opened):
    token = await with_token(hk)
    token.goes_on.clear()
    release = asyncio.create_task(hk.release("hk-1"))
    assert await asyncio.to_thread(token.begun.wait, LONG)
    assert await hk.rows(leaves) == []
    assert not release.done()
    token.goes_on.set()
    assert (await release)[0].place.index == 0


async def test_what_shares_the_commit_of_an_act_that_cannot_be_signed_is_done_all_the_same(hk: Opened):
    token = await with_token(hk)
    await hk.release("hk-1")
    token.is_there, asked = False, token.asked
    measured: list[bool] = []
    hk.committer.on_measured = lambda _weight, _seconds, is_durable: measured.append(is_durable)
    act, other = await asyncio.gather(
        hk.release("hk-2"),
        hk.committer.submit(lambda tx: tx.tell_node(Event.ALARM, "told all the same")),
        return_exceptions=True,
    )
    assert isinstance(act, SealUnavailable)
    assert other is None
    assert measured == [True], "a node that can write is not told of as one that cannot"
    assert [each.detail for each in await hk.read(read_events, EVERYTHING, 0, 100)][-1] == "told all the same"
    for number in range(5):
        with pytest.raises(SealUnavailable):
            await hk.release(f"hk-{number + 3}")
    assert token.asked == asked + 1, "a token that is known to be away is not waited for"


async def test_no_index_is_lost_or_given_twice_by_acts_that_could_not_be_signed(hk: Opened):
    token = await with_token(hk)
    await hk.release("hk-1")
    for _ in range(3):
        token.is_there = False
        for name in ("hk-2", "hk-3"):
            with pytest.raises(SealUnavailable):
                await hk.release(name, name + "b")
        token.is_there = True
        token.look()
    assert [each.place.index for each in await hk.release("hk-2", "hk-3")] == [1, 2]
    assert [row["index"] for row in await hk.rows(leaves) if row["channel"] != 0] == [0, 1, 2]
    assert [row["size"] for row in await hk.rows(heads) if row["channel"] != 0] == [1, 3]
    assert hk.failures == []


async def test_entries_that_the_token_did_not_sign_are_told_as_not_proven_and_only_where_there_is_one(hk: Opened):
    token = await with_token(hk)
    await called(hk.release("hk-1"))
    token.is_there = False
    hk.clock = itertools.count(NOW + 10 * MICROS, MICROS)
    for _ in range(3):
        await called(hk.committer.submit(lambda tx: tx.tell_node(Event.ALARM, "told all the same")))
    with_one = replace(hk.parties, own=replace(hk.parties.own, seal_in_token=True))
    with snapshot(hk.url, hk.home) as connection:
        report, without = verify_store(connection, with_one), verify_store(connection, hk.parties)
    assert (report.findings, report.journal.signed, report.journal.waiting) == ((), 1, 3)
    assert [each.what for each in without.findings] == ["is under no signed head"] * 3
    assert without.journal.waiting == 0
    token.is_there = True
    token.look()
    await called(hk.release("hk-2"))
    assert hk.verify().findings == ()


async def test_what_comes_while_the_token_is_away_is_kept_and_receipted_once_it_is_back(hk: Opened, kr: Opened):
    token = await with_token(kr)
    await hk.release("hk-1")
    token.is_there = False
    with pytest.raises(SealUnavailable):
        await exchange(hk, kr)
    assert (kr.state(HK_TO_KR).log.size, kr.state(HK_TO_KR).receipted_size) == (1, 0)
    assert hk.state().receipt is None
    token.is_there = True
    token.look()
    await settle(hk, kr)
    assert hk.state().receipted_size == 1
