"""Requests for assistance, answers and questions about cases that break one rule each, and what must be named."""

from typing import Any

from google.protobuf.message import Message
from google.type.date_pb2 import Date
from regulator.exchange.v1 import assistance_service_pb2 as pb
from regulator.exchange.v1.assistance_pb2 import AssistanceAnswer, AssistanceRequest
from regulator.exchange.v1.values_pb2 import LocalizedText

from gateway.questions.paging import page_token
from tests.rpc.calls import ASSISTANCE
from tests.rpc.malformed_requests import INVALID, MISSING, Refused
from tests.supervision.assistance_samples import answering, asking

Question, Reply, A = AssistanceRequest.Question, AssistanceAnswer.Reply, AssistanceAnswer
NO_DAY, PAST = Date(year=2026, month=2, day=30), Date(year=2026, month=1, day=1)
BLANK = [LocalizedText(language_tag="en", text="   ")]
WELL = [LocalizedText(language_tag="en", text="Who?")]


def _asks(field: str, **changes: Any) -> tuple[dict[str, Any], str]:
    request = asking().assistance_request
    return _changed("assistance_request", request, changes, field)


def _answers(field: str, **changes: Any) -> tuple[dict[str, Any], str]:
    answer = answering().assistance_answer
    return _changed("assistance_answer", answer, changes, field)


def _changed(detail: str, made: Message, changes: dict[str, Any], field: str) -> tuple[dict[str, Any], str]:
    for name, value in changes.items():
        made.ClearField(name)
        made.MergeFrom(type(made)(**{name: value}))
    return {detail: made}, f"{detail}.{field}" if field else detail


def _numbered(count: int) -> list[AssistanceRequest.Question]:
    return [Question(key=str(number), text=WELL) for number in range(count)]


ASSISTANCE_CONTENTS: dict[str, tuple[dict[str, Any], str]] = {
    "a request without anything": ({"assistance_request": AssistanceRequest()}, "assistance_request.measures"),
    "a request of an authority with a blank": _asks("requested_authority", requested_authority="F S"),
    "a request of an authority of a letter": _asks("requested_authority", requested_authority="F"),
    "a request of an authority without end": _asks("requested_authority", requested_authority="F" * 17),
    "a request for no measure": _asks("measures", measures=[]),
    "a request for a measure unspecified": _asks("measures[0]", measures=[0]),
    "a request for an unknown measure": _asks("measures[1]", measures=[1, 99]),
    "a request for a measure twice": _asks("measures", measures=[1, 1]),
    "a request under no law": _asks("legal_basis", legal_basis=""),
    "a request under a law of two lines": _asks("legal_basis", legal_basis="Cap. 571\nsection 1"),
    "a request under a law without end": _asks("legal_basis", legal_basis="A" * 1025),
    "a request under an arrangement with NUL": _asks("arrangement", arrangement="a\0"),
    "a request under an arrangement without end": _asks("arrangement", arrangement="A" * 513),
    "a request for no purpose": _asks("purpose", purpose=[]),
    "a request with a blank purpose": _asks("purpose[0].text", purpose=BLANK),
    "a request with a purpose twice in a language": _asks("purpose", purpose=WELL * 2),
    "a request without questions": _asks("questions", questions=[]),
    "a request of 65 questions": _asks("questions", questions=_numbered(65)),
    "a question without key": _asks("questions[0].key", questions=[Question(text=WELL)]),
    "a question with a key in capitals": _asks("questions[0].key", questions=[Question(key="A", text=WELL)]),
    "a question with a key without end": _asks("questions[0].key", questions=[Question(key="1" * 33, text=WELL)]),
    "a question without words": _asks("questions[0].text", questions=[Question(key="1")]),
    "a question in blank words": _asks("questions[0].text[0].text", questions=[Question(key="1", text=BLANK)]),
    "a question twice": _asks("questions", questions=[*_numbered(2), *_numbered(1)]),
    "a time from no day": _asks("period_from", period_from=NO_DAY),
    "a time until a year": _asks("period_until", period_until=Date(year=2026)),
    "a time that ends before it begins": _asks(
        "period_until", period_from=Date(year=2026, month=1, day=2), period_until=PAST
    ),
    "an answer hoped for on no day": _asks("respond_by", respond_by=NO_DAY),
    "an answer hoped for in a month": _asks("respond_by", respond_by=Date(year=2027, month=1)),
    "an answer hoped for on a day that is past": _asks("respond_by", respond_by=PAST),
    "an answer without anything": ({"assistance_answer": AssistanceAnswer()}, "assistance_answer.request"),
    "an answer to no notice": _answers("request", request="hk-1"),
    "an answer to a case": _answers("request", request="assistanceCases/hk-1"),
    "an answer by injection": _answers("request", request="notices/hk-1' OR 1=1--"),
    "an answer to what is not there": _answers("request", request="notices/kr-nowhere"),
    "an answer without outcome": _answers("outcome", outcome=0),
    "an answer of an unknown outcome": _answers("outcome", outcome=99),
    "a refusal without a ground": _answers("ground", outcome=A.DECLINED),
    "a refusal on an unknown ground": _answers("ground", outcome=A.DECLINED, ground=99),
    "a ground where nothing is refused": _answers("ground", ground=A.PUBLIC_INTEREST),
    "a reply to nothing": _answers("replies[0].question", replies=[Reply(text=WELL)]),
    "a reply without words": _answers("replies[0].text", replies=[Reply(question="1")]),
    "a reply in blank words": _answers("replies[0].text[0].text", replies=[Reply(question="1", text=BLANK)]),
    "a question answered twice": _answers("replies", replies=[Reply(question="1", text=WELL)] * 2),
    "replies without end": _answers("replies", replies=[Reply(question="1", text=WELL)] * 65),
    "replies of what is taken up alone": _answers(
        "replies", outcome=A.ACCEPTED, replies=[Reply(question="1", text=WELL)]
    ),
    "a file number of two lines": _answers("case_reference", case_reference="a\nb"),
    "a file number without end": _answers("case_reference", case_reference="a" * 129),
    "more expected on no day": _answers("expected_by", outcome=A.PARTIAL, expected_by=NO_DAY),
    "more expected of what is whole": _answers("expected_by", expected_by=Date(year=2999, month=1, day=1)),
    "more expected on a day that is past": _answers("expected_by", outcome=A.PARTIAL, expected_by=PAST),
}


