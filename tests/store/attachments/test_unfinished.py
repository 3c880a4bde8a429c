"""Files that are named and do not come, whole or at all: no room is kept before the first chunk, and none for ever."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import date
from hashlib import sha256

import pytest
from google.type.date_pb2 import Date
from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.commands.attachments import from_peers
from gateway.rpc import peer_attachments
from gateway.store.attachments.queries import read_whole
from gateway.store.attachments.standing import read_totals
from gateway.store.attachments.unfinished import Patience, stalled_among
from gateway.store.tables import attachment_chunks, attachments
from gateway.supervision.attachments import CHUNK_BYTES, Attached, Owner, Totals
from tests.store.attaching import BYTES, DAY, FILE, LATER, UNFINISHED_DAYS, cleared, declared, named, stored, storing
from tests.store.carrying import SMALL, Ends, give, held_by
from tests.store.exchanging import settle
from tests.store.stores import Opened, refused
from tests.supervision.samples import handling


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_attachments, "PART_BYTES", CHUNK_BYTES)


# --- before the first chunk -------------------------------------------------------------------------------------------


async def test_no_room_is_kept_for_what_the_peer_does_not_hold(hk: Opened, kr: Opened):
    await hk.release("hk-1", attachments=[named(), named(SMALL, "b.pdf")])
    await settle(hk, kr)
    ends = Ends(kr, "HK")
    asked = await ends.take(held_by(hk, "KR"))
    assert [each.size_bytes for each in asked] == [len(SMALL), len(BYTES)]
    assert await kr.rows(attachments) == []


async def test_two_streams_that_both_see_nothing_of_a_file_keep_room_once(hk: Opened, kr: Opened):
    await give(hk, kr, BYTES)
    one, other = Ends(kr, "HK"), Ends(kr, "HK")
    (seen,) = await one.receiving.wanted("HK")
    records = [await each.receiving.begin(seen) for each in (one, other)]
    assert records[0].number == records[1].number
    assert len(await kr.rows(attachments)) == 1
    await asyncio.gather(one.take(held_by(hk, "KR")), other.take(held_by(hk, "KR")))
    assert await kr.read(read_whole, 9) == ["hk-1"]
    assert len(await kr.rows(attachments)) == 1


async def test_a_file_that_is_dropped_while_a_part_of_it_comes_ends_no_stream(hk: Opened, kr: Opened):
    await give(hk, kr, BYTES)
    ends, holding, dropped = Ends(kr, "HK"), held_by(hk, "KR"), []

    async def answer(wanted: wire.SendAttachmentsResponse) -> AsyncIterator[wire.SendAttachmentsRequest]:
        if wanted.offset and not dropped:
            dropped.append(True)
            await kr.committer.submit(lambda tx: tx.files.keep(tx.files.find(1)._replace(is_dropped=True)))
        async for each in holding(wanted):
            yield each

    asked = await ends.take(answer)
    assert [each.offset for each in asked] == [0, CHUNK_BYTES, 0, CHUNK_BYTES, 2 * CHUNK_BYTES]
    assert await kr.read(read_whole, 9) == ["hk-1"]
    assert ends.alarms.current() == ()


async def test_a_notice_is_tied_to_the_other_copy_of_a_file_whose_first_is_dropped(hk: Opened, kr: Opened):
    await hk.release("hk-1", attachments=[named()])
    await settle(hk, kr)
    wrong = await declared(kr, Owner(peer="HK"))
    for index in range(3):
        wrong = await storing(kr).add(wrong.number, index, bytes(min(CHUNK_BYTES, len(BYTES) - index * CHUNK_BYTES)))
    right = await stored(kr, Owner(peer="HK"))
    assert await kr.read(read_whole, 9) == []
    await refused(storing(kr).complete(wrong))
    assert await kr.read(read_whole, 9) == ["hk-1"]
    assert [(row["number"], row["sha256"]) for row in await kr.rows(attachments) if not row["dropped"]] == [
        (right.number, FILE.sha256)
    ]


async def test_what_the_peer_lacks_keeps_nothing_waiting_that_it_has(hk: Opened, kr: Opened, monkeypatch):
    monkeypatch.setattr(from_peers, "AT_ONCE", 1)
    await stored(hk)
    await hk.release("hk-1", attachments=[named(SMALL), named(SMALL[1:], "b.pdf"), named(BYTES, "c.pdf")])
    await settle(hk, kr)
    asked = await Ends(kr, "HK").take(held_by(hk, "KR"))
    assert [each.size_bytes for each in asked] == [len(SMALL) - 1, len(SMALL), *[len(BYTES)] * 3]


async def test_what_is_destroyed_before_its_first_chunk_came_is_not_kept(hk: Opened, kr: Opened):
    await give(hk, kr, BYTES, handling=handling(retain_until=Date(year=2026, month=1, day=2)))
    ends, holding = Ends(kr, "HK"), held_by(hk, "KR")

    async def answer(wanted: wire.SendAttachmentsResponse) -> AsyncIterator[wire.SendAttachmentsRequest]:
        await kr.destroy(date(2026, 1, 3))
        async for each in holding(wanted):
            yield each

    assert len(await ends.take(answer)) == 1
    assert await kr.rows(attachments) == []
    assert ends.alarms.current() == ()
    await settle(kr, hk)


async def test_room_that_is_gone_as_the_first_chunk_comes_is_an_alarm_and_other_files_go_on(hk: Opened, kr: Opened):
    await give(hk, kr, BYTES, SMALL)
    ends, holding = Ends(kr, "HK", peer_bytes=len(BYTES) + len(SMALL)), held_by(hk, "KR")
    taking = Attached(bytes(32), len(SMALL))

    async def answer(wanted: wire.SendAttachmentsResponse) -> AsyncIterator[wire.SendAttachmentsRequest]:
        if wanted.size_bytes == len(BYTES):
            await declared(kr, Owner(peer="HK"), taking)
            await give(hk, kr, SMALL[1:], notice_id="hk-2")
        async for each in holding(wanted):
            yield each

    asked = await ends.take(answer)
    assert [each.size_bytes for each in asked] == [len(SMALL), len(BYTES), len(SMALL) - 1]
    assert ends.alarms.current()[0].detail.startswith(
        f"a file of {len(BYTES)} bytes is not taken: the attachments of HK"
    )
    assert [each.metadata for each in ends.refusals] == [{"limit": "attachments.peer_quota_bytes"}]
    assert await kr.read(read_whole, 9) == ["hk-2"]


# --- what has begun to come -------------------------------------------------------------------------------------------

FROM_HK = Owner(peer="HK")
WEEK = UNFINISHED_DAYS * DAY


async def begun(hk: Opened, kr: Opened, **changes: object) -> Ends:
    """A notice whose file the sender holds, and of which the first part has come."""
    await give(hk, kr, BYTES, **changes)
    ends = Ends(kr, "HK")
    await ends.take(held_by(hk, "KR"), parts=1)
    return ends


async def test_what_has_not_come_in_days_is_let_go_and_asked_for_anew(hk: Opened, kr: Opened, caplog):
    ends = await begun(hk, kr)
    assert await cleared(kr, WEEK - DAY) == {}
    assert await cleared(kr, WEEK) == {FROM_HK: 1}
    (told,) = [record.fields for record in caplog.records if record.msg == "files_let_go"]
    assert told == {"owner": "HK", "files": 1, "stored_bytes": CHUNK_BYTES}
    for table in (attachments, attachment_chunks):
        assert await kr.rows(table) == []
    assert (await kr.read(read_totals))[FROM_HK] == Totals()
    assert await cleared(kr, WEEK) == {}
    assert [each.offset for each in await ends.take(held_by(hk, "KR"))] == [0, CHUNK_BYTES, 2 * CHUNK_BYTES]
    assert await kr.read(read_whole, 9) == ["hk-1"]
    assert await cleared(kr, 2 * WEEK) == {}, "what is whole stays"


async def test_a_byte_more_is_waited_for_as_long_again(hk: Opened, kr: Opened):
    ends = await begun(hk, kr)
    kr.clock = itertools.count(next(kr.clock) + WEEK - DAY, 250_000)
    await ends.take(held_by(hk, "KR"), parts=1)
    assert await cleared(kr, 2 * DAY) == {}
    assert await cleared(kr, WEEK) == {FROM_HK: 1}


async def test_what_is_all_here_and_not_verified_yet_is_not_let_go(hk: Opened, kr: Opened):
    await give(hk, kr, SMALL)
    record = await declared(kr, FROM_HK, Attached(sha256(SMALL).digest(), len(SMALL)))
    await storing(kr).add(record.number, 0, SMALL)
    assert await cleared(kr, WEEK) == {}
    assert await Ends(kr, "HK").take(held_by(hk, "KR")) == []
    assert await kr.read(read_whole, 9) == ["hk-1"]


async def test_what_its_sender_has_destroyed_is_let_go_at_once(hk: Opened, kr: Opened):
    """Here its notice may be kept for longer: as where the destruction waits for a receipt."""
    await begun(hk, kr, handling=handling(retain_until=Date(year=2026, month=1, day=2)))
    await hk.destroy(date(2026, 1, 3))
    assert await cleared(kr) == {}, "nobody has told it here"
    await settle(hk, kr)
    assert await cleared(kr) == {FROM_HK: 1}
    assert await kr.rows(attachment_chunks) == []
    await kr.destroy(date(2026, 1, 3))
    await settle(kr, hk)


async def test_what_another_notice_names_that_is_not_destroyed_is_waited_for(hk: Opened, kr: Opened):
    await begun(hk, kr, handling=handling(retain_until=Date(year=2026, month=1, day=2)))
    await hk.release("hk-2", attachments=[named()])
    await settle(hk, kr)
    for store in (hk, kr):
        await store.destroy(date(2026, 1, 3))
    await settle(hk, kr)
    assert await cleared(kr) == {}
    assert await Ends(kr, "HK").take(held_by(hk, "KR")) != []
    assert await kr.read(read_whole, 9) == ["hk-2"]
    await settle(kr, hk)


async def test_what_is_withdrawn_is_waited_for_as_long_as_all_else(hk: Opened, kr: Opened):
    ends = await begun(hk, kr)
    await hk.withdraw("hk-1")
    await settle(hk, kr)
    assert await cleared(kr, WEEK - DAY) == {}
    assert await cleared(kr, WEEK) == {FROM_HK: 1}
    await ends.take(held_by(hk, "KR"))
    assert await kr.read(read_whole, 9) == ["hk-1"], "it was received, and is evidence"


async def test_an_upload_that_nobody_named_is_not_waited_for_so_long(hk: Opened):
    await stored(hk, end=1)
    assert await cleared(hk, LATER) == {}, "nobody was promised it"
    assert await hk.rows(attachments) == []


async def test_what_comes_in_the_same_commit_is_not_let_go(hk: Opened, kr: Opened):
    await begun(hk, kr)
    (row,) = await kr.rows(attachments)
    patience = Patience(next(kr.clock) + WEEK, 20260101)
    adding = storing(kr).add(row["number"], 1, BYTES[CHUNK_BYTES : 2 * CHUNK_BYTES])
    clearing = kr.committer.submit(lambda tx: tx.files.stalled(patience, [row["number"]]))
    assert (await asyncio.gather(adding, clearing))[1] == []
    assert [each.number for each in await kr.read(stalled_among, patience, [row["number"]])] == [row["number"]]
