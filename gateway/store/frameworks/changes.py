"""What a transaction is going to write of frameworks and assessments; part of ``changes.Changes``."""

from dataclasses import dataclass, field

from regulator.exchange.v1.framework_pb2 import FrameworkVersionContent

from gateway.supervision.frameworks.records import AssessmentRecord, FrameworkVersionRecord
from gateway.supervision.outcomes import Projection

Version = tuple[FrameworkVersionRecord, FrameworkVersionContent]


@dataclass(slots=True)
class FrameworkChanges:
    """The writes.

    Attributes:
        versions: new ones, in order
        assessments: new or changed, by id
        new: ids of the assessments that are new
        told_until: the day up to which events tell what comes into force, 20260131; 0: as it was
    """

    versions: list[Version] = field(default_factory=list)
    assessments: dict[str, AssessmentRecord] = field(default_factory=dict)
    new: list[str] = field(default_factory=list)
    told_until: int = 0

    def apply(self, projection: Projection) -> None:
        """Takes what an envelope changes: a new version, or a new assessment and the one whose place it takes."""
        if projection.content is not None:
            self.versions += [(record, projection.content) for record in projection.versions]
        if projection.assessments:
            self.new.append(projection.assessments[0].id)
            self.assessments |= {record.id: record for record in projection.assessments}

    def absorb(self, other: "FrameworkChanges") -> None:
        """Adds the writes of another unit, which came after these."""
        self.versions += other.versions
        self.assessments |= other.assessments
        self.new += other.new
        self.told_until = other.told_until or self.told_until

    def newest(self, framework_id: str, origin: str = "") -> Version | None:
        """Gives the newest of the new versions of a framework, in a channel or in any."""
        found = [
            version
            for version in self.versions
            if version[0].framework_id == framework_id and origin in ("", version[0].origin)
        ]
        return max(found, key=lambda version: version[0].version, default=None)
