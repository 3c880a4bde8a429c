"""``gateway framework``: publishes, lists, shows and exports frameworks of rules."""

from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, cast

import typer
from regulator.exchange import Client, ProvisionFilters
from regulator.exchange.framework_requests import publish_version
from regulator.exchange.v1.framework_pb2 import Provision
from regulator.exchange.v1.framework_service_pb2 import PublishVersionResponse
from regulator.exchange.v1.values_pb2 import Sector

from gateway.cli import drafts, framework_compare
from gateway.cli.given_files import write_given
from gateway.cli.groups import Commands
from gateway.cli.options import (
    DEFAULT_LIMIT,
    MAX_VERSION,
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
    moment,
    read_input,
)
from gateway.cli.output import say, table, write_json
from gateway.cli.views.framework import (
    FRAMEWORK_HEADINGS,
    PROVISION_HEADINGS,
    changes,
    document,
    framework_row,
    provision_row,
    summary,
)
from gateway.errors import BadInput
from gateway.supervision.files.frameworks import FrameworkFile, read_framework, write_framework
from gateway.words import so_many

FrameworkName = Annotated[str, typer.Argument(metavar="NAME", help="Id of the framework, such as hk-digital-assets.")]


def add_to(app: typer.Typer) -> None:
    """Adds the group."""
    group = Commands(no_args_is_help=True, help="Publish, read and compare frameworks of rules.")
    group.command("publish")(publish)
    group.command("list")(list_)
    group.command("show")(show)
    group.command("export")(export)
    framework_compare.add_to(group)
    app.add_typer(group, name="framework")


def publish(  # noqa: PLR0913 - an option each
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="JSON of the schema framework/1 (docs/files.md); - for standard input."),
    ],
    *,
    profile: ProfileFile,
    framework_id: Annotated[str | None, typer.Option("--id", help="Id of the framework; else the file's.")] = None,
    to: Annotated[
        list[str] | None, typer.Option("--to", metavar="CODE", help="Jurisdiction; repeat it; else all peers.")
    ] = None,
    etag: Annotated[str, typer.Option(help="Refuse if the framework's etag is another by now.")] = "",
    draft: AsDraft = False,
    validate_only: Annotated[
        bool, typer.Option("--validate-only", help="Check everything, show what would change, and publish nothing.")
    ] = False,
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Publishes a version of a framework of the own jurisdiction.

    Once this ends with 0, it is sealed and durable at the own node, for all recipients; otherwise for none. What the
    newest version says already is not published again.
    """
    read = read_framework(read_input(file))
    name = framework_id or read.framework_id
    if not name:
        raise BadInput.of("id", "is not in the file: give it there, or with --id")
    with connect(profile) as client:
        act = publish_version(name, read.content, recipients=to or (), etag=etag)
        publish = partial(client.publish_version, name, read.content, recipients=to or (), etag=etag)
        answer = drafts.given(
            client, act, publish, request_id, draft=draft, validate_only=validate_only, as_json=as_json
        )
    if answer is None:
        return
    if as_json:
        write_json(document(answer))
    else:
        _tell(answer, validate_only=validate_only)


def _tell(answer: PublishVersionResponse, *, validate_only: bool) -> None:
    version = answer.version
    recipients = ", ".join(each.recipient for each in version.deliveries)
    name, provisions = version.name.removeprefix("frameworks/"), so_many(version.provision_count, "provision")
    if not validate_only:
        say(f"{name} is published, {provisions}, to {recipients}")
        return
    say(f"{name} is valid, {provisions}: {summary(answer.diff)}")
    for line in changes(answer.diff):
        say(line)


def list_(
    *,
    profile: ProfileFile,
    jurisdiction: Annotated[str, typer.Option(metavar="CODE", help="Only those of this jurisdiction.")] = "",
    as_json: AsJson = False,
) -> None:
    """Lists the frameworks that the node knows, own ones and peers'."""
    with connect(profile) as client:
        found = list(client.list_frameworks(jurisdiction=jurisdiction))
    if as_json:
        write_json({"frameworks": [document(each) for each in found]})
    else:
        table(FRAMEWORK_HEADINGS, map(framework_row, found), cuts_last=True)


def show(  # noqa: PLR0913 - an option a filter
    name: Annotated[str, typer.Argument(metavar="NAME", help="Id of the framework; - for all.")] = "-",
    *,
    profile: ProfileFile,
    jurisdiction: Annotated[str | None, typer.Option(metavar="CODE", help="Whose rules.")] = None,
    sector: Annotated[int | None, choice(Sector, "SECTOR", prefix="SECTOR_")] = None,
    topic: Annotated[str | None, typer.Option(metavar="TOPIC", help="The risk, such as reserve_assets.")] = None,
    status: Annotated[int | None, choice(Provision.Status, "STATUS")] = None,
    text: Annotated[str | None, typer.Option(help="Words in the id, the citation, the title or the rule.")] = None,
    as_of: Annotated[
        date | None, typer.Option(parser=day, metavar="DAY", help="Only what is in force on this day.")
    ] = None,
    known_at: Annotated[
        datetime | None, typer.Option(parser=moment, metavar="TIME", help="As the node knew it then.")
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    as_json: AsJson = False,
) -> None:
    """Shows provisions, in their publisher's order.

    Filters that are given must all hold. What applied on a day (--as-of) and what the node had been told by a moment
    (--known-at) are two questions.
    """
    given = {
        "jurisdiction": jurisdiction,
        "sector": sector,
        "topic": topic,
        "status": status,
        "text": text,
        "as_of": as_of,
        "known_at": known_at,
    }
    filters = asked(limit, given)
    with connect(profile) as client:
        found = first_of(client.list_provisions(name, **cast("ProvisionFilters", filters)), limit)
    if as_json:
        write_json({"provisions": [document(each) for each in found]})
    else:
        table(PROVISION_HEADINGS, map(provision_row, found), cuts_last=True)


def export(
    name: FrameworkName,
    *,
    profile: ProfileFile,
    version: Annotated[int, typer.Option(min=0, max=MAX_VERSION, help="Number of the version; 0 for the newest.")] = 0,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File to write, never overwritten; else standard output.")
    ] = None,
) -> None:
    """Writes a version as a file of the schema framework/1, which publish takes."""
    with connect(profile) as client:
        content = client.get_version(name, version or _newest(client, name), full=True).content
    text = write_framework(FrameworkFile(name.removeprefix("frameworks/"), content)) + "\n"
    if out is None:
        typer.echo(text, nl=False)
    else:
        write_given(out, text.encode())
        say(f"{name} is in {out}")


def _newest(client: Client, name: str) -> int:
    return client.get_framework(name).latest_version
