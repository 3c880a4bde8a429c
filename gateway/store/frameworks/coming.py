"""What comes into force, and was not told yet: some at a time, as any number of provisions may begin on one day.

It is told in the order of its versions, and within one by day. So what was told last says where to go on, also after an
end in between; the day is kept once all of it is told.
"""

from dataclasses import dataclass
from typing import NamedTuple

from google.type.date_pb2 import Date
from regulator.exchange.v1.framework_pb2 import Provision
from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select, tuple_

from gateway.moments import day_of
from gateway.store.frameworks.rows import version_record
from gateway.store.state import read_origins
from gateway.store.tables import framework_events, framework_versions, provisions, told_days
from gateway.supervision.frameworks.records import FrameworkVersionRecord


class Told(NamedTuple):
    """How far it is told: up to a day, 20260131, 0 for none yet; and the newest event of a provision, 0 for none."""

    until: int
    event: int


@dataclass(frozen=True, slots=True)
class Coming:
    """What is to be told next, as far as it was told when that was read. ``provisions``: each with its version."""

    told: Told
    provisions: list[tuple[FrameworkVersionRecord, Provision]]


def read_told(connection: Connection) -> Told:
    """Reads how far it is told."""
    column = framework_events.c.cursor
    event = select(column).where(framework_events.c.provision != "").order_by(column.desc()).limit(1)
    return Told(connection.scalar(select(told_days.c.until)) or 0, connection.scalar(event) or 0)


def read_coming(connection: Connection, until: Date, limit: int) -> Coming:
    """Reads so many of the provisions of newest versions that begin up to a day, and after that up to which was told.

    None, where nothing was told yet: there is nothing to tell from.
    """
    told, columns = read_told(connection), provisions.c
    if not told.until:
        return Coming(told, [])
    place = framework_versions.c.cursor, columns.effective_from, columns.ordinal
    wanted = [
        columns.status == Provision.IN_FORCE,
        columns.effective_from > told.until,
        columns.effective_from <= day_of(until),
        ~exists().where(_is_newer()),
    ]
    if last := _place_of(connection, told):
        wanted.append(tuple_(*place) > tuple_(*last))
    found = (
        select(framework_versions, columns.data)
        .join(provisions, columns.cursor == framework_versions.c.cursor)
        .where(*wanted)
        .order_by(*place)
        .limit(limit)
    )
    origins, rows = read_origins(connection), connection.execute(found).mappings()
    return Coming(told, [(version_record(row, origins), Provision.FromString(row["data"])) for row in rows])


_LATER = framework_versions.alias()


def _is_newer() -> ColumnElement[bool]:
    """Whether one is newer than another, or the same and came in another channel before: one alone is the newest."""
    here, there = framework_versions.c, _LATER.c
    came_before = and_(there.version == here.version, there.cursor < here.cursor)
    return and_(there.framework == here.framework, or_(there.version > here.version, came_before))


def _place_of(connection: Connection, told: Told) -> tuple[int, int, int] | None:
    """Where the provision stands that was told last, if that was after the day up to which all is told."""
    columns, versions, event = provisions.c, framework_versions.c, framework_events.c
    named = and_(versions.framework == event.framework, versions.version == event.version)
    found = (
        select(versions.cursor, columns.effective_from, columns.ordinal)
        .join(framework_events, named)
        .join(provisions, and_(columns.cursor == versions.cursor, columns.id == event.provision))
        .where(event.cursor == told.event, columns.effective_from > told.until)
        .order_by(versions.cursor)
        .limit(1)
    )
    row = connection.execute(found).first()
    return (row.cursor, row.effective_from, row.ordinal) if row else None
