"""How a notice is told: a row of a listing, all of it for people, all of it for programs."""

import json
from collections.abc import Collection
from typing import Any

from regulator.exchange.v1.envelope_pb2 import Author
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import Handling

from gateway.cli.options import word_of
from gateway.cli.output import Pairs, Parts, by_language, json_moment, moment_of
from gateway.cli.views.assistance_detail import detail_sections
from gateway.cli.views.author import author_document, released_by
from gateway.cli.views.message import flat
from gateway.supervision.files.notices import NoticeFile, write_notice

HEADINGS = ("notice", "from", "to", "kind", "TLP", "state", "released", "title")

# What ``sections`` tells in words of its own, or where it stands.
_TOLD_ELSEWHERE = frozenset({"id", "sender", "recipient", "issuing_authority", "kind", "title", "summary"})


def row(notice: Notice) -> tuple[str, ...]:
    """A line of a listing, in the order of ``HEADINGS``."""
    content = notice.content
    return (
        notice.name.removeprefix("notices/"),
        content.issuing_authority or notice.author.authority,
        notice.recipient,
        word_of(Notice.Kind, notice.kind),
        word_of(Handling.Tlp, content.handling.tlp).upper(),
        word_of(Notice.State, notice.state),
        moment_of(notice.release_time),
        _title(notice),
    )


def _title(notice: Notice) -> str:
    if not notice.HasField("content"):
        return "(content destroyed)"
    return notice.content.title[0].text


def document(notice: Notice) -> dict[str, Any]:
    """A notice for programs.

    ``notice`` is what its author wrote, in the form of notices/1 (``gateway notice create`` takes it), or null once its
    content is destroyed; beside it stands what the node knows. What is not there yet is null.
    """
    return {
        "notice": _file(notice) if notice.HasField("content") else None,
        "state": word_of(Notice.State, notice.state),
        "direction": word_of(Notice.Direction, notice.direction),
        "author": author_document(notice.author),
        "approver": author_document(notice.approver),
        "release_time": json_moment(notice.release_time),
        "receipt_time": json_moment(notice.receipt_time),
        "acknowledgement": _acknowledgement(notice) if notice.HasField("acknowledgement") else None,
        "withdrawal": _withdrawal(notice) if notice.HasField("withdrawal") else None,
        "superseded_by": notice.superseded_by.removeprefix("notices/") or None,
        "origin": notice.position.origin,
        "index": notice.position.index,
        "etag": notice.etag,
        "attachments_receipt": _attached(notice) if notice.HasField("attachments_receipt") else None,
        "destruction": _destruction(notice.destruction) if notice.HasField("destruction") else None,
        "peer_destruction": _destruction(notice.peer_destruction) if notice.HasField("peer_destruction") else None,
    }


def sections(notice: Notice) -> Parts:
    """A notice for people: headings, each with names and values."""
    content = notice.content
    yield "notice", _standing(notice)
    if notice.HasField("content"):
        yield "title", by_language(content.title)
        yield "summary", by_language(content.summary)
        yield "content", content_pairs(notice)
        yield from detail_sections(content)
    elif notice.HasField("destruction"):
        yield "content", [("destroyed here", _certified(notice.destruction))]
    if content.attachments and notice.HasField("release_time"):
        yield "files", files(notice.name.removeprefix("notices/"), content)
    if notice.HasField("attachments_receipt"):
        place = notice.attachments_receipt.position
        held = f"{moment_of(notice.attachments_receipt.time)}, sealed in {place.origin}, index {place.index}"
        yield "attachments", [("all received", held)]
    elif content.attachments and notice.HasField("release_time"):
        yield "attachments", [("all received", "not yet")]
    if notice.HasField("peer_destruction"):
        yield "at the peer", [("destroyed", _certified(notice.peer_destruction))]
    if notice.HasField("acknowledgement"):
        said = notice.acknowledgement
        yield (
            "acknowledgement",
            [*_act(said.time, said.author), ("case", said.case_reference), *by_language(said.comment)],
        )
    if notice.HasField("withdrawal"):
        taken = notice.withdrawal
        by = ("by notice", taken.withdrawn_by.removeprefix("notices/"))
        yield "withdrawal", [*_act(taken.time, taken.author, taken.approver), by, *by_language(taken.explanation)]


def files(name: str, content: NoticeContent) -> Pairs:
    """By which names the files of a notice, or of a draft, are fetched."""
    return [(each.file_name, f"{name}/attachments/{place}") for place, each in enumerate(content.attachments, 1)]


def content_pairs(notice: Notice, only: Collection[str] = ()) -> Pairs:
    """What its author wrote beside what other sections tell, leaf by leaf; ``only``: no more of it than these."""
    elsewhere = _TOLD_ELSEWHERE | ({"detail"} if any(detail_sections(notice.content)) else set())
    told = {key: value for key, value in _file(notice).items() if key not in elsewhere and (not only or key in only)}
    return [item for key, value in told.items() for item in flat(key, value)]


def _standing(notice: Notice) -> Pairs:
    return [
        ("id", notice.name.removeprefix("notices/")),
        ("kind", word_of(Notice.Kind, notice.kind)),
        ("from", f"{notice.content.issuing_authority or notice.author.authority} ({notice.sender})"),
        ("to", notice.recipient),
        ("state", word_of(Notice.State, notice.state)),
        ("released", f"{moment_of(notice.release_time)} by {released_by(notice.author, notice.approver)}"),
        ("receipt", moment_of(notice.receipt_time) or "none yet"),
        ("superseded by", notice.superseded_by.removeprefix("notices/")),
        ("sealed in", f"{notice.position.origin}, index {notice.position.index}"),
    ]


def _act(time: Any, author: Author, approver: Author | None = None) -> Pairs:
    return [("when", moment_of(time)), ("who", f"{author.authority}, {released_by(author, approver or Author())}")]


def _file(notice: Notice) -> dict[str, Any]:
    file = NoticeFile(notice.name.removeprefix("notices/"), notice.sender, notice.recipient, notice.content)
    written: dict[str, Any] = json.loads(write_notice(file))
    return written


def _acknowledgement(notice: Notice) -> dict[str, Any]:
    said = notice.acknowledgement
    return {
        "time": json_moment(said.time),
        "author": author_document(said.author),
        "comment": {each.language_tag: each.text for each in said.comment},
        "case_reference": said.case_reference,
    }


def _certified(destruction: Notice.Destruction) -> str:
    place = destruction.certificate
    return f"{moment_of(destruction.time)}, certified in {place.origin}, index {place.index}"


def _destruction(destruction: Notice.Destruction) -> dict[str, Any]:
    place = destruction.certificate
    return {"time": json_moment(destruction.time), "origin": place.origin, "index": place.index}


def _attached(notice: Notice) -> dict[str, Any]:
    place = notice.attachments_receipt.position
    return {"time": json_moment(notice.attachments_receipt.time), "origin": place.origin, "index": place.index}


def _withdrawal(notice: Notice) -> dict[str, Any]:
    taken = notice.withdrawal
    return {
        "time": json_moment(taken.time),
        "author": author_document(taken.author),
        "approver": author_document(taken.approver),
        "explanation": {each.language_tag: each.text for each in taken.explanation},
        "withdrawn_by": taken.withdrawn_by.removeprefix("notices/") or None,
    }
