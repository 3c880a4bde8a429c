"""Between what is known of requests for assistance, and of answers, and its rows."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from regulator.exchange.v1.event_service_pb2 import Event
from sqlalchemy import Connection, bindparam, exists, func, literal, select

from gateway.store.tables import assistance, events, notices
from gateway.supervision.notices.assistance import CLOSED, ENDED, AnswerRecord, AssistanceRecord, outcome_of
from gateway.supervision.notices.records import NoticeRecord

answers = notices.alias("answers")
"""Of a query of requests: the notices that answer them."""

answering = assistance.alias("answering")
"""What is kept of these."""

ANSWERED = (
    (answering.c.request == notices.c.id)
    & (answers.c.sequence == answering.c.sequence)
    & (answers.c.sender == notices.c.recipient)
    & (answers.c.recipient == notices.c.sender)
)
"""Which answers are to the request in ``notices``: those that came the other way."""

OUTCOME = (
    select(func.coalesce(func.max(answering.c.outcome), 0))
    .where(ANSWERED, answers.c.state.not_in(ENDED))
    .correlate(notices)
    .scalar_subquery()
)
"""The highest outcome among the answers that stand to the request in ``notices``; 0: none stands."""

_CLOSING = [outcome for each in CLOSED if (outcome := outcome_of(each))]

IS_OPEN = notices.c.state.not_in(ENDED) & OUTCOME.not_in(_CLOSING)
"""Whether the case of the request in ``notices`` is not closed."""

_OF_NOTICE = (
    select(assistance)
    .join(notices, notices.c.sequence == assistance.c.sequence)
    .where(notices.c.id == bindparam("notice"))
)
_ANSWERS = (
    select(answers.c.id, answers.c.state, answering.c.outcome)
    .select_from(notices)
    .join(answering, answering.c.request == notices.c.id)
    .join(answers, ANSWERED)
    .where(notices.c.id == bindparam("notice"))
    .order_by(answers.c.sequence)
)


def assistance_rows(records: Iterable[NoticeRecord], sequences: Mapping[str, int]) -> list[dict[str, Any]]:
    """Gives the rows of new notices that ask for assistance, or answer; ``sequences``: of notices, by id."""
    return [
        {
            "sequence": sequences[each.id],
            "request": each.assistance.request_id,
            "outcome": each.assistance.outcome,
            "requested_authority": each.assistance.requested_authority,
            "respond_by": each.assistance.respond_by,
        }
        for each in records
        if each.assistance
    ]


def read_assistance(connection: Connection, notice_id: str) -> AssistanceRecord:
    """Reads what is kept of a request, or of an answer; of another notice, or none, nothing is."""
    row = connection.execute(_OF_NOTICE, {"notice": notice_id}).mappings().first()
    if row is None:
        return AssistanceRecord()
    return AssistanceRecord(row["request"], row["outcome"], row["requested_authority"], row["respond_by"])


def read_answers(connection: Connection, request_id: str) -> list[AnswerRecord]:
    """Reads the answers to a request, in the order in which they became known."""
    rows = connection.execute(_ANSWERS, {"notice": request_id})
    return [AnswerRecord(row.id, row.outcome, row.state) for row in rows]


class Overdue(NamedTuple):
    """A request that was not answered by its day: its place among all notices, and its id."""

    sequence: int
    id: str


def read_overdue(connection: Connection, today: int, after: int, last: int, limit: int) -> list[Overdue]:
    """Reads requests whose day is past, whose case is not closed, and of which no event told that yet.

    Args:
        connection: any
        today: UTC, 20260131
        after: those of later places
        last: up to this place
        limit: at most so many
    """
    past = (assistance.c.request == "", assistance.c.respond_by.between(1, today - 1))
    untold = ~exists().where(events.c.kind == literal(Event.ASSISTANCE_OVERDUE), events.c.notice == notices.c.id)
    found = (
        select(assistance.c.sequence, notices.c.id)
        .join(notices, notices.c.sequence == assistance.c.sequence)
        .where(*past, assistance.c.sequence > after, assistance.c.sequence <= last, IS_OPEN, untold)
        .order_by(assistance.c.sequence)
        .limit(limit)
    )
    return [Overdue(*row) for row in connection.execute(found)]


def with_written(
    known: Iterable[AnswerRecord], request: NoticeRecord, written: Iterable[NoticeRecord]
) -> list[AnswerRecord]:
    """The answers to a request, with what is going to be written of them, and of new ones."""
    found = {each.notice_id: each for each in known}
    for record in written:
        if record.id in found:
            found[record.id] = found[record.id]._replace(state=record.state)
        elif record.assistance and record.assistance.request_id == request.id and _is_reply(record, request):
            found[record.id] = AnswerRecord(record.id, record.assistance.outcome, record.state)
    return list(found.values())


def _is_reply(record: NoticeRecord, request: NoticeRecord) -> bool:
    """Whether a notice went the other way than a request did, between the same two."""
    return (record.sender, record.recipient) == (request.recipient, request.sender)
