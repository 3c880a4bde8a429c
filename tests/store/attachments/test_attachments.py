"""Files in a store: durable chunk by chunk, verified whole, bounded, tied to notices, and destroyed with them."""

import asyncio
from datetime import date
from hashlib import sha256

import pytest
from google.type.date_pb2 import Date
from regulator.exchange.v1.attachment_service_pb2 import DownloadAttachmentRequest
from regulator.exchange.v1.draft_service_pb2 import Draft
from regulator.exchange.v1.values_pb2 import Handling
from sqlalchemy import select

from gateway.commands.attachments.removal import Removal
from gateway.errors import BadInput, ContentDestroyed, NoRoom, Stale, Unavailable
from gateway.identity.access.access import Caller, Role
from gateway.node import chores
from gateway.questions.attachments import AttachmentQuestions
from gateway.store.attachments.queries import read_attachment, read_bound, read_chunks
from gateway.store.tables import attachment_chunks, attachment_totals, attachments, notice_attachments
from gateway.supervision.attachments import CHUNK_BYTES, Attached, AttachmentRecord, Owner
from gateway.supervision.disclosure import EVERYTHING, Scope
from tests.store.attaching import (
    BYTES,
    FILE,
    FROM_KR,
    LATER,
    SFC,
    cleared,
    declared,
    draft,
    left,
    named,
    stored,
    storing,
)
from tests.store.damages import damaged
from tests.store.damages import named as tables_of
from tests.store.exchanging import settle
from tests.store.stores import NOW, Opened, refused
from tests.supervision.samples import handling


async def test_what_is_stored_is_what_came(hk: Opened):
    record = await stored(hk)
    assert (record.is_complete, record.stored_bytes) == (True, len(BYTES))
    assert b"".join(await hk.read(read_chunks, record.number, 0, 9)) == BYTES
    assert hk.verify().rows["attachment_chunks"] == 3


async def test_it_goes_on_from_the_last_durable_chunk_also_in_a_new_process(hk: Opened):
    before = await stored(hk, end=1)
    await hk.restart()
    after = await hk.read(read_attachment, before.id, "SFC", EVERYTHING)
    assert after.record == before
    assert after.record.stored_bytes == CHUNK_BYTES
    for index in (1, 2):
        last = await storing(hk).add(before.number, index, BYTES[index * CHUNK_BYTES :][:CHUNK_BYTES])
    assert (await storing(hk).complete(last)).is_complete


async def test_a_chunk_that_comes_twice_is_stored_once_and_must_be_the_same(hk: Opened):
    record = await stored(hk, end=2)
    again = await storing(hk).add(record.number, 0, BYTES[:CHUNK_BYTES])
    assert again.stored_bytes == record.stored_bytes
    error = await refused(storing(hk).add(record.number, 1, bytes(CHUNK_BYTES)))
    assert isinstance(error, BadInput)
    assert isinstance(await refused(storing(hk).add(record.number, 3, b"more")), Stale)


async def test_what_has_another_digest_is_dropped_and_room_made(hk: Opened):
    record = await declared(hk, file=Attached(bytes(32), 5))
    record = await storing(hk).add(record.number, 0, b"lies!")
    error = await refused(storing(hk).complete(record))
    assert isinstance(error, BadInput)
    assert error.violations[0].field == "sha256"
    assert await hk.read(read_attachment, record.id, "SFC", EVERYTHING) is None
    assert isinstance(await refused(storing(hk).add(record.number, 0, b"lies!")), Stale)
    await cleared(hk)
    assert await hk.rows(attachments) == []
    assert await hk.rows(attachment_chunks) == []


async def test_what_is_dropped_is_deleted_at_once(hk: Opened):
    """Else who sends wrong bytes again and again would take more than any quota."""
    sending = storing(hk)
    clearing = Removal(hk.committer, hk.readers, lambda: NOW, sending.dropped, unfinished_days=7)
    deleting = asyncio.create_task(chores.sweep_attachments(clearing))
    for _ in range(2):
        record = await hk.committer.submit(lambda tx: sending.declare(tx, SFC, Attached(bytes(32), 5)))
        await refused(sending.complete(await sending.add(record.number, 0, b"lies!")))
        async with asyncio.timeout(60):
            while await hk.rows(attachments):
                pass
    deleting.cancel()
    await asyncio.gather(deleting, return_exceptions=True)


