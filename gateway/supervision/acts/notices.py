"""What is asked before an act is sealed: may this be done to that notice, now?

Each check reads through ``find``, inside the transaction that seals the act, and raises or returns the record
of the notice acted upon. Who may ask is not decided here, nor what the caller may see: ``find`` gives no more.
"""

from collections.abc import Mapping

from regulator.exchange.v1.notice_pb2 import NoticeContent, Reference
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.errors import AlreadyExists, BadInput, NotAllowed, NotFound, Stale, Violation
from gateway.moments import MICROS, day_of, micros_from
from gateway.supervision.disclosure import Scope, within
from gateway.supervision.notices.content import id_fault, notice_id, notice_name
from gateway.supervision.notices.records import ChannelEnds, Find, NoticeRecord, etag_of
from gateway.supervision.notices.states import Act, require

MAX_AHEAD_MICROS = 300 * MICROS  # how far an author's clock may be ahead of the node's

_ACTS: Mapping[Reference.Relation.ValueType, Act] = {
    Reference.SUPERSEDES: Act.SUPERSEDE,
    Reference.WITHDRAWS: Act.WITHDRAW,
}


def check_release(
    new_id: str,
    content: NoticeContent,
    channel: ChannelEnds,
    find: Find,
    scope: Scope,
    path: str = "notice.content",
) -> None:
    """Passes if ``content`` can be given as the notice ``new_id`` to the recipient of ``channel``.

    What it refers to must be within the author's ``scope``; a name is taken by whatever bears it.

    Raises:
        BadInput: the id is not the sender's to give, or a reference cannot do what it says.
        NotAllowed: a notice to be superseded or withdrawn is another authority's.
        AlreadyExists: the id is taken.
        WrongState: a notice to be superseded or withdrawn is not in a state for it.
    """
    if fault := id_fault(new_id, channel.sender):
        raise BadInput.of("notice_id", fault)
    if find(new_id):
        raise AlreadyExists(f"there is a notice {new_id}", notice=new_id)
    for place, reference in enumerate(content.references):
        record = _check_reference(new_id, reference, channel, within(scope, find), f"{path}.references[{place}].notice")
        if record:
            check_own(record, content.issuing_authority)


def check_days(content: NoticeContent, today: int, path: str = "notice.content") -> None:
    """Passes unless a day is past that must not be: the last on which ``content`` may be kept, or an answer's.

    Args:
        content: of a notice; past its ``retain_until`` it would be destroyed before it is read
        today: of its release, UTC, 20260131
        path: of the content in the request

    Raises:
        BadInput: they are past.
    """
    days = {
        "handling.retain_until": content.handling.retain_until,
        "assistance_request.respond_by": content.assistance_request.respond_by,
        "assistance_answer.expected_by": content.assistance_answer.expected_by,
    }
    if past := [field for field, day in days.items() if 0 < day_of(day) < today]:
        words = "must not be before the day (UTC) on which it is released"
        raise BadInput(Violation(f"{path}.{field}", words) for field in past)


def check_past(content: NoticeContent, now: int, path: str = "notice.content") -> None:
    """Passes unless what is told was noticed after ``now``, in microseconds since 1970; raises BadInput."""
    if not content.incident.HasField("detected_at"):
        return
    if micros_from(content.incident.detected_at) > now + MAX_AHEAD_MICROS:
        raise BadInput.of(f"{path}.incident.detected_at", "must not be after the moment of release")


def check_acknowledge(acted_id: str, find: Find, etag: str = "") -> NoticeRecord:
    """The notice to be acknowledged; raises NotFound, Stale or WrongState."""
    return _check(Act.ACKNOWLEDGE, acted_id, find, etag)


def check_withdraw(acted_id: str, find: Find, etag: str = "") -> NoticeRecord:
    """The notice to be taken back; raises NotFound, Stale or WrongState."""
    return _check(Act.WITHDRAW, acted_id, find, etag)


def check_supersede(acted_id: str, find: Find, etag: str = "") -> NoticeRecord:
    """The notice to be replaced; raises NotFound, Stale or WrongState. The new one goes to its recipient."""
    return _check(Act.SUPERSEDE, acted_id, find, etag)


def check_own(record: NoticeRecord, authority: str) -> None:
    """Passes if the notice is the authority's own; raises NotAllowed."""
    if record.issuing_authority != authority:
        raise NotAllowed("only the authority that gave a notice may take it back or replace it")


def superseding(content: NoticeContent, earlier_id: str) -> NoticeContent:
    """A copy of ``content`` that says it supersedes the notice ``earlier_id``; check it only after this."""
    copy = NoticeContent()
    copy.CopyFrom(content)
    reference = Reference(relation=Reference.SUPERSEDES, notice=notice_name(earlier_id))
    if reference not in copy.references:
        copy.references.append(reference)
    return copy


def _check(act: Act, acted_id: str, find: Find, etag: str) -> NoticeRecord:
    record = find(acted_id)
    if record is None:
        raise NotFound(f"there is no notice {acted_id}", notice=acted_id)
    if etag and etag != etag_of(record):
        raise Stale(f"{acted_id} has changed since: its etag is now {etag_of(record)}", notice=acted_id)
    require(record, act)
    return record


def _check_reference(
    new_id: str, reference: Reference, channel: ChannelEnds, find: Find, path: str
) -> NoticeRecord | None:
    """The notice that would be superseded or withdrawn; None if nothing is done to it."""
    other_id = notice_id(reference.notice)
    if other_id == new_id:
        raise BadInput.of(path, "must be another notice than the one that refers to it")
    act = _ACTS.get(reference.relation)
    if act is None:
        return None
    record = find(other_id)
    if record is None or record.direction != Notice.OUTGOING or record.recipient != channel.recipient:
        raise BadInput.of(path, f"must be a notice that {channel.sender} gave to {channel.recipient}")
    require(record, act)
    return record
