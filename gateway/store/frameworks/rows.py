"""Between what is known of framework versions and assessments and their rows."""

from collections.abc import Iterable, Mapping
from typing import Any

from regulator.exchange.v1.framework_pb2 import Provision
from sqlalchemy import RowMapping

from gateway.moments import day_of
from gateway.store.rows import enum_bits
from gateway.supervision.frameworks.records import AssessmentRecord, FrameworkVersionRecord
from gateway.supervision.outcomes import EventContent


def version_row(record: FrameworkVersionRecord, cursor: int, ids: Mapping[str, int]) -> dict[str, Any]:
    """Gives the columns of ``framework_versions``; ``ids`` has the id of each channel by origin."""
    return {
        "cursor": cursor,
        "framework": record.framework_id,
        "version": record.version,
        "base_version": record.base_version,
        "direction": record.direction,
        "jurisdiction": record.jurisdiction,
        "recipient": record.recipient,
        "provision_count": record.provision_count,
        "channel": ids[record.origin],
        "index": record.index,
        "sealed_at": record.sealed_at,
        "receipt_time": record.receipt_time,
    }


def version_record(row: RowMapping, origins: Mapping[int, str]) -> FrameworkVersionRecord:
    """Reads a row of ``framework_versions``."""
    return FrameworkVersionRecord(
        framework_id=row["framework"],
        version=row["version"],
        base_version=row["base_version"],
        direction=row["direction"],
        jurisdiction=row["jurisdiction"],
        recipient=row["recipient"],
        provision_count=row["provision_count"],
        origin=origins[row["channel"]],
        index=row["index"],
        sealed_at=row["sealed_at"],
        receipt_time=row["receipt_time"],
    )


def provision_rows(provisions: Iterable[Provision], cursor: int) -> list[dict[str, Any]]:
    """Gives the rows of a version's provisions, in the publisher's order."""
    return [
        {
            "cursor": cursor,
            "ordinal": ordinal,
            "id": each.id,
            "sector": each.sector,
            "topic": each.topic,
            "status": each.status,
            "effective_from": day_of(each.effective_from),
            "data": each.SerializeToString(),
        }
        for ordinal, each in enumerate(provisions)
    ]


def assessment_row(record: AssessmentRecord, cursor: int, ids: Mapping[str, int]) -> dict[str, Any]:
    """Gives the columns of ``assessments``."""
    first, second = record.provisions or ("", "")
    return {
        "cursor": cursor,
        "id": record.id,
        "direction": record.direction,
        "assessor": record.assessor,
        "recipient": record.recipient,
        "sector": record.sector,
        "topic": record.topic,
        "first_provision": first,
        "second_provision": second,
        "outcome": record.outcome,
        "supersedes": record.supersedes,
        "superseded_by": record.superseded_by,
        "channel": ids[record.origin],
        "index": record.index,
        "sealed_at": record.sealed_at,
        "receipt_time": record.receipt_time,
    }


def assessment_record(row: RowMapping, origins: Mapping[int, str]) -> AssessmentRecord:
    """Reads a row of ``assessments``."""
    return AssessmentRecord(
        id=row["id"],
        direction=row["direction"],
        assessor=row["assessor"],
        recipient=row["recipient"],
        sector=row["sector"],
        topic=row["topic"],
        provisions=(row["first_provision"], row["second_provision"]) if row["first_provision"] else (),
        outcome=row["outcome"],
        supersedes=row["supersedes"],
        superseded_by=row["superseded_by"],
        origin=origins[row["channel"]],
        index=row["index"],
        sealed_at=row["sealed_at"],
        receipt_time=row["receipt_time"],
    )


def framework_event_row(event: EventContent, cursor: int) -> dict[str, Any]:
    """Gives the columns of ``framework_events`` for an event about rules."""
    return {
        "cursor": cursor,
        "jurisdiction": event.jurisdiction,
        "framework": event.framework_id,
        "version": event.version,
        "provision": event.provision_id,
        "assessment": event.assessment_id,
        "sectors": enum_bits(event.sectors),
        "topics": joined_topics(event.topics),
    }


def joined_topics(topics: Iterable[str]) -> str:
    """Writes topics so that each is found between spaces: `` capital redemption ``; empty for none."""
    words = " ".join(topics)
    return f" {words} " if words else ""
