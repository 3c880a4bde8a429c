"""How what a request for assistance asks, and what an answer says, is told to people."""

from regulator.exchange.v1.assistance_pb2 import AssistanceAnswer, AssistanceRequest
from regulator.exchange.v1.notice_pb2 import NoticeContent

from gateway.cli.options import word_of
from gateway.cli.output import Pairs, Parts, by_language, optional_day

ANYBODY = "whichever authority is competent"


def detail_sections(content: NoticeContent) -> Parts:
    """The detail of a notice, if it is a request or an answer: headings, each with names and values."""
    if content.HasField("assistance_request"):
        yield from request_sections(content.assistance_request)
    elif content.HasField("assistance_answer"):
        answer = content.assistance_answer
        yield "answer", [("to request", answer.request.removeprefix("notices/")), *outcome(answer)]
        for reply in answer.replies:
            yield f"reply to {reply.question}", by_language(reply.text)


def request_sections(request: AssistanceRequest) -> Parts:
    """All that a request asks."""
    yield (
        "request",
        [
            ("asked", request.requested_authority or ANYBODY),
            ("measures", ", ".join(word_of(AssistanceRequest.Measure, each) for each in request.measures)),
            ("legal basis", request.legal_basis),
            ("arrangement", request.arrangement),
            ("from", optional_day(request.period_from)),
            ("until", optional_day(request.period_until)),
            ("respond by", optional_day(request.respond_by)),
        ],
    )
    yield "purpose", by_language(request.purpose)
    for question in request.questions:
        yield f"question {question.key}", by_language(question.text)


def outcome(answer: AssistanceAnswer) -> Pairs:
    """What an answer makes of its request, without its words."""
    return [
        ("outcome", word_of(AssistanceAnswer.Outcome, answer.outcome)),
        ("ground", word_of(AssistanceAnswer.Ground, answer.ground).replace("_", " ")),
        ("expected by", optional_day(answer.expected_by)),
        ("case", answer.case_reference),
    ]
