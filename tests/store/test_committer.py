"""The one writer, while its storage does what it should."""

import asyncio
import itertools
from types import NoneType

import pytest
from regulator.exchange.v1.event_service_pb2 import Event

from gateway.errors import GatewayError, NotAllowed, NotFound, Overloaded, Unavailable
from gateway.journal.entries import CALL_RECORD, CallRecord, Requester
from gateway.store import waiting as module
from gateway.store.event_queries import read_events
from gateway.store.tables import events, heads, leaves, notices, requests
from gateway.supervision.disclosure import EVERYTHING
from tests.store.exchanging import exchange, settle
from tests.store.stores import CLIENT, NOW, Opened, refused


def _raise(error: Exception):
    def unit(_tx):
        raise error

    return unit


async def _waiting_together(hk: Opened, *work):
    """Starts works at once, so that they wait together and are committed together."""
    return await asyncio.gather(*work, return_exceptions=True)


async def test_what_is_answered_is_durable_and_signed(hk: Opened):
    (sealed,) = await hk.release("hk-1")
    assert sealed.place.index == 0
    assert hk.state().log.size == 1
    assert hk.state().head.checkpoint.root == hk.state().log.root()
    assert [row["data"] for row in await hk.rows(leaves)] == [sealed.envelope.SerializeToString()]


async def test_units_that_wait_share_a_commit_and_a_signature(hk: Opened):
    await _waiting_together(hk, *(hk.release(f"hk-{n}") for n in range(20)))
    assert [row["id"] for row in await hk.rows(notices)] == [f"hk-{n}" for n in range(20)]
    assert len(await hk.rows(heads)) <= 2  # the first may be alone, the others came while it was written
    assert [row["cursor"] for row in await hk.rows(events)] == list(range(1, 21))


async def _called(work, method: str = "/x.Y/Z") -> None:
    """Does a work for a call, as the guard has it done."""
    CALL_RECORD.set(CallRecord(Requester(), method))
    await work


async def test_an_act_whose_caller_may_no_more_when_its_turn_comes_is_not_carried_out(hk: Opened):
    """It may have waited for a server or a token, and longer than who took its rights thinks."""

    async def called(may: bool, notice_id: str, *, is_journaled: bool = False) -> None:
        record = CallRecord(Requester(), "/x.Y/Z", is_journaled=is_journaled, ask=lambda: None if may else refuse())
        CALL_RECORD.set(record)
        await hk.release(notice_id)

    def refuse() -> None:
        raise NotAllowed("not any more")

    alone = await asyncio.gather(asyncio.create_task(called(False, "hk-1")), return_exceptions=True)
    calls = called(True, "hk-2"), called(False, "hk-3"), called(False, "hk-4", is_journaled=True), called(True, "hk-5")
    outcomes = await asyncio.gather(*map(asyncio.create_task, calls), return_exceptions=True)
    assert [type(each) for each in (*alone, *outcomes)] == [NotAllowed, NoneType, NotAllowed, NoneType, NoneType]
    assert [row["id"] for row in await hk.rows(notices)] == ["hk-2", "hk-4", "hk-5"], "what was begun is ended"
    assert hk.committer.waiting_weight() == 0


async def test_a_defect_in_asking_for_a_caller_refuses_its_act_alone(hk: Opened):
    """Else the writer ended without a word, and all who wait for it waited for ever."""

    async def called(notice_id: str, *, is_broken: bool = False) -> None:
        CALL_RECORD.set(CallRecord(Requester(), "/x.Y/Z", ask=broken if is_broken else None))
        await hk.release(notice_id)

    def broken() -> None:
        raise ZeroDivisionError

    async with asyncio.timeout(60):
        calls = called("hk-1", is_broken=True), called("hk-2")
        first, second = await asyncio.gather(*map(asyncio.create_task, calls), return_exceptions=True)
        await asyncio.create_task(called("hk-3"))
    assert (type(first), str(first), second) == (GatewayError, "internal error", None)
    assert [row["id"] for row in await hk.rows(notices)] == ["hk-2", "hk-3"]


async def _calls(hk: Opened, *ids: str) -> None:
    await asyncio.gather(*(asyncio.create_task(_called(hk.release(each))) for each in ids))


