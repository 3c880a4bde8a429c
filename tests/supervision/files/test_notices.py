"""Notices come back from their files as they were, and what is wrong in one is told by its path."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from regulator.exchange.v1.assistance_pb2 import AssistanceAnswer, AssistanceRequest
from regulator.exchange.v1.notice_pb2 import NoticeContent

from gateway.errors import BadInput
from gateway.supervision.files.notice_form import DETAILS
from gateway.supervision.files.notices import NoticeFile, read_notices, write_notice
from gateway.supervision.notices.content import content_violations
from gateway.supervision.rules.fields import field_violations
from tests.supervision.assistance_samples import Reply, answering, asking, day
from tests.supervision.samples import contents
from tests.supervision.sharing_samples import english
from tests.support.properties import examples

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "assistance-request.json"


def again(content: NoticeContent) -> NoticeContent:
    (read,) = read_notices(write_notice(NoticeFile("hk-1", "HK", "KR", content)))
    return read.content


def detail(content: NoticeContent) -> Any:
    written = json.loads(write_notice(NoticeFile("hk-1", "HK", "KR", content)))
    (found,) = written["detail"].values()
    return found


def refused(content: NoticeContent, **changes: Any) -> list[tuple[str, str]]:
    document = json.loads(write_notice(NoticeFile("hk-1", "HK", "KR", content)))
    (found,) = document["detail"].values()
    found.update(changes)
    with pytest.raises(BadInput) as caught:
        read_notices(json.dumps(document))
    return [(each.field, each.description) for each in caught.value.violations]


def test_every_detail_has_a_form_under_a_key_of_its_own():
    assert set(DETAILS) == {field.name for field in NoticeContent.DESCRIPTOR.oneofs_by_name["detail"].fields}
    assert len({key for key, _ in DETAILS.values()}) == len(DETAILS)


@examples(100)
@given(contents())
def test_what_is_written_is_read_again(made):
    assert again(made) == made


def test_a_request_is_written_with_its_questions_by_their_keys():
    made = asking(
        requested_authority="FSS",
        arrangement="IOSCO MMoU",
        measures=[AssistanceRequest.RECORDS, AssistanceRequest.FREEZE],
        period_from=day(2025_01_01),
        respond_by=day(2026_03_01),
    )
    assert detail(made) == {
        "requested_authority": "FSS",
        "measures": ["records", "freeze"],
        "legal_basis": "Cap. 571, section 300",
        "arrangement": "IOSCO MMoU",
        "purpose": {"en": "To find who gained."},
        "questions": {"1": {"en": "Who traded?"}, "2": {"en": "When?"}},
        "period_from": "2025-01-01",
        "respond_by": "2026-03-01",
    }
    assert again(made) == made


def test_an_answer_is_written_with_its_replies_by_the_questions_they_are_to():
    made = answering(
        outcome=AssistanceAnswer.PARTIAL,
        replies=[Reply(question="1", text=english("A person."))],
        case_reference="FSS-7",
        expected_by=day(2026_03_01),
    )
    assert detail(made) == {
        "request": "hk-1",
        "outcome": "partial",
        "replies": {"1": {"en": "A person."}},
        "case_reference": "FSS-7",
        "expected_by": "2026-03-01",
    }
    declined = answering(outcome=AssistanceAnswer.DECLINED, ground=AssistanceAnswer.PUBLIC_INTEREST)
    assert detail(declined) == {"request": "hk-1", "outcome": "declined", "ground": "public_interest"}


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"measures": ["gossip"]}, "measures[0]"),
        ({"questions": [{"key": "1"}]}, "questions"),
        ({"questions": {"1": "Who?"}}, "questions.1"),
        ({"questions": {"1": {"en": 7}}}, "questions.1.en"),
        ({"purpose": "To know."}, "purpose"),
        ({"respond_by": "soon"}, "respond_by"),
        ({"answers": {}}, "answers"),
    ],
)
def test_what_is_wrong_with_a_request_is_told_by_its_path(changes, place):
    assert [field for field, _ in refused(asking(), **changes)] == [f"detail.assistance.{place}"]


@pytest.mark.parametrize(
    ("changes", "place", "words"),
    [
        ({"outcome": "done"}, "outcome", "must be one of accepted, partial, declined, complete"),
        ({"ground": "no"}, "ground", "must be one of contrary_to_law, criminal_proceedings, outside_arrangement, "),
        ({"request": 7}, "request", "must be a text"),
        ({"replies": {"1": {}, "2": "Then."}}, "replies.2", "must be an object"),
        ({"expected_by": "2026-02-30"}, "expected_by", "must be a date such as 2026-02-25"),
    ],
)
def test_what_is_wrong_with_an_answer_is_told_by_its_path(changes, place, words):
    ((field, description),) = refused(answering(), **changes)
    assert field == f"detail.answer.{place}"
    assert description.startswith(words)


def test_a_key_that_is_not_known_hides_nothing_else_that_is_wrong():
    document = json.loads(write_notice(NoticeFile("hk-1", "HK", "KR", asking())))
    with pytest.raises(BadInput) as caught:
        read_notices(json.dumps(document | {"colour": 1, "event_date": "8 May", "handling": {"tlp": "amber", "to": 1}}))
    assert [each.field for each in caught.value.violations] == ["colour", "handling.to", "handling.tlp", "event_date"]


def test_the_example_of_a_request_is_a_valid_one():
    (file,) = read_notices(EXAMPLE.read_bytes())
    assert field_violations(file.content) + content_violations(file.content) == []
