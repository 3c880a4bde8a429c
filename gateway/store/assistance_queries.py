"""What back offices ask of cases: requests for assistance with the answers to them. Reads only, on the readers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from regulator.exchange.v1.assistance_pb2 import AssistanceAnswer
from regulator.exchange.v1.assistance_service_pb2 import AssistanceCase
from regulator.exchange.v1.notice_service_pb2 import Notice
from sqlalchemy import ColumnElement, Connection, or_, select

from gateway.store.assistance_rows import ANSWERED, IS_OPEN, OUTCOME, answering, answers
from gateway.store.queries import WITH_ENVELOPES, NoticeView, views_of
from gateway.store.tables import assistance, notices
from gateway.store.visibility import visible_notices
from gateway.supervision.assistance import ENDED, MAX_ANSWERS, outcome_of
from gateway.supervision.disclosure import Scope


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """What a list asks for; what is empty or 0 is not asked for. ``today``: UTC, 20260131."""

    scope: Scope
    today: int
    direction: Notice.Direction.ValueType = Notice.DIRECTION_UNSPECIFIED
    state: AssistanceCase.State.ValueType = AssistanceCase.STATE_UNSPECIFIED
    peer: str = ""
    requested_authority: str = ""
    overdue_only: bool = False


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
    found = _read(connection, scope, [notices.c.id == request_id], None, 1)
    return found[0] if found else None


def list_cases(connection: Connection, wanted: CaseFilter, before: int | None, limit: int) -> list[CaseView]:
    """Reads a page, newest first.

    Args:
        connection: a reader
        wanted: what is asked for
        before: sequence of the last request of the page before; None for the first page
        limit: at most so many
    """
    return _read(connection, wanted.scope, _conditions(wanted), before, limit)


def _read(
    connection: Connection, scope: Scope, conditions: Sequence[ColumnElement[bool]], before: int | None, limit: int
) -> list[CaseView]:
    statement = _CASES.where(*conditions, *visible_notices(scope))
    if before is not None:
        statement = statement.where(assistance.c.sequence < before)
    rows = connection.execute(statement.order_by(assistance.c.sequence.desc()).limit(limit)).mappings().all()
    said = _answers(connection, scope, [row["id"] for row in rows])
    views = views_of(connection, scope, rows)
    return [
        CaseView(view, row["outcome"], row["respond_by"], said.get(row["id"], ())[-MAX_ANSWERS:])
        for view, row in zip(views, rows, strict=True)
    ]


def _answers(connection: Connection, scope: Scope, request_ids: Sequence[str]) -> Mapping[str, Sequence[AnswerView]]:
    """The answers that may be seen, by the id of their request."""
    seen = answers.c.id.in_(select(notices.c.id).where(*visible_notices(scope)).correlate(None))
    statement = _ANSWERS.where(notices.c.id.in_(request_ids))
    found: dict[str, list[AnswerView]] = {}
    for row in connection.execute(statement if scope.is_unlimited else statement.where(seen)):
        view = AnswerView(row.id, row.outcome, row.issuing_authority, row.released_at, row.state)
        found.setdefault(row.request, []).append(view)
    return found


def _conditions(wanted: CaseFilter) -> list[ColumnElement[bool]]:
    columns, stands = notices.c, notices.c.state.not_in(ENDED)
    found: list[ColumnElement[bool]] = []
    if wanted.direction:
        found.append(columns.direction == wanted.direction)
    if wanted.peer:
        found.append(or_(columns.sender == wanted.peer, columns.recipient == wanted.peer))
    if wanted.requested_authority:
        found.append(assistance.c.requested_authority == wanted.requested_authority)
    if wanted.state == AssistanceCase.WITHDRAWN:
        found.append(~stands)
    elif wanted.state:
        found += [stands, OUTCOME.is_not_distinct_from(outcome_of(wanted.state))]
    if wanted.overdue_only:
        found += [assistance.c.respond_by.between(1, wanted.today - 1), IS_OPEN]
    return found


_CASES = (
    WITH_ENVELOPES.add_columns(OUTCOME.label("outcome"), assistance.c.respond_by)
    .join(assistance, assistance.c.sequence == notices.c.sequence)
    .where(assistance.c.request == "")
)

_ANSWERS = (
    select(
        answering.c.request,
        answering.c.outcome,
        answers.c.id,
        answers.c.issuing_authority,
        answers.c.released_at,
        answers.c.state,
    )
    .select_from(notices)
    .join(answering, answering.c.request == notices.c.id)
    .join(answers, ANSWERED)
    .order_by(answers.c.sequence)
)
