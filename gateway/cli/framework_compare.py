"""``gateway framework diff``, ``compare`` and ``assess``: how rules differ, in time and between jurisdictions."""

from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from regulator.exchange import Client
from regulator.exchange.framework_requests import assess as assess_request
from regulator.exchange.v1.framework_pb2 import AssessmentContent, Comparison
from regulator.exchange.v1.framework_service_pb2 import DiffVersionsResponse
from regulator.exchange.v1.values_pb2 import LocalizedText, Sector

from gateway.cli import drafts
from gateway.cli.given_files import writing
from gateway.cli.options import (
    MAX_PAGE_SIZE,
    MAX_VERSION,
    AsDraft,
    AsJson,
    ProfileFile,
    RequestId,
    choice,
    connect,
    day,
    moment,
    texts,
)
from gateway.cli.output import day_text, say, table, write_json
from gateway.cli.views.framework import (
    ASSESSMENT_HEADINGS,
    assessment_rows,
    changes,
    document,
    matrix,
    outcome_word,
    sides_without_rules,
    summary,
)
from gateway.cli.views.framework_page import page

CodeOfFirst = Annotated[str, typer.Argument(metavar="FIRST", help="One jurisdiction, such as HK.")]
CodeOfSecond = Annotated[str, typer.Argument(metavar="SECOND", help="The other one.")]

_PAIR = 2


def add_to(group: typer.Typer) -> None:
    """Adds the commands."""
    group.command("diff")(diff)
    group.command("compare")(compare)
    group.command("assess")(assess)


