"""What a receipt changes of the envelopes that it covers first: a few statements, however many they are.

A receipt is no envelope: it follows from the receiver's countersignature. What it makes of a notice's state is the
table's matter (``supervision.notices.states``), which the statement is made from.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_service_pb2 import Notice
from sqlalchemy import ColumnElement, Connection, Table, bindparam, case, func, insert, literal, select, update

from gateway.ledger.checkpoint import Receipt
from gateway.ledger.merkle import MAX_SIZE
from gateway.ledger.seals import is_void
from gateway.store.prepared import execute
from gateway.store.state import ChannelState, read_receipt
from gateway.store.tables import BIG, assessments, events, framework_versions, notices
from gateway.supervision.notices.records import NoticeRecord
from gateway.supervision.notices.states import ARRIVALS, Arrival, receipted


@dataclass(frozen=True, slots=True)
class Covered:
    """The envelopes ``first`` to ``end`` of a channel, which a receipt covers first; ``time`` in seconds since 1970."""

    origin: str
    first: int
    end: int
    time: int


def read_void(connection: Connection, state: ChannelState) -> Sequence[Receipt]:
    """Reads which of the newest receipts of a channel to here are void (``is_void``), in order."""
    void, most = deque[Receipt](), MAX_SIZE
    while receipt := read_receipt(connection, state.id, most):
        if not is_void(receipt, state.seals.receiver, state.seals.receiver_domain):
            break
        void.appendleft(receipt)
        most = receipt.checkpoint.size - 1
    return void


def with_receipt(record: NoticeRecord, drafted: Sequence[Covered]) -> NoticeRecord:
    """Gives a record as it will be once receipts that are drafted are written."""
    for covered in drafted:
        if covered.origin == record.origin and covered.first <= record.index < covered.end:
            return receipted(record, covered.time, covered.end)
    return record


def cover(connection: Connection, covered: Covered, channel: int) -> None:
    """Writes when the envelopes were received into the rows of what they gave; a row that says so already keeps it."""
    values = {**_bounds(covered, channel), "time": covered.time}
    if execute(connection, _COVER_NOTICES, values) < covered.end - covered.first:  # there are other acts too
        for statement in _COVER_RULES:
            execute(connection, statement, values)


def tell_delivered(connection: Connection, covered: Covered, channel: int, now: int, cursor: int) -> int:
    """Adds an event for each notice that went away from here, and gives their number.

    It was delivered; or, if it has attachments, or its content was destroyed before, receipted.

    Args:
        connection: inside the transaction, after the rows of notices are written
        covered: by the receipt
        channel: its id
        now: microseconds since 1970
        cursor: of the last event so far
    """
    return execute(connection, _TELL, {**_bounds(covered, channel), "now": now, "cursor": cursor})


def _bounds(covered: Covered, channel: int) -> dict[str, int]:
    return {"of_channel": channel, "first": covered.first, "end": covered.end}


def _within(table: Table) -> tuple[ColumnElement[bool], ...]:
    columns = table.c
    return (
        columns.channel == bindparam("of_channel"),
        columns.index >= bindparam("first"),
        columns.index < bindparam("end"),
    )


_STATES = {state: after for (state, arrival), after in ARRIVALS.items() if arrival is Arrival.RECEIPT}

_WITHOUT_FILES = notices.c.attachment_count == 0
_HASH_ALONE = (notices.c.destroyed_channel == notices.c.channel) & (notices.c.destroyed_index < bindparam("end"))
_AFTER = case(
    (_HASH_ALONE, notices.c.state),
    (_WITHOUT_FILES, case(_STATES, value=notices.c.state)),
    else_=notices.c.state,
)

_COVER_NOTICES = (
    update(notices)
    .where(*_within(notices), notices.c.receipt_time.is_(None))
    .values(state=_AFTER, receipt_time=bindparam("time"), revision=notices.c.revision + 1)
)

_COVER_RULES = [
    update(table).where(*_within(table), table.c.receipt_time.is_(None)).values(receipt_time=bindparam("time"))
    for table in (framework_versions, assessments)
]

_DELIVERED = select(
    bindparam("cursor", type_=BIG) + func.row_number().over(order_by=notices.c.index),
    bindparam("now", type_=BIG),
    case(
        (_HASH_ALONE, literal(Event.NOTICE_RECEIPTED)),
        (_WITHOUT_FILES, literal(Event.NOTICE_DELIVERED)),
        else_=literal(Event.NOTICE_RECEIPTED),
    ),
    notices.c.id,
    notices.c.kind,
    notices.c.channel,
    notices.c.index,
    literal(""),
).where(*_within(notices), notices.c.direction == Notice.OUTGOING)

_TELL = (
    insert(events)
    .from_select(("cursor", "committed_at", "kind", "notice", "notice_kind", "channel", "index", "detail"), _DELIVERED)
    .execution_options(preserve_rowcount=True)
)
