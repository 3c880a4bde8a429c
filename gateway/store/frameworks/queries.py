"""What back offices ask of frameworks and assessments. Reads only, on the readers."""

from dataclasses import dataclass

from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.framework_pb2 import Provision
from regulator.exchange.v1.framework_service_pb2 import ListAssessmentsRequest, ListProvisionsRequest
from sqlalchemy import ColumnElement, Connection, Select, func, literal, or_, select

from gateway.store.frameworks.rows import assessment_record, version_record
from gateway.store.page_bounds import fitting
from gateway.store.state import read_origins
from gateway.store.tables import BIG, assessments, channels, framework_versions, leaves, provisions
from gateway.supervision.frameworks.records import AssessmentRecord, FrameworkVersionRecord
from gateway.supervision.frameworks.selection import selected

PROVISIONS_AT_ONCE = 1000  # that are read and searched, where few of them may be asked for


@dataclass(frozen=True, slots=True)
class VersionView:
    """A version in one channel. ``cursor``: of the event that told it; versions have it in the order they came."""

    cursor: int
    record: FrameworkVersionRecord


@dataclass(frozen=True, slots=True)
class AssessmentView:
    """An assessment, its place among all of this node, and the envelope that gave it."""

    cursor: int
    record: AssessmentRecord
    assessed: Envelope


def read_version(connection: Connection, framework_id: str, version: int) -> list[VersionView]:
    """Reads one version in all channels, in the order they came."""
    columns, origins = framework_versions.c, read_origins(connection)
    # A caller may ask for one that is larger than the column takes: it is not there.
    here = columns.framework == framework_id, columns.version == literal(version, BIG)
    rows = connection.execute(select(framework_versions).where(*here).order_by(columns.cursor)).mappings()
    return [VersionView(row["cursor"], version_record(row, origins)) for row in rows]


def read_published(connection: Connection, record: FrameworkVersionRecord) -> Envelope:
    """Reads the envelope that published a version."""
    statement = (
        select(leaves.c.data)
        .join(channels, channels.c.id == leaves.c.channel)
        .where(channels.c.origin == record.origin, leaves.c.index == record.index)
    )
    return Envelope.FromString(connection.execute(statement).scalar_one())


def read_published_bytes(connection: Connection, record: FrameworkVersionRecord) -> int:
    """Reads how many bytes the envelope has that published a version."""
    size = select(func.length(leaves.c.data)).join(channels, channels.c.id == leaves.c.channel)
    here = channels.c.origin == record.origin, leaves.c.index == record.index
    return int(connection.execute(size.where(*here)).scalar_one())


def read_provisions(
    connection: Connection, cursor: int, after: int, limit: int, wanted: ListProvisionsRequest
) -> list[tuple[int, Provision]]:
    """Reads provisions of one version with their ordinals, in the publisher's order.

    Args:
        connection: a reader
        cursor: of the version
        after: ordinal of the last one of the page before; -1 for the first page
        limit: at most so many
        wanted: its filters on sector, topic, status, text and day
    """
    statement = select(provisions.c.ordinal, provisions.c.data).where(provisions.c.cursor == cursor)
    statement = statement.where(*_narrowed(wanted)).order_by(provisions.c.ordinal)
    searched = PROVISIONS_AT_ONCE if wanted.text or wanted.HasField("as_of") else limit
    found: list[tuple[int, Provision]] = []
    while len(found) < limit:
        rows = connection.execute(statement.where(provisions.c.ordinal > after).limit(searched)).all()
        read = ((row.ordinal, Provision.FromString(row.data)) for row in rows)
        found += [(ordinal, each) for ordinal, each in read if selected([each], wanted)]
        if len(rows) < searched:
            break
        after = rows[-1].ordinal
    return found[:limit]


def list_assessments(
    connection: Connection, wanted: ListAssessmentsRequest, before: int | None, limit: int, max_bytes: int
) -> tuple[list[AssessmentView], bool]:
    """Reads a page, newest first, and whether more follow.

    Args:
        connection: a reader
        wanted: what is asked for
        before: cursor of the last assessment of the page before; None for the first page
        limit: at most so many
        max_bytes: of all their envelopes together, but for one assessment at least
    """
    size = func.length(leaves.c.data).label("size")
    sizes = _ASSESSMENTS.with_only_columns(assessments.c.cursor, size).where(*_conditions(wanted))
    if before is not None:
        sizes = sizes.where(assessments.c.cursor < before)
    newest = sizes.order_by(assessments.c.cursor.desc()).limit(limit + 1)
    page, more = fitting(connection.execute(newest), limit, max_bytes)
    chosen = _ASSESSMENTS.where(assessments.c.cursor.in_([row.cursor for row in page]))
    return _views(connection, chosen.order_by(assessments.c.cursor.desc())), more


def read_assessment(connection: Connection, assessment_id: str) -> AssessmentView | None:
    """Reads one assessment; None: there is none of that id."""
    return next(iter(_views(connection, _ASSESSMENTS.where(assessments.c.id == assessment_id))), None)


def read_assessments_between(connection: Connection, first: str, second: str) -> list[AssessmentView]:
    """Reads all assessments that two jurisdictions made of each other."""
    columns, both = assessments.c, (first, second)
    here = columns.assessor.in_(both) & columns.recipient.in_(both)
    return _views(connection, _ASSESSMENTS.where(here).order_by(columns.cursor))


_ASSESSMENTS = select(assessments, leaves.c.data).join(
    leaves, (leaves.c.channel == assessments.c.channel) & (leaves.c.index == assessments.c.index)
)


def _narrowed(wanted: ListProvisionsRequest) -> list[ColumnElement[bool]]:
    names = ("sector", "topic", "status")
    return [provisions.c[name] == value for name in names if (value := getattr(wanted, name))]


def _conditions(wanted: ListAssessmentsRequest) -> list[ColumnElement[bool]]:
    columns = assessments.c
    found = [columns[name] == value for name in ("assessor", "sector", "topic") if (value := getattr(wanted, name))]
    if wanted.provision:
        found.append(or_(columns.first_provision == wanted.provision, columns.second_provision == wanted.provision))
    if not wanted.show_superseded:
        found.append(columns.superseded_by == "")
    return found


def _views(connection: Connection, statement: Select[tuple[object, ...]]) -> list[AssessmentView]:
    origins = read_origins(connection)
    rows = connection.execute(statement).mappings()
    return [
        AssessmentView(row["cursor"], assessment_record(row, origins), Envelope.FromString(row["data"])) for row in rows
    ]
