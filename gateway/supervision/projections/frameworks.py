"""What published versions and assessments change, in the manner of ``notices``.

Like there, no list that changes with time is read. A version is whole, so it needs no other one to be known: a
recipient may lack its base, which may have gone to others alone.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from google.type.date_pb2 import Date
from regulator.exchange.v1.envelope_pb2 import FrameworkVersionPublished
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.framework_pb2 import AssessmentContent, Provision
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.supervision.envelopes.envelopes import sealed_at
from gateway.supervision.frameworks.content import pair_violations, repeated_ids
from gateway.supervision.frameworks.days import coming_into_force
from gateway.supervision.frameworks.names import assessment_id, assessment_name, framework_id
from gateway.supervision.frameworks.records import (
    AssessmentRecord,
    FrameworkVersionRecord,
    has_target,
    target_of,
)
from gateway.supervision.notices.content import id_fault
from gateway.supervision.notices.records import ChannelEnds
from gateway.supervision.outcomes import Context, EventContent, Outcome, Projection, Unusable
from gateway.supervision.rules.values import date_fault

MAX_TOPICS = 64  # of one event


def published(context: Context) -> Projection:
    """A new version. Raises Unusable if it is not the sender's to publish, or not newer than the last one here."""
    channel, act = context.channel, context.envelope.framework_version_published
    known_id, content = framework_id(act.framework), act.content
    if fault := id_fault(known_id, channel.sender):
        raise Unusable(Outcome.INVALID, f"{act.framework}: {fault}")
    if content.header.jurisdiction != channel.sender:
        raise Unusable(Outcome.INVALID, f"{act.framework}: header.jurisdiction: must be {channel.sender}")
    if any(date_fault(each.effective_from) for each in content.provisions):
        raise Unusable(Outcome.INVALID, f"{act.framework}: a provision begins on a day that there is not")
    newest = context.find_version(known_id)
    if newest and act.version <= newest.version:
        raise Unusable(Outcome.INVALID, f"{act.framework}: version {act.version} comes after version {newest.version}")
    for repeated in repeated_ids(content.provisions[:], "provisions"):
        raise Unusable(Outcome.INVALID, f"{act.framework}: {repeated.field}: {repeated.description}")
    record = _version_record(known_id, act, context)
    kind = Event.FRAMEWORK_VERSION_PUBLISHED if channel.outgoing else Event.FRAMEWORK_VERSION_RECEIVED
    event = _version_event(kind, record, content.provisions[:])
    return Projection(Outcome.PROJECTED, events=(event,), versions=(record,), content=content)


def assessed(context: Context) -> Projection:
    """A new assessment, and the end of the one whose place it takes. Raises Unusable if it is not the sender's."""
    channel, act = context.channel, context.envelope.framework_assessed
    new_id, content = assessment_id(act.assessment), act.content
    if fault := id_fault(new_id, channel.sender):
        raise Unusable(Outcome.INVALID, f"{act.assessment}: {fault}")
    if {content.first_jurisdiction, content.second_jurisdiction} != {channel.sender, channel.recipient}:
        words = f"must be about {channel.sender} and {channel.recipient}"
        raise Unusable(Outcome.INVALID, f"{act.assessment}: {words}")
    for broken in pair_violations(content, "content"):
        raise Unusable(Outcome.INVALID, f"{act.assessment}: {broken.field}: {broken.description}")
    if context.find_assessment(new_id):
        raise Unusable(Outcome.INVALID, f"{act.assessment}: the name is taken by an earlier assessment")
    record = _assessment_record(new_id, content, context)
    earlier = _superseded(record, context)
    return Projection(Outcome.PROJECTED, events=(_assessment_event(record),), assessments=(record, *earlier))


def in_force_events(
    record: FrameworkVersionRecord, provisions: Iterable[Provision], after: Date, until: Date
) -> Iterator[EventContent]:
    """An event for each provision of a version that comes into force after one day and not after the other."""
    for provision in coming_into_force(provisions, after, until):
        day = provision.effective_from
        yield EventContent(
            Event.PROVISION_IN_FORCE,
            jurisdiction=record.jurisdiction,
            framework_id=record.framework_id,
            version=record.version,
            provision_id=provision.id,
            sectors=(provision.sector,),
            topics=(provision.topic,),
            detail=f"from {day.year:04}-{day.month:02}-{day.day:02}",
        )


def _version_record(known_id: str, act: FrameworkVersionPublished, context: Context) -> FrameworkVersionRecord:
    return FrameworkVersionRecord(
        framework_id=known_id,
        version=act.version,
        base_version=act.base_version,
        direction=_direction(context.channel),
        jurisdiction=context.channel.sender,
        recipient=context.channel.recipient,
        provision_count=len(act.content.provisions),
        origin=context.place.origin,
        index=context.place.index,
        sealed_at=sealed_at(context.envelope),
        receipt_time=None,
    )


def _version_event(
    kind: Event.Kind.ValueType, record: FrameworkVersionRecord, provisions: list[Provision]
) -> EventContent:
    return EventContent(
        kind,
        jurisdiction=record.jurisdiction,
        framework_id=record.framework_id,
        version=record.version,
        sectors=tuple(sorted({each.sector for each in provisions})),
        topics=tuple(sorted({each.topic for each in provisions})[:MAX_TOPICS]),
    )


def _assessment_record(new_id: str, content: AssessmentContent, context: Context) -> AssessmentRecord:
    sector, topic, provisions = target_of(content)
    return AssessmentRecord(
        id=new_id,
        direction=_direction(context.channel),
        assessor=context.channel.sender,
        recipient=context.channel.recipient,
        sector=sector,
        topic=topic,
        provisions=provisions,
        outcome=content.outcome,
        supersedes=assessment_id(content.supersedes),
        superseded_by="",
        origin=context.place.origin,
        index=context.place.index,
        sealed_at=sealed_at(context.envelope),
        receipt_time=None,
    )


def _superseded(record: AssessmentRecord, context: Context) -> tuple[AssessmentRecord, ...]:
    """The assessment whose place ``record`` takes, changed; none if that is not of the same channel and target."""
    earlier = context.find_assessment(record.supersedes) if record.supersedes else None
    if earlier is None or earlier.superseded_by or earlier.origin != record.origin:
        return ()
    if not has_target(earlier, (record.sector, record.topic, record.provisions)):
        return ()
    return (replace(earlier, superseded_by=record.id),)


def _assessment_event(record: AssessmentRecord) -> EventContent:
    return EventContent(
        Event.FRAMEWORK_ASSESSED,
        jurisdiction=record.assessor,
        assessment_id=record.id,
        sectors=(record.sector,) if record.sector else (),
        topics=(record.topic,) if record.topic else (),
        detail=f"takes the place of {assessment_name(record.supersedes)}" if record.supersedes else "",
    )


def _direction(channel: ChannelEnds) -> Notice.Direction.ValueType:
    return Notice.OUTGOING if channel.outgoing else Notice.INCOMING
