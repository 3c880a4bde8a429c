"""What units of work look up of attachments, committed or changed by the units before, and what they change."""

from collections.abc import Iterable, Sequence

from regulator.exchange.v1.notice_service_pb2 import Notice
from sqlalchemy import Connection, bindparam, exists, func, or_, select, text

from gateway.store.attachments.changes import AttachmentChanges
from gateway.store.attachments.rows import attachment_record, totals_in
from gateway.store.attachments.unfinished import Patience, stalled_among
from gateway.store.tables import (
    DROPPED,
    attachment_chunks,
    attachment_totals,
    attachments,
    node,
    notice_attachments,
    notices,
)
from gateway.store.visibility import hidden_of
from gateway.supervision.attachments import Attached, AttachmentRecord, Chunk, Owner, Totals
from gateway.supervision.disclosure import Scope

MOST_NAMING = 100  # notices that are asked whether they may be seen, of one file

_COLUMNS = attachments.c
_CHUNKS = attachment_chunks.c
_BY_NUMBER = select(attachments).where(_COLUMNS.number == bindparam("number"))
_BY_ID = select(attachments).where(_COLUMNS.id == bindparam("id"))
_OF_OWNER = (_COLUMNS.authority == bindparam("authority"), _COLUMNS.peer == bindparam("peer"))
_DECLARED = (
    select(attachments)
    .where(*_OF_OWNER, _COLUMNS.sha256 == bindparam("sha256"), _COLUMNS.size_bytes == bindparam("size_bytes"))
    .order_by(_COLUMNS.number)
)
_LAST = select(func.coalesce(func.max(node.c.last_attachment), 0))
_CHUNK = select(_CHUNKS.sha256).where(_CHUNKS.attachment == bindparam("number"), _CHUNKS.index == bindparam("index"))
_FIRST_CHUNK = select(func.min(_CHUNKS.index)).where(_CHUNKS.attachment == bindparam("number"))
_NOTICES = select(notice_attachments.c.notice).where(notice_attachments.c.attachment == bindparam("number"))
_NAMES = select(notice_attachments.c.ordinal).where(notice_attachments.c.notice == bindparam("notice")).limit(1)
_NAMED = (
    select(notices.c.sequence)
    .join(notice_attachments, notice_attachments.c.notice == notices.c.id)
    .where(
        notice_attachments.c.sha256 == bindparam("sha256"),
        notice_attachments.c.size_bytes == bindparam("size_bytes"),
        or_(
            (notices.c.direction == Notice.OUTGOING) & (notices.c.issuing_authority == bindparam("authority")),
            (notices.c.direction == Notice.INCOMING) & (notices.c.sender == bindparam("peer")),
        ),
    )
    .limit(1)
)
_IS_NAMED = exists().where(notice_attachments.c.attachment == _COLUMNS.number)
_IDLE = (
    select(attachments)
    .where(_COLUMNS.number.in_(bindparam("numbers", expanding=True)))
    .where(_COLUMNS.dropped.is_(False), _COLUMNS.touched_at < bindparam("before"), ~_IS_NAMED)
)
_DROPPED = select(attachments).where(text(DROPPED)).order_by(_COLUMNS.number).limit(bindparam("limit"))
_SOME = select(attachments).where(_COLUMNS.number.in_(bindparam("numbers", expanding=True)))


def reusable_bytes(connection: Connection) -> int:
    """Gives how many bytes SQLite can write without growing: its file keeps the pages of what was deleted."""
    if connection.dialect.name != "sqlite":
        return 0
    pages, size = (
        connection.exec_driver_sql(f"PRAGMA {each}").scalar_one() for each in ("freelist_count", "page_size")
    )
    return int(pages * size)


