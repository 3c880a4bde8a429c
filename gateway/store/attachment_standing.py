"""How the files of a store stand, for those who look after it: what they amount to, which notices wait for theirs."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from regulator.exchange.v1.notice_service_pb2 import Notice
from sqlalchemy import Connection, case, distinct, func, select, text

from gateway.moments import MICROS
from gateway.store.attachment_rows import totals_in
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


# First which notices, by their index; grouped at once, all of a channel's would be read.
_WAITING = (
    select(notices.c.id, notices.c.channel, notices.c.direction, notices.c.receipt_time)
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


def read_awaited(connection: Connection) -> Mapping[int, Awaited]:
    """Reads which notices wait for their files, by the id of their channel: it takes as long as these are many."""
    return {
        row.channel: Awaited(row.notices, int(row.to_come_bytes), row.receipt_time * MICROS, row.touched_at)
        for row in connection.execute(_AWAITED)
    }
