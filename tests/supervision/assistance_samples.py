"""Requests for assistance, and answers to them, for tests."""

from typing import Any

from google.type.date_pb2 import Date
from regulator.exchange.v1.assistance_pb2 import AssistanceAnswer, AssistanceRequest
from regulator.exchange.v1.notice_pb2 import NoticeContent

from tests.supervision.samples import content
from tests.supervision.sharing_samples import english

Question, Reply = AssistanceRequest.Question, AssistanceAnswer.Reply


def day(number: int) -> Date:
    return Date(year=number // 10_000, month=number // 100 % 100, day=number % 100)


def asking(**changes: Any) -> NoticeContent:
    """A valid request; what ``changes`` hold of a notice goes there, the rest to the request."""
    of_request = {
        name: changes.pop(name) for name in list(changes) if name in AssistanceRequest.DESCRIPTOR.fields_by_name
    }
    request: dict[str, Any] = {
        "measures": [AssistanceRequest.INFORMATION],
        "legal_basis": "Cap. 571, section 300",
        "purpose": english("To find who gained."),
        "questions": [Question(key="1", text=english("Who traded?")), Question(key="2", text=english("When?"))],
    }
    return content(assistance_request=AssistanceRequest(**(request | of_request)), **changes)


def answering(request: str = "hk-1", **changes: Any) -> NoticeContent:
    """A valid answer of FSC, which gives all; ``changes`` as in ``asking``."""
    of_answer = {
        name: changes.pop(name) for name in list(changes) if name in AssistanceAnswer.DESCRIPTOR.fields_by_name
    }
    answer: dict[str, Any] = {"request": f"notices/{request}", "outcome": AssistanceAnswer.COMPLETE}
    given = {"issuing_authority": "FSC"} | changes
    return content(assistance_answer=AssistanceAnswer(**(answer | of_answer)), **given)
