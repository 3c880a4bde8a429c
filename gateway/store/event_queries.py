"""What watchers ask: the events after a cursor. Reads only, on the readers."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import Sector
from sqlalchemy import ColumnElement, Connection, Integer, Select, and_, bindparam, literal, or_, select

from gateway.store import prepared
from gateway.store.rows import enum_values
from gateway.store.tables import BIG, channels, draft_events, events, framework_events, notices, sharing_acts
from gateway.store.visibility import hidden_of, named_in, visible_drafts, visible_events
from gateway.supervision.disclosure import Scope

QUESTIONS_KEPT = 256  # of watchers, each with its scope and filter


@dataclass(frozen=True, slots=True)
class EventView:
    """An event, and the cursor after it. ``committed_at``: microseconds since 1970."""

    cursor: int
    committed_at: int
    kind: Event.Kind.ValueType
    notice: str
    notice_kind: Notice.Kind.ValueType
    origin: str
    index: int
    detail: str
    jurisdiction: str = ""  # this and what follows: of an event about rules
    framework: str = ""
    version: int = 0
    provision: str = ""
    assessment: str = ""
    sectors: tuple[Sector.ValueType, ...] = ()
    topics: tuple[str, ...] = ()
    draft: str = ""
    consent: str = ""  # id within the notice, of an event about onward sharing
    share: str = ""


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events a watcher asks for; what is 0 or empty is not asked for. ``hidden``: kinds that are not for it."""

    kinds: tuple[int, ...] = ()
    hidden: tuple[int, ...] = ()
    jurisdiction: str = ""
    sector: Sector.ValueType = Sector.SECTOR_UNSPECIFIED
    topic: str = ""
    authority: str = ""  # of who asks: events about drafts are for their own one


_RULES = [column for column in framework_events.c if column.name != "cursor"]
_EVENTS = (
    select(events, channels.c.origin, draft_events.c.draft, sharing_acts.c.consent, sharing_acts.c.share, *_RULES)
    .join(channels, channels.c.id == events.c.channel, isouter=True)
    .join(framework_events, framework_events.c.cursor == events.c.cursor, isouter=True)
    .join(draft_events, draft_events.c.cursor == events.c.cursor, isouter=True)
    .join(sharing_acts, sharing_acts.c.cursor == events.c.cursor, isouter=True)
)


def read_events(
    connection: Connection, scope: Scope, after: int, limit: int, wanted: EventFilter | None = None
) -> list[EventView]:
    """Reads events after a cursor that may be seen, oldest first."""
    question = _events_after(scope, wanted or EventFilter())
    rows = prepared.rows(connection, question, {"after": after, "at_most": limit})
    hidden = hidden_of(connection, scope, [named_in(row["detail"]) for row in rows])
    return [_event_view(row, hidden) for row in rows]


@lru_cache(maxsize=QUESTIONS_KEPT)
def _events_after(scope: Scope, wanted: EventFilter) -> Select[Any]:
    question = _EVENTS.where(
        events.c.cursor > bindparam("after", type_=BIG),
        *_event_conditions(wanted),
        or_(draft_events.c.cursor.is_(None), and_(*visible_drafts(draft_events, wanted.authority, scope))),
    )
    if not scope.is_unlimited:
        question = question.join(notices, notices.c.id == events.c.notice, isouter=True)
        question = question.where(*visible_events(scope))
    return question.order_by(events.c.cursor).limit(bindparam("at_most", type_=Integer))


def _event_view(row: prepared.Row, hidden: Collection[str]) -> EventView:
    """The detail stays empty if it names a notice that may not be seen."""
    return EventView(
        cursor=row["cursor"],
        committed_at=row["committed_at"],
        kind=row["kind"],
        notice=row["notice"],
        notice_kind=row["notice_kind"],
        origin=row["origin"] or "",
        index=row["index"],
        detail="" if named_in(row["detail"]) in hidden else row["detail"],
        draft=row["draft"] or "",
        consent=row["consent"] or "",
        share=row["share"] or "",
        **(_rules_of(row) if row["jurisdiction"] else {}),
    )


def _event_conditions(wanted: EventFilter) -> list[ColumnElement[bool]]:
    columns = framework_events.c
    found: list[ColumnElement[bool]] = []
    if wanted.kinds:
        found.append(events.c.kind.in_([literal(kind) for kind in wanted.kinds]))
    if wanted.hidden:
        found.append(events.c.kind.not_in([literal(kind) for kind in wanted.hidden]))
    if wanted.jurisdiction:
        found.append(columns.jurisdiction == wanted.jurisdiction)
    if wanted.sector:
        found.append(columns.sectors.op("&")(1 << wanted.sector) != 0)
    if wanted.topic:
        found.append(columns.topics.contains(f" {wanted.topic} ", autoescape=True))
    return found


def _rules_of(row: prepared.Row) -> dict[str, Any]:
    names = ("jurisdiction", "framework", "version", "provision", "assessment")
    topics, sectors = tuple(row["topics"].split()), enum_values(row["sectors"])
    return {name: row[name] for name in names} | {"sectors": sectors, "topics": topics}
