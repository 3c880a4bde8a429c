"""What units of work look up of frameworks and assessments: committed, or written by the units before."""

from collections.abc import Mapping, Sequence

from regulator.exchange.v1.values_pb2 import Sector
from sqlalchemy import ColumnElement, Connection, RowMapping, Select, bindparam, select

from gateway.store.frameworks.changes import FrameworkChanges, Version
from gateway.store.frameworks.rows import assessment_record, version_record
from gateway.store.tables import assessments, framework_versions, provisions
from gateway.supervision.frameworks.records import AssessmentRecord, FrameworkVersionRecord

_NEWEST = (
    select(framework_versions)
    .where(framework_versions.c.framework == bindparam("framework"))
    .order_by(framework_versions.c.version.desc(), framework_versions.c.cursor)
    .limit(1)
)
_NEWEST_IN_CHANNEL = _NEWEST.where(framework_versions.c.channel == bindparam("channel"))
_SAME = select(framework_versions).where(
    framework_versions.c.framework == bindparam("framework"), framework_versions.c.version == bindparam("version")
)
_ASSESSMENT = select(assessments).where(assessments.c.id == bindparam("id"))
_PROVISIONS = select(provisions.c.data).join(framework_versions, framework_versions.c.cursor == provisions.c.cursor)
_SECTORS = (
    select(provisions.c.sector).distinct().join(framework_versions, framework_versions.c.cursor == provisions.c.cursor)
)


class FrameworkLookups:
    """Reads through the changes of a transaction.

    Args:
        connection: inside the writer's database transaction
        origins: the origin of each channel, by its id
        changes: what is going to be written, the newest first
    """

    def __init__(self, connection: Connection, origins: Mapping[int, str], changes: Sequence[FrameworkChanges]) -> None:
        self._connection, self._origins, self._changes = connection, origins, changes
        self._ids = {origin: channel for channel, origin in origins.items()}

    def newest_in(self, origin: str, framework_id: str) -> FrameworkVersionRecord | None:
        """Gives the newest version of a framework in a channel."""
        if written := self._written(framework_id, origin):
            return written[0]
        return self._version(_NEWEST_IN_CHANNEL, framework=framework_id, channel=self._ids[origin])

    def newest(self, framework_id: str) -> FrameworkVersionRecord | None:
        """Gives the newest version of a framework, in whatever channel."""
        written = self._written(framework_id)
        return written[0] if written else self._version(_NEWEST, framework=framework_id)

    def recipients(self, version: FrameworkVersionRecord) -> set[str]:
        """Gives the jurisdictions to which this very version went, or is going to."""
        wanted = (version.framework_id, version.version)
        written = {
            record.recipient
            for unit in self._changes
            for record, _ in unit.versions
            if (record.framework_id, record.version) == wanted
        }
        values = {"framework": version.framework_id, "version": version.version}
        return written | {row["recipient"] for row in self._connection.execute(_SAME, values).mappings()}

    def has_provision(self, framework_id: str, provision_id: str) -> bool:
        """Whether the newest version of a framework holds a provision."""
        if written := self._written(framework_id):
            return any(each.id == provision_id for each in written[1].provisions)
        record = self.newest(framework_id)
        if record is None:
            return False
        statement = _PROVISIONS.where(*self._at(record), provisions.c.id == provision_id)
        return self._connection.execute(statement).first() is not None

    def sectors(self, version: FrameworkVersionRecord) -> set[Sector.ValueType]:
        """Gives the sectors of a version's provisions."""
        for unit in self._changes:
            for record, content in unit.versions:
                if record == version:
                    return {each.sector for each in content.provisions}
        return {Sector.ValueType(each) for each in self._connection.scalars(_SECTORS.where(*self._at(version)))}

    def assessment(self, assessment_id: str) -> AssessmentRecord | None:
        """Gives an assessment; None: there is none of that id."""
        for unit in self._changes:
            if written := unit.assessments.get(assessment_id):
                return written
        row = self._connection.execute(_ASSESSMENT, {"id": assessment_id}).mappings().first()
        return assessment_record(row, self._origins) if row else None

    def _written(self, framework_id: str, origin: str = "") -> Version | None:
        found = (unit.newest(framework_id, origin) for unit in self._changes if unit.versions)
        return max(filter(None, found), key=lambda version: version[0].version, default=None)

    def _version(self, statement: Select[tuple[object, ...]], **values: str | int) -> FrameworkVersionRecord | None:
        row: RowMapping | None = self._connection.execute(statement, values).mappings().first()
        return version_record(row, self._origins) if row else None

    def _at(self, version: FrameworkVersionRecord) -> tuple[ColumnElement[bool], ...]:
        columns = framework_versions.c
        return columns.channel == self._ids[version.origin], columns.index == version.index
