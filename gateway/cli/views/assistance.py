"""How cases of assistance are told: a row of a listing, all of it for people, all of it for programs."""

from collections.abc import Iterable
from typing import Any

from regulator.exchange.v1.assistance_pb2 import AssistanceAnswer
from regulator.exchange.v1.assistance_service_pb2 import AssistanceCase
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import Handling

from gateway.cli.options import word_of
from gateway.cli.output import Parts, by_language, json_moment, moment_of, optional_day
from gateway.cli.views import notice as notice_view
from gateway.cli.views.assistance_detail import outcome, request_sections
from gateway.cli.views.author import released_by

CASE_HEADINGS = ("case", "from", "asked", "TLP", "state", "respond by", "overdue", "answers", "title")

# What an answer may have otherwise than its request: how it may be used, of which day, whom and what it speaks.
_OF_AN_ANSWER = ("handling", "event_date", "subjects", "instruments")
_ENDED = (Notice.WITHDRAWN, Notice.SUPERSEDED)


def case_row(case: AssistanceCase) -> tuple[str, ...]:
    """A line of a listing, in the order of ``CASE_HEADINGS``."""
    request = case.request
    by, *_, title = notice_view.row(request)[1:]
    return (
        case_id(case),
        by,
        request.content.assistance_request.requested_authority or request.recipient,
        word_of(Handling.Tlp, request.content.handling.tlp).upper(),
        word_of(AssistanceCase.State, case.state),
        optional_day(case.respond_by),
        "YES" if case.overdue else "",
        str(len(case.answers)),
        title,
    )


def case_document(case: AssistanceCase) -> dict[str, Any]:
    """A case for programs; what is not there is null."""
    return {
        "case": case_id(case),
        "state": word_of(AssistanceCase.State, case.state),
        "respond_by": optional_day(case.respond_by) or None,
        "overdue": case.overdue,
        "request": notice_view.document(case.request),
        "answers": [_answer_document(each) for each in case.answers],
    }


def case_sections(case: AssistanceCase, answers: Iterable[Notice]) -> Parts:
    """A case for people: headings, each with names and values. ``answers``: the notices of its answers, in order."""
    request = case.request
    yield (
        "case",
        [
            ("id", case_id(case)),
            ("state", word_of(AssistanceCase.State, case.state)),
            ("from", f"{request.content.issuing_authority or request.author.authority} ({request.sender})"),
            ("to", request.recipient),
            ("TLP", word_of(Handling.Tlp, request.content.handling.tlp).upper()),
            ("given", f"{moment_of(request.release_time)} by {released_by(request.author, request.approver)}"),
            ("respond by", optional_day(case.respond_by)),
            ("overdue", "YES" if case.overdue else ""),
        ],
    )
    if request.HasField("content"):
        yield "title", by_language(request.content.title)
        yield "summary", by_language(request.content.summary)
        yield "content", notice_view.content_pairs(request)
        yield from request_sections(request.content.assistance_request)
    else:
        yield "request", [("content", "destroyed")]
    for answer, notice in zip(case.answers, answers, strict=True):
        yield from _answer_sections(answer, notice)


def case_id(case: AssistanceCase) -> str:
    """The id in the case's name, which is that of the notice that asks."""
    return case.name.removeprefix("assistanceCases/")


def _answer_sections(answer: AssistanceCase.Answer, notice: Notice) -> Parts:
    content, state = notice.content, word_of(Notice.State, answer.state)
    told = [
        ("given", f"{moment_of(answer.release_time)} by {answer.issuing_authority}"),
        ("state", f"{state}: it stands no more" if answer.state in _ENDED else state),
    ]
    name = f"answer {answer.notice.removeprefix('notices/')}"
    if not notice.HasField("content"):
        told += [("outcome", word_of(AssistanceAnswer.Outcome, answer.outcome)), ("content", "destroyed")]
        yield name, told
        return
    told += outcome(content.assistance_answer)
    told += notice_view.content_pairs(notice, only=_OF_AN_ANSWER)
    told += [(f"title {tag}", text) for tag, text in by_language(content.title)]
    told += [(f"summary {tag}", text) for tag, text in by_language(content.summary)]
    for reply in content.assistance_answer.replies:
        told += [(f"reply to {reply.question} {tag}", text) for tag, text in by_language(reply.text)]
    told += [(f"file {place}", each.file_name) for place, each in enumerate(content.attachments, 1)]
    yield name, told


def _answer_document(answer: AssistanceCase.Answer) -> dict[str, Any]:
    return {
        "answer": answer.notice.removeprefix("notices/"),
        "outcome": word_of(AssistanceAnswer.Outcome, answer.outcome),
        "issuing_authority": answer.issuing_authority,
        "release_time": json_moment(answer.release_time),
        "state": word_of(Notice.State, answer.state),
    }
