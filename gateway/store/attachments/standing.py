"""How the files of a store stand, for those who look after it: what they amount to, which notices wait for theirs."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from regulator.exchange.v1.notice_service_pb2 import Notice
from sqlalchemy import Connection, case, distinct, func, or_, select, text

from gateway.moments import MICROS
from gateway.store.attachments.lookups import reusable_bytes
from gateway.store.attachments.rows import totals_in
from gateway.store.tables import UNATTACHED, attachment_totals, attachments, notice_attachments, notices
from gateway.supervision.attachments import Owner, Totals


@dataclass(frozen=True, slots=True)
class Awaited:
    """Notices of a channel that have their receipt, and whose receiver has not said yet that it holds all their files.

    Attributes:
        notices: how many
        to_come_bytes: of their files; at the sender all, since it does not know what has come
        since: microseconds since 1970: the oldest of their receipts
        touched_at: when the last byte came of those that are not whole here; None: none has begun
    """

    notices: int
    to_come_bytes: int
    since: int
    touched_at: int | None


@dataclass(frozen=True, slots=True)
class Lacking:
    """A file of a notice that waits.

    Attributes:
        notice: its id
        peer: jurisdiction of the peer: who is to hold it, or to send it
        is_outgoing: whether the peer is to hold it
        size_bytes: of the file
        stored_bytes: of these, here
        number: of what is here of it; None: nothing is
        is_whole: here
        since: microseconds since 1970: when the notice had its receipt
        touched_at: when the last byte came; None: none did
    """

    notice: str
    peer: str
    is_outgoing: bool
    size_bytes: int
    stored_bytes: int
    number: int | None
    is_whole: bool
    since: int
    touched_at: int | None


# First which notices, by their index; grouped at once, all of a channel's would be read.
_WAITING = (
    select(
        notices.c.id,
        notices.c.channel,
        notices.c.direction,
        notices.c.sender,
        notices.c.recipient,
        notices.c.receipt_time,
    )
    .where(text(UNATTACHED), notices.c.receipt_time.is_not(None), notices.c.peer_destroyed_index.is_(None))
    .cte("waiting")
    .prefix_with("MATERIALIZED")
)
_TO_COME = case(
    (_WAITING.c.direction == Notice.OUTGOING, notice_attachments.c.size_bytes),
    else_=notice_attachments.c.size_bytes - func.coalesce(attachments.c.stored_bytes, 0),
)
_AWAITED = (
    select(
        _WAITING.c.channel,
        func.count(distinct(_WAITING.c.id)).label("notices"),
        func.sum(_TO_COME).label("to_come_bytes"),
        func.min(_WAITING.c.receipt_time).label("receipt_time"),
        func.max(case((attachments.c.complete.is_(False), attachments.c.touched_at))).label("touched_at"),
    )
    .join(notice_attachments, notice_attachments.c.notice == _WAITING.c.id)
    .join(attachments, attachments.c.number == notice_attachments.c.attachment, isouter=True)
    .group_by(_WAITING.c.channel)
)


def read_totals(connection: Connection) -> Mapping[Owner, Totals]:
    """Reads what the files of each owner amount to; of whom there never was any, none is told."""
    rows = defaultdict(list)
    for row in connection.execute(select(attachment_totals)).mappings():
        rows[Owner(row["authority"], row["peer"])].append(row)
    return {owner: totals_in(found) for owner, found in rows.items()}


def read_room(connection: Connection) -> tuple[Mapping[Owner, Totals], int]:
    """Reads what files amount to, and how many bytes can be written without the database growing."""
    return read_totals(connection), reusable_bytes(connection)


def read_awaited(connection: Connection) -> Mapping[int, Awaited]:
    """Reads which notices wait for their files, by the id of their channel: it takes as long as these are many."""
    return {
        row.channel: Awaited(row.notices, int(row.to_come_bytes), row.receipt_time * MICROS, row.touched_at)
        for row in connection.execute(_AWAITED)
    }


def read_lacking(connection: Connection, before: int, limit: int) -> list[Lacking]:
    """Reads the files that notices wait for since before a moment and that did not move since; the oldest first.

    Of notices that this node sent, all their files: which of them the peer holds is not known.
    """
    named, idle = notice_attachments.c, or_(attachments.c.touched_at.is_(None), attachments.c.touched_at < before)
    is_outgoing = _WAITING.c.direction == Notice.OUTGOING
    found = (
        select(_WAITING, named.size_bytes, attachments.c.number, attachments.c.stored_bytes, attachments.c.touched_at)
        .add_columns(attachments.c.complete)
        .join(notice_attachments, named.notice == _WAITING.c.id)
        .join(attachments, attachments.c.number == named.attachment, isouter=True)
        .where(_WAITING.c.receipt_time * MICROS < before, or_(is_outgoing, idle))
        .order_by(_WAITING.c.receipt_time, _WAITING.c.id, named.ordinal)
        .limit(limit)
    )
    return [
        Lacking(
            notice=row.id,
            peer=row.recipient if row.direction == Notice.OUTGOING else row.sender,
            is_outgoing=row.direction == Notice.OUTGOING,
            size_bytes=row.size_bytes,
            stored_bytes=row.stored_bytes or 0,
            number=row.number,
            is_whole=bool(row.complete),
            since=row.receipt_time * MICROS,
            touched_at=row.touched_at,
        )
        for row in connection.execute(found)
    ]