async def test_a_quota_and_the_free_space_are_asked_before_the_first_byte(hk: Opened):
    size = FILE.size_bytes
    bounds = [
        ({"authority_bytes": size - 1}, SFC, "attachments.authority_quota_bytes"),
        ({"peer_bytes": size - 1}, FROM_KR, "attachments.peer_quota_bytes"),
        ({"free": size + 9, "keep_free_bytes": 10}, SFC, "attachments.keep_free_bytes"),
    ]
    for bound, owner, limit in bounds:
        declaring = storing(hk, **bound)
        error = await refused(hk.committer.submit(lambda tx, it=declaring, o=owner: it.declare(tx, o, FILE)))
        assert (type(error), error.metadata["limit"]) == (NoRoom, limit)
    small = storing(hk, max_bytes=size - 1)
    assert isinstance(await refused(hk.committer.submit(lambda tx: small.declare(tx, SFC, FILE))), BadInput)


async def test_so_many_files_of_an_authority_may_be_unfinished_and_no_more(hk: Opened):
    bounded, kr = storing(hk, unfinished_files=2), Owner(peer="KR")

    async def declare(number: int, owner: Owner = SFC) -> AttachmentRecord:
        data = bytes([number])
        file = Attached(sha256(data).digest(), 1)
        return await hk.committer.submit(lambda tx: bounded.declare(tx, owner, file))

    first, _ = await declare(1), await declare(2)
    error = await refused(declare(3))
    assert (type(error), error.metadata) == (NoRoom, {"limit": "attachments.max_unfinished"})
    assert "SFC has 2 files that are not finished" in error.message
    for number in range(4):
        await declare(number, kr)  # as many as its notices name
    await bounded.complete(await bounded.add(first.number, 0, bytes([1])))
    await declare(3)


async def test_room_is_kept_for_what_is_declared_also_in_the_same_commit(hk: Opened):
    size, other = FILE.size_bytes, Attached(bytes(32), 1)
    declaring = storing(hk, authority_bytes=size, free=size, keep_free_bytes=0)

    def both(tx):
        declaring.declare(tx, SFC, FILE)
        return declaring.declare(tx, SFC, other)

    assert isinstance(await refused(hk.committer.submit(both)), NoRoom)
    await hk.committer.submit(lambda tx: declaring.declare(tx, SFC, FILE))
    assert isinstance(await refused(hk.committer.submit(lambda tx: declaring.declare(tx, SFC, other))), NoRoom)
    hkma = Owner(authority="HKMA")  # has a quota of its own, and the disk has no byte left
    error = await refused(hk.committer.submit(lambda tx: declaring.declare(tx, hkma, other)))
    assert error.metadata["limit"] == "attachments.keep_free_bytes"


