"""Files between two stores, without a socket: what one wants, what the other gives, what is told once all is here."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from hashlib import sha256

import pytest
from google.type.date_pb2 import Date
from regulator.exchange.v1 import peer_service_pb2 as wire
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.errors import RemoteProtocolError
from gateway.identity.access.access import Role
from gateway.ledger.steps import Halt
from gateway.questions.events import hidden_kinds
from gateway.rpc import peer_attachments
from gateway.rpc.peer_attachments import LONGEST_PATIENCE_SECONDS, PART_BYTES
from gateway.store.attachments.queries import read_held, read_whole
from gateway.store.tables import attachment_chunks, attachments, notices
from gateway.supervision.attachments import CHUNK_BYTES, Attached
from gateway.supervision.envelopes.envelopes import attachments_received
from tests.store.attaching import BYTES, named, stored
from tests.store.carrying import SMALL, Ends, give, giving, held_by, state_of, told_of
from tests.store.exchanging import exchange, settle
from tests.store.stores import HK_TO_KR, KR_TO_HK, RECIPIENT, Opened, refused
from tests.supervision.samples import handling


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_attachments, "PART_BYTES", CHUNK_BYTES)
    assert PART_BYTES % CHUNK_BYTES == 0


async def test_a_notice_is_delivered_only_with_all_of_its_files(hk: Opened, kr: Opened):
    await give(hk, kr, BYTES, SMALL)
    ends = Ends(kr, "HK")
    assert (await state_of(hk), await told_of(hk)) == (Notice.RELEASED, [Event.NOTICE_RELEASED, Event.NOTICE_RECEIPTED])
    await ends.take(held_by(hk, "KR"), parts=2)  # the small one, and a part of the other
    await ends.receiving.certify()
    assert kr.state().log.size == 0
    await ends.take(held_by(hk, "KR"))
    await ends.receiving.certify()
    await ends.receiving.certify()
    assert kr.state().log.size == 1, "it is told once"
    assert await state_of(hk) == Notice.RELEASED, "nobody has told it here"
    await settle(kr, hk)
    assert await state_of(hk) == Notice.DELIVERED
    assert await told_of(hk) == [Event.NOTICE_RELEASED, Event.NOTICE_RECEIPTED, Event.NOTICE_DELIVERED]
    assert await told_of(kr) == [Event.NOTICE_RECEIVED, Event.ATTACHMENTS_RECEIVED]
    assert await state_of(kr) == Notice.RECEIVED


async def test_the_word_on_files_may_come_before_the_receipt(hk: Opened, kr: Opened):
    await stored(hk, data=SMALL)
    await hk.release("hk-1", attachments=[named(SMALL)])
    await exchange(hk, kr, drop_after=3)  # the batch came, and its receipt did not
    ends = Ends(kr, "HK")
    await ends.take(held_by(hk, "KR"))
    await ends.receiving.certify()
    await exchange(kr, hk)
    assert await state_of(hk) == Notice.DELIVERED
    await settle(hk, kr)
    assert await state_of(hk) == Notice.DELIVERED


async def test_what_is_here_for_an_earlier_notice_is_not_sent_again(hk: Opened, kr: Opened):
    await give(hk, kr, SMALL)
    ends = Ends(kr, "HK")
    await ends.take(held_by(hk, "KR"))
    await hk.release("hk-2", attachments=[named(SMALL)])
    await settle(hk, kr)
    assert await ends.take(held_by(hk, "KR")) == []
    await ends.receiving.certify()
    assert kr.state().log.size == 2
    await settle(kr, hk)


@pytest.mark.parametrize("parts", range(4))
async def test_after_any_part_a_new_process_goes_on_from_what_is_durable(hk: Opened, kr: Opened, parts: int):
    await give(hk, kr, BYTES)
    sent: list[int] = []
    await Ends(kr, "HK").take(held_by(hk, "KR", sent), parts)
    await kr.restart()
    await Ends(kr, "HK").take(held_by(hk, "KR", sent))
    assert sum(sent) == len(BYTES)
    assert await kr.read(read_whole, 9) == ["hk-1"]


async def test_the_smallest_rest_comes_first(hk: Opened, kr: Opened):
    await give(hk, kr, BYTES)
    ends = Ends(kr, "HK")
    first = await ends.take(held_by(hk, "KR"), parts=1)
    await give(hk, kr, SMALL, notice_id="hk-2")
    then = await ends.take(held_by(hk, "KR"))
    assert [each.size_bytes for each in [*first, *then]] == [len(BYTES), len(SMALL), len(BYTES), len(BYTES)]


async def test_wrong_bytes_are_dropped_told_and_wanted_again_later(hk: Opened, kr: Opened):
    await give(hk, kr, SMALL)
    ends = Ends(kr, "HK")
    await ends.take(giving(b"x" * len(SMALL)))
    assert "digest" in ends.alarms.current()[0].detail
    assert await kr.read(read_whole, 9) == []
    assert await ends.take(held_by(hk, "KR")) == []
    ends.wanting._later.clear()  # a minute later
    await ends.take(held_by(hk, "KR"))
    assert ends.alarms.current() == ()
    assert ends.transfers.trouble(HK_TO_KR) == ""
    assert await kr.read(read_whole, 9) == ["hk-1"]


async def test_what_comes_wrong_again_and_again_is_wanted_less_and_less_often(hk: Opened, kr: Opened):
    await give(hk, kr, SMALL)
    ends, waits = Ends(kr, "HK"), []
    for _ in range(8):
        await ends.take(giving(b"x" * len(SMALL)))
        ((key, known),) = ends.wanting._later.items()
        waits.append(known.wait_seconds)
        ends.wanting._later[key] = replace(known, until=0)
    assert waits[:3] == [60, 120, 240]
    assert waits[-1] == LONGEST_PATIENCE_SECONDS
    assert sum(ends.moved) == 8 * len(SMALL)
    assert [each.reason for each in ends.refusals] == ["BAD_INPUT"] * 8


async def test_what_the_peer_lacks_is_wanted_again_later(hk: Opened, kr: Opened):
    await hk.release("hk-1", attachments=[named(SMALL)])
    await settle(hk, kr)
    ends = Ends(kr, "HK")
    assert len(await ends.take(held_by(hk, "KR"))) == 1
    assert await ends.take(held_by(hk, "KR")) == []
    assert [each.about for each in ends.alarms.current()] == ["attachments from HK"]
    assert ends.transfers.trouble(HK_TO_KR) == f"HK does not hold a file of {len(SMALL)} bytes that it sent"
    await stored(hk, data=SMALL)
    ends.wanting._later.clear()  # a minute later
    await ends.take(held_by(hk, "KR"))
    assert ends.alarms.current() == ()


async def test_what_is_not_wanted_any_more_is_no_alarm(hk: Opened, kr: Opened):
    await hk.release(
        "hk-1", attachments=[named(SMALL)], handling=handling(retain_until=Date(year=2026, month=1, day=2))
    )
    await settle(hk, kr)
    ends = Ends(kr, "HK")
    await ends.take(held_by(hk, "KR"))
    assert ends.alarms.current() != ()
    for store in (hk, kr):
        await store.destroy(date(2026, 1, 3))
    await settle(hk, kr)
    assert await ends.take(held_by(hk, "KR")) == []
    assert ends.alarms.current() == ()


@pytest.mark.parametrize("pieces", [[b""], [b"x" * (len(SMALL) + 1)], [SMALL[:3]], []])
async def test_a_peer_that_sends_nothing_or_too_much_ends_the_stream(hk: Opened, kr: Opened, pieces):
    await give(hk, kr, SMALL)
    with pytest.raises(RemoteProtocolError):
        await Ends(kr, "HK").take(giving(*pieces))


async def test_a_file_of_which_nothing_comes_holds_up_no_larger_one(hk: Opened, kr: Opened):
    """Its holder cannot read it, as from a damaged page, and the stream ends each time."""
    large = BYTES[::-1] + b"x"
    await give(hk, kr, SMALL, BYTES, large)
    ends, holding, asked = Ends(kr, "HK"), held_by(hk, "KR"), ""
    names = {sha256(data).digest(): name for name, data in (("s", SMALL), ("m", BYTES), ("l", large))}

    async def answer(wanted: wire.SendAttachmentsResponse) -> AsyncIterator[wire.SendAttachmentsRequest]:
        nonlocal asked
        asked += names[wanted.sha256]
        if wanted.size_bytes == len(SMALL):
            raise ConnectionResetError
        async for each in holding(wanted):
            yield each

    for _ in range(5):
        with pytest.raises(ConnectionResetError):
            await ends.take(answer)
    assert asked == "smsmmslllss"
    assert {names[row["sha256"]] for row in await kr.rows(attachments) if row["complete"]} == {"m", "l"}


@pytest.mark.parametrize("drips", [False, True], ids=["sends nothing more", "sends a byte now and then"])
async def test_a_peer_that_stops_within_a_part_is_left_and_what_came_is_kept(
    hk: Opened, kr: Opened, monkeypatch: pytest.MonkeyPatch, drips: bool
):
    """It answers pings, so nothing else would end the stream, and no file would come over another one."""
    await give(hk, kr, BYTES)
    ends = Ends(kr, "HK")

    async def answers() -> AsyncIterator[wire.SendAttachmentsRequest]:
        yield wire.SendAttachmentsRequest(data=BYTES[:CHUNK_BYTES])
        yield wire.SendAttachmentsRequest(data=BYTES[CHUNK_BYTES:][:1000])
        while drips:
            await asyncio.sleep(0.001)
            yield wire.SendAttachmentsRequest(data=b"x")
        await asyncio.Event().wait()

    async def serve() -> None:
        async for wanted in ends.wanting.serve("HK", answers()):
            if wanted.offset:
                monkeypatch.setattr(peer_attachments, "CHUNK_SECONDS", 0.05)

    async with asyncio.timeout(60):
        with pytest.raises(RemoteProtocolError, match="no chunk of what was asked for"):
            await serve()
    found = await ends.wanting._next("HK")
    assert found
    assert found.stored_bytes == CHUNK_BYTES


async def test_what_there_is_no_room_for_is_not_wanted_and_an_alarm(hk: Opened, kr: Opened):
    await give(hk, kr, BYTES, SMALL)
    ends = Ends(kr, "HK", peer_bytes=len(SMALL))
    asked = await ends.take(held_by(hk, "KR"))
    assert [each.size_bytes for each in asked] == [len(SMALL)]
    assert "have" in ends.alarms.current()[0].detail
    assert [each.metadata for each in ends.refusals] == [{"limit": "attachments.peer_quota_bytes"}]
    assert [row["size_bytes"] for row in await kr.rows(attachments)] == [len(SMALL)]


async def test_only_files_of_notices_between_the_two_are_given(hk: Opened, kr: Opened):
    await stored(hk, data=SMALL)
    asked = Attached(sha256(SMALL).digest(), len(SMALL))
    assert await hk.read(read_held, "KR", asked) is None
    await hk.release("hk-1", attachments=[named(SMALL)])
    assert await hk.read(read_held, "KR", asked) is not None
    assert await hk.read(read_held, "SG", asked) is None
    assert await hk.read(read_held, "KR", Attached(asked.sha256, 1)) is None
    await hk.keep_receipt()


async def test_what_a_node_lost_it_has_back_from_the_peer(hk: Opened, kr: Opened):
    await give(hk, kr, BYTES)
    ends = Ends(kr, "HK")
    await ends.take(held_by(hk, "KR"))
    await ends.receiving.certify()
    await settle(kr, hk)
    for lost, other in ((hk, kr), (kr, hk)):
        with lost.database.writer() as connection, connection.begin():
            for statement in (
                "UPDATE notice_attachments SET attachment = NULL",
                "DELETE FROM attachment_chunks",
                "DELETE FROM attachments",
                "DELETE FROM attachment_totals",
            ):
                connection.exec_driver_sql(statement)
        assert lost.verify().findings == ()
        own = Ends(lost, other.jurisdiction)
        assert await own.take(held_by(other, lost.jurisdiction))
        (row,) = await lost.rows(attachments)
        assert (row["authority"], row["peer"]) == (("SFC", "") if lost is hk else ("", "HK"))
        await own.receiving.certify()
    assert kr.state().log.size == 1


async def test_what_may_not_be_kept_any_more_is_neither_wanted_nor_given(hk: Opened, kr: Opened):
    until = handling(retain_until=Date(year=2026, month=1, day=2))
    await give(hk, kr, SMALL, handling=until)
    ends = Ends(kr, "HK")
    await kr.destroy(date(2026, 1, 3))
    assert await ends.take(held_by(hk, "KR")) == []
    await settle(kr, hk)
    assert await hk.read(read_held, "KR", Attached(sha256(SMALL).digest(), len(SMALL))) is None
    await ends.receiving.certify()
    assert kr.state().log.size == 1, "the certificate of destruction alone"


@pytest.mark.parametrize("parts", [0, 1, 3])
async def test_files_of_a_notice_that_is_withdrawn_meanwhile_come_and_it_stays_withdrawn(hk: Opened, kr: Opened, parts):
    """What was withdrawn was received all the same, and is evidence."""
    await give(hk, kr, BYTES)
    ends = Ends(kr, "HK")
    if parts:
        await ends.take(held_by(hk, "KR"), parts)
    await hk.withdraw("hk-1")
    await settle(hk, kr)
    await ends.take(held_by(hk, "KR"))
    await ends.receiving.certify()
    await settle(kr, hk)
    for store in (hk, kr):
        assert await state_of(store) == Notice.WITHDRAWN
        (row,) = await store.rows(notices)
        assert row["attached_index"] == 0
        await store.rebuilt()
        assert await store.rows(notices) == [row]


async def test_a_file_that_is_destroyed_while_a_part_of_it_comes_leaves_nothing(hk: Opened, kr: Opened):
    await give(hk, kr, BYTES, handling=handling(retain_until=Date(year=2026, month=1, day=2)))
    await give(hk, kr, SMALL, notice_id="hk-2")
    ends, holding = Ends(kr, "HK"), held_by(hk, "KR")

    async def answer(wanted: wire.SendAttachmentsResponse) -> AsyncIterator[wire.SendAttachmentsRequest]:
        if wanted.offset:
            await kr.destroy(date(2026, 1, 3))
        async for each in holding(wanted):
            yield each

    await ends.take(answer)
    assert [row["size_bytes"] for row in await kr.rows(attachments)] == [len(SMALL)]
    assert len(await kr.rows(attachment_chunks)) == 1
    assert await ends.take(holding) == []
    await settle(kr, hk)
    await settle(hk, kr)
    assert await ends.take(holding) == []
    assert ends.alarms.current() == ()


async def test_a_file_that_its_sender_destroys_while_it_goes_is_an_alarm_until_that_is_told(hk: Opened, kr: Opened):
    await give(hk, kr, BYTES, handling=handling(retain_until=Date(year=2026, month=1, day=2)))
    ends = Ends(kr, "HK")
    await ends.take(held_by(hk, "KR"), parts=1)
    await hk.destroy(date(2026, 1, 3))
    assert len(await ends.take(held_by(hk, "KR"))) == 1
    assert [each.about for each in ends.alarms.current()] == ["attachments from HK"]
    await settle(hk, kr)
    assert await ends.take(held_by(hk, "KR")) == []
    assert ends.alarms.current() == ()
    await kr.destroy(date(2026, 1, 3))
    assert await kr.rows(attachment_chunks) == []
    await settle(kr, hk)


async def test_a_halted_channel_is_told_later(hk: Opened, kr: Opened):
    await give(hk, kr, SMALL)
    ends = Ends(kr, "HK")
    await ends.take(held_by(hk, "KR"))
    await kr.committer.submit(lambda tx: tx.halt(KR_TO_HK, Halt("OPERATOR", "a drill")))
    await ends.receiving.certify()
    assert kr.state().log.size == 0
    await kr.committer.submit(lambda tx: tx.reopen(KR_TO_HK))
    await ends.receiving.certify()
    assert kr.state().log.size == 1


async def test_files_that_are_destroyed_leave_how_many_there_were(hk: Opened, kr: Opened):
    until = handling(retain_until=Date(year=2026, month=1, day=2))
    await give(hk, kr, SMALL, BYTES, handling=until)
    ends = Ends(kr, "HK")
    await ends.take(held_by(hk, "KR"))
    await ends.receiving.certify()
    await settle(kr, hk)
    for store in (hk, kr):
        await store.destroy(date(2026, 1, 3))
        assert await store.rows(attachment_chunks) == []
        before = await store.rows(notices)
        await store.rebuilt()
        assert await store.rows(notices) == before
        assert [row["attachment_count"] for row in before] == [2]
    await settle(hk, kr)


async def test_a_word_on_a_notice_without_files_is_never_sealed(hk: Opened, kr: Opened):
    await hk.release("hk-1")
    await settle(hk, kr)
    sealing = kr.committer.submit(
        lambda tx: tx.seal(KR_TO_HK, RECIPIENT, lambda seal: attachments_received(seal, "hk-1"))
    )
    assert str(await refused(sealing)) == "internal error"  # no node seals what it could not use itself


def test_who_reads_notices_is_told_of_their_files():
    kinds = {Event.ATTACHMENTS_RECEIVED, Event.NOTICE_RECEIPTED}
    assert not kinds & hidden_kinds({Role.READER})
    assert kinds <= hidden_kinds({Role.OPERATOR})