async def test_a_busy_writer_waits_for_as_many_callers_as_shared_a_commit_and_no_longer(hk: Opened, monkeypatch):
    monkeypatch.setattr(module, "GATHER_SECONDS", 60)
    monkeypatch.setattr(module, "GATHER_STEP_SECONDS", 60)
    await _calls(hk, *(f"hk-a{n}" for n in range(8)))
    hk.commits.clear()
    first = asyncio.create_task(_calls(hk, *(f"hk-b{n}" for n in range(5))))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not hk.commits
    async with asyncio.timeout(30):
        await _calls(hk, *(f"hk-c{n}" for n in range(3)))
        await first
    assert [told.counters.sequence for told in hk.commits] == [16]


async def test_a_busy_writer_waits_for_those_it_answered_beside_those_who_wait_already(hk: Opened, monkeypatch):
    monkeypatch.setattr(module, "GATHER_SECONDS", 60)
    monkeypatch.setattr(module, "GATHER_STEP_SECONDS", 60)
    monkeypatch.setattr(module, "MAX_GROUP_WEIGHT", 8)
    first = asyncio.create_task(_calls(hk, *(f"hk-a{n}" for n in range(12))))
    async with asyncio.timeout(30):
        while not hk.commits:  # noqa: ASYNC110 - the writer tells nobody
            await asyncio.sleep(0.001)
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(hk.commits) == 1  # four wait
        again = asyncio.create_task(_calls(hk, *(f"hk-b{n}" for n in range(8))))
        await asyncio.sleep(0)
        monkeypatch.setattr(module, "GATHER_STEP_SECONDS", 0.001)
        await asyncio.gather(first, again)
    assert [told.counters.sequence for told in hk.commits] == [8, 16, 20]


async def test_a_busy_writer_waits_no_longer_than_others_come(hk: Opened):
    await _calls(hk, *(f"hk-a{n}" for n in range(8)))
    async with asyncio.timeout(30):
        await _calls(hk, "hk-b1")  # alone now
    assert hk.committer.latest().counters.sequence == 9


async def test_a_writer_for_whom_nobody_came_is_less_patient_until_somebody_does(hk: Opened, monkeypatch):
    queue = hk.committer._queue
    for number, patience in enumerate((0.5, 0.25, 0.125, module.LEAST_PATIENCE, module.LEAST_PATIENCE)):
        await _calls(hk, *(f"hk-{number}-{n}" for n in range(4)))
        await hk.keep_receipt()  # those four may wait for just this
        assert queue.patience == patience
    monkeypatch.setattr(module, "GATHER_STEP_SECONDS", 60)
    waits = asyncio.create_task(hk.keep_receipt())
    while not queue.weight:  # noqa: ASYNC110 - the queue tells nobody
        await asyncio.sleep(0)
    await _calls(hk, *(f"hk-9-{n}" for n in range(4)))
    await waits
    assert queue.patience == 1


async def test_what_a_channel_asks_for_does_not_tell_a_writer_that_it_is_busy_or_idle(hk: Opened, monkeypatch):
    monkeypatch.setattr(module, "GATHER_SECONDS", 60)
    await _calls(hk, *(f"hk-a{n}" for n in range(8)))
    await hk.keep_receipt()  # waits a step, for others to share its commit
    monkeypatch.setattr(module, "GATHER_STEP_SECONDS", 60)
    hk.commits.clear()
    async with asyncio.timeout(30):
        await _calls(hk, *(f"hk-b{n}" for n in range(8)))
    assert len(hk.commits) == 1


async def test_a_unit_that_raises_harms_no_other_and_leaves_nothing(hk: Opened):
    def half(tx):
        hk.seal_notice(tx, "hk-half")
        tx.remember_request(CLIENT, "1", bytes(32), "hk-half")
        raise NotFound("not there")

    first, refusal, last = await _waiting_together(
        hk, hk.release("hk-1"), hk.committer.submit(half), hk.release("hk-2")
    )
    assert isinstance(refusal, NotFound)
    assert (first[0].place.index, last[0].place.index) == (0, 1)
    assert [row["id"] for row in await hk.rows(notices)] == ["hk-1", "hk-2"]
    assert await hk.rows(requests) == []


