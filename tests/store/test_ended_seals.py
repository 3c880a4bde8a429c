"""A seal whose certificates are not valid: what needs its signature is refused, and all else is done."""

import asyncio
import itertools
from collections.abc import Callable

import pytest
from regulator.exchange.v1.event_service_pb2 import Event

from gateway.errors import SealUnavailable
from gateway.identity.access.access import Caller
from gateway.moments import MICROS
from gateway.store.event_queries import read_events
from gateway.store.tables import JOURNAL, heads, leaves
from gateway.supervision.disclosure import EVERYTHING
from tests.store.exchanging import exchange, settle
from tests.store.journaling import called
from tests.store.stores import CERTIFIED, HK_TO_KR, NEXT, NEXT_CERTIFIED, Opened

BEGINS, ENDS = CERTIFIED["HK"].not_before, CERTIFIED["HK"].not_after
EARLY = (BEGINS - 1, "begin at 2025-11-30 23:55 UTC")
LATE = (ENDS + 1, "ended at 2030-11-30 ")
CALLER = Caller("spiffe://gateway.hk.example/HKMA/desk", "HKMA", frozenset())
ALL_THE_SAME = "told all the same"


def set_clock(store: Opened, seconds: int) -> None:
    store.clock = itertools.count(seconds * MICROS, 1)


def tell(store: Opened):
    return store.committer.submit(lambda tx: tx.tell_node(Event.ALARM, ALL_THE_SAME))


async def refused_by(act: Callable[[], object]) -> SealUnavailable:
    with pytest.raises(SealUnavailable) as raised:
        await act()
    return raised.value


@pytest.mark.parametrize(
    ("kind", "seconds", "said"),  # a server of PostgreSQL does not believe a clock that is years ahead
    [("sqlite", *EARLY), ("postgresql", *EARLY), ("sqlite", *LATE)],
)
async def test_an_act_is_refused_by_what_is_to_be_done_and_what_shares_its_commit_is_done(hk: Opened, seconds, said):
    set_clock(hk, seconds)
    measured: list[bool] = []
    hk.committer.on_measured = lambda _weight, _seconds, is_durable: measured.append(is_durable)
    acts = hk.release("hk-1"), tell(hk), hk.release("hk-2")
    first, other, last = await asyncio.gather(*acts, return_exceptions=True)
    assert other is None
    for error in (first, last):
        assert isinstance(error, SealUnavailable), error
        assert error.reason == "SEAL_UNAVAILABLE"
        assert said in error.message
        assert "nothing is sealed, or stored" in error.message
        assert "docs/certificates.md" in error.message
    assert measured == [True], "a node that can write is not told of as one that cannot"
    assert await hk.rows(leaves) == []
    assert [each.detail for each in await hk.read(read_events, EVERYTHING, 0, 100)] == [ALL_THE_SAME]


@pytest.mark.parametrize("kind", ["sqlite"])
async def test_what_was_refused_is_done_once_the_certificates_are_valid(hk: Opened):
    set_clock(hk, BEGINS - 1)
    await refused_by(lambda: hk.release("hk-1"))
    set_clock(hk, BEGINS)
    assert [each.place.index for each in await hk.release("hk-1")] == [0]
    set_clock(hk, ENDS)
    assert [each.place.index for each in await hk.release("hk-2")] == [1]
    set_clock(hk, ENDS + 1)
    await refused_by(lambda: hk.release("hk-3"))
    assert [row["size"] for row in await hk.rows(heads)] == [1, 2]


async def test_the_journal_tells_of_calls_meanwhile_and_is_signed_later(hk: Opened):
    set_clock(hk, BEGINS - 1)
    await called(tell(hk))
    assert [row["channel"] for row in await hk.rows(leaves)] == [JOURNAL]
    assert await hk.rows(heads) == []
    report = hk.verify()
    assert (report.findings, report.journal.signed, report.journal.waiting) == ((), 0, 1)
    set_clock(hk, BEGINS)
    await called(tell(hk))
    assert hk.verify().journal.waiting == 0
    assert [(row["channel"], row["size"]) for row in await hk.rows(heads)] == [(JOURNAL, 2)]


async def test_what_comes_meanwhile_is_kept_and_receipted_later(hk: Opened, kr: Opened):
    set_clock(hk, BEGINS)
    await hk.release("hk-1")
    set_clock(kr, BEGINS - 1)
    await refused_by(lambda: exchange(hk, kr))
    assert (kr.state(HK_TO_KR).log.size, kr.state(HK_TO_KR).receipted_size) == (1, 0)
    set_clock(kr, BEGINS)
    await settle(hk, kr)
    assert hk.state().receipted_size == 1
    assert hk.state().receipt.time == BEGINS


@pytest.mark.parametrize("kind", ["sqlite"])
async def test_entries_that_an_ended_seal_did_not_sign_are_told_as_not_proven(hk: Opened):
    set_clock(hk, ENDS)
    await called(tell(hk))
    for seconds in (ENDS + 1, ENDS + 2):
        set_clock(hk, seconds)
        await called(tell(hk))
    report = hk.verify()
    assert (report.findings, report.journal.signed, report.journal.waiting) == ((), 1, 2)


@pytest.mark.parametrize("kind", ["sqlite"])
async def test_a_seal_that_has_ended_does_not_sign_who_follows_it(hk: Opened):
    set_clock(hk, ENDS + 1)
    hk.keyring.add(NEXT_CERTIFIED["HK"], NEXT["HK"])
    await refused_by(lambda: hk.committer.submit(lambda tx: tx.rotate_seal(CALLER, NEXT_CERTIFIED["HK"])))
    assert hk.state().seals.sender.newest == CERTIFIED["HK"]
