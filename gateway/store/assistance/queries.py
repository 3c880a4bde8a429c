"""What back offices ask of cases: requests for assistance with the answers to them. Reads only, on the readers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from regulator.exchange.v1.assistance_pb2 import AssistanceAnswer
from regulator.exchange.v1.assistance_service_pb2 import AssistanceCase
from regulator.exchange.v1.notice_service_pb2 import Notice
from sqlalchemy import ColumnElement, Connection, case, func, select

from gateway.store.assistance.rows import ANSWERED, IS_OPEN, OUTCOME, answering, answers
from gateway.store.notice_queries import SIZES, NoticeView, other_side, views_at
from gateway.store.page_bounds import fitting
from gateway.store.tables import assistance, notices
from gateway.store.visibility import visible_notices
from gateway.supervision.disclosure import Scope
from gateway.supervision.notices.assistance import ENDED, MAX_ANSWERS, outcome_of


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """What a list asks for (``ListAssistanceCasesRequest``); what is empty or 0 is not. ``today``: UTC, 20260131."""

    scope: Scope
    today: int
    direction: Notice.Direction.ValueType = Notice.DIRECTION_UNSPECIFIED
    state: AssistanceCase.State.ValueType = AssistanceCase.STATE_UNSPECIFIED
    peer: str = ""
    requested_authority: str = ""
    overdue_only: bool = False
    due_by: int = 0  # 20260131
    answerable_by: str = ""


@dataclass(frozen=True, slots=True)
class AnswerView:
    """An answer in short. ``released_at``: microseconds since 1970, by the clock of the node that answered."""

    notice_id: str
    outcome: AssistanceAnswer.Outcome.ValueType
    issuing_authority: str
    released_at: int
    state: Notice.State.ValueType


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case.

    Attributes:
        request: the notice that asks
        outcome: the highest among all answers that stand
        respond_by: 20260131; 0: no day is set
        answers: those that may be seen, in the order in which they became known
    """

    request: NoticeView
    outcome: AssistanceAnswer.Outcome.ValueType
    respond_by: int
    answers: Sequence[AnswerView]


def read_case(connection: Connection, scope: Scope, request_id: str) -> CaseView | None:
    """Reads one case; None: there is none of that id that may be seen."""
    wanted = _CASES.where(notices.c.id == request_id, *visible_notices(scope))
    found = _cases_at(connection, scope, [row.sequence for row in connection.execute(wanted)])
    return found[0] if found else None


def list_cases(
    connection: Connection, wanted: CaseFilter, before: int | None, limit: int, max_bytes: int
) -> tuple[list[CaseView], bool]:
    """Reads a page, newest first, and whether more follow.

    Args:
        connection: a reader
        wanted: what is asked for
        before: sequence of the last request of the page before; None for the first page
        limit: at most so many
        max_bytes: of all their envelopes and answers together, but for one case at least
    """
    statement = _CASES.where(*_conditions(wanted), *visible_notices(wanted.scope))
    if before is not None:
        statement = statement.where(assistance.c.sequence < before)
    newest = statement.order_by(assistance.c.sequence.desc()).limit(limit + 1)
    page, more = fitting(connection.execute(newest), limit, max_bytes)
    return _cases_at(connection, wanted.scope, [row.sequence for row in page]), more


def _cases_at(connection: Connection, scope: Scope, sequences: Sequence[int]) -> list[CaseView]:
    """Reads the cases whose requests have these sequences, in the order given."""
    kept = {row.sequence: row for row in connection.execute(_KEPT.where(assistance.c.sequence.in_(sequences)))}
    said = _answers(connection, scope, sequences)
    return [
        CaseView(view, kept[view.sequence].outcome, kept[view.sequence].respond_by, said.get(view.sequence, ()))
        for view in views_at(connection, scope, sequences)
    ]


def _answers(connection: Connection, scope: Scope, sequences: Sequence[int]) -> Mapping[int, Sequence[AnswerView]]:
    """The newest answers that may be seen, by the sequence of their request."""
    seen = answers.c.id.in_(select(notices.c.id).where(*visible_notices(scope)).correlate(None))
    asked = _ANSWERS.where(notices.c.sequence.in_(sequences))
    newest = (asked if scope.is_unlimited else asked.where(seen)).subquery()
    statement = select(newest).where(newest.c.place <= MAX_ANSWERS).order_by(newest.c.sequence)
    found: dict[int, list[AnswerView]] = {}
    for row in connection.execute(statement):
        view = AnswerView(row.id, row.outcome, row.issuing_authority, row.released_at, row.state)
        found.setdefault(row.asked, []).append(view)
    return found


def _conditions(wanted: CaseFilter) -> list[ColumnElement[bool]]:
    columns, stands = notices.c, notices.c.state.not_in(ENDED)
    found: list[ColumnElement[bool]] = []
    if wanted.direction:
        found.append(columns.direction == wanted.direction)
    if wanted.peer:
        found.append(other_side(columns, columns.direction == Notice.OUTGOING, wanted.peer))
    if wanted.requested_authority:
        found.append(assistance.c.requested_authority == wanted.requested_authority)
    if wanted.state == AssistanceCase.WITHDRAWN:
        found.append(~stands)
    elif wanted.state:
        found += [stands, OUTCOME.is_not_distinct_from(outcome_of(wanted.state))]
    return [*found, *_of_open_ones(wanted)]


def _of_open_ones(wanted: CaseFilter) -> list[ColumnElement[bool]]:
    """What only cases that are not closed can be; nothing, if none of it is asked for."""
    found: list[ColumnElement[bool]] = []
    if wanted.overdue_only:
        found.append(assistance.c.respond_by.between(1, wanted.today - 1))
    if wanted.due_by:
        found.append(assistance.c.respond_by.between(1, wanted.due_by))
    if wanted.answerable_by:
        found.append(notices.c.direction == Notice.INCOMING)
        found.append(assistance.c.requested_authority.in_(("", wanted.answerable_by)))
        found.append(_COUNT < MAX_ANSWERS)
    return [IS_OPEN, *found] if found else []


_ANSWER_BYTES = 128  # of an answer in short
_COUNT = (
    select(func.count()).select_from(answering.join(answers, ANSWERED)).correlate(notices).scalar_subquery()
)  # of a request's answers
_SIZE = SIZES.selected_columns.size + _ANSWER_BYTES * case((_COUNT > MAX_ANSWERS, MAX_ANSWERS), else_=_COUNT)

_CASES = (
    select(notices.c.sequence, _SIZE.label("size"))
    .join(assistance, assistance.c.sequence == notices.c.sequence)
    .where(assistance.c.request == "", notices.c.kind == Notice.ASSISTANCE_REQUEST)
)
"""Requests, each with the bytes of its envelopes and answers. What is left of an answer may name no request."""

_KEPT = select(assistance.c.sequence, assistance.c.respond_by, OUTCOME.label("outcome")).join(
    notices, notices.c.sequence == assistance.c.sequence
)

_ANSWERS = (
    select(
        notices.c.sequence.label("asked"),
        answers.c.sequence,
        answering.c.outcome,
        answers.c.id,
        answers.c.issuing_authority,
        answers.c.released_at,
        answers.c.state,
        func.row_number().over(partition_by=notices.c.sequence, order_by=answers.c.sequence.desc()).label("place"),
    )
    .select_from(notices)
    .join(answering, answering.c.request == notices.c.id)
    .join(answers, ANSWERED)
)
