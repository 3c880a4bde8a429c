"""What may be left of an envelope whose content is destroyed, told once more: a list of fields, nothing beside."""

from google.protobuf.message import DecodeError, Message
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.notice_pb2 import NoticeContent, Reference

from gateway.supervision.rules.fields import breaks_rules_where_set

_CONTENT = "notice_released.content"
_KINDS = NoticeContent.DESCRIPTOR.oneofs_by_name["detail"].fields

_WHOLE = frozenset(
    {
        "origin",
        "sealed_at",
        "author",
        "approver",
        "notice_released.notice",
        "notice_acknowledged.notice",
        "notice_withdrawn.notice",
        *(f"sharing_requested.{name}" for name in ("consent", "recipients", "use")),
        *(f"sharing_decided.{name}" for name in ("consent", "number", "decision", "valid_until")),
        *(f"{_CONTENT}.{name}" for name in ("issuing_authority", "sectors", "urgency", "handling", "references")),
        *(f"{_CONTENT}.assistance_request.{name}" for name in ("requested_authority", "respond_by")),
        *(f"{_CONTENT}.assistance_answer.{name}" for name in ("request", "outcome")),
    }
)
_OUTER = frozenset(
    {
        "notice_released",
        "notice_acknowledged",
        "notice_withdrawn",
        "sharing_requested",
        "sharing_decided",
        _CONTENT,
        f"{_CONTENT}.assistance_request",
        f"{_CONTENT}.assistance_answer",
    }
)
# The kind of a notice stays, and not what it says.
_EMPTY = frozenset(f"{_CONTENT}.{each.name}" for each in _KINDS) - _OUTER
_COUNTED = f"{_CONTENT}.attachments"  # how many there were stays


def remainder_in(data: bytes) -> Envelope | None:
    """Reads what is left of an envelope; None: there is more in the bytes, or another value, than may be, or no act."""
    try:
        left = Envelope.FromString(data)
    except DecodeError:
        return None
    known = Envelope.FromString(data)
    known.DiscardUnknownFields()
    references = left.notice_released.content.references
    changing = all(each.relation in (Reference.SUPERSEDES, Reference.WITHDRAWS) for each in references)
    # The comparison of bytes finds what a parser drops: a field that comes twice.
    plain = known.SerializeToString(deterministic=True) == data
    fits = plain and changing and left.WhichOneof("content") and _fits(left, "")
    return left if fits and not breaks_rules_where_set(left) else None


def _fits(message: Message, path: str) -> bool:
    for field, value in message.ListFields():
        name = f"{path}{field.name}"
        if name in _OUTER:
            if not _fits(value, f"{name}."):
                return False
        elif name == _COUNTED:
            if any(each.ListFields() for each in value):
                return False
        elif name in _EMPTY:
            if value.ListFields():
                return False
        elif name not in _WHOLE:
            return False
    return True
