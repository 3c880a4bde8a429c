"""``gateway draft``: writes drafts, submits them, approves or rejects those of others."""

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from regulator.exchange import Client, NotAllowed, NotFound, WrongState, notice_request
from regulator.exchange.draft_requests import Act
from regulator.exchange.framework_requests import publish_version
from regulator.exchange.requests import supersede_notice
from regulator.exchange.v1.draft_service_pb2 import Draft
from regulator.exchange.v1.framework_pb2 import FrameworkVersionContent

from gateway.cli import attachments
from gateway.cli.failures import APPROVAL_REQUIRED
from gateway.cli.groups import Commands
from gateway.cli.options import (
    DEFAULT_LIMIT,
    MAX_PAGE_SIZE,
    AsJson,
    Limit,
    ProfileFile,
    RequestId,
    choice,
    connect,
    first_of,
    quoted,
    read_input,
    word_of,
)
from gateway.cli.output import parts, say, say_aside, table, write_json
from gateway.cli.views.draft import HEADINGS, document, draft_id, row, sections
from gateway.cli.views.framework import changes, summary
from gateway.errors import BadInput
from gateway.supervision.files.frameworks import SCHEMA as FRAMEWORK_SCHEMA
from gateway.supervision.files.frameworks import read_framework
from gateway.supervision.files.notices import read_notices
from gateway.supervision.frameworks.diff import diff_versions
from gateway.supervision.messages.drafts import content_of

Made = TypeVar("Made")

DraftName = Annotated[str, typer.Argument(metavar="NAME", help="Id of the draft, such as hk-2026-4f7k.")]
Etag = Annotated[
    str, typer.Option("--etag", help="Of the draft as gateway draft show told it: what is released is what was read.")
]
KnownEtag = Annotated[str, typer.Option("--etag", help="Refuse if the draft's etag is another by now.")]


def add_to(app: typer.Typer) -> None:
    """Adds the group."""
    group = Commands(no_args_is_help=True, help="Write what another identity releases; release what others wrote.")
    group.command("create")(create)
    group.command("list")(list_)
    group.command("show")(show)
    group.command("submit")(submit)
    group.command("recall")(recall)
    group.command("approve")(approve)
    group.command("reject")(reject)
    app.add_typer(group, name="draft")


