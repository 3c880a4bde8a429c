"""What is asked of attachments: one of them, by its own name or by its notice's, and its bytes. Reads only."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from regulator.exchange.v1.notice_service_pb2 import Notice
from sqlalchemy import ColumnElement, Connection, and_, bindparam, exists, func, or_, select, text

from gateway.errors import Corrupt
from gateway.store.attachments.rows import attachment_record
from gateway.store.tables import UNATTACHED, attachment_chunks, attachments, notice_attachments, notices
from gateway.store.visibility import visible_notices
from gateway.supervision.attachments import Attached, AttachmentRecord, Owner
from gateway.supervision.disclosure import Scope

MAX_NOTICES = 100  # told of one file

named = notice_attachments  # by notices

_CHUNKS = (
    select(attachment_chunks.c.data)
    .where(
        attachment_chunks.c.attachment == bindparam("number"),
        attachment_chunks.c.index >= bindparam("first"),
        attachment_chunks.c.index < bindparam("end"),
    )
    .order_by(attachment_chunks.c.index)
)


class Hash(Protocol):
    """A hash that is under way."""

    def update(self, data: bytes, /) -> None:
        """Adds bytes."""


@dataclass(frozen=True, slots=True)
class AttachmentView:
    """A file, and what names it.

    Attributes:
        record: None: nothing of it is here
        file: what it is
        notices: ids of those that name it and may be seen, whichever copy of it they are tied to
        is_named: whether any is tied to this copy
    """

    record: AttachmentRecord | None
    file: Attached
    notices: Collection[str]
    is_named: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file that a notice names and that is not whole here; ``number``: of what is here of it, None: nothing is."""

    file: Attached
    owner: Owner
    number: int | None
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class BoundView:
    """What a notice names at a place; ``view`` is None if it names none there. ``is_destroyed``: of the content."""

    view: AttachmentView | None
    is_destroyed: bool


def read_attachment(connection: Connection, attachment_id: str, authority: str, scope: Scope) -> AttachmentView | None:
    """Reads a file by its own id; None: there is none for clients of that authority who may see that scope."""
    wanted = (attachments.c.id == attachment_id, attachments.c.authority == authority, attachments.c.dropped.is_(False))
    row = connection.execute(select(attachments).where(*wanted, _is_seen(scope))).mappings().first()
    return _view(connection, attachment_record(row), scope) if row else None


def read_declared(connection: Connection, authority: str, file: Attached, scope: Scope) -> AttachmentView | None:
    """Reads a file of an authority by what it is, a whole one first; None: it has declared none such."""
    same = (attachments.c.sha256 == file.sha256, attachments.c.size_bytes == file.size_bytes)
    own = (attachments.c.authority == authority, attachments.c.dropped.is_(False))
    found = select(attachments).where(*same, *own).order_by(attachments.c.complete.desc(), attachments.c.number)
    row = connection.execute(found).mappings().first()
    return _view(connection, attachment_record(row), scope) if row else None


def read_bound(connection: Connection, notice_id: str, ordinal: int, scope: Scope) -> BoundView | None:
    """Reads the file at a place of a notice; None: there is no such notice that may be seen."""
    wanted = select(notices.c.destroyed_index).where(notices.c.id == notice_id, *visible_notices(scope))
    notice = connection.execute(wanted).first()
    if notice is None:
        return None
    here = (notice_attachments.c.notice == notice_id, notice_attachments.c.ordinal == ordinal)
    bound = connection.execute(select(notice_attachments).where(*here)).mappings().first()
    if bound is None:
        return BoundView(None, is_destroyed=notice.destroyed_index is not None)
    file = Attached(bytes(bound["sha256"]), bound["size_bytes"])
    tied = select(attachments).where(attachments.c.number == bound["attachment"])
    row = connection.execute(tied).mappings().first() if bound["attachment"] is not None else None
    if row is None:
        return BoundView(AttachmentView(None, file, (notice_id,), is_named=True), is_destroyed=False)
    return BoundView(_view(connection, attachment_record(row), scope), is_destroyed=False)


def read_chunks(connection: Connection, number: int, first: int, count: int) -> list[bytes]:
    """Reads chunks of a file, in order; fewer, or none, where they are not there, or not any more."""
    return [bytes(each) for each in connection.scalars(_CHUNKS, _range(number, first, count))]


def hash_chunks(connection: Connection, number: int, first: int, count: int, into: Hash) -> None:
    """Adds chunks of a file to a hash.

    Raises:
        Corrupt: they are not all there.
    """
    found = 0
    for data in connection.scalars(_CHUNKS, _range(number, first, count)):
        into.update(data)
        found += 1
    if found != count:
        raise Corrupt(f"chunks {first} to {first + count} of attachment {number} are not all stored")


