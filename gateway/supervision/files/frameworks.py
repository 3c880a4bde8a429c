"""Framework versions as JSON files, schema ``framework/1``.

Reading checks the form of a file, not the rules of supervision: those are asked when a version is published. What is
absent and what is ``null`` mean the same.
"""

from dataclasses import dataclass
from typing import Any

from regulator.exchange.v1.framework_pb2 import FrameworkHeader, FrameworkVersionContent

from gateway.errors import BadInput
from gateway.supervision.files.codecs import Field, dump, gathering, parse, read_fields, sorted_out, write_fields
from gateway.supervision.files.framework_form import HEADER, PROVISIONS
from gateway.supervision.files.values import TEXT
from gateway.supervision.rules.fields import MAX_VIOLATIONS

SCHEMA = "framework/1"

_NAMED = (Field("id", TEXT),)

# The keys of a file as they are written.
_ORDER = ("schema", "jurisdiction", "id", "title", "authorities", "as_of", "summary", "provisions")


@dataclass(frozen=True, slots=True)
class FrameworkFile:
    """What a file holds: a version, and the id of its framework, empty if the file leaves it out."""

    framework_id: str
    content: FrameworkVersionContent


def read_framework(text: str | bytes) -> FrameworkFile:
    """The version that a file holds.

    Raises:
        BadInput: naming JSON paths (``provisions[3].status``) and what would be right there.
    """
    given, violations = sorted_out(parse(text), "", _ORDER)
    if given.get("schema") != SCHEMA:
        raise BadInput.of("schema", f"must be {SCHEMA}")
    read: dict[str, Any] = {}
    for part in (_NAMED, HEADER, PROVISIONS):
        with gathering(violations):
            read |= read_fields(part, given, "")
    if violations:
        raise BadInput(violations[:MAX_VIOLATIONS])
    framework_id, provisions = read.pop("id", ""), read.pop("provisions", ())
    return FrameworkFile(framework_id, FrameworkVersionContent(header=FrameworkHeader(**read), provisions=provisions))


def write_framework(file: FrameworkFile) -> str:
    """The file of a version; reading it gives the same again."""
    written: dict[str, Any] = {"schema": SCHEMA}
    if file.framework_id:
        written["id"] = file.framework_id
    written |= write_fields(HEADER, file.content.header) | write_fields(PROVISIONS, file.content)
    return dump({key: written[key] for key in _ORDER if key in written})
