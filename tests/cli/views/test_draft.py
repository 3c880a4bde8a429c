"""A draft is shown so that whoever approves it reads all that it would say."""

import pytest
from google.protobuf.message import Message
from regulator.exchange.v1.draft_service_pb2 import Draft
from regulator.exchange.v1.envelope_pb2 import Author
from regulator.exchange.v1.framework_pb2 import AssessmentContent, FrameworkChangeSet
from regulator.exchange.v1.framework_service_pb2 import Assessment, AssessRequest, PublishVersionRequest
from regulator.exchange.v1.notice_service_pb2 import (
    CreateNoticeRequest,
    Notice,
    SupersedeNoticeRequest,
    WithdrawNoticeRequest,
)
from regulator.exchange.v1.values_pb2 import Attachment, Handling, LocalizedText

from gateway.cli.views.draft import document, row, sections
from tests.supervision.framework_samples import assessment, provision, version
from tests.supervision.samples import content

WHY = [LocalizedText(language_tag="ko", text="잘못되었습니다.")]
ACTS: dict[str, tuple[Message, str, dict[str, str]]] = {
    "create_notice": (
        CreateNoticeRequest(notice=Notice(recipient="KR", content=content()), notice_id="hk-1"),
        "notice",
        {"id": "hk-1", "from": "SFC", "to": "KR"},
    ),
    "supersede_notice": (
        SupersedeNoticeRequest(name="notices/hk-0", content=content(), notice_id="hk-1"),
        "notice",
        {"id": "hk-1", "in place of": "hk-0"},
    ),
    "withdraw_notice": (
        WithdrawNoticeRequest(name="notices/hk-0", explanation=WHY),
        "withdrawal",
        {"of notice": "hk-0", "[ko]": "잘못되었습니다."},
    ),
    "publish_version": (
        PublishVersionRequest(parent="frameworks/hk-x", content=version(provision("a"), provision("b"))),
        "version",
        {"of framework": "hk-x", "to": "all peers", "jurisdiction": "HK"},
    ),
    "assess": (
        AssessRequest(assessment=Assessment(content=assessment()), assessment_id="hk-judged"),
        "assessment",
        {"id": "hk-judged", "first_jurisdiction": "HK"},
    ),
}


def draft(**changes: object) -> Draft:
    author = Author(authority="SFC", client="spiffe://hk.example/SFC/office")
    return Draft(name="drafts/hk-2026-a", author=author, state=Draft.PENDING_APPROVAL, etag='"2"', **changes)


@pytest.mark.parametrize("act", ACTS)
def test_every_act_is_shown_with_what_it_says(act):
    request, heading, expected = ACTS[act]
    shown = {title: dict(pairs) for title, pairs in sections(draft(act_kind=act, **{act: request}))}
    assert shown["draft"]["state"] == "pending_approval"
    assert shown["draft"]["etag"] == "2"
    assert {key: shown[heading].get(key) for key in expected} == expected
    if heading == "notice":
        assert shown["title"] == {"[en]": "A title"}
        assert "handling.tlp" in shown["content"]
    if heading == "version":
        assert [title for title in shown if title.startswith("provision")] == ["provision a", "provision b"]
        assert shown["provision a"]["requirement.en"]


def test_a_change_of_a_version_is_shown_by_what_it_changes():
    changes = FrameworkChangeSet(base_version=3, upserts=[provision("a")], removals=["b", "c"])
    request = PublishVersionRequest(parent="frameworks/hk-x", change_set=changes, recipients=["KR"])
    shown = {title: dict(pairs) for title, pairs in sections(draft(publish_version=request))}
    assert shown["version"] == {"of framework": "hk-x", "to": "KR", "changes": "version 3", "leaves out": "b, c"}
    assert shown["provision a"]["title.en"]


@pytest.mark.parametrize("act", ACTS)
def test_a_listing_tells_what_a_draft_is_about(act):
    request = ACTS[act][0]
    about = {"withdraw_notice": "notices/hk-0", "publish_version": "frameworks/hk-x", "assess": "hk-judged"}
    shown = row(draft(act_kind=act, tlp=Handling.RED, **{act: request}))
    assert shown[:5] == ("hk-2026-a", act, "RED", "pending_approval", "office")
    assert shown[-1] == about.get(act, "hk-1: A title")


def test_a_draft_of_what_has_no_id_yet_is_listed_by_what_it_says():
    assert row(draft(create_notice=CreateNoticeRequest(notice=Notice(content=content()))))[-1] == "A title"
    judged = AssessmentContent(first_jurisdiction="HK", second_jurisdiction="KR")
    assert row(draft(assess=AssessRequest(assessment=Assessment(content=judged))))[-1] == "HK / KR"


def test_what_became_of_a_draft_is_told_and_nothing_of_what_is_not_kept():
    done = draft(
        act_kind="assess", released="assessments/hk-judged", reviewer=Author(client="spiffe://x", officer="wong")
    )
    assert row(done)[-1] == "assessments/hk-judged"
    told = document(done)
    assert (told["act"], told["released"], told["reason"]) == (None, "assessments/hk-judged", None)
    assert told["reviewer"]["officer"] == "wong"
    assert [title for title, _ in sections(done)] == ["draft"]


def test_of_the_files_of_a_draft_nothing_is_said_to_wait():
    held = Attachment(file_name="trades.csv", media_type="text/csv", size_bytes=1, sha256=bytes(32))
    create = CreateNoticeRequest(notice=Notice(recipient="KR", content=content(attachments=[held])))
    shown = {title: dict(pairs) for title, pairs in sections(draft(create_notice=create))}
    assert shown["content"]["attachments 1.file_name"] == "trades.csv"
    assert "attachments" not in shown
    assert shown["files"]["trades.csv"].endswith("/attachments/1")