def create(  # noqa: PLR0913 - an option each
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="JSON of notices/1 (one notice) or framework/1 (docs/files.md); - for standard input."
        ),
    ],
    *,
    profile: ProfileFile,
    new_id: Annotated[
        str, typer.Option("--id", help="Id of the notice or framework; else the file's, or a new one.")
    ] = "",
    to: Annotated[
        list[str] | None, typer.Option("--to", metavar="CODE", help="Jurisdiction; else the file's recipient, or all.")
    ] = None,
    supersedes: Annotated[
        str | None,
        typer.Option(metavar="ID", help="The notice takes the place of this earlier one."),
    ] = None,
    attach: attachments.Attach = None,
    update: Annotated[str, typer.Option(metavar="NAME", help="Write this draft anew, instead of a new one.")] = "",
    validate_only: Annotated[bool, typer.Option("--validate-only", help="Check everything, and keep nothing.")] = False,
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Keeps a notice or a framework's version as a draft, until another identity releases it.

    Commands with --draft keep what they would do, too: such as gateway notice withdraw and gateway framework assess.
    """
    if update and validate_only:
        raise typer.BadParameter("--validate-only is for new drafts, and --update for one that is there")
    act = _read(file, new_id, to or [], supersedes)
    content = content_of(act)
    if attach and content is None:
        raise typer.BadParameter("--attach is for a notice, and the file holds a framework")
    with connect(profile) as client:
        if content is not None:
            content.attachments.extend(attachments.attach(client, attach or []))
        if update:
            draft = client.update_draft(update, act, request_id=request_id)
        else:
            draft = client.create_draft(act, request_id=request_id, validate_only=validate_only)
        _report_made(client, draft, validate_only=validate_only, as_json=as_json)


def _read(file: Path, new_id: str, to: list[str], supersedes: str | None) -> Act:
    data = read_input(file)
    if _schema_of(data) == FRAMEWORK_SCHEMA:
        framework = read_framework(data)
        if not (name := new_id or framework.framework_id):
            raise BadInput.of("id", "is not in the file: give it there, or with --id")
        return publish_version(name, framework.content, recipients=to)
    found = read_notices(data)
    if len(found) != 1:
        raise BadInput.of("notices", "must hold exactly one notice: a draft holds one act")
    (notice,) = found
    if supersedes:
        return supersede_notice(supersedes, notice.content, notice_id=new_id or notice.notice_id)
    recipients = to or [notice.recipient]
    if len(recipients) != 1 or not recipients[0]:
        raise BadInput.of("recipient", "must be one, in the file or with --to")
    return notice_request(notice.content, recipient=recipients[0], notice_id=new_id or notice.notice_id)


def _schema_of(data: bytes) -> object:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None  # whoever reads it tells what is wrong
    return found.get("schema") if isinstance(found, dict) else None


def list_(
    *,
    profile: ProfileFile,
    state: Annotated[int | None, choice(Draft.State, "STATE")] = None,
    limit: Limit = DEFAULT_LIMIT,
    as_json: AsJson = False,
) -> None:
    """Lists the drafts of the own authority, newest first."""
    wanted = Draft.State.ValueType(state or 0)
    with connect(profile) as client:
        drafts = first_of(client.list_drafts(page_size=min(limit, MAX_PAGE_SIZE), state=wanted), limit)
    if as_json:
        write_json({"drafts": [document(each) for each in drafts]})
    else:
        table(HEADINGS, [row(each) for each in drafts], cuts_last=True)


def show(name: DraftName, *, profile: ProfileFile, as_json: AsJson = False) -> None:
    """Shows a draft, with all that it would say, and its etag; of rules also what they change."""
    with connect(profile) as client:
        draft = client.get_draft(name)
        told = list(_changes(client, draft)) if draft.HasField("publish_version") and not as_json else []
    if as_json:
        write_json(document(draft))
        return
    parts(sections(draft))
    for line in told:
        say(line)


def _changes(client: Client, draft: Draft) -> Iterator[str]:
    """What rules that are whole would change: whoever approves them cannot see it from some hundred lines."""
    request = draft.publish_version
    if not request.HasField("content"):
        return  # it says itself what changes
    yield "changes"
    old, before = "nothing", FrameworkVersionContent()
    try:
        newest = client.get_framework(request.parent).latest_version
        old, before = f"version {newest}", client.get_version(request.parent, newest, full=True).content
    except NotFound:
        pass  # it is the first
    except NotAllowed as error:
        yield f"  not told: {error.message}"
        return
    diff = diff_versions(before, request.content)
    yield f"  {old} -> this draft: {summary(diff)}"
    yield from (f"  {line}" for line in changes(diff))


def submit(
    name: DraftName,
    *,
    profile: ProfileFile,
    etag: KnownEtag = "",
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Asks for approval."""
    with connect(profile) as client:
        _report_state(client.submit_draft(name, etag=quoted(etag), request_id=request_id), as_json=as_json)


