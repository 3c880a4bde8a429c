"""The form of a framework in JSON files, schema ``framework/1``: a table of keys for each message."""

from typing import Any

from regulator.exchange.v1 import framework_pb2, values_pb2
from regulator.exchange.v1.framework_pb2 import Parameter, Provision

from gateway.supervision.files.codecs import Codec, Field, listing, obj
from gateway.supervision.files.notice_form import SOURCE
from gateway.supervision.files.values import DATE, LOCALIZED, TEXT, one_of
from gateway.words import words

_ENGLISH = "en"  # what a summary without a language tag is written in


def _read_summary(value: Any, path: str) -> Any:
    return LOCALIZED.read({_ENGLISH: value} if isinstance(value, str) else value, path)


def _write_summary(texts: Any) -> Any:
    written = LOCALIZED.write(texts)
    return written[_ENGLISH] if list(written) == [_ENGLISH] else written


# A text by its language tag; one that is in English alone stands for itself.
_SUMMARY = Codec(_read_summary, _write_summary, f"{LOCALIZED.form}; or a text in English")

_PARAMETER = obj(
    framework_pb2.Parameter,
    Field("key", TEXT),
    Field("kind", one_of(words(Parameter.Kind))),
    Field("value", TEXT),
    Field("unit", TEXT, always=True),
)

PROVISION = obj(
    framework_pb2.Provision,
    Field("id", TEXT),
    Field("citation", TEXT),
    Field("sector", one_of(words(values_pb2.Sector, "SECTOR_"))),
    Field("topic", TEXT),
    Field("status", one_of(words(Provision.Status))),
    Field("effective_from", DATE),
    Field("title", LOCALIZED),
    Field("requirement", LOCALIZED),
    Field("parameters", listing(_PARAMETER), always=True),
    Field("source", SOURCE, always=True),
    Field("confidence", one_of(words(values_pb2.Confidence, "CONFIDENCE_"))),
    Field("effective_to", DATE),
)

# The keys of the header, which stand beside the list of provisions.
HEADER = (
    Field("jurisdiction", TEXT),
    Field("title", LOCALIZED),
    Field("authorities", listing(TEXT)),
    Field("as_of", DATE),
    Field("summary", _SUMMARY),
)

PROVISIONS = (Field("provisions", listing(PROVISION), always=True),)