async def test_a_defect_in_a_unit_is_an_internal_error_to_its_caller_alone(hk: Opened):
    refusal, done = await _waiting_together(hk, hk.committer.submit(_raise(KeyError("x"))), hk.release("hk-1"))
    assert type(refusal) is GatewayError
    assert "internal" in refusal.message
    assert done[0].place.index == 0


async def test_each_of_several_units_has_its_own_outcome(hk: Opened):
    units = [lambda tx: hk.seal_notice(tx, "hk-1"), _raise(NotFound("no")), lambda tx: hk.seal_notice(tx, "hk-2")]
    first, refusal, second = await hk.committer.submit_all(units)
    assert isinstance(refusal, NotFound)
    assert (first.place.index, second.place.index) == (0, 1)
    assert await hk.committer.submit_all([]) == []


async def test_a_later_unit_sees_what_an_earlier_one_of_the_same_commit_drafts(hk: Opened):
    seen = await hk.committer.submit_all(
        [
            lambda tx: hk.seal_notice(tx, "hk-1"),
            lambda tx: tx.find_notice("hk-1"),
            lambda tx: tx.remember_request(CLIENT, "7", bytes(32), "hk-1"),
            lambda tx: tx.find_request(CLIENT, "7"),
            lambda tx: tx.find_request("another client", "7"),
        ]
    )
    assert seen[1].index == 0
    assert seen[3].acted_on == "hk-1"
    assert seen[4] is None


async def test_a_request_is_remembered_over_a_restart(hk: Opened):
    await hk.release("hk-1")
    await hk.committer.submit(lambda tx: tx.remember_request(CLIENT, "7", bytes(32), "hk-1"))
    await hk.restart()
    found = await hk.committer.submit(lambda tx: tx.find_request(CLIENT, "7"))
    assert (found.digest, found.acted_on) == (bytes(32), "hk-1")
    assert await hk.committer.submit(lambda tx: tx.find_request(CLIENT, "8")) is None
    assert await hk.committer.submit(lambda tx: tx.find_request("other", "7")) is None


async def test_a_commit_that_writes_nothing_signs_nothing(hk: Opened):
    await hk.committer.submit(lambda tx: tx.find_notice("hk-1"))
    assert await hk.rows(heads) == []


async def test_callers_are_refused_once_too_much_waits(hk: Opened, monkeypatch):
    monkeypatch.setattr(module, "MAX_WAITING_WEIGHT", 5)
    refusal = await refused(hk.committer.submit(lambda tx: None, weight=6))
    assert isinstance(refusal, Overloaded)
    results = await _waiting_together(hk, *(hk.committer.submit(lambda tx: 1, weight=3) for _ in range(2)))
    assert results[0] == 1
    assert isinstance(results[1], Overloaded)
    assert await hk.committer.submit(lambda tx: 2, weight=5) == 2  # what was done makes room again


async def test_a_heavy_unit_is_committed_even_if_it_alone_is_over_the_bound(hk: Opened, monkeypatch):
    monkeypatch.setattr(module, "MAX_GROUP_WEIGHT", 2)
    await _waiting_together(hk, hk.release("hk-1", "hk-2", "hk-3"), hk.release("hk-4"), hk.release("hk-5"))
    assert hk.state().log.size == 5


async def test_stopping_commits_what_waits_and_takes_no_more(hk: Opened):
    waiting = [asyncio.create_task(hk.release(f"hk-{n}")) for n in range(3)]
    await asyncio.sleep(0)
    stopping = asyncio.create_task(hk.committer.stop())
    await asyncio.sleep(0)
    assert isinstance(await refused(hk.committer.submit(lambda tx: None)), Unavailable)
    assert [(await each)[0].place.index for each in waiting] == [0, 1, 2]
    await stopping
    hk.readers.close()
    hk.database.close()
    hk.start()
    assert hk.state().log.size == 3


