"""What each act on a notice changes: the rules that ``projection.project`` chooses from."""

from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_pb2 import NoticeContent, Reference
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.moments import day_of
from gateway.supervision.attachments import attached_in
from gateway.supervision.envelopes.envelopes import sealed_at
from gateway.supervision.notices import states
from gateway.supervision.notices.assistance import record_of
from gateway.supervision.notices.assistance_rules import day_fault
from gateway.supervision.notices.content import id_fault, identifiers_of, kind_of, notice_id, notice_name
from gateway.supervision.notices.records import NoticeRecord
from gateway.supervision.outcomes import Context, EventContent, Outcome, Projection, Unusable
from gateway.supervision.rules.values import date_fault


def released(context: Context) -> Projection:
    """A new record, and the changes to those of earlier notices that it supersedes or withdraws."""
    channel, act = context.channel, context.envelope.notice_released
    new_id = notice_id(act.notice)
    if fault := id_fault(new_id, channel.sender):
        raise Unusable(Outcome.INVALID, f"{act.notice}: {fault}")
    if context.find(new_id):
        raise Unusable(Outcome.INVALID, f"{act.notice}: the name is taken by an earlier notice")
    handling = act.content.handling
    if handling.HasField("retain_until") and (fault := date_fault(handling.retain_until)):
        raise Unusable(Outcome.INVALID, f"{act.notice}: retain_until: {fault}")
    if fault := day_fault(act.content):
        raise Unusable(Outcome.INVALID, f"{act.notice}: respond_by: {fault}")
    record = _new_record(new_id, act.content, context)
    records = {new_id: record}
    events = [_event(Event.NOTICE_RELEASED if channel.outgoing else Event.NOTICE_RECEIVED, record)]
    for reference in act.content.references[:]:
        _refer(reference, record, context, records, events)
    attached = attached_in(act.content) if act.content.attachments else ()
    return Projection(Outcome.PROJECTED, records=tuple(records.values()), events=tuple(events), attachments=attached)


def acknowledged(context: Context) -> Projection:
    """The acknowledgement of a notice that went the other way."""
    name = context.envelope.notice_acknowledged.notice
    record = _known(context, name, context.channel.recipient, context.channel.sender)
    return _change(record, states.acknowledged(record, context.place), Event.NOTICE_ACKNOWLEDGED)


def withdrawn(context: Context) -> Projection:
    """The withdrawal of a notice that went the same way."""
    name = context.envelope.notice_withdrawn.notice
    record = _known(context, name, context.channel.sender, context.channel.recipient)
    return _change(record, states.withdrawn(record, context.place), Event.NOTICE_WITHDRAWN)


def attached(context: Context) -> Projection:
    """The receiver's word that it holds all attachments of a notice that went the other way."""
    name = context.envelope.attachments_received.notice
    record = _known(context, name, context.channel.recipient, context.channel.sender)
    if not record.attachment_count:
        raise Unusable(Outcome.INVALID, f"{name}: must be a notice with attachments")
    kind = Event.ATTACHMENTS_RECEIVED if context.channel.outgoing else Event.NOTICE_DELIVERED
    return _change(record, states.attached(record, context.place), kind)


def _refer(
    reference: Reference,
    by: NoticeRecord,
    context: Context,
    records: dict[str, NoticeRecord],
    events: list[EventContent],
) -> None:
    """Carries out a reference; on a notice that did not go the same way as ``by`` it does nothing."""
    if reference.relation not in (Reference.SUPERSEDES, Reference.WITHDRAWS):
        return
    other_id = notice_id(reference.notice)
    other = records.get(other_id) or context.find(other_id)
    if other is None or other is by or not _went(other, by.sender, by.recipient):
        return
    if reference.relation == Reference.SUPERSEDES:
        kind, changed = Event.NOTICE_SUPERSEDED, states.superseded(other, by.id)
    else:
        kind, changed = Event.NOTICE_WITHDRAWN, states.withdrawn(other, context.place, by.id)
    if changed is not other:
        records[other_id] = changed
        events.append(_event(kind, changed, f"by {notice_name(by.id)}"))


def _new_record(new_id: str, content: NoticeContent, context: Context) -> NoticeRecord:
    channel = context.channel
    return NoticeRecord(
        id=new_id,
        direction=Notice.OUTGOING if channel.outgoing else Notice.INCOMING,
        state=Notice.RELEASED if channel.outgoing else Notice.RECEIVED,
        kind=kind_of(content),
        sender=channel.sender,
        recipient=channel.recipient,
        issuing_authority=content.issuing_authority,
        sectors=tuple(content.sectors[:]),
        urgency=content.urgency,
        tlp=content.handling.tlp,
        origin=context.place.origin,
        index=context.place.index,
        released_at=sealed_at(context.envelope),
        receipt_time=None,
        acknowledged_at=None,
        withdrawn_at=None,
        superseded_by="",
        withdrawn_by="",
        revision=1,
        identifiers=identifiers_of(content),
        retain_until=day_of(content.handling.retain_until),
        onward_sharing=content.handling.onward_sharing,
        permitted_uses=tuple(content.handling.permitted_uses[:]),
        attachment_count=len(content.attachments),
        assistance=record_of(content),
    )


def _known(context: Context, name: str, sender: str, recipient: str) -> NoticeRecord:
    """The notice ``name``, if it went from one to the other; for any other the words are the same."""
    record = context.find(notice_id(name))
    if record is None or not _went(record, sender, recipient):
        raise Unusable(Outcome.INVALID, f"{name}: must be a notice of {sender} to {recipient}")
    return record


def _went(record: NoticeRecord, sender: str, recipient: str) -> bool:
    return record.sender == sender and record.recipient == recipient


def _change(before: NoticeRecord, after: NoticeRecord, kind: Event.Kind.ValueType) -> Projection:
    if after is before:
        return Projection(Outcome.PROJECTED)
    return Projection(Outcome.PROJECTED, records=(after,), events=(_event(kind, after),))


def _event(kind: Event.Kind.ValueType, record: NoticeRecord, detail: str = "") -> EventContent:
    return EventContent(kind, record.id, detail, record.kind)
