"""What ``gateway assistance answer`` makes of a request, and of one that it cannot answer."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from google.type.date_pb2 import Date
from regulator.exchange import Client
from regulator.exchange.v1.admin_service_pb2 import ServerInfo
from regulator.exchange.v1.assistance_service_pb2 import AssistanceCase
from regulator.exchange.v1.notice_pb2 import NoticeContent, Reference
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import CONFIDENCE_EXERCISE, SECTOR_CUSTODY, Handling

from tests.cli.sites import profile_of_nobody
from tests.cli.transcripts import Ran, run
from tests.supervision.assistance_samples import asking
from tests.supervision.samples import handling

ASKED = asking(sectors=[SECTOR_CUSTODY], urgency=NoticeContent.IMMEDIATE, handling=handling(tlp=Handling.RED))


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    return profile_of_nobody(tmp_path)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[tuple[NoticeContent, dict[str, Any]]]:
    """What the node was given; the case it knows is one of Hong Kong's."""
    found: list[tuple[NoticeContent, dict[str, Any]]] = []

    def create_notice(_: Client, content: NoticeContent, **more: Any) -> Notice:
        found.append((content, more))
        return Notice(name="notices/kr-1", recipient=more["recipient"], content=content)

    monkeypatch.setattr(Client, "create_notice", create_notice)
    monkeypatch.setattr(Client, "server_info", lambda _: ServerInfo(client_authority="FSS"))
    knows(monkeypatch, content=ASKED)
    return found


def knows(monkeypatch: pytest.MonkeyPatch, answers: Sequence[str] = (), **of_request: Any) -> None:
    request = Notice(name="notices/hk-1", sender="HK", recipient="KR", direction=Notice.INCOMING, **of_request)
    said = [AssistanceCase.Answer(notice=each) for each in answers]
    case = AssistanceCase(name="assistanceCases/hk-1", request=request, answers=said)
    monkeypatch.setattr(Client, "get_assistance_case", lambda *_: case)


def answer(profile: Path, *arguments: str | Path) -> Ran:
    return run("assistance", "answer", "hk-1", "--profile", profile, "--summary", "en=So.", *arguments)


def test_an_answer_is_handled_as_its_request_is(profile, given):
    ran = answer(profile, "--outcome", "complete", "--request-id", "7")
    assert ran.out == "kr-1 is released, to HK: complete, to hk-1\n"
    ((content, more),) = given
    assert (content.issuing_authority, content.confidence) == ("FSS", CONFIDENCE_EXERCISE)
    assert (content.sectors, content.urgency, content.handling) == (ASKED.sectors, ASKED.urgency, ASKED.handling)
    assert content.title == ASKED.title
    assert content.assistance_answer.request == "notices/hk-1"
    assert (more["recipient"], more["request_id"], more["validate_only"]) == ("HK", "7", False)


def test_what_is_repeated_on_another_day_is_the_same_request(profile, given):
    asked = ("--outcome", "partial", "--request-id", "7", "--id", "kr-1", "--reply", "1=en=A firm.")
    assert [answer(profile, *asked).code for _ in range(2)] == [0, 0]
    first, second = given
    assert first == second
    assert first[0].event_date == ASKED.event_date, "no day of the clock"
    answer(profile, "--outcome", "partial", "--event-date", "2026-05-08")
    assert given[2][0].event_date == Date(year=2026, month=5, day=8)


def test_an_answer_may_take_the_place_of_another_one_to_the_same_request_alone(profile, given, monkeypatch):
    knows(monkeypatch, content=ASKED, answers=["notices/kr-part"])
    ran = answer(profile, "--outcome", "complete", "--supersedes", "kr-part")
    assert ran.out == "kr-1 is released, to HK: complete, to hk-1, in place of kr-part\n"
    assert list(given[0][0].references) == [Reference(relation=Reference.SUPERSEDES, notice="notices/kr-part")]
    ran = answer(profile, "--outcome", "complete", "--supersedes", "notices/kr-other")
    assert (ran.code, len(given)) == (2, 1)
    assert "kr-other is no answer to hk-1" in ran.err


@pytest.mark.parametrize("option", ["--supersedes", "--id", "--request-id"])
def test_the_empty_word_of_a_variable_that_is_not_set_gives_no_other_answer(profile, given, option):
    ran = answer(profile, "--outcome", "complete", option, "")
    assert (ran.code, given) == (2, [])
    assert option in ran.err
    assert "must not be empty" in ran.err


def test_replies_of_a_file_and_of_options_come_together(profile, given, tmp_path):
    (tmp_path / "replies.json").write_text(json.dumps({"2": {"en": "In May."}}))
    replies = ("--replies", tmp_path / "replies.json", "--reply", "2=ko=5월.", "--reply", "1=en=A=B.")
    assert answer(profile, "--outcome", "partial", *replies).code == 0
    found = given[0][0].assistance_answer.replies
    told = [(each.question, [(text.language_tag, text.text) for text in each.text]) for each in found]
    assert told == [("2", [("en", "In May."), ("ko", "5월.")]), ("1", [("en", "A=B.")])]


@pytest.mark.parametrize("reply", ["en=A firm.", "1", "1=", "1=en", "1=en=", "=en=A firm.", "1==A firm."])
def test_a_reply_that_says_not_to_which_question_or_in_which_language_is_refused(profile, given, reply):
    ran = answer(profile, "--outcome", "complete", "--reply", reply)
    assert (ran.code, given) == (2, [])
    assert "KEY=LANGUAGE=TEXT such as 1=en=A firm." in ran.err


def test_a_request_whose_content_is_destroyed_is_not_answered(profile, given, monkeypatch):
    knows(monkeypatch)
    ran = answer(profile, "--outcome", "complete")
    assert (ran.code, given) == (2, [])
    assert "the content of hk-1 is destroyed" in ran.err