async def test_room_that_deleted_files_left_in_the_database_is_room(hk: Opened):
    """SQLite keeps the pages, and uses them again; the disk has them not."""
    tight = storing(hk, free=len(BYTES) // 2)
    lied = await declared(hk, file=Attached(bytes(32), len(BYTES)))
    for index in range(3):
        lied = await storing(hk).add(lied.number, index, BYTES[index * CHUNK_BYTES :][:CHUNK_BYTES])
    assert isinstance(await refused(hk.committer.submit(lambda tx: tight.declare(tx, SFC, FILE))), NoRoom)
    assert isinstance(await refused(storing(hk).complete(lied)), BadInput)
    await cleared(hk)
    if hk.database.is_local:
        await hk.committer.submit(lambda tx: tight.declare(tx, SFC, FILE))
    twice = Attached(bytes(32), 2 * len(BYTES))
    assert isinstance(await refused(hk.committer.submit(lambda tx: tight.declare(tx, SFC, twice))), NoRoom)


async def test_a_file_of_one_authority_is_not_there_for_another(hk: Opened):
    record = await stored(hk)
    assert await hk.read(read_attachment, record.id, "HKMA", EVERYTHING) is None
    assert await hk.committer.submit(lambda tx: tx.files.declared(Owner(authority="HKMA"), FILE)) == []


async def test_a_file_of_a_notice_is_there_for_who_may_see_that(hk: Opened):
    record, amber = await stored(hk), Scope(Handling.AMBER)
    assert await hk.read(read_attachment, record.id, "SFC", amber) is not None
    await hk.release("hk-1", attachments=[named()], handling=handling(tlp=Handling.RED))
    assert await hk.read(read_attachment, record.id, "SFC", amber) is None
    assert await hk.read(read_bound, "hk-1", 0, amber) is None
    await hk.release("hk-2", attachments=[named()], handling=handling(tlp=Handling.AMBER))
    assert (await hk.read(read_attachment, record.id, "SFC", amber)).notices == ("hk-2",)
    assert (await hk.read(read_bound, "hk-1", 0, EVERYTHING)).view.notices == ("hk-1", "hk-2")
    assert (await hk.read(read_bound, "hk-1", 1, EVERYTHING)).view is None


async def test_what_a_received_notice_names_is_tied_to_what_its_sender_sent(hk: Opened, kr: Opened):
    await hk.release("hk-1", attachments=[named()])
    await settle(hk, kr)
    assert (await kr.read(read_bound, "hk-1", 0, EVERYTHING)).view.record is None
    await stored(kr, Owner(authority="FSC"))  # the same bytes, of somebody else
    assert (await kr.read(read_bound, "hk-1", 0, EVERYTHING)).view.record is None
    record = await stored(kr, Owner(peer="HK"))
    assert (await kr.read(read_bound, "hk-1", 0, EVERYTHING)).view.record == record


async def test_what_nothing_names_is_dropped_after_a_day(hk: Opened):
    kept, idle = await stored(hk), await declared(hk, file=Attached(bytes(32), 9))
    await hk.release("hk-1", attachments=[named()])
    await cleared(hk)
    assert len(await hk.rows(attachments)) == 2
    await cleared(hk, LATER)
    assert [row["number"] for row in await hk.rows(attachments)] == [kept.number]
    assert idle.number != kept.number


async def test_what_a_draft_names_stays_for_as_long_as_it_is_open(hk: Opened):
    await stored(hk)
    await hk.committer.submit(lambda tx: tx.keep_draft(draft(Draft.PENDING_APPROVAL)))
    await cleared(hk, LATER)
    assert len(await hk.rows(attachments)) == 1
    await hk.committer.submit(lambda tx: tx.keep_draft(draft(Draft.REJECTED)))
    await cleared(hk, LATER)
    assert len(await hk.rows(attachments)) == 1  # it may be written anew
    hk.execute("DELETE FROM drafts")
    await cleared(hk, LATER)
    assert await hk.rows(attachments) == []


async def test_what_drafts_keep_holds_up_nothing_that_comes_after_it(hk: Opened, monkeypatch):
    monkeypatch.setattr("gateway.commands.attachments.removal.AT_ONCE", 1)
    await stored(hk)
    await hk.committer.submit(lambda tx: tx.keep_draft(draft(Draft.PENDING_APPROVAL)))
    await declared(hk, file=Attached(bytes(32), 9))
    await cleared(hk, LATER)
    assert [row["sha256"] for row in await hk.rows(attachments)] == [FILE.sha256]
    hk.execute("DELETE FROM drafts")


async def test_a_rebuild_ties_what_was_tied(hk: Opened, kr: Opened):
    await stored(hk)
    await hk.release("hk-1", "hk-2", attachments=[named(), named(b"never came", "b.pdf")])
    await settle(hk, kr)
    before = await hk.rows(notice_attachments)
    assert [row["attachment"] for row in before] == [1, None, 1, None]
    await hk.rebuilt()
    assert await hk.rows(notice_attachments) == before


async def test_a_rebuild_counts_files_anew(hk: Opened):
    await stored(hk)
    await stored(hk, Owner(authority="HKMA"), end=2)
    before = await hk.rows(attachment_totals)
    hk.execute(
        "UPDATE attachment_totals SET whole_bytes = 5, coming_files = 7",
        "DELETE FROM attachment_totals WHERE authority = 'SFC'",
    )
    assert "attachment_totals" in tables_of(hk.verify())
    await hk.rebuilt()
    assert await hk.rows(attachment_totals) == before
    hk.damaged = False


async def test_files_that_come_and_go_leave_nothing_counted(hk: Opened):
    await stored(hk)
    await stored(hk, data=BYTES[:9])
    await declared(hk, file=Attached(bytes(32), 9))
    amounts = [row["whole_files"] for row in await hk.rows(attachment_totals)]
    await cleared(hk, LATER)
    assert amounts == [2]
    assert [set(row.values()) for row in await hk.rows(attachment_totals)] == [{"SFC", "", 0}]


# --- destruction ------------------------------------------------------------------------------------------------------

PAST, KEPT = date(2026, 1, 2), date(2030, 1, 1)


def until(day: date) -> Handling:
    return handling(retain_until=Date(year=day.year, month=day.month, day=day.day))


async def test_files_are_destroyed_with_the_last_notice_that_names_them(hk: Opened, kr: Opened):
    await stored(hk)
    await stored(kr, Owner(peer="HK"))
    await hk.release("hk-1", attachments=[named()], handling=until(PAST))
    await hk.release("hk-2", attachments=[named()], handling=until(KEPT))
    await settle(hk, kr)
    for store in (hk, kr):
        await store.destroy(date(2026, 1, 3))
        assert len(await store.rows(attachments)) == 1
        assert [row["notice"] for row in await store.rows(notice_attachments)] == ["hk-2"]
        assert (await store.read(read_bound, "hk-1", 0, EVERYTHING)).is_destroyed
        await store.destroy(date(2030, 1, 2))
        for table in (attachments, attachment_chunks, notice_attachments):
            assert await store.rows(table) == []
    await settle(hk, kr)


async def test_a_file_that_is_destroyed_while_it_is_fetched_ends_there(hk: Opened, kr: Opened):
    await stored(hk)
    await hk.release("hk-1", attachments=[named()], handling=until(PAST))
    await settle(hk, kr)
    fetching = Caller("spiffe://gateway.hk.example/SFC/desk", "SFC", frozenset({Role.READER}), Handling.RED)
    wanted = DownloadAttachmentRequest(name="notices/hk-1/attachments/1")
    parts = AttachmentQuestions(hk.readers).download(fetching, wanted)
    came = [(await anext(parts)).data for _ in range(2)]
    await hk.destroy(date(2026, 1, 3))
    with pytest.raises(ContentDestroyed):
        await anext(parts)
    assert b"".join(came) == BYTES[: 2 * CHUNK_BYTES]


async def test_nothing_of_a_destroyed_file_is_left_in_any_file_of_the_home(hk: Opened, kr: Opened):
    if not hk.url.startswith("sqlite"):
        pytest.skip("what a server leaves on its disk, docs/handling.md tells")
    marks = [BYTES[place : place + 40] for place in range(100, len(BYTES) - 40, 70_001)]
    await stored(hk)
    await hk.release("hk-1", attachments=[named()], handling=until(PAST))
    await settle(hk, kr)
    assert left(hk, [*marks, FILE.sha256])
    await hk.destroy(date(2026, 1, 3))
    assert left(hk, [*marks, FILE.sha256]) == []


@pytest.mark.parametrize("ends_by", [KeyboardInterrupt, Unavailable("the database does not answer")])
async def test_a_certificate_is_not_sealed_before_the_last_chunk_is_gone(hk: Opened, kr: Opened, monkeypatch, ends_by):
    """Nor by the next try, where one was cut short that had let go of the files."""
    await stored(hk)
    await hk.release("hk-1", attachments=[named()], handling=until(PAST))
    await settle(hk, kr)

    async def cut_short(_committer):
        raise ends_by

    with monkeypatch.context() as patch:
        patch.setattr("gateway.commands.retention.sweep", cut_short)
        with pytest.raises((KeyboardInterrupt, Unavailable)):
            await hk.destroy(date(2026, 1, 3))
    assert hk.verify().findings == ()
    assert hk.state().log.size == 1
    if isinstance(ends_by, type):
        await hk.restart()
    await hk.destroy(date(2026, 1, 3))
    assert await hk.rows(attachment_chunks) == []
    assert hk.state().log.size == 2


# --- what does not fit is found ---------------------------------------------------------------------------------------

EDITS = {
    "UPDATE attachments SET sha256 = :junk": "attachments",
    "UPDATE attachments SET size_bytes = size_bytes + 1": "attachments",
    "UPDATE attachments SET stored_bytes = stored_bytes - 1": "attachments",
    "UPDATE attachments SET peer = 'KR'": "attachments",
    "UPDATE attachments SET authority = ''": "attachments",
    "UPDATE attachments SET dropped = true": "notice_attachments",
    "UPDATE attachments SET authority = 'HKMA'": "notice_attachments",
    "UPDATE attachment_chunks SET data = :junk": "attachment_chunks",
    "UPDATE attachment_chunks SET sha256 = :junk": "attachment_chunks",
    'DELETE FROM attachment_chunks WHERE "index" = 1': "attachment_chunks",
    'DELETE FROM attachment_chunks WHERE "index" = 2': "attachments",
    'UPDATE attachment_chunks SET "index" = 9 WHERE "index" = 2': "attachment_chunks",
    "UPDATE notice_attachments SET sha256 = :junk": "notice_attachments",
    "UPDATE notice_attachments SET size_bytes = 1": "notice_attachments",
    "UPDATE notice_attachments SET ordinal = 1": "notice_attachments",
    "UPDATE notice_attachments SET notice = 'hk-9'": "notice_attachments",
    "UPDATE notice_attachments SET attachment = NULL": "notice_attachments",
    "DELETE FROM notice_attachments": "notice_attachments",
    "UPDATE attachment_totals SET whole_bytes = whole_bytes + 1": "attachment_totals",
    "UPDATE attachment_totals SET authority = 'HKMA'": "attachment_totals",
    "DELETE FROM attachment_totals": "attachment_totals",
    "UPDATE node SET last_attachment = 0": "node",
}


async def test_every_edit_of_a_file_is_found_and_its_table_named(hk: Opened):
    await stored(hk)
    await hk.release("hk-1", attachments=[named()])
    assert hk.verify().rows | {"attachments": 1, "attachment_chunks": 3, "notice_attachments": 1} == hk.verify().rows
    for statement, table in EDITS.items():
        with damaged(hk, statement) as report:
            assert table in tables_of(report), statement


async def test_numbers_are_given_once(hk: Opened):
    await declared(hk)
    await declared(hk, file=Attached(bytes(32), 9))
    assert list(await hk.read(lambda connection: connection.scalars(select(attachments.c.number)).all())) == [1, 2]


@pytest.mark.parametrize("restarts", [False, True])
async def test_who_still_reads_or_sends_a_file_that_is_gone_gets_at_no_other_one(hk: Opened, restarts: bool):
    """A stream knows its file by number: were that given again, it would read or write what is another authority's."""
    gone = await stored(hk, end=1)
    await cleared(hk, LATER)
    assert await hk.rows(attachments) == []
    if restarts:
        await hk.restart()
    other = await stored(hk, Owner(authority="HKMA"), b"nobody else's")
    assert await hk.read(read_chunks, other.number, 0, 9) == [b"nobody else's"]
    assert await hk.read(read_chunks, gone.number, 0, 9) == []
    assert isinstance(await refused(storing(hk).add(gone.number, 1, BYTES[CHUNK_BYTES:][:CHUNK_BYTES])), Stale)
