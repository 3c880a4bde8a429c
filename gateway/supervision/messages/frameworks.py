"""Frameworks, versions and assessments as back offices see them: records, and what their envelopes say."""

from collections.abc import Sequence

from google.protobuf.timestamp_pb2 import Timestamp
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.framework_pb2 import Comparison, FrameworkVersionContent, Provision
from regulator.exchange.v1.framework_service_pb2 import Assessment, Framework, FrameworkProvision, FrameworkVersion
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.supervision.envelopes.envelopes import approver_of
from gateway.supervision.frameworks.names import assessment_name, framework_name, provision_name, version_name
from gateway.supervision.frameworks.records import AssessmentRecord, FrameworkVersionRecord, framework_etag


def framework_message(newest: FrameworkVersionRecord, published: Envelope) -> Framework:
    """A framework, from its newest version and the envelope that published it."""
    return Framework(
        name=framework_name(newest.framework_id),
        header=published.framework_version_published.content.header,
        latest_version=newest.version,
        update_time=published.sealed_at,
        direction=newest.direction,
        etag=framework_etag(newest),
    )


def version_message(
    records: Sequence[FrameworkVersionRecord],
    published: Envelope,
    view: FrameworkVersion.View.ValueType = FrameworkVersion.BASIC,
) -> FrameworkVersion:
    """A version.

    Args:
        records: of this version, one for each recipient; at least one
        published: the envelope of any of them
        view: how much of it is told
    """
    record, content = records[0], published.framework_version_published.content
    return FrameworkVersion(
        name=version_name(record.framework_id, record.version),
        version=record.version,
        base_version=record.base_version,
        content=content if view == FrameworkVersion.FULL else FrameworkVersionContent(header=content.header),
        provision_count=record.provision_count,
        author=published.author,
        approver=approver_of(published),
        publish_time=published.sealed_at,
        direction=record.direction,
        deliveries=[
            FrameworkVersion.Delivery(
                recipient=each.recipient, position=_position(each), receipt_time=_seconds(each.receipt_time)
            )
            for each in records
        ],
    )


def provision_message(record: FrameworkVersionRecord, provision: Provision) -> FrameworkProvision:
    """A provision of a version."""
    return FrameworkProvision(
        name=provision_name(record.framework_id, provision.id),
        version=record.version,
        jurisdiction=record.jurisdiction,
        provision=provision,
    )


def assessment_message(record: AssessmentRecord, assessed: Envelope) -> Assessment:
    """An assessment, from what is known of it and the envelope that gave it."""
    return Assessment(
        name=assessment_name(record.id),
        assessor=record.assessor,
        content=assessed.framework_assessed.content,
        author=assessed.author,
        approver=approver_of(assessed),
        assess_time=assessed.sealed_at,
        receipt_time=_seconds(record.receipt_time),
        superseded_by=assessment_name(record.superseded_by) if record.superseded_by else "",
        position=_position(record),
    )


def standing_assessment(record: AssessmentRecord, assessed: Envelope) -> Comparison.StandingAssessment:
    """An assessment as a comparison shows it."""
    return Comparison.StandingAssessment(
        name=assessment_name(record.id),
        assessor=record.assessor,
        content=assessed.framework_assessed.content,
        time=assessed.sealed_at,
    )


def _position(record: FrameworkVersionRecord | AssessmentRecord) -> Notice.Position:
    return Notice.Position(origin=record.origin, index=record.index)


def _seconds(time: int | None) -> Timestamp | None:
    return None if time is None else Timestamp(seconds=time)
