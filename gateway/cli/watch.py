"""``gateway notice watch``: a line an event, as it happens."""

from typing import Annotated, Any, cast

import typer
from regulator.exchange import RuleFilters, Watch
from regulator.exchange.v1.event_service_pb2 import Event, WatchEventsResponse
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import Sector

from gateway.cli.options import AsJson, ProfileFile, choice, connect, word_of
from gateway.cli.output import json_moment, moment_of, say, say_aside, write_json_line
from gateway.words import words

_WIDTH = max(map(len, words(Event.Kind)))


def add_to(group: typer.Typer) -> None:
    """Adds the command."""
    group.command("watch")(watch)


def watch(  # noqa: PLR0913 - an option a filter
    *,
    profile: ProfileFile,
    cursor: Annotated[
        str, typer.Option(help="Tell what follows this place; else everything from the first event.")
    ] = "",
    from_now: Annotated[
        bool, typer.Option("--from-now", help="Without a cursor: tell only what happens from now on.")
    ] = False,
    kind: Annotated[list[int] | None, choice(Event.Kind, "KIND", said="Only these; repeat it. One of {}.")] = None,
    jurisdiction: Annotated[
        str | None, typer.Option(metavar="CODE", help="Only of rules of this jurisdiction, and its assessments.")
    ] = None,
    sector: Annotated[
        int | None, choice(Sector, "SECTOR", prefix="SECTOR_", said="Only of rules for this sector. One of {}.")
    ] = None,
    topic: Annotated[
        str | None, typer.Option(metavar="TOPIC", help="Only of rules about this risk, such as reserve_assets.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tells every event as it happens.

    It goes on until Ctrl-C, which ends with 0. With --json, it writes one object a line. With --jurisdiction, --sector
    or --topic, it tells of rules alone.
    """
    kinds = [Event.Kind.ValueType(each) for each in kind or ()]
    given = {"jurisdiction": jurisdiction, "sector": sector, "topic": topic}
    rules = cast("RuleFilters", {name: value for name, value in given.items() if value is not None})
    with connect(profile) as client, client.watch_events(cursor, kinds, from_now=from_now, **rules) as events:
        try:
            _tell(events, as_json=as_json)
        except KeyboardInterrupt:
            if events.cursor:
                say_aside(f"to go on from here: --cursor {events.cursor}")


def _tell(events: Watch, *, as_json: bool) -> None:
    for response in events:
        if not response.HasField("event"):
            continue  # all events so far are told
        if as_json:
            write_json_line(_document(response))
        else:
            say(_line(response.event))


def _line(event: Event) -> str:
    about = (
        (event.share or event.consent or event.notice).removeprefix("notices/")
        or _rules(event)
        or event.draft
        or event.origin
    )
    what = word_of(Event.Kind, event.kind)
    return "  ".join(filter(None, (moment_of(event.time), f"{what:{_WIDTH}}", about, event.detail)))


def _rules(event: Event) -> str:
    """What an event about rules is about: a provision, a version, or an assessment."""
    version = f"{event.framework}/versions/{event.framework_version}" if event.framework else ""
    return (event.provision or version or event.assessment).removeprefix("frameworks/")


def _document(response: WatchEventsResponse) -> dict[str, Any]:
    event = response.event
    return {
        "cursor": response.cursor,
        "kind": word_of(Event.Kind, event.kind),
        "time": json_moment(event.time),
        "notice": event.notice.removeprefix("notices/") or None,
        "notice_kind": word_of(Notice.Kind, event.notice_kind) or None,
        "origin": event.origin,
        "index": event.index,
        "detail": event.detail,
        "jurisdiction": event.jurisdiction or None,
        "framework": event.framework.removeprefix("frameworks/") or None,
        "framework_version": event.framework_version or None,
        "provision": event.provision or None,
        "assessment": event.assessment.removeprefix("assessments/") or None,
        "draft": event.draft.removeprefix("drafts/") or None,
        "consent": event.consent.removeprefix("notices/") or None,
        "share": event.share.removeprefix("notices/") or None,
        "sectors": [word_of(Sector, each, "SECTOR_") for each in event.sectors],
        "topics": list(event.topics),
    }
