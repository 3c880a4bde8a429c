"""Uploads that their authority drops before their day: never what a notice or a draft names, whoever comes first."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import pytest
from regulator.exchange.v1 import attachment_service_pb2 as pb
from regulator.exchange.v1.draft_service_pb2 import Draft
from regulator.exchange.v1.values_pb2 import Handling

from gateway.commands.attachments.removal import Removal, _drop_idle
from gateway.commands.attachments.uploads import AttachmentCommands
from gateway.errors import AttachmentNamed, NotFound, RequestIdReused, Stale, Unavailable
from gateway.identity.access.access import Caller, Role
from gateway.questions.attachments import AttachmentQuestions, attachment_name
from gateway.store.attachments.queries import read_bound
from gateway.store.attachments.standing import read_totals
from gateway.store.tables import attachment_chunks, attachments
from gateway.supervision.attachments import CHUNK_BYTES, Attached, AttachmentRecord, Owner, Totals
from gateway.supervision.disclosure import EVERYTHING
from tests.store.attaching import BYTES, FILE, LATER, SFC, cleared, declared, draft, left, named, stored, storing
from tests.store.exchanging import settle
from tests.store.stores import Opened, refused
from tests.supervision.samples import handling

DESK = Caller("spiffe://gateway.hk.example/SFC/desk", "SFC", frozenset({Role.AUTHOR}), Handling.RED)
AMBER = replace(DESK, clearance=Handling.AMBER)
HKMA = Caller("spiffe://gateway.hk.example/HKMA/desk", "HKMA", frozenset({Role.AUTHOR}), Handling.RED)


def acting(store: Opened) -> AttachmentCommands:
    return AttachmentCommands(store.committer, storing(store), AttachmentQuestions(store.readers))


async def delete(store: Opened, record: AttachmentRecord, caller: Caller = DESK, **rest: object) -> None:
    await acting(store).delete_attachment(caller, pb.DeleteAttachmentRequest(name=attachment_name(record), **rest))


async def is_named(store: Opened, record: AttachmentRecord, caller: Caller = DESK) -> dict[str, str]:
    """How it is refused to delete a file that is kept."""
    error = await refused(delete(store, record, caller))
    assert isinstance(error, AttachmentNamed), error
    return dict(error.metadata)


@pytest.mark.parametrize("chunks", [0, 2, 3], ids=["declared", "broken off", "whole"])
async def test_the_room_of_what_is_deleted_is_free_at_once_and_its_bytes_go(hk: Opened, chunks: int):
    record = await stored(hk, end=chunks)
    await delete(hk, record)
    assert await hk.read(read_totals) == {SFC: Totals()}
    asked = pb.GetAttachmentRequest(name=attachment_name(record))
    assert isinstance(await refused(AttachmentQuestions(hk.readers).get_attachment(DESK, asked)), NotFound)
    full = storing(hk, authority_bytes=len(BYTES), unfinished_files=1)
    anew = await hk.committer.submit(lambda tx: full.declare(tx, SFC, FILE))
    assert (anew.stored_bytes, anew.id == record.id) == (0, False)
    await cleared(hk)
    assert [row["id"] for row in await hk.rows(attachments)] == [anew.id]
    assert await hk.rows(attachment_chunks) == []


async def test_the_same_request_again_is_answered_alike_and_another_one_is_not_there(hk: Opened):
    record, other = await stored(hk), await declared(hk, file=Attached(bytes(32), 9))
    once = str(uuid4())
    for _ in range(2):
        await delete(hk, record, request_id=once)
        await cleared(hk)
    assert isinstance(await refused(delete(hk, other, request_id=once)), RequestIdReused)
    assert isinstance(await refused(delete(hk, record)), NotFound)
    await delete(hk, record, allow_missing=True)
    assert [row["id"] for row in await hk.rows(attachments)] == [other.id]


async def test_what_is_another_authoritys_is_told_as_what_is_not_there(hk: Opened, kr: Opened):
    record, gone = await stored(hk), await declared(hk, file=Attached(bytes(32), 9))
    await delete(hk, gone)
    of_peer = await stored(kr, Owner(peer="HK"))
    said = {
        (await refused(delete(store, each, caller))).message.replace(each.id, "")
        for store, each, caller in ((hk, record, HKMA), (hk, gone, HKMA), (hk, gone, DESK), (kr, of_peer, DESK))
    }
    assert said == {"there is no attachment "}
    await delete(hk, record, HKMA, allow_missing=True)
    assert await hk.read(read_totals) == {SFC: Totals(1, len(BYTES))}


async def test_what_a_notice_names_is_kept_and_that_named_to_who_may_see_it(hk: Opened):
    record = await stored(hk)
    await hk.release("hk-red", attachments=[named()], handling=handling(tlp=Handling.RED))
    assert await is_named(hk, record) == {"notice": "notices/hk-red"}
    assert isinstance(await refused(delete(hk, record, AMBER)), NotFound)
    await hk.release("hk-amber", attachments=[named()], handling=handling(tlp=Handling.AMBER))
    assert await is_named(hk, record, AMBER) == {"notice": "notices/hk-amber"}
    assert (await hk.read(read_bound, "hk-red", 0, EVERYTHING)).view.record == record


async def test_what_a_draft_names_is_kept_until_that_is_final(hk: Opened):
    record = await stored(hk)
    await hk.committer.submit(lambda tx: tx.keep_draft(draft(Draft.PENDING_APPROVAL, Handling.RED)))
    assert await is_named(hk, record) == {"draft": "drafts/hk-2026-d1"}
    assert await is_named(hk, record, AMBER) == {}
    await hk.committer.submit(lambda tx: tx.keep_draft(draft(Draft.EXPIRED, Handling.RED)))
    await delete(hk, record)
    hk.execute("DELETE FROM drafts", "DELETE FROM draft_events")


# --- at the same moment -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["deleted", "idle"])
@pytest.mark.parametrize("by", ["notice", "draft"])
async def test_what_is_named_in_the_same_commit_is_kept(hk: Opened, way: str, by: str):
    record, before = await stored(hk), len(hk.commits)

    async def name_it() -> None:
        if by == "notice":
            await hk.release("hk-1", attachments=[named()])
        else:
            await hk.committer.submit(lambda tx: tx.keep_draft(draft(Draft.PENDING_APPROVAL)))

    async def let_it_go() -> None:
        if way == "deleted":
            await refused(delete(hk, record))
        else:
            await hk.committer.submit(lambda tx: _drop_idle(tx, record.touched_at + LATER, [record.number]))

    await asyncio.gather(name_it(), let_it_go())
    assert len(hk.commits) == before + 1, "else this shows nothing"
    assert [row["dropped"] for row in await hk.rows(attachments)] == [False]
    hk.execute("DELETE FROM drafts", "DELETE FROM draft_events")


async def test_what_comes_in_the_same_commit_as_it_is_idle_is_kept(hk: Opened):
    record, before = await stored(hk, end=1), len(hk.commits)
    await asyncio.gather(
        storing(hk).add(record.number, 1, BYTES[CHUNK_BYTES:][:CHUNK_BYTES]),
        hk.committer.submit(lambda tx: _drop_idle(tx, record.touched_at + 1, [record.number])),
    )
    assert len(hk.commits) == before + 1, "else this shows nothing"
    (row,) = await hk.rows(attachments)
    assert (row["dropped"], row["stored_bytes"]) == (False, 2 * CHUNK_BYTES)


async def test_a_notice_that_comes_after_the_deletion_of_the_same_commit_does_not_find_the_file(hk: Opened):
    record = await stored(hk)
    found = await asyncio.gather(delete(hk, record), hk.committer.submit(lambda tx: tx.files.declared(SFC, FILE)))
    assert found[1] == []


async def test_an_upload_that_is_under_way_ends(hk: Opened):
    record = await declared(hk)

    async def messages() -> AsyncIterator[pb.UploadAttachmentRequest]:
        yield pb.UploadAttachmentRequest(name=attachment_name(record), data=BYTES[:CHUNK_BYTES])
        await delete(hk, record)
        await cleared(hk)
        yield pb.UploadAttachmentRequest(data=BYTES[CHUNK_BYTES:])

    assert isinstance(await refused(acting(hk).upload_attachment(DESK, messages())), Stale)
    assert await hk.rows(attachments) == []


async def test_an_upload_that_begins_just_then_leaves_nothing(hk: Opened, monkeypatch: pytest.MonkeyPatch):
    record, uploading = await stored(hk, end=1), acting(hk)
    find = uploading._questions.declared

    async def declared_until_now(caller: Caller, name: str) -> AttachmentRecord:
        found = await find(caller, name)
        await delete(hk, record)
        await cleared(hk)
        return found

    async def messages() -> AsyncIterator[pb.UploadAttachmentRequest]:
        yield pb.UploadAttachmentRequest(name=attachment_name(record), offset=CHUNK_BYTES, data=BYTES[CHUNK_BYTES:])

    monkeypatch.setattr(uploading._questions, "declared", declared_until_now)
    assert isinstance(await refused(uploading.upload_attachment(DESK, messages())), Stale)
    assert await hk.rows(attachments) == []


async def test_what_goes_while_its_digest_is_asked_is_no_damage(hk: Opened):
    record = await stored(hk, end=2)
    record = await storing(hk).add(record.number, 2, BYTES[2 * CHUNK_BYTES :])
    await delete(hk, record)
    await cleared(hk)
    assert isinstance(await refused(storing(hk).complete(record)), Stale)


async def test_a_download_that_is_under_way_ends(hk: Opened):
    record = await stored(hk)
    wanted = pb.DownloadAttachmentRequest(name=attachment_name(record))
    parts = AttachmentQuestions(hk.readers).download(DESK, wanted)
    assert (await anext(parts)).data + (await anext(parts)).data == BYTES[: 2 * CHUNK_BYTES]
    await delete(hk, record)
    await cleared(hk)
    assert isinstance(await refused(anext(parts)), NotFound)


# --- what is left -----------------------------------------------------------------------------------------------------


async def test_nothing_of_a_deleted_file_is_left_in_any_file_of_the_home(hk: Opened):
    if not hk.url.startswith("sqlite"):
        pytest.skip("what a server leaves on its disk, docs/handling.md tells")
    marks = [FILE.sha256, *(BYTES[place : place + 40] for place in range(100, len(BYTES) - 40, 70_001))]
    record = await stored(hk)
    assert left(hk, marks)
    await delete(hk, record, request_id=str(uuid4()))
    await cleared(hk)
    assert left(hk, marks) == []


async def test_a_scrub_for_which_a_reader_leaves_no_room_is_tried_again(hk: Opened, monkeypatch: pytest.MonkeyPatch):
    tried, answers = [], iter([False, True])

    async def scrub() -> bool:
        tried.append(True)
        return next(answers)

    monkeypatch.setattr(hk.committer, "scrub", scrub)
    clearing = Removal(hk.committer, hk.readers, lambda: next(hk.clock), asyncio.Event(), unfinished_days=7)
    await clearing.scrub()
    assert not tried, "nothing was deleted"
    await delete(hk, await stored(hk))
    await clearing.sweep()
    assert isinstance(await refused(clearing.scrub()), Unavailable)
    for _ in range(2):
        await clearing.scrub()
    assert len(tried) == 2


async def test_a_peer_has_what_is_kept_though_the_like_of_it_was_deleted(hk: Opened, kr: Opened):
    """One of two uploads of the same file: the other one is a notice's."""
    tied = await stored(hk)
    await hk.release("hk-1", attachments=[named()], handling=handling(tlp=Handling.RED))
    again = await declared(hk)  # as by a client that may not see the notice
    await delete(hk, again, AMBER)
    await settle(hk, kr)
    assert (await hk.read(read_bound, "hk-1", 0, EVERYTHING)).view.record == tied
