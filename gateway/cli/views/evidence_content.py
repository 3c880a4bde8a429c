"""What an evidence file says was sealed, for who has nothing but the file."""

from typing import Any

from google.protobuf.json_format import MessageToDict, SerializeToJsonError
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.cli.output import Parts, by_language
from gateway.cli.views.message import pairs_of
from gateway.cli.views.notice import sections


def content_document(envelope: Envelope | None) -> dict[str, Any] | None:
    """The act in protobuf's JSON form, by its name; null where it is destroyed, or not known to this version.

    Its name alone where it has no such form, as with a moment that is none of the years 1 to 9999.
    """
    kind = envelope.WhichOneof("content") if envelope else None
    if kind is None:
        return None
    try:
        return {kind: MessageToDict(getattr(envelope, kind), preserving_proto_field_name=True)}
    except SerializeToJsonError:
        return {kind: None}


def content_sections(envelope: Envelope | None) -> Parts:
    """The act for people: headings, each with names and values."""
    kind = envelope.WhichOneof("content") if envelope else None
    if envelope is None:
        yield "content", [("destroyed", "the file holds the hash alone")]
    elif kind == "notice_released":
        given = envelope.notice_released
        yield from list(sections(Notice(name=given.notice, content=given.content)))[1:]
    elif kind == "notice_acknowledged":
        said = envelope.notice_acknowledged
        yield "acknowledgement", [("case", said.case_reference), *by_language(said.comment)]
    elif kind == "notice_withdrawn":
        yield "withdrawal", by_language(envelope.notice_withdrawn.explanation)
    elif kind:
        yield kind.replace("_", " "), pairs_of(getattr(envelope, kind))
    else:
        yield "content", [("of a kind", "that this version does not know")]
