"""How a draft is told: a row of a listing, all of it for people, all of it for programs."""

from typing import Any

from google.protobuf.json_format import MessageToDict
from regulator.exchange.v1.draft_service_pb2 import Draft
from regulator.exchange.v1.framework_service_pb2 import PublishVersionRequest
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import Handling

from gateway.cli.options import word_of
from gateway.cli.output import Pairs, Parts, json_moment, moment_of
from gateway.cli.views import notice as notice_view
from gateway.cli.views.author import author_document, who
from gateway.cli.views.framework import first_text
from gateway.cli.views.message import pairs_of

HEADINGS = ("draft", "act", "TLP", "state", "author", "expires", "about")


def row(draft: Draft) -> tuple[str, ...]:
    """A line of a listing, in the order of ``HEADINGS``."""
    return (
        draft_id(draft),
        draft.act_kind,
        word_of(Handling.Tlp, draft.tlp).upper(),
        word_of(Draft.State, draft.state),
        draft.author.client.rpartition("/")[2],
        moment_of(draft.expire_time),
        _about(draft),
    )


def draft_id(draft: Draft) -> str:
    """The id in the draft's name."""
    return draft.name.removeprefix("drafts/")


def document(draft: Draft) -> dict[str, Any]:
    """A draft for programs; ``act`` is its method's request in protobuf's JSON form. What is not there is null."""
    member = draft.WhichOneof("act")
    return {
        "draft": draft_id(draft),
        "act_kind": draft.act_kind,
        "act": MessageToDict(getattr(draft, member), preserving_proto_field_name=True) if member else None,
        "state": word_of(Draft.State, draft.state),
        "rule": draft.rule or None,
        "author": author_document(draft.author),
        "reviewer": author_document(draft.reviewer),
        "reason": draft.reason or None,
        "released": draft.released or None,
        "create_time": json_moment(draft.create_time),
        "update_time": json_moment(draft.update_time),
        "submit_time": json_moment(draft.submit_time),
        "review_time": json_moment(draft.review_time),
        "expire_time": json_moment(draft.expire_time),
        "etag": draft.etag,
    }


def sections(draft: Draft) -> Parts:
    """A draft for people: headings, each with names and values."""
    yield "draft", _standing(draft)
    if draft.HasField("create_notice"):
        given = draft.create_notice
        yield from _notice(given.notice_id, given.notice.recipient, given.notice.content, "")
        yield from _files(draft, given.notice.content)
    elif draft.HasField("supersede_notice"):
        replacing = draft.supersede_notice
        yield from _notice(replacing.notice_id, "", replacing.content, replacing.name)
        yield from _files(draft, replacing.content)
    elif draft.HasField("withdraw_notice"):
        taken = draft.withdraw_notice
        why = [(f"[{each.language_tag}]", each.text) for each in taken.explanation]
        yield "withdrawal", [("of notice", taken.name.removeprefix("notices/")), *why]
    elif draft.HasField("publish_version"):
        yield from _version(draft.publish_version)
    elif draft.HasField("assess"):
        yield "assessment", [("id", draft.assess.assessment_id), *pairs_of(draft.assess.assessment.content)]


def _files(draft: Draft, content: NoticeContent) -> Parts:
    if content.attachments:
        yield "files", notice_view.files(draft.name, content)


def _standing(draft: Draft) -> Pairs:
    reviewed = f"{moment_of(draft.review_time)} by {who(draft.reviewer)}" if draft.reviewer.client else ""
    return [
        ("id", draft_id(draft)),
        ("act", draft.act_kind),
        ("state", word_of(Draft.State, draft.state)),
        ("asked by rule", draft.rule),
        ("author", f"{draft.author.authority}, {who(draft.author)}"),
        ("written", moment_of(draft.update_time)),
        ("submitted", moment_of(draft.submit_time)),
        ("reviewed", reviewed),
        ("reason", draft.reason),
        ("released", draft.released),
        ("expires", moment_of(draft.expire_time)),
        ("etag", draft.etag.strip('"')),
    ]


def _notice(notice_id: str, recipient: str, content: NoticeContent, replaces: str) -> Parts:
    notice = Notice(name=f"notices/{notice_id}", recipient=recipient, content=content)
    yield (
        "notice",
        [
            ("id", notice_id),
            ("from", content.issuing_authority),
            ("to", recipient),
            ("in place of", replaces.removeprefix("notices/")),
        ],
    )
    yield from list(notice_view.sections(notice))[1:]


def _version(request: PublishVersionRequest) -> Parts:
    to = ", ".join(request.recipients) or "all peers"
    told = [("of framework", request.parent.removeprefix("frameworks/")), ("to", to)]
    if request.HasField("change_set"):
        changes = request.change_set
        told += [("changes", f"version {changes.base_version}"), ("leaves out", ", ".join(changes.removals))]
        header, provisions = changes.header, changes.upserts
    else:
        header, provisions = request.content.header, request.content.provisions
    yield "version", told + pairs_of(header)
    for each in provisions:
        yield f"provision {each.id}", pairs_of(each)


def _about(draft: Draft) -> str:
    if draft.released:
        return draft.released
    if draft.HasField("create_notice"):
        return _named(draft.create_notice.notice_id, draft.create_notice.notice.content)
    if draft.HasField("supersede_notice"):
        return _named(draft.supersede_notice.notice_id, draft.supersede_notice.content)
    if draft.HasField("assess"):
        judged = draft.assess.assessment.content
        return draft.assess.assessment_id or f"{judged.first_jurisdiction} / {judged.second_jurisdiction}"
    return draft.withdraw_notice.name or draft.publish_version.parent


def _named(notice_id: str, content: NoticeContent) -> str:
    """A notice that is not there yet: its draft has another id, and its author may have given it one of its own."""
    title = first_text(content.title)
    return f"{notice_id}: {title}" if notice_id else title
