"""What a scope leaves of notices and events, as conditions of a query: so pages are full, whatever is hidden."""

from collections.abc import Collection

from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.values_pb2 import Handling
from sqlalchemy import ColumnElement, Connection, Table, and_, literal, or_, select

from gateway.store.rows import enum_bits
from gateway.store.tables import events, notices
from gateway.supervision.disclosure import Scope
from gateway.supervision.notices.content import NAME_PREFIX

_BY = f"by {NAME_PREFIX}"  # how an event's detail begins that names another notice


def visible_notices(scope: Scope) -> list[ColumnElement[bool]]:
    """The notices that may be seen."""
    if scope.is_unlimited:
        return []
    found: list[ColumnElement[bool]] = [notices.c.tlp.in_([literal(label) for label in scope.labels])]
    if scope.sectors:
        found.append(notices.c.sectors.op("&")(enum_bits(tuple(scope.sectors))) != 0)
    return found


def visible_events(scope: Scope) -> list[ColumnElement[bool]]:
    """The events that may be seen, where ``notices`` is joined by the event's notice.

    An envelope that cannot be used has no label that could be read, so only who may see everything is told of it.
    """
    if scope.is_unlimited:
        return []
    of_none = and_(events.c.notice == "", events.c.kind != Event.ENVELOPE_UNSUPPORTED)
    return [or_(of_none, and_(*visible_notices(scope)))]


def visible_drafts(table: Table, authority: str, scope: Scope) -> list[ColumnElement[bool]]:
    """The rows of ``drafts`` or ``draft_events`` that a client of an authority may see (``drafts.may_see``)."""
    columns = table.c
    own = columns.authority == authority
    if scope.is_unlimited:
        return [own]
    labelled: ColumnElement[bool] = columns.tlp.in_([literal(label) for label in scope.labels])
    if scope.sectors:
        labelled = and_(labelled, columns.sectors.op("&")(enum_bits(tuple(scope.sectors))) != 0)
    return [own, or_(columns.tlp == Handling.TLP_UNSPECIFIED, labelled)]


def hidden_of(connection: Connection, scope: Scope, ids: Collection[str]) -> set[str]:
    """Of the ids of notices, those that may not be seen."""
    wanted = set(ids) - {""}
    if scope.is_unlimited or not wanted:
        return set()
    seen = select(notices.c.id).where(notices.c.id.in_(sorted(wanted)), *visible_notices(scope))
    return wanted - set(connection.scalars(seen))


def named_in(detail: str) -> str:
    """The id of the notice that an event's detail names; empty: it names none."""
    return detail.removeprefix(_BY) if detail.startswith(_BY) else ""