def _get(name: str, field: str = "") -> Refused:
    request = pb.GetAssistanceCaseRequest(name=name)
    return Refused(f"{ASSISTANCE}GetAssistanceCase", request, (field,) if field else (), INVALID if field else MISSING)


def _list(field: str, **parts: Any) -> Refused:
    return Refused(f"{ASSISTANCE}ListAssistanceCases", pb.ListAssistanceCasesRequest(**parts), (field,))


_OF_ANOTHER = page_token(5, pb.ListAssistanceCasesRequest(peer="KR"))

ASSISTANCE_REQUESTS: dict[str, Refused] = {
    "a case of no name": _get("", "name"),
    "a case of a bare id": _get("hk-1", "name"),
    "a case by its notice": _get("notices/hk-1", "name"),
    "a case whose name leads elsewhere": _get("assistanceCases/hk-../x", "name"),
    "a case that is not there": _get("assistanceCases/hk-nowhere"),
    "a page of less than no cases": _list("page_size", page_size=-1),
    "cases after a token of nobody": _list("page_token", page_token="AAAA"),
    "cases after a token of another list": _list("page_token", page_token=_OF_ANOTHER),
    "cases after a token without end": _list("page_token", page_token="A" * 513),
    "cases that went nowhere": _list("direction", direction=9),
    "cases in no state": _list("state", state=99),
    "cases of a peer in lower case": _list("peer", peer="kr"),
    "cases of an authority with NUL": _list("requested_authority", requested_authority="a\0"),
    "cases of an authority without end": _list("requested_authority", requested_authority="A" * 17),
    "cases due by no day": _list("due_by", due_by=NO_DAY),
    "cases due by a month": _list("due_by", due_by=Date(year=2026, month=1)),
    "cases that an authority with a blank may answer": _list("answerable_by", answerable_by="F S"),
    "cases that an authority without end may answer": _list("answerable_by", answerable_by="A" * 17),
    "cases that an authority of a peer may answer": _list("answerable_by", answerable_by="FSS"),
    "cases that an authority in lower case may answer": _list("answerable_by", answerable_by="sfc"),
}
