"""Files that notices name and that do not come, whole or at all any more: which ones the node lets go of."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select

from gateway.store.attachments.rows import attachment_record
from gateway.store.tables import attachments, notice_attachments, notices
from gateway.supervision.attachments import AttachmentRecord


class Patience(NamedTuple):
    """How long files are waited for.

    Attributes:
        before: microseconds since 1970: one of which the last byte came earlier is let go of
        today: UTC, 20260131: a notice whose last day is past wants its files no more
    """

    before: int
    today: int


def read_stalled(connection: Connection, patience: Patience, after: int, limit: int) -> list[int]:
    """Reads the numbers of files that are to be let go of, those after a number."""
    found = select(attachments.c.number).where(_is_stalled(patience), attachments.c.number > after)
    return list(connection.scalars(found.order_by(attachments.c.number).limit(limit)))


def stalled_among(connection: Connection, patience: Patience, numbers: Sequence[int]) -> list[AttachmentRecord]:
    """Gives those of some files that still are."""
    found = select(attachments).where(_is_stalled(patience), attachments.c.number.in_(numbers))
    return [attachment_record(row) for row in connection.execute(found).mappings()]


def _is_stalled(patience: Patience) -> ColumnElement[bool]:
    """A file that is named and not whole, of which nothing came for long, or that its peer will not send any more.

    What is all here and only to be verified has come. What an authority of this node lost it may upload again, whatever
    became of the notice at the peer.
    """
    named, columns = notice_attachments.c.attachment == attachments.c.number, attachments.c
    has_stopped = and_(columns.stored_bytes < columns.size_bytes, columns.touched_at < patience.before)
    is_wanted = exists().where(
        named,
        notices.c.id == notice_attachments.c.notice,
        notices.c.destroyed_index.is_(None),
        notices.c.peer_destroyed_index.is_(None),
        or_(notices.c.retain_until == 0, notices.c.retain_until >= patience.today),
    )
    return and_(
        columns.complete.is_(False),
        columns.dropped.is_(False),
        exists().where(named),
        or_(has_stopped, and_(columns.peer != "", ~is_wanted)),
    )
