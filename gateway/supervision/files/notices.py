"""Notices as JSON files, schema ``notices/1``: a list of them, or one alone.

Reading checks the form of a file, not the rules of supervision: those are asked when a notice is given. What
is absent and what is ``null`` mean the same.
"""

from dataclasses import dataclass
from typing import Any

from regulator.exchange.v1.notice_pb2 import NoticeContent

from gateway.errors import BadInput, Violation
from gateway.supervision.files.codecs import (
    Field,
    dump,
    entries,
    gathering,
    parse,
    path_of,
    read_fields,
    sorted_out,
    write_fields,
)
from gateway.supervision.files.notice_form import CONTENT, DETAILS, SOURCE
from gateway.supervision.files.values import TEXT
from gateway.supervision.rules.fields import MAX_VIOLATIONS

SCHEMA = "notices/1"
_FORM = f'one notice, which is an object, or a list as {{"schema": "{SCHEMA}", "notices": [...]}}'

_PARTIES = (Field("id", TEXT), Field("sender", TEXT), Field("recipient", TEXT))
_ONE_SOURCE = Field("source", SOURCE)  # the short form of a list of one

# The keys of a notice as they are written.
_ORDER = (
    "id",
    "sender",
    "recipient",
    "issuing_authority",
    "kind",
    "sectors",
    "urgency",
    "handling",
    "event_date",
    "title",
    "summary",
    "subjects",
    "instruments",
    "detail",
    "references",
    "attachments",
    "source",
    "sources",
    "confidence",
)


@dataclass(frozen=True, slots=True)
class NoticeFile:
    """One notice of a file. An id or jurisdiction that the file leaves out is empty."""

    notice_id: str
    sender: str
    recipient: str
    content: NoticeContent


def read_notices(text: str | bytes) -> tuple[NoticeFile, ...]:
    """The notices of a file: all of a list, or the one that stands alone.

    Raises:
        BadInput: naming JSON paths (``notices[3].handling.tlp``) and what would be right there.
    """
    document = parse(text, _FORM)
    if "notices" not in document:
        return (_read_notice(document, ""),)
    given = entries(document, "", ("schema", "notices"))
    if given.get("schema") != SCHEMA:
        raise BadInput.of("schema", f"must be {SCHEMA}")
    if not isinstance(given.get("notices"), list):
        raise BadInput.of("notices", "must be a list")
    return _read_list(given["notices"])


def write_notice(notice: NoticeFile) -> str:
    """The file of one notice alone."""
    content = notice.content
    parties = {"id": notice.notice_id, "sender": notice.sender, "recipient": notice.recipient}
    written = {key: value for key, value in parties.items() if value} | write_fields(CONTENT, content)
    if len(content.sources) == 1:
        written["source"] = written.pop("sources")[0]
    if kind := content.WhichOneof("detail"):
        key, codec = DETAILS[kind]
        written |= {"kind": kind, "detail": {key: codec.write(getattr(content, kind))}}
    return dump({key: written[key] for key in _ORDER if key in written})


def _read_list(values: list[Any]) -> tuple[NoticeFile, ...]:
    violations: list[Violation] = []
    notices: list[NoticeFile] = []
    places: dict[str, int] = {}
    for place, value in enumerate(values):
        with gathering(violations):
            notice = _read_notice(value, f"notices[{place}]")
            notices.append(notice)
            earlier = places.setdefault(notice.notice_id, place) if notice.notice_id else place
            if earlier != place:
                raise BadInput.of(f"notices[{place}].id", f"must be another than that of notices[{earlier}]")
    if violations:
        raise BadInput(violations[:MAX_VIOLATIONS])
    return tuple(notices)


def _read_notice(value: Any, path: str) -> NoticeFile:
    given, violations = sorted_out(value, path, _ORDER)
    parties: dict[str, str] = {}
    content: dict[str, Any] = {}
    with gathering(violations):
        parties = read_fields(_PARTIES, given, path)
    with gathering(violations):
        content = read_fields((*CONTENT, _ONE_SOURCE), given, path)
    with gathering(violations):
        content |= _read_detail(given, path)
    if violations:
        raise BadInput(violations[:MAX_VIOLATIONS])
    if "source" in content:
        content["sources"] = [content.pop("source"), *content.get("sources", [])]
    notice_id, sender, recipient = (parties.get(field.key, "") for field in _PARTIES)
    return NoticeFile(notice_id, sender, recipient, NoticeContent(**content))


def _read_detail(given: dict[str, Any], path: str) -> dict[str, Any]:
    """The detail, by its member of the oneof, which is the word for the kind too."""
    kind = given.get("kind")
    if not isinstance(kind, str) or kind not in DETAILS:
        raise BadInput.of(path_of(path, "kind"), f"must be one of {', '.join(DETAILS)}")
    key, codec = DETAILS[kind]
    within = path_of(path, "detail")
    detail = entries(given.get("detail"), within, (key,))
    if key not in detail:
        raise BadInput.of(path_of(within, key), f"is required for the kind {kind}")
    return {kind: codec.read(detail[key], path_of(within, key))}
