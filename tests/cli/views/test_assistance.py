"""How cases of assistance are told, also once there is little left to tell."""

from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from regulator.exchange.v1.assistance_pb2 import AssistanceAnswer
from regulator.exchange.v1.assistance_service_pb2 import AssistanceCase
from regulator.exchange.v1.envelope_pb2 import Author
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import Attachment, Entity, Handling

from gateway.cli.views import notice as notice_view
from gateway.cli.views.assistance import CASE_HEADINGS, case_document, case_row, case_sections
from tests.supervision.assistance_samples import Reply, answering, asking, day
from tests.supervision.samples import handling
from tests.supervision.sharing_samples import english

SFC = Author(authority="SFC", client="spiffe://hk.example/SFC/office")
AT = Timestamp(seconds=1_767_225_600)
GONE = Notice.Destruction(time=AT)


def case(**changes: Any) -> AssistanceCase:
    request = Notice(name="notices/hk-1", sender="HK", recipient="KR", author=SFC, release_time=AT, content=asking())
    made = AssistanceCase(name="assistanceCases/hk-1", state=AssistanceCase.OPEN, request=request)
    for name, value in changes.items():
        made.ClearField(name)
        made.MergeFrom(AssistanceCase(**{name: value}))
    return made


def answer(**changes: Any) -> AssistanceCase.Answer:
    given = {
        "notice": "notices/kr-1",
        "outcome": AssistanceAnswer.DECLINED,
        "issuing_authority": "FSS",
        "release_time": AT,
        "state": Notice.RECEIVED,
    }
    return AssistanceCase.Answer(**(given | changes))


def shown(found: AssistanceCase, *answers: Notice) -> dict[str, dict[str, str]]:
    return {heading: dict(values) for heading, values in case_sections(found, answers)}


def row(found: AssistanceCase) -> dict[str, str]:
    return dict(zip(CASE_HEADINGS, case_row(found), strict=True))


def test_what_is_overdue_stands_out():
    late = case(respond_by=day(2026_01_31), overdue=True)
    assert (row(late)["respond by"], row(late)["overdue"]) == ("2026-01-31", "YES")
    assert shown(late)["case"]["overdue"] == "YES"
    assert (case_document(late)["respond_by"], case_document(late)["overdue"]) == ("2026-01-31", True)


def test_a_request_to_no_authority_by_name_is_to_its_jurisdiction():
    assert (row(case())["asked"], row(case())["respond by"], row(case())["overdue"]) == ("KR", "", "")
    assert shown(case())["request"]["asked"] == "whichever authority is competent"
    assert case_document(case())["respond_by"] is None


def test_of_a_request_whose_content_is_destroyed_its_state_is_left():
    bare = Notice(name="notices/hk-1", sender="HK", recipient="KR", author=SFC, release_time=AT, destruction=GONE)
    told = shown(case(request=bare, state=AssistanceCase.ANSWERED))
    assert (told["case"]["state"], told["case"]["from"]) == ("answered", "SFC (HK)")
    assert told["request"] == {"content": "destroyed"}
    assert "purpose" not in told
    assert row(case(request=bare))["title"] == "(content destroyed)"
    assert case_document(case(request=bare))["request"]["notice"] is None


def test_answers_are_told_in_their_order_with_their_words():
    content = answering(
        outcome=AssistanceAnswer.PARTIAL,
        replies=[Reply(question="2", text=english("In May."))],
        expected_by=day(2026_03_01),
        case_reference="FSS-7",
    )
    part = answer(notice="notices/kr-2", outcome=AssistanceAnswer.PARTIAL)
    no = answer()
    declined = answering(outcome=AssistanceAnswer.DECLINED, ground=AssistanceAnswer.CONTRARY_TO_LAW)
    told = shown(case(answers=[part, no]), Notice(content=content), Notice(content=declined))
    assert list(told)[-2:] == ["answer kr-2", "answer kr-1"]
    assert told["answer kr-2"]["reply to 2 [en]"] == "In May."
    assert (told["answer kr-2"]["expected by"], told["answer kr-2"]["case"]) == ("2026-03-01", "FSS-7")
    assert (told["answer kr-1"]["outcome"], told["answer kr-1"]["ground"]) == ("declined", "contrary to law")


def test_an_answer_is_told_with_its_own_label_and_those_of_whom_it_speaks():
    strict = answering(handling=handling(tlp=Handling.RED), subjects=[Entity(name="Example Trading Ltd")])
    told = shown(case(answers=[answer()]), Notice(content=strict))
    assert (told["case"]["TLP"], told["answer kr-1"]["handling.tlp"]) == ("AMBER", "RED")
    assert told["answer kr-1"]["handling.permitted_uses"] == "supervision"
    assert told["answer kr-1"]["subjects 1.name"] == "Example Trading Ltd"


def test_a_request_is_told_whole():
    held = Attachment(file_name="trades.csv", media_type="text/csv", size_bytes=1, sha256=bytes(32))
    asked = asking(subjects=[Entity(name="Example Trading Ltd")], attachments=[held])
    request = Notice(name="notices/hk-1", sender="HK", recipient="KR", author=SFC, release_time=AT, content=asked)
    told = shown(case(request=request))["content"]
    assert (told["subjects 1.name"], told["attachments 1.file_name"]) == ("Example Trading Ltd", "trades.csv")
    assert told["handling.permitted_uses"] == "supervision"
    assert not [name for name in told if name.startswith(("detail", "title", "summary"))]


def test_an_answer_that_stands_no_more_or_is_destroyed_says_so():
    told = shown(case(answers=[answer(state=Notice.SUPERSEDED)]), Notice(destruction=GONE))["answer kr-1"]
    assert told["state"] == "superseded: it stands no more"
    assert (told["outcome"], told["content"]) == ("declined", "destroyed")
    assert told["given"] == "2026-01-01 00:00:00Z by FSS"


def test_a_notices_own_view_tells_what_is_asked_and_answered():
    told = {heading: dict(values) for heading, values in notice_view.sections(Notice(content=asking()))}
    assert told["question 2"] == {"[en]": "When?"}
    assert not [name for name in told["content"] if name.startswith("detail")]
    said = Notice(content=answering(replies=[Reply(question="1", text=english("A firm."))]))
    told = {heading: dict(values) for heading, values in notice_view.sections(said)}
    assert told["answer"]["to request"] == "hk-1"
    assert told["reply to 1"] == {"[en]": "A firm."}
