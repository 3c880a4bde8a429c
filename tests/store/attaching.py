"""Attachments of tests: small chunks, files of a few of them, and how they come into a store."""

import asyncio
from hashlib import sha256

from regulator.exchange.v1.values_pb2 import Attachment

from gateway.commands.attachments import Clearing
from gateway.commands.storing import Room, Storing
from gateway.supervision.attachments import CHUNK_BYTES, Attached, AttachmentRecord, Owner, chunk_count
from tests.store.stores import RANDOM, Opened

SFC, FROM_KR = Owner(authority="SFC"), Owner(peer="KR")
BYTES = RANDOM.randbytes(2 * CHUNK_BYTES + 7)
FILE = Attached(sha256(BYTES).digest(), len(BYTES))
LATER = 2 * 24 * 60 * 60 * 1_000_000  # microseconds


def named(data: bytes = BYTES, file_name: str = "a.pdf") -> Attachment:
    """What a notice says of a file."""
    digest = sha256(data).digest()
    return Attachment(file_name=file_name, media_type="application/pdf", size_bytes=len(data), sha256=digest)


def storing(store: Opened, *, free: int | None = None, **bounds: int) -> Storing:
    room = {
        "max_bytes": 2**32,
        "authority_bytes": 2**40,
        "peer_bytes": 2**40,
        "unfinished_files": 1000,
        "keep_free_bytes": 0,
    } | bounds
    return Storing(store.committer, store.readers, Room(**room, free_bytes=lambda: free), RANDOM.randbytes)


async def declared(store: Opened, owner: Owner = SFC, file: Attached = FILE) -> AttachmentRecord:
    return await store.committer.submit(lambda tx: storing(store).declare(tx, owner, file))


async def stored(store: Opened, owner: Owner = SFC, data: bytes = BYTES, end: int = 10**6) -> AttachmentRecord:
    """A file whose first chunks are here; all of them: it is verified."""
    record = await declared(store, owner, Attached(sha256(data).digest(), len(data)))
    for index in range(min(end, chunk_count(len(data)))):
        part = data[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES]
        record = await storing(store).add(record.number, index, part)
    return await storing(store).complete(record) if record.stored_bytes == len(data) else record


async def cleared(store: Opened, after: int = 0) -> None:
    """Drops and deletes what a node would, so many microseconds after now."""
    now = next(store.clock) + after
    clearing = Clearing(store.committer, store.readers, lambda: now, asyncio.Event())
    await clearing.clear()
    await clearing.sweep()
