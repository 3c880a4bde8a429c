"""How the bytes of a file become durable, whoever sends them: room first, then chunk by chunk, then all of it verified.

Every chunk goes through the one writer as a unit of little weight, so notices share its commits; few chunks of all
files wait there at once, so a notice waits behind a few megabytes at most, and memory stays flat.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from gateway.errors import BadInput, Corrupt, NoRoom, Stale
from gateway.journal.entries import CALL_RECORD
from gateway.store.attachments.queries import hash_chunks
from gateway.store.attachments.standing import read_room
from gateway.store.committer import Committer
from gateway.store.readers import Readers
from gateway.store.transaction import Transaction
from gateway.supervision.attachments import (
    Attached,
    AttachmentRecord,
    Chunk,
    Owner,
    Totals,
    chunk_count,
    is_next,
    with_chunk,
)

CHUNKS_AT_ONCE = 4  # of all files, that wait for the writer
CHUNK_WEIGHT = 10  # of the 500 that a commit has, about
HASHED_AT_ONCE = 8  # chunks, in one read
SWEPT_AT_ONCE = 8  # chunks: overwriting them takes as long as writing them did
ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Room:
    """What files may take.

    Attributes:
        max_bytes: of one
        authority_bytes: of all of one authority
        peer_bytes: of all of one peer
        unfinished_files: of one authority
        keep_free_bytes: of the disk
        free_bytes: gives what is free; None: it cannot be known here, as the database is elsewhere
    """

    max_bytes: int
    authority_bytes: int
    peer_bytes: int
    unfinished_files: int
    keep_free_bytes: int
    free_bytes: Callable[[], int | None]

    def require(self, owner: Owner, size_bytes: int, *, kept: Totals, owed_bytes: int, reusable_bytes: int) -> None:
        """Passes if there is room for one more file.

        Args:
            owner: whose it is
            size_bytes: its size
            kept: what all the owner's files amount to
            owed_bytes: what is still to come of all files
            reusable_bytes: of the database, beside what is free of the disk

        Raises:
            BadInput: it is larger than files may be here.
            NoRoom: the quota of whose it is, or the disk, does not suffice; or too many files are not finished.
        """
        if size_bytes > self.max_bytes:
            raise BadInput.of("size_bytes", f"must be at most {self.max_bytes}, as this node is configured")
        whose, limit, quota = (
            (owner.authority, "authority_quota_bytes", self.authority_bytes)
            if owner.authority
            else (owner.peer, "peer_quota_bytes", self.peer_bytes)
        )
        if kept.kept_bytes + size_bytes > quota:
            raise NoRoom(
                f"the attachments of {whose} have {quota} bytes, and not so many left", limit=f"attachments.{limit}"
            )
        if owner.authority and kept.coming_files >= self.unfinished_files:
            said = f"{whose} has {kept.coming_files} files that are not finished: finish or delete some"
            raise NoRoom(said, limit="attachments.max_unfinished")
        free = self.free_bytes()
        if free is not None and free + reusable_bytes - owed_bytes - size_bytes < self.keep_free_bytes:
            raise NoRoom("the node's disk has no room for it", limit="attachments.keep_free_bytes")


class Storage:
    """Keeps files.

    Args:
        committer: the one writer
        readers: of the store
        room: what they may take
        random: gives so many random bytes
    """

    def __init__(self, committer: Committer, readers: Readers, room: Room, random: Callable[[int], bytes]) -> None:
        self._committer, self._readers, self._room, self._random = committer, readers, room, random
        self._slots = asyncio.Semaphore(CHUNKS_AT_ONCE)
        self.dropped = asyncio.Event()  # set where a file is

    async def require_room(self, owner: Owner, size_bytes: int) -> None:
        """Passes if there is room for a file as of the last commit; raises as ``Room.require``."""
        totals, reusable = await self._readers.run(read_room)
        self._room.require(
            owner,
            size_bytes,
            kept=totals.get(owner, Totals()),
            owed_bytes=sum(each.owed_bytes for each in totals.values()),
            reusable_bytes=reusable,
        )

    def declare(self, tx: Transaction, owner: Owner, file: Attached) -> AttachmentRecord:
        """Keeps room for a file, before the first of its bytes comes; raises as ``Room.require``."""
        self._room.require(
            owner,
            file.size_bytes,
            kept=tx.files.totals(owner),
            owed_bytes=tx.files.owed_bytes(),
            reusable_bytes=tx.files.reusable_bytes(),
        )
        number, own_id = tx.files.next_number(), self._random(ID_BYTES).hex()
        return tx.files.keep(AttachmentRecord(number, own_id, owner, *file, 0, False, False, tx.now))

    async def add(self, number: int, index: int, data: bytes) -> AttachmentRecord:
        """Makes a chunk durable; gives how the file stands. The same one again does nothing more.

        Raises:
            BadInput: another one is here in its place.
            Stale: the file, or what came before, is not here any more.
            Overloaded, Unavailable: of the writer.
        """
        chunk = Chunk(index, data, sha256(data).digest())

        def unit(tx: Transaction) -> AttachmentRecord:
            record = there(tx, number)
            if is_next(record, chunk):
                return tx.files.keep(with_chunk(record, chunk, tx.now), chunk)
            if tx.files.chunk_sha256(number, index) != chunk.sha256:
                raise BadInput.of("data", "must be what is durable at its place already: are these the same file?")
            return record

        async with self._slots:
            told = CALL_RECORD.set(None)  # the access journal tells when an upload begins, and when it is whole
            try:
                return await self._committer.submit(unit, weight=CHUNK_WEIGHT)
            finally:
                CALL_RECORD.reset(told)

    async def complete(self, record: AttachmentRecord) -> AttachmentRecord:
        """Asks the digest of all that is stored; what has another one is dropped.

        Raises:
            BadInput: it has another one.
            Stale: the file is not here any more.
        """
        if record.is_complete:
            return record
        is_right = await self._digest(record) == record.sha256

        def unit(tx: Transaction) -> AttachmentRecord:
            known = there(tx, record.number)
            return tx.files.keep(known._replace(is_complete=is_right, is_dropped=not is_right, touched_at=tx.now))

        kept = await self._committer.submit(unit)
        if not is_right:
            self.dropped.set()
            raise BadInput.of(
                "sha256", "must be the digest of the bytes that came, which are dropped: declare it again"
            )
        return kept

    async def _digest(self, record: AttachmentRecord) -> bytes:
        """SHA-256 of all that is stored of a file."""
        found, chunks = sha256(), chunk_count(record.size_bytes)
        try:
            for first in range(0, chunks, HASHED_AT_ONCE):
                await self._readers.run(hash_chunks, record.number, first, min(HASHED_AT_ONCE, chunks - first), found)
        except Corrupt:  # or it was dropped meanwhile
            await self._committer.submit(lambda tx: there(tx, record.number))
            raise
        return found.digest()


def there(tx: Transaction, number: int) -> AttachmentRecord:
    """Gives a file that is not dropped.

    Raises:
        Stale: it is not here any more.
    """
    record = tx.files.find(number)
    if record is None or record.is_dropped:
        raise Stale("the attachment is not here any more: declare it again")
    return record


class Filling:
    """The chunks of one file that wait for the writer: a few at once, in order, so that they share its commits.

    A context manager; on leaving it nothing waits any more. What went wrong with one, a later one raises.

    Args:
        storage: makes them durable
        record: of the file
        index: of the first chunk
    """

    def __init__(self, storage: Storage, record: AttachmentRecord, index: int) -> None:
        self._storage, self._record, self._index = storage, record, index
        self._waiting: deque[asyncio.Task[AttachmentRecord]] = deque()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._waiting:
            task.cancel()
        await asyncio.gather(*self._waiting, return_exceptions=True)

    async def add(self, data: bytes) -> None:
        """Adds the next chunk; waits while too many do. Raises as ``Storage.add``, of an earlier one."""
        if len(self._waiting) >= CHUNKS_AT_ONCE:
            await self._next()
        adding = self._storage.add(self._record.number, self._index, data)
        self._waiting.append(asyncio.create_task(adding))
        self._index += 1

    async def finish(self) -> AttachmentRecord:
        """Waits until all are durable, and gives how the file stands then."""
        while self._waiting:
            await self._next()
        return self._record

    async def _next(self) -> None:
        self._record = await self._waiting[0]
        self._waiting.popleft()


async def sweep(committer: Committer) -> bool:
    """Deletes all that is dropped, some chunks a commit; tells if there was anything."""
    found = False
    while await committer.submit(_sweep, weight=SWEPT_AT_ONCE, bounded=False):
        found = True
    return found


def _sweep(tx: Transaction) -> bool:
    """Deletes some chunks of what is dropped; False: there is nothing left of any."""
    for record in tx.files.dropped(1):
        first = tx.files.first_chunk(record.number)
        if first is None:
            tx.files.remove(record.number)
        else:
            tx.files.sweep(record.number, first, first + SWEPT_AT_ONCE)
        return True
    return False
