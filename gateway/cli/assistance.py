"""``gateway assistance``: lists and shows requests for assistance, and answers them."""

from collections.abc import Iterable, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated, cast

import typer
from google.type.date_pb2 import Date
from regulator.exchange import AssistanceFilters, Client, notice_request
from regulator.exchange.v1.assistance_pb2 import AssistanceAnswer
from regulator.exchange.v1.assistance_service_pb2 import AssistanceCase
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import LocalizedText

from gateway.cli import attachments, drafts
from gateway.cli.groups import Commands
from gateway.cli.options import (
    DEFAULT_LIMIT,
    LANGUAGE_TEXT,
    AsDraft,
    AsJson,
    Limit,
    ProfileFile,
    RequestId,
    asked,
    choice,
    connect,
    day,
    first_of,
    read_input,
    texts,
    word_of,
)
from gateway.cli.output import parts, say, shown, table, write_json
from gateway.cli.views import notice as notice_view
from gateway.cli.views.assistance import CASE_HEADINGS, case_document, case_row, case_sections
from gateway.supervision.acts.notices import superseding
from gateway.supervision.files.assistance_form import read_replies
from gateway.supervision.notices.content import notice_id

CaseName = Annotated[
    str, typer.Argument(metavar="NAME", help="Id of the case, which is that of its request, such as hk-2026-021.")
]


def add_to(app: typer.Typer) -> None:
    """Adds the group."""
    group = Commands(
        no_args_is_help=True,
        help="Follow and answer requests for assistance; gateway notice asks and takes back.",
    )
    group.command("list")(list_)
    group.command("show")(show)
    group.command("answer")(answer)
    app.add_typer(group, name="assistance")


def list_(  # noqa: PLR0913 - an option a filter
    *,
    profile: ProfileFile,
    direction: Annotated[
        int | None, choice(Notice.Direction, "WAY", said="incoming: peers ask; outgoing: we ask them.")
    ] = None,
    state: Annotated[int | None, choice(AssistanceCase.State, "STATE")] = None,
    peer: Annotated[str | None, typer.Option(metavar="CODE", help="Jurisdiction on the other side.")] = None,
    authority: Annotated[
        str | None, typer.Option(metavar="CODE", help="Authority that is asked by name, such as FSS.")
    ] = None,
    answerable_by: Annotated[
        str | None,
        typer.Option(
            metavar="CODE",
            help="Only what this own authority may answer now: peers ask it, or none by name, and it is not closed.",
        ),
    ] = None,
    due_by: Annotated[
        date | None,
        typer.Option(
            parser=day, metavar="DAY", help="Only what is not closed, and is to be answered by this day (UTC)."
        ),
    ] = None,
    overdue: Annotated[
        bool, typer.Option("--overdue", help="Only what is not closed, and whose day for an answer is past.")
    ] = False,
    limit: Limit = DEFAULT_LIMIT,
    as_json: AsJson = False,
) -> None:
    """Lists requests for assistance, newest first, and how far each has come.

    Filters that are given must all hold.
    """
    given = {
        "direction": direction,
        "state": state,
        "peer": peer,
        "requested_authority": authority,
        "answerable_by": answerable_by,
        "due_by": due_by,
    }
    filters = asked(limit, given) | {"overdue_only": overdue}
    with connect(profile) as client:
        cases = first_of(client.list_assistance_cases(**cast("AssistanceFilters", filters)), limit)
    if as_json:
        write_json({"cases": [case_document(each) for each in cases]})
    else:
        table(CASE_HEADINGS, [case_row(each) for each in cases], cuts_last=True)


def show(name: CaseName, *, profile: ProfileFile, as_json: AsJson = False) -> None:
    """Shows a request with its questions, and all answers to it with their words, in the order they were given."""
    with connect(profile) as client:
        case = client.get_assistance_case(name)
        answers = [client.get_notice(each.notice) for each in case.answers]
    if as_json:
        write_json(case_document(case) | {"notices": [notice_view.document(each) for each in answers]})
        return
    parts(case_sections(case, answers))


