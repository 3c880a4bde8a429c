"""Attachments of tests: small chunks, files of a few of them, and how they come into a store."""

import asyncio
from collections import Counter
from hashlib import sha256

from regulator.exchange.v1.draft_service_pb2 import Draft
from regulator.exchange.v1.envelope_pb2 import Author
from regulator.exchange.v1.notice_service_pb2 import CreateNoticeRequest
from regulator.exchange.v1.values_pb2 import Attachment, Handling

from gateway.commands.attachments.removal import Removal
from gateway.commands.attachments.storage import Room, Storage
from gateway.supervision.approval import ActKind
from gateway.supervision.attachments import CHUNK_BYTES, Attached, AttachmentRecord, Owner, chunk_count
from gateway.supervision.drafts import DraftRecord, Nature
from tests.store.stores import CLIENT, NOW, RANDOM, Opened
from tests.supervision.samples import content

SFC, FROM_KR = Owner(authority="SFC"), Owner(peer="KR")
BYTES = RANDOM.randbytes(2 * CHUNK_BYTES + 7)
FILE = Attached(sha256(BYTES).digest(), len(BYTES))
DAY = 24 * 60 * 60 * 1_000_000  # microseconds
LATER = 2 * DAY
UNFINISHED_DAYS = 7


def named(data: bytes = BYTES, file_name: str = "a.pdf") -> Attachment:
    """What a notice says of a file."""
    digest = sha256(data).digest()
    return Attachment(file_name=file_name, media_type="application/pdf", size_bytes=len(data), sha256=digest)


def storing(store: Opened, *, free: int | None = None, **bounds: int) -> Storage:
    room = {
        "max_bytes": 2**32,
        "authority_bytes": 2**40,
        "peer_bytes": 2**40,
        "unfinished_files": 1000,
        "keep_free_bytes": 0,
    } | bounds
    return Storage(store.committer, store.readers, Room(**room, free_bytes=lambda: free), RANDOM.randbytes)


async def declared(store: Opened, owner: Owner = SFC, file: Attached = FILE) -> AttachmentRecord:
    return await store.committer.submit(lambda tx: storing(store).declare(tx, owner, file))


async def stored(store: Opened, owner: Owner = SFC, data: bytes = BYTES, end: int = 10**6) -> AttachmentRecord:
    """A file whose first chunks are here; all of them: it is verified."""
    record = await declared(store, owner, Attached(sha256(data).digest(), len(data)))
    for index in range(min(end, chunk_count(len(data)))):
        part = data[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES]
        record = await storing(store).add(record.number, index, part)
    return await storing(store).complete(record) if record.stored_bytes == len(data) else record


async def cleared(store: Opened, after: int = 0) -> Counter[Owner]:
    """Drops and deletes what a node would, so many microseconds after now; gives whose files were let go of."""
    now, let_go = next(store.clock) + after, Counter[Owner]()
    clearing = Removal(
        store.committer,
        store.readers,
        lambda: now,
        asyncio.Event(),
        unfinished_days=UNFINISHED_DAYS,
        on_let_go=lambda owner, count: let_go.update({owner: count}),
    )
    await clearing.clear()
    await clearing.sweep()
    await clearing.scrub()
    return let_go


def draft(state: Draft.State.ValueType, tlp: Handling.Tlp.ValueType = Handling.TLP_UNSPECIFIED) -> DraftRecord:
    """A draft of a notice that names the file; without a label everybody of its authority sees it."""
    request = CreateNoticeRequest()
    request.notice.content.CopyFrom(content(attachments=[named()]))
    return DraftRecord(
        id="hk-2026-d1",
        revision=1,
        state=state,
        act=ActKind.CREATE_NOTICE,
        request=request,
        author=Author(authority="SFC", client=CLIENT),
        nature=Nature(tlp=tlp),
        created_at=NOW,
        updated_at=NOW,
        expires_at=NOW + 9 * LATER,
        submitted_at=None,
        reviewed_at=None,
        reviewer=None,
        reason="",
        released="",
    )


def left(store: Opened, marks: list[bytes]) -> list[str]:
    """The files of a home in which some of the bytes are."""
    held = {path.name: path.read_bytes() for path in store.home.iterdir() if path.is_file()}
    return [name for name, data in held.items() if any(mark in data for mark in marks)]
