"""Envelopes as they stand in logs, told from their bytes past the code of the nodes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.values_pb2 import LocalizedText

Key = tuple[str, ...]
"""What an envelope makes or changes; no channel has two of the same."""


def kind_of(envelope: Envelope) -> str:
    return str(envelope.WhichOneof("content"))


def key_of(envelope: Envelope) -> Key:
    kind = kind_of(envelope)
    said = getattr(envelope, kind)
    named = _NAMED.get(kind)
    return (kind, *named(said)) if named else (kind, said.notice)


_NAMED: Mapping[str, Callable[[Any], Iterable[str]]] = {
    "framework_version_published": lambda said: [f"{said.framework}/versions/{said.version}"],
    "framework_assessed": lambda said: [said.assessment],
    "sharing_requested": lambda said: [said.consent],
    "sharing_decided": lambda said: [said.consent, str(said.number)],
    "content_shared": lambda said: [said.share],
    "content_destroyed": lambda said: [said.notice, *(f"{each.origin} {each.index}" for each in said.envelopes)],
    "seal_rotated": lambda said: [said.ed25519_certificate.hex()],
}


def mark_of(envelope: Envelope) -> str:
    """What its author wrote that nobody else wrote; empty: nothing of the kind, or it is destroyed."""
    written = _WRITTEN.get(kind_of(envelope))
    return written(getattr(envelope, kind_of(envelope))) if written else ""


_WRITTEN: Mapping[str, Callable[[Any], str]] = {
    "notice_released": lambda said: first(said.content.title),
    "notice_acknowledged": lambda said: str(said.case_reference),
    "notice_withdrawn": lambda said: first(said.explanation),
    "framework_version_published": lambda said: first(said.content.header.title),
    "framework_assessed": lambda said: first(said.content.reasons),
    "sharing_requested": lambda said: first(said.purpose),
    "sharing_decided": lambda said: first(said.reason),
}


def first(texts: Sequence[LocalizedText]) -> str:
    return texts[0].text if texts else ""


def english(text: str) -> list[LocalizedText]:
    return [LocalizedText(language_tag="en", text=text)]