def answer(  # noqa: PLR0913 - an option each
    name: CaseName,
    *,
    profile: ProfileFile,
    outcome: Annotated[
        int, choice(AssistanceAnswer.Outcome, "OUTCOME", said="One of {}; the last two close the case.")
    ],
    summary: Annotated[
        list[str], typer.Option(metavar=LANGUAGE_TEXT, help="What is answered, in short; one text a language.")
    ],
    title: Annotated[
        list[str] | None, typer.Option(metavar=LANGUAGE_TEXT, help="One text a language; else the request's own.")
    ] = None,
    ground: Annotated[int | None, choice(AssistanceAnswer.Ground, "GROUND", said="Why it is declined: {}.")] = None,
    reply: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=LANGUAGE=TEXT", help="The answer to one question, such as 1=en=A firm.; repeat it."),
    ] = None,
    replies: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help='JSON of answers by question, {"1": {"en": ...}}; - for standard input.'),
    ] = None,
    event_date: Annotated[
        date | None,
        typer.Option(parser=day, metavar="DAY", help="Day on which what is told happened; else the request's own."),
    ] = None,
    expected_by: Annotated[
        date | None,
        typer.Option(parser=day, metavar="DAY", help="Day (UTC) by which more follows, such as 2026-05-08."),
    ] = None,
    case_reference: Annotated[str, typer.Option(help="The own file number for it.")] = "",
    attach: attachments.Attach = None,
    answer_id: Annotated[str | None, typer.Option("--id", help="Id of the answer's notice; else a new one.")] = None,
    supersedes: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="It takes the place of this earlier answer to the same request.",
        ),
    ] = None,
    draft: AsDraft = False,
    validate_only: Annotated[
        bool, typer.Option("--validate-only", help="Check everything, and give nothing; what --attach names is sent.")
    ] = False,
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Answers a request for assistance that a peer gave, for the authority of the caller.

    The answer is a notice to who asked, with the request's sectors, urgency, handling and day. One that needs others
    is given with gateway notice create. gateway notice withdraw takes it back.
    """
    detail = AssistanceAnswer(
        outcome=AssistanceAnswer.Outcome.ValueType(outcome),
        ground=AssistanceAnswer.Ground.ValueType(ground or 0),
        replies=_replies(reply or (), replies),
        expected_by=_day(expected_by) if expected_by else None,
        case_reference=case_reference,
    )
    said = NoticeContent(
        title=_localized(texts(title or (), "--title")), summary=_localized(texts(summary, "--summary"))
    )
    with connect(profile) as client:
        case = _answerable(client, name)
        request = case.request
        detail.request = request.name
        content = _content(request, detail, said, client.server_info().client_authority)
        if event_date:
            content.event_date.CopyFrom(_day(event_date))
        if supersedes:
            content = superseding(content, _earlier(case, supersedes))
        content.attachments.extend(attachments.attach(client, attach or []))
        act = notice_request(content, recipient=request.sender, notice_id=answer_id or "")
        give = partial(client.create_notice, content, recipient=request.sender, notice_id=answer_id or "")
        notice = drafts.given(client, act, give, request_id, draft=draft, validate_only=validate_only, as_json=as_json)
    if notice is None:
        return
    if as_json:
        write_json(notice_view.document(notice))
    elif validate_only:
        say("the answer is valid")
    else:
        given = word_of(AssistanceAnswer.Outcome, outcome)
        instead = f", in place of {notice_id(supersedes)}" if supersedes else ""
        say(f"{_id(notice)} is released, to {notice.recipient}: {given}, to {_id(request)}{instead}")


def _answerable(client: Client, name: str) -> AssistanceCase:
    """A case that can be answered here."""
    case = client.get_assistance_case(name)
    request = case.request
    if request.direction != Notice.INCOMING:
        raise typer.BadParameter(shown(f"{_id(request)} is a request that this side gave; the peer answers it"))
    if not request.HasField("content"):
        raise typer.BadParameter(
            shown(f"the content of {_id(request)} is destroyed, and with it the handling that an answer would have")
        )
    return case


def _earlier(case: AssistanceCase, supersedes: str) -> str:
    """The id of an earlier answer; the node would also take that of another notice, and the case stay as it is."""
    earlier = notice_id(supersedes)
    if earlier not in {notice_id(each.notice) for each in case.answers}:
        raise typer.BadParameter(shown(f"{earlier} is no answer to {_id(case.request)}"), param_hint="--supersedes")
    return earlier


def _content(request: Notice, detail: AssistanceAnswer, said: NoticeContent, authority: str) -> NoticeContent:
    """The answer: all that no option says comes from the request, and so is the same whenever it is repeated."""
    asked = request.content
    return NoticeContent(
        issuing_authority=authority,
        sectors=asked.sectors,
        urgency=asked.urgency,
        handling=asked.handling,
        event_date=asked.event_date,
        title=said.title or asked.title,
        summary=said.summary,
        confidence=asked.confidence,
        assistance_answer=detail,
    )


def _replies(given: Sequence[str], file: Path | None) -> list[AssistanceAnswer.Reply]:
    """What a file and options say, in this order; no question is answered twice in a language."""
    found = read_replies(read_input(file)) if file else []
    by_key = {each.question: each for each in found}
    for each in given:
        key, language, said = (*each.split("=", 2), "", "")[:3]
        if not key or not language or not said:
            raise typer.BadParameter("give a reply as KEY=LANGUAGE=TEXT such as 1=en=A firm.", param_hint="--reply")
        into = by_key.setdefault(key, AssistanceAnswer.Reply(question=key))
        if language in {known.language_tag for known in into.text}:
            raise typer.BadParameter(
                shown(f"question {key} is answered twice in the language {language}"), param_hint="--reply"
            )
        into.text.add(language_tag=language, text=said)
    return list(by_key.values())


def _localized(found: dict[str, str]) -> Iterable[LocalizedText]:
    return [LocalizedText(language_tag=tag, text=text) for tag, text in found.items()]


def _day(day: date) -> Date:
    return Date(year=day.year, month=day.month, day=day.day)


def _id(notice: Notice) -> str:
    return notice.name.removeprefix("notices/")