def read_wanted(connection: Connection, peer: str, today: int, limit: int) -> list[Wanted]:
    """Reads the files of notices between here and a peer that are not whole here, those with the least to come first.

    Not those of what is destroyed at either node, or is past the day up to which it may be kept.
    """
    here = func.coalesce(attachments.c.stored_bytes, 0)
    to_come = named.c.size_bytes - here
    open_files = select(attachments.c.number).where(attachments.c.complete.is_(False))
    found = (
        select(
            named.c.sha256, named.c.size_bytes, notices.c.direction, notices.c.issuing_authority, attachments.c.number
        )
        .distinct()
        .add_columns(here.label("here"), to_come.label("to_come"))
        .join(notices, notices.c.id == named.c.notice)
        .join(attachments, attachments.c.number == named.c.attachment, isouter=True)
        .where(
            or_(named.c.attachment.is_(None), named.c.attachment.in_(open_files)),
            *_between(peer),
            or_(notices.c.retain_until == 0, notices.c.retain_until >= today),
        )
        .order_by(to_come, named.c.sha256)
        .limit(limit)
    )
    return [
        Wanted(
            Attached(bytes(row.sha256), row.size_bytes),
            Owner(authority=row.issuing_authority) if row.direction == Notice.OUTGOING else Owner(peer=peer),
            row.number,
            row.here,
        )
        for row in connection.execute(found)
    ]


def read_idle(connection: Connection, before: int, after: int, limit: int) -> list[int]:
    """Reads the numbers of files that no notice names, and that nobody touched since a moment; those after a number."""
    idle = (attachments.c.dropped.is_(False), attachments.c.touched_at < before, attachments.c.number > after)
    is_named = exists().where(named.c.attachment == attachments.c.number)
    found = select(attachments.c.number).where(*idle, ~is_named).order_by(attachments.c.number).limit(limit)
    return list(connection.scalars(found))


def read_held(connection: Connection, peer: str, file: Attached) -> int | None:
    """Reads the number of a file that is whole here and that a notice between here and a peer names; None: none is."""
    found = (
        select(named.c.attachment)
        .join(notices, notices.c.id == named.c.notice)
        .join(attachments, attachments.c.number == named.c.attachment)
        .where(named.c.sha256 == file.sha256, named.c.size_bytes == file.size_bytes, *_between(peer))
        .where(attachments.c.complete.is_(True), attachments.c.dropped.is_(False))
        .limit(1)
    )
    number: int | None = connection.scalar(found)
    return number


def read_whole(connection: Connection, limit: int) -> list[str]:
    """Reads the ids of received notices all of whose files are here, and of which the sender was not told so yet."""
    here = select(attachments.c.number).where(attachments.c.complete.is_(True))
    lacking = exists().where(
        named.c.notice == notices.c.id, or_(named.c.attachment.is_(None), named.c.attachment.not_in(here))
    )
    known = exists().where(named.c.notice == notices.c.id)
    found = (
        select(notices.c.id)
        .where(text(UNATTACHED), notices.c.direction == Notice.INCOMING, notices.c.destroyed_index.is_(None))
        .where(known, ~lacking)
        .order_by(notices.c.sequence)
        .limit(limit)
    )
    return list(connection.scalars(found))


def _between(peer: str) -> tuple[ColumnElement[bool], ...]:
    """Of notices: those between here and a peer of which neither has destroyed the content."""
    return (
        or_(notices.c.sender == peer, notices.c.recipient == peer),
        notices.c.destroyed_index.is_(None),
        notices.c.peer_destroyed_index.is_(None),
    )


def _is_seen(scope: Scope) -> ColumnElement[bool]:
    """That a copy is tied to no notice, or to one that may be seen: who has another one must not learn of it."""
    tied = exists().where(named.c.attachment == attachments.c.number)
    seen = tied.where(notices.c.id == named.c.notice, *visible_notices(scope))
    return or_(~tied, seen)


def _view(connection: Connection, record: AttachmentRecord, scope: Scope) -> AttachmentView:
    tied = select(named.c.notice).where(named.c.attachment == record.number).limit(1)
    is_named = connection.execute(tied).first() is not None
    owner = record.owner
    same = (
        select(notices.c.sequence, notices.c.id)
        .join(named, named.c.notice == notices.c.id)
        .where(named.c.sha256 == record.sha256, named.c.size_bytes == record.size_bytes)
        .where(
            and_(notices.c.direction == Notice.OUTGOING, notices.c.issuing_authority == owner.authority)
            if owner.authority
            else and_(notices.c.direction == Notice.INCOMING, notices.c.sender == owner.peer)
        )
        .where(*visible_notices(scope))
        .limit(MAX_NOTICES)  # as they are found: putting all in order first would take longer the more there are
    )
    found = sorted({row.sequence: row.id for row in connection.execute(same)}.items())
    named_by = tuple(notice_id for _, notice_id in found)
    return AttachmentView(record, Attached(record.sha256, record.size_bytes), named_by, is_named)


def _range(number: int, first: int, count: int) -> dict[str, int]:
    return {"number": number, "first": first, "end": first + count}
