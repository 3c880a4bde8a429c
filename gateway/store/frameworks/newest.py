"""The newest version of each framework, by the framework's name: so many at a time, however many there are.

A peer may publish any number of frameworks and versions. So the index is walked, from each name to the next, and within
one from its newest version down to the first that counts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from regulator.exchange.v1.notice_service_pb2 import Notice
from sqlalchemy import CTE, ColumnElement, Connection, ScalarSelect, and_, func, literal, or_, select

from gateway.moments import MICROS
from gateway.store.frameworks.queries import VersionView
from gateway.store.frameworks.rows import version_record
from gateway.store.state import read_origins
from gateway.store.tables import BIG, framework_versions
from gateway.supervision.notices.content import id_prefix


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which versions count.

    Attributes:
        framework_id: of this framework; empty: of any
        jurisdiction: which published it; empty: any
        pin: cursor of the last event that counts; None: all do
        known_at: those that were known then (``records.is_known``), in microseconds since 1970; None: all that are here
    """

    framework_id: str = ""
    jurisdiction: str = ""
    pin: int | None = None
    known_at: int | None = None


def read_last_cursor(connection: Connection) -> int:
    """Reads the cursor of the version that came last; 0: there is none."""
    return connection.scalar(select(func.max(framework_versions.c.cursor))) or 0


def read_version_at(connection: Connection, cursor: int) -> VersionView | None:
    """Reads the version that an event told; None: it told none."""
    return next(iter(_views(connection, [cursor])), None)


def read_newest(connection: Connection, wanted: Wanted, after: str, limit: int) -> Sequence[VersionView]:
    """Reads the newest version that counts of each framework, by the framework's name; of two channels, the first's.

    Args:
        connection: a reader
        wanted: which count
        after: id of the last framework of the page before; empty for the first page
        limit: at most so many; fewer only where no more follow
    """
    if wanted.framework_id:
        newest = connection.scalar(select(_newest_of(literal(wanted.framework_id), wanted)))
        return _views(connection, [newest]) if newest and wanted.framework_id > after else []
    cursors: list[int] = []
    while len(cursors) < limit:
        names = _names(wanted, after, limit)
        statement = select(names.c.framework, _newest_of(names.c.framework, wanted).label("newest"))
        rows = connection.execute(statement.where(names.c.framework.is_not(None)).order_by(names.c.place)).all()
        cursors += [row.newest for row in rows if row.newest]
        if len(rows) < limit:
            break
        after = rows[-1].framework
    return _views(connection, cursors[:limit])


def _names(wanted: Wanted, after: str, limit: int) -> CTE:
    """So many names of frameworks after one, each with its place, and perhaps a last one that is null."""
    columns = framework_versions.c
    here: list[ColumnElement[bool]] = []
    if wanted.jurisdiction:
        prefix = id_prefix(wanted.jurisdiction)
        below = columns.framework < prefix[:-1] + chr(ord(prefix[-1]) + 1)
        here = [columns.jurisdiction == wanted.jurisdiction, columns.framework >= prefix, below]

    def following(name: ColumnElement[str]) -> ScalarSelect[str]:
        found = select(columns.framework).where(columns.framework > name, *here).order_by(columns.framework).limit(1)
        return found.correlate_except(framework_versions).scalar_subquery()

    first = select(following(literal(after)).label("framework"), literal(1).label("place"))
    names = first.cte("names", recursive=True)
    more = and_(names.c.framework.is_not(None), names.c.place < limit)
    return names.union_all(select(following(names.c.framework), names.c.place + 1).where(more))


def _newest_of(framework: ColumnElement[str], wanted: Wanted) -> ScalarSelect[int]:
    """The cursor of the newest version of a framework that counts."""
    columns = framework_versions.c
    newest = select(columns.cursor).where(columns.framework == framework, *_counting(wanted))
    newest = newest.order_by(columns.version.desc(), columns.cursor).limit(1)
    return newest.correlate_except(framework_versions).scalar_subquery()


def _counting(wanted: Wanted) -> Iterable[ColumnElement[bool]]:
    columns = framework_versions.c
    if wanted.jurisdiction:
        yield columns.jurisdiction == wanted.jurisdiction
    if wanted.pin is not None:
        yield columns.cursor <= literal(wanted.pin, BIG)
    if wanted.known_at is not None:
        own, seconds = columns.direction == Notice.OUTGOING, wanted.known_at // MICROS
        sealed = columns.sealed_at <= literal(wanted.known_at, BIG)
        yield or_(and_(own, sealed), and_(~own, columns.receipt_time <= literal(seconds, BIG)))


def _views(connection: Connection, cursors: Sequence[int]) -> list[VersionView]:
    """Reads versions in the order of their frameworks, of which each has one."""
    columns, origins = framework_versions.c, read_origins(connection)
    statement = select(framework_versions).where(columns.cursor.in_(cursors)).order_by(columns.framework)
    rows = connection.execute(statement).mappings()
    return [VersionView(row["cursor"], version_record(row, origins)) for row in rows]