class AttachmentLookups:
    """Reads through what a transaction is going to write.

    Args:
        connection: inside the writer's database transaction
        changed: what is going to be written, the newest first: that is where this unit's own goes
    """

    def __init__(self, connection: Connection, changed: Sequence[AttachmentChanges]) -> None:
        self._connection, self._changed = connection, changed

    def keep(self, record: AttachmentRecord, *chunks: Chunk) -> AttachmentRecord:
        """Keeps a file, new or changed, and more of its chunks."""
        self._changed[0].records[record.number] = record
        self._changed[0].chunks += ((record.number, chunk) for chunk in chunks)
        return record

    def choose(self, notice_id: str, files: Iterable[AttachmentRecord]) -> None:
        """Ties the files of a new notice to those that its author sees, in its order: there may be others like them."""
        self._changed[0].chosen[notice_id] = tuple(each.number for each in files)

    def sweep(self, number: int, first: int, end: int) -> None:
        """Deletes chunks of a file."""
        self._changed[0].swept.append((number, first, end))

    def forget(self, notice_id: str) -> None:
        """Deletes which files a notice names, and drops those that no other one does."""
        self._changed[0].forgotten.append(notice_id)

    def remove(self, number: int) -> None:
        """Deletes what is left of a file without chunks."""
        self._changed[0].removed.append(number)

    def find(self, number: int) -> AttachmentRecord | None:
        """Gives a file; None: there is none of that number."""
        for changes in self._changed:
            if found := changes.records.get(number):
                return found
        row = self._connection.execute(_BY_NUMBER, {"number": number}).mappings().first()
        return attachment_record(row) if row else None

    def named(self, attachment_id: str) -> AttachmentRecord | None:
        """Gives a file that is not dropped by its id; None: there is none."""
        fresh = (each for each in self._changing().values() if each.id == attachment_id)
        found = next(fresh, None)
        if found is None:
            row = self._connection.execute(_BY_ID, {"id": attachment_id}).mappings().first()
            found = attachment_record(row) if row else None
        return None if found is None or found.is_dropped else found

    def declared(self, owner: Owner, file: Attached) -> list[AttachmentRecord]:
        """Gives the files of an owner that are, or are to be, the same; the oldest first."""
        values = {**_owned(owner), "sha256": file.sha256, "size_bytes": file.size_bytes}
        changing = self._changing()
        stored = (attachment_record(row) for row in self._connection.execute(_DECLARED, values).mappings())
        same = (each for each in changing.values() if (each.owner, each.sha256, each.size_bytes) == (owner, *file))
        found = {each.number: changing.get(each.number, each) for each in (*stored, *same)}
        return sorted((each for each in found.values() if not each.is_dropped), key=lambda each: each.number)

    def totals(self, owner: Owner | None = None) -> Totals:
        """Gives what the files of an owner, or of all, amount to, or are to."""
        stored = select(attachment_totals)
        if owner is not None:
            stored = stored.filter_by(**_owned(owner))
        found = totals_in(self._connection.execute(stored).mappings())
        changing = self._changing()
        before = self._connection.execute(_SOME, {"numbers": list(changing)}).mappings() if changing else ()
        for records, sign in ((map(attachment_record, before), -1), (changing.values(), 1)):
            for record in records:
                if owner in (None, record.owner):
                    found = found.plus(Totals.of(record, sign))
        return found

    def owed_bytes(self) -> int:
        """Gives how many bytes are still to come of all files that room is kept for."""
        return self.totals().owed_bytes

    def reusable_bytes(self) -> int:
        """Gives how many bytes can be written without the database growing."""
        return reusable_bytes(self._connection)

    def next_number(self) -> int:
        """Gives the number of the next file, that no other one ever had: who reads one that went gets nothing else."""
        stored: int = self._connection.execute(_LAST).scalar_one()
        return max((stored, *self._changing())) + 1

    def chunk_sha256(self, number: int, index: int) -> bytes | None:
        """Gives the digest of a chunk that is here; None: it is not."""
        for changes in self._changed:
            for of_number, chunk in changes.chunks:
                if (of_number, chunk.index) == (number, index):
                    return chunk.sha256
        found = self._connection.scalar(_CHUNK, {"number": number, "index": index})
        return bytes(found) if found is not None else None

    def first_chunk(self, number: int) -> int | None:
        """Gives the index of the first chunk that is left of a file, as of the last commit; None: none is."""
        found: int | None = self._connection.scalar(_FIRST_CHUNK, {"number": number})
        return found

    def is_seen(self, number: int, scope: Scope) -> bool:
        """Whether a file is named by no notice, or by one that may be seen, as of the last commit.

        So many are asked at most: of one that more notices name, the caller may have to send a copy of its own.
        """
        if scope.is_unlimited:
            return True
        some = list(self._connection.scalars(_NOTICES.limit(MOST_NAMING), {"number": number}))
        return not some or len(hidden_of(self._connection, scope, some)) < len(set(some))

    def naming(self, record: AttachmentRecord) -> list[str]:
        """Gives the ids of notices that name a file, so many at most; of those to be written all that name its like."""
        written = (changes.named.items() for changes in self._changed)
        new = [notice for named in written for notice, files in named if (record.sha256, record.size_bytes) in files]
        return [*new, *self._connection.scalars(_NOTICES.limit(MOST_NAMING), {"number": record.number})]

    def is_named(self, owner: Owner, file: Attached) -> bool:
        """Whether a notice whose files are an owner's names a file, as of the last commit."""
        values = {**_owned(owner), "sha256": file.sha256, "size_bytes": file.size_bytes}
        return self._connection.scalar(_NAMED, values) is not None

    def are_named_by(self, notice_id: str) -> bool:
        """Whether a notice names files, as of the last commit."""
        return self._connection.scalar(_NAMES, {"notice": notice_id}) is not None

    def idle(self, before: int, numbers: Sequence[int]) -> list[AttachmentRecord]:
        """Gives those of some files untouched since a moment that no notice names as of the last commit."""
        rows, changing = self._connection.execute(_IDLE, {"before": before, "numbers": list(numbers)}), self._changing()
        return [attachment_record(row) for row in rows.mappings() if row["number"] not in changing]

    def stalled(self, patience: Patience, numbers: Sequence[int]) -> list[AttachmentRecord]:
        """Gives those of some files that are to be let go of as of the last commit, and that no unit before changed."""
        changing = self._changing()
        return [each for each in stalled_among(self._connection, patience, numbers) if each.number not in changing]

    def dropped(self, limit: int) -> list[AttachmentRecord]:
        """Gives files that are dropped and still have a row, as of the last commit."""
        return [attachment_record(row) for row in self._connection.execute(_DROPPED, {"limit": limit}).mappings()]

    def _changing(self) -> dict[int, AttachmentRecord]:
        found: dict[int, AttachmentRecord] = {}
        for changes in reversed(self._changed):
            found |= changes.records
        return found


def _owned(owner: Owner) -> dict[str, str]:
    return {"authority": owner.authority, "peer": owner.peer}