def diff(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Id of the framework, such as hk-digital-assets.")],
    *,
    profile: ProfileFile,
    old: Annotated[
        int, typer.Option(min=0, max=MAX_VERSION, help="Old version; 0 for the one that the new one was made from.")
    ] = 0,
    new: Annotated[int, typer.Option(min=0, max=MAX_VERSION, help="New version; 0 for the newest.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Tells how one version of a framework differs from another.

    Words that went stand as [-went-], words that came as {+came+}.
    """
    with connect(profile) as client:
        whole = _whole_diff(client, name, old, new)
    if as_json:
        write_json(document(whole))
        return
    say(f"{whole.old_version or 'nothing'} -> {whole.new_version}: {summary(whole.diff)}")
    for line in changes(whole.diff):
        say(line)


def _whole_diff(client: Client, name: str, old: int, new: int) -> DiffVersionsResponse:
    """All pages in one answer."""
    whole = client.diff_versions(name, old=old, new=new, page_size=MAX_PAGE_SIZE)
    while whole.next_page_token:
        more = client.diff_versions(name, old=old, new=new, page_size=MAX_PAGE_SIZE, page_token=whole.next_page_token)
        whole.diff.provisions.extend(more.diff.provisions)
        whole.next_page_token = more.next_page_token
    return whole


def _whole_comparison(
    client: Client, first: str, second: str, as_of: date | None, known_at: datetime | None
) -> Comparison:
    """All answers in one, and of each area one cell."""
    whole = client.compare_jurisdictions(first, second, as_of=as_of, known_at=known_at)
    more, cells = whole, dict[tuple[int, str], Comparison.Cell]()
    while True:
        for each in more.cells:
            cells.setdefault((each.sector, each.topic), Comparison.Cell()).MergeFrom(each)
        if not more.next_page_token:
            break
        token = more.next_page_token
        more = client.compare_jurisdictions(first, second, as_of=as_of, known_at=known_at, page_token=token)
    del whole.cells[:]
    whole.cells.extend(cells.values())
    whole.next_page_token = ""
    return whole


def compare(
    first: CodeOfFirst,
    second: CodeOfSecond,
    *,
    profile: ProfileFile,
    as_of: Annotated[date | None, typer.Option(parser=day, metavar="DAY", help="The day; else today.")] = None,
    known_at: Annotated[
        datetime | None, typer.Option(parser=moment, metavar="TIME", help="As the node knew it then.")
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write a page with the matrix, in place of what is there."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Sets the rules of two jurisdictions side by side, by risk and sector.

    A cell tells the rules in force on both sides, such as 3 / 2, the pending ones (+1), and how they are judged. The
    assessments that stand are listed below, by the names that gateway framework assess --supersedes takes.
    """
    with connect(profile) as client:
        found = _whole_comparison(client, first, second, as_of, known_at)
    if html:
        with writing("--html"):
            html.write_text(page(found), "utf-8")
    if as_json:
        write_json(document(found))
        return
    say(f"{first} / {second} on {day_text(found.as_of)}: {len(found.cells)} areas, {found.gap_count} gaps")
    headings, rows = matrix(found)
    table(headings, rows)
    if standing := list(assessment_rows(found)):
        say()
        table(ASSESSMENT_HEADINGS, standing)
    for jurisdiction in sides_without_rules(found, first, second):
        say(f"No rules of {jurisdiction} were known here for that day: nothing is compared with it.")
    if html:
        say(f"the page is {html}")


def assess(  # noqa: PLR0913 - an option each
    first: CodeOfFirst,
    second: CodeOfSecond,
    *,
    profile: ProfileFile,
    outcome: Annotated[int, choice(AssessmentContent.Outcome, "OUTCOME")],
    reason: Annotated[
        list[str], typer.Option(metavar="LANGUAGE=TEXT", help="Why, such as en=Both demand full backing.; repeat it.")
    ],
    sector: Annotated[int | None, choice(Sector, "SECTOR", prefix="SECTOR_")] = None,
    topic: Annotated[str, typer.Option(metavar="TOPIC", help="With --sector: the area that is judged.")] = "",
    provision: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FRAMEWORK/ID", help="Instead: the pair that is judged, the first side's and the second's."
        ),
    ] = None,
    supersedes: Annotated[
        str | None, typer.Option(metavar="ID", help="Earlier assessment whose place it takes.")
    ] = None,
    assessment_id: Annotated[str, typer.Option("--id", help="Its id; else the node makes one.")] = "",
    draft: AsDraft = False,
    validate_only: Annotated[bool, typer.Option("--validate-only", help="Check everything, and give nothing.")] = False,
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Judges how the rules of the own jurisdiction and of a peer stand to each other; the peer is told."""
    content = AssessmentContent(
        first_jurisdiction=first,
        second_jurisdiction=second,
        outcome=AssessmentContent.Outcome.ValueType(outcome),
        reasons=[LocalizedText(language_tag=tag, text=text) for tag, text in texts(reason, "--reason").items()],
        supersedes=_full("assessments", supersedes or ""),
    )
    _aim(content, sector, topic, provision or [])
    with connect(profile) as client:
        act = assess_request(content, assessment_id=assessment_id)
        give = partial(client.assess, content, assessment_id=assessment_id)
        made = drafts.given(client, act, give, request_id, draft=draft, validate_only=validate_only, as_json=as_json)
    if made is None:
        return
    if as_json:
        write_json(document(made))
    elif validate_only:
        say(f"the assessment is valid: {outcome_word(made.content.outcome)}")
    else:
        say(f"{made.name.removeprefix('assessments/')} is given: {outcome_word(made.content.outcome)}")


def _aim(content: AssessmentContent, sector: int | None, topic: str, provisions: list[str]) -> None:
    """Sets what is judged: an area, or a pair of provisions."""
    if (sector is None and not topic) == (not provisions) or len(provisions) not in (0, _PAIR):
        raise typer.BadParameter("give --sector and --topic, or --provision twice")
    if provisions:
        content.pair.first, content.pair.second = map(_provision_name, provisions)
    else:
        content.area.sector = Sector.ValueType(sector or 0)
        content.area.topic = topic


def _provision_name(given: str) -> str:
    """``frameworks/hk-x/provisions/a``, which may be given as ``hk-x/a``."""
    framework, slash, provision = given.partition("/")
    return given if given.startswith("frameworks/") or not slash else f"frameworks/{framework}/provisions/{provision}"


def _full(collection: str, name: str) -> str:
    return name if not name or name.startswith(f"{collection}/") else f"{collection}/{name}"