async def test_a_caller_that_goes_away_harms_nobody(hk: Opened):
    async with hk.committer._turn:
        gone = asyncio.create_task(hk.release("hk-1"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # the writer has it, and waits for its turn
        stays = asyncio.create_task(hk.release("hk-2"))
        await asyncio.sleep(0)
        gone.cancel()
    assert (await stays)[0].place.index == 1  # what it asked for was under way, and is done
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert len(await hk.rows(notices)) == 2


async def test_of_callers_that_go_away_before_their_turn_nothing_is_kept(hk: Opened):
    """Else who hangs up and comes again would fill the memory while the writer stands still."""
    done, channels = list[int](), list[int]()
    async with hk.committer._turn:
        under_way = asyncio.create_task(hk.release("hk-1"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        asking = [asyncio.create_task(hk.committer.submit(lambda tx: done.append(1), weight=10)) for _ in range(100)]
        asking += [asyncio.create_task(hk.committer.submit(lambda tx: channels.append(1), weight=10, bounded=False))]
        await asyncio.sleep(0)
        assert hk.committer.waiting_weight() == 1010
        for each in asking:
            each.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        assert hk.committer.waiting_weight() == 10
    await under_way
    await hk.release("hk-2")
    assert (done, channels) == ([], [1]), "what a channel asks for is done: it may be evidence"


async def test_listeners_are_told_of_each_commit_before_its_callers_are_answered(hk: Opened):
    await hk.release("hk-1")
    assert hk.commits[-1].states[hk.outgoing].log.size == 1
    assert hk.commits[-1].counters.cursor == 1


async def test_counters_go_on_after_a_restart(hk: Opened):
    await hk.release("hk-1")
    await hk.restart()
    await hk.release("hk-2")
    assert [(each.cursor, each.notice) for each in await hk.read(read_events, EVERYTHING, 0, 10)] == [
        (1, "hk-1"),
        (2, "hk-2"),
    ]
    assert [row["sequence"] for row in await hk.rows(notices)] == [1, 2]


async def test_time_does_not_go_back_when_the_clock_does(hk: Opened):
    await hk.release("hk-1")
    before = hk.state().head.time
    hk.clock = itertools.repeat(1_000_000)
    await hk.release("hk-2")
    assert hk.state().head.time >= before
    await hk.restart()
    hk.clock = itertools.repeat(1_000_000)
    await hk.release("hk-3")
    assert hk.state().head.time >= before


@pytest.mark.parametrize("seconds", [0, 1, 59, 3598])
async def test_what_is_sealed_is_dated_after_what_was_sealed_before_a_restart(hk: Opened, seconds: int):
    hk.clock = itertools.repeat(NOW + 999_999)
    (before,) = await hk.release("hk-1")
    await hk.restart()
    hk.clock = itertools.repeat(NOW - seconds * 1_000_000)
    (after,) = await hk.release("hk-2")
    assert after.envelope.sealed_at.ToMicroseconds() >= before.envelope.sealed_at.ToMicroseconds()
    assert after.envelope.sealed_at.ToMicroseconds() // 1_000_000 == hk.state().head.time


async def test_what_is_sealed_is_dated_after_what_came_back_from_the_peer(hk: Opened, kr: Opened):
    old = hk.backup()
    hk.clock = itertools.repeat(NOW + 1200 * 1_000_000)
    (before,) = await hk.release("hk-1")
    await settle(hk, kr)
    await hk.restore(old)
    hk.clock = itertools.repeat(NOW)
    await exchange(hk, kr)
    (after,) = await hk.release("hk-2")
    assert after.place.index == 1
    assert after.envelope.sealed_at.ToMicroseconds() >= before.envelope.sealed_at.ToMicroseconds()


@pytest.mark.parametrize("kind", ["sqlite"])
async def test_a_clock_that_was_years_ahead_for_a_moment_dates_nothing_that_is_sealed_later(hk: Opened):
    """No peer would take it before that day has come."""
    hk.clock = itertools.repeat(NOW + 20 * 366 * 86_400_000_000)
    await hk.committer.submit(lambda tx: tx.tell_node(Event.ALARM, "told meanwhile"))
    hk.clock = itertools.repeat(NOW)
    (sealed,) = await hk.release("hk-1")
    assert hk.state().head.time == NOW // 1_000_000
    assert sealed.envelope.sealed_at.ToMicroseconds() == NOW


async def test_the_event_of_a_notice_says_what_it_is(hk: Opened):
    await hk.release("hk-1")
    (event,) = await hk.read(read_events, EVERYTHING, 0, 10)
    assert (event.kind, event.notice, event.origin, event.index) == (Event.NOTICE_RELEASED, "hk-1", hk.outgoing, 0)
    assert event.cursor == 1
