"""What a node knows of framework versions and assessments beside their content: the columns of the store."""

from collections.abc import Callable
from dataclasses import dataclass

from regulator.exchange.v1.framework_pb2 import AssessmentContent
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import Sector

from gateway.moments import MICROS


@dataclass(frozen=True, slots=True)
class FrameworkVersionRecord:
    """One version of a framework in one channel: an own version has one for each recipient, in the same words."""

    framework_id: str  # hk-digital-assets
    version: int  # from 1; with framework_id and recipient it is unique
    base_version: int  # 0 for the first
    direction: Notice.Direction.ValueType
    jurisdiction: str  # the publisher's, HK
    recipient: str  # jurisdiction, KR
    provision_count: int
    origin: str  # with index, the place of the envelope that published it, where its content is read
    index: int
    sealed_at: int  # microseconds since 1970, by the sender's clock
    receipt_time: int | None  # seconds since 1970, by the receiver's clock: of the first receipt that covers it


@dataclass(frozen=True, slots=True)
class AssessmentRecord:
    """One assessment. The two jurisdictions it is about are its assessor and its recipient."""

    id: str  # hk-reserve-2026
    direction: Notice.Direction.ValueType
    assessor: str  # jurisdiction, HK
    recipient: str  # jurisdiction, KR
    sector: Sector.ValueType  # of the area; SECTOR_UNSPECIFIED if a pair of provisions is judged
    topic: str  # of the area; empty if a pair of provisions is judged
    provisions: tuple[str, ...]  # names of the pair, in order of their letters; empty if an area is judged
    outcome: AssessmentContent.Outcome.ValueType
    supersedes: str  # id of the assessment whose place it takes; empty: none
    superseded_by: str  # id of the assessment that took its place; empty: it stands
    origin: str  # with index, the place of the envelope that gave it
    index: int
    sealed_at: int  # microseconds since 1970, by the sender's clock
    receipt_time: int | None  # seconds since 1970, by the receiver's clock: of the first receipt that covers it


FindVersion = Callable[[str], FrameworkVersionRecord | None]
"""Gives the newest version of a framework by the framework's id, as of now in the caller's transaction."""

FindAssessment = Callable[[str], AssessmentRecord | None]
"""Gives what is known of an assessment by its id, as of now in the caller's transaction."""

Target = tuple[Sector.ValueType, str, tuple[str, ...]]


def target_of(content: AssessmentContent) -> Target:
    """What is judged: sector and topic, or two provisions; whichever of the two jurisdictions is called the first."""
    if content.HasField("area"):
        return content.area.sector, content.area.topic, ()
    return Sector.SECTOR_UNSPECIFIED, "", tuple(sorted((content.pair.first, content.pair.second)))


def has_target(record: AssessmentRecord, target: Target) -> bool:
    """Whether that is what the assessment judges."""
    return (record.sector, record.topic, record.provisions) == target


def framework_etag(record: FrameworkVersionRecord) -> str:
    """The opaque text by which a caller shows which version it saw as the newest (AIP-154)."""
    return f'"{record.version}"'


def known_since(record: FrameworkVersionRecord | AssessmentRecord) -> int | None:
    """From when on this node knew it, in microseconds since 1970; None: it arrived and has no receipt yet.

    What the node sealed it knew when it did. What arrived it knew, provably, when it countersigned: so the answer is
    the same after a rebuild from the logs.
    """
    if record.direction == Notice.OUTGOING:
        return record.sealed_at
    return None if record.receipt_time is None else record.receipt_time * MICROS


def is_known(record: FrameworkVersionRecord | AssessmentRecord, known_at: int | None) -> bool:
    """Whether a version or an assessment was known at a moment, in microseconds since 1970; None: now."""
    since = known_since(record)
    return known_at is None or (since is not None and since <= known_at)