def recall(
    name: DraftName,
    *,
    profile: ProfileFile,
    etag: KnownEtag = "",
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Takes back what was submitted."""
    with connect(profile) as client:
        _report_state(client.recall_draft(name, etag=quoted(etag), request_id=request_id), as_json=as_json)


def approve(
    name: DraftName, *, profile: ProfileFile, etag: Etag, request_id: RequestId = None, as_json: AsJson = False
) -> None:
    """Releases a draft that another identity wrote.

    Once this ends with 0, it is sealed and durable at the own node, with its author and you.
    """
    with connect(profile) as client:
        draft = client.approve_draft(name, etag=quoted(etag), request_id=request_id)
    _report(draft, f"{draft_id(draft)} is released: {draft.released}", as_json=as_json)


def reject(
    name: DraftName,
    *,
    profile: ProfileFile,
    etag: Etag,
    reason: Annotated[str, typer.Option(help="Why, for its author.")],
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Refuses a draft that another identity wrote; its author may write it anew."""
    with connect(profile) as client:
        draft = client.reject_draft(name, etag=quoted(etag), reason=reason, request_id=request_id)
    _report_state(draft, as_json=as_json)


def keep(
    client: Client, act: Act, request_id: str | None, which: str = "the draft", *, validate_only: bool, as_json: bool
) -> None:
    """Keeps the act of another command as a draft, or checks whether it could be kept; ``which`` it is then told as."""
    draft = client.create_draft(act, request_id=request_id, validate_only=validate_only)
    _report_made(client, draft, which, validate_only=validate_only, as_json=as_json)


def given(
    client: Client,
    act: Act,
    give: Callable[..., Made],
    request_id: str | None,
    *,
    draft: bool,
    validate_only: bool,
    as_json: bool,
) -> Made | None:
    """Does the one act that a command is for, or keeps it as a draft.

    Args:
        client: of the node
        act: as a draft would hold it
        give: does it, with the keywords ``request_id`` and ``validate_only``
        request_id: of the request
        draft: whether it is to be kept
        validate_only: whether it is only to be checked
        as_json: how it is told

    Returns:
        What was made; None where all is told.
    """
    if draft:
        keep(client, act, request_id, validate_only=validate_only, as_json=as_json)
        return None
    do = partial(give, request_id=request_id, validate_only=validate_only)
    return done_or_checked(client, do, [act], validate_only=validate_only, as_json=as_json)


def done_or_checked(
    client: Client, do: Callable[[], Made], acts: Sequence[Act], *, validate_only: bool, as_json: bool
) -> Made | None:
    """Does what a command is for; tells an act that is only checked, and needs approval, as a draft.

    Returns:
        What was made; None where all is told.
    """
    try:
        return do()
    except WrongState as error:
        if not validate_only or error.reason != APPROVAL_REQUIRED:
            raise
    checked = [client.create_draft(act, validate_only=True) for act in acts]
    if as_json:
        write_json(document(checked[0]) if len(checked) == 1 else {"drafts": [document(each) for each in checked]})
        return None
    for place, draft in enumerate(checked):
        which = f"the draft of notices[{place}]" if len(checked) > 1 else "the draft"
        _report_made(client, draft, which, validate_only=True, as_json=False)
    say_aside("Next: the same with --draft, " + ("each notice by itself" if len(checked) > 1 else "to keep it"))
    return None


def _report_state(draft: Draft, *, as_json: bool) -> None:
    _report(draft, f"{draft_id(draft)} is {word_of(Draft.State, draft.state).replace('_', ' ')}", as_json=as_json)


def _report(draft: Draft, done: str, *, as_json: bool) -> None:
    if as_json:
        write_json(document(draft))
        return
    asked = f"; the rule {draft.rule} asks for its approval" if draft.rule and draft.state == Draft.DRAFT else ""
    say(done + asked)


def _report_made(client: Client, draft: Draft, which: str = "the draft", *, validate_only: bool, as_json: bool) -> None:
    """Tells of a new draft; of one that was only checked also what it would change, which no draft tells later."""
    if not validate_only:
        _report(draft, f"{draft_id(draft)} is written", as_json=as_json)
        if not as_json:
            say_aside(f"Next: gateway draft submit {draft_id(draft)}")
        return
    _report(draft, f"{which} is valid", as_json=as_json)
    if draft.HasField("publish_version") and not as_json:
        for line in _changes(client, draft):
            say(line)
