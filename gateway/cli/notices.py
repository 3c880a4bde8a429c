"""``gateway notice``: gives, lists, shows, acknowledges and takes back notices."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, cast

import typer
from regulator.exchange import Client, NoticeFilters, notice_request
from regulator.exchange.requests import withdraw_notice
from regulator.exchange.v1.notice_service_pb2 import CreateNoticeRequest, Notice
from regulator.exchange.v1.values_pb2 import Sector

from gateway.cli import attachments, drafts, watch
from gateway.cli.groups import Commands
from gateway.cli.options import (
    DEFAULT_LIMIT,
    LANGUAGE_TEXT,
    AsDraft,
    AsJson,
    Limit,
    NoticeName,
    ProfileFile,
    RequestId,
    asked,
    choice,
    connect,
    first_of,
    moment,
    read_input,
    texts,
)
from gateway.cli.output import pairs, parts, say, table, write_json
from gateway.cli.views.notice import HEADINGS, document, row, sections
from gateway.cli.views.sharing import consent_document, share_document, summary
from gateway.errors import BadInput
from gateway.supervision.acts.notices import superseding
from gateway.supervision.files.notices import NoticeFile, read_notices
from gateway.supervision.notices.content import notice_id as named_id


def add_to(app: typer.Typer) -> None:
    """Adds the group."""
    group = Commands(no_args_is_help=True, help="Give, read, acknowledge and take back notices.")
    group.command("create")(create)
    group.command("list")(list_)
    group.command("show")(show)
    group.command("ack")(ack)
    group.command("withdraw")(withdraw)
    watch.add_to(group)
    app.add_typer(group, name="notice")


def create(  # noqa: PLR0913 - an option a choice
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="JSON of the schema notices/1 (docs/files.md): one or a list; - for standard input."
        ),
    ],
    *,
    profile: ProfileFile,
    notice_id: Annotated[
        str | None,
        typer.Option("--id", help="Id of the one notice; else the file's, or a new one."),
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="CODE", help="Jurisdiction; else the file's recipient.")
    ] = None,
    attach: attachments.Attach = None,
    supersedes: Annotated[
        str | None,
        typer.Option(metavar="ID", help="The one notice takes the place of this earlier one."),
    ] = None,
    draft: AsDraft = False,
    validate_only: Annotated[
        bool, typer.Option("--validate-only", help="Check everything, and give nothing; what --attach names is sent.")
    ] = False,
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Gives a notice, or all of a list.

    Once this ends with 0, all are sealed and durable at the own node; otherwise none is given.
    """
    files = read_notices(read_input(file))
    if not files:
        raise BadInput.of("notices", "must hold at least one notice")
    if len(files) > 1 and (notice_id or request_id or supersedes or draft):
        raise typer.BadParameter(
            "--id, --supersedes, --draft and --request-id are for one notice, and the file holds a list"
        )
    if supersedes:
        files = (replace(files[0], content=superseding(files[0].content, named_id(supersedes))),)
    requests = [_request(each, notice_id, to, request_id, validate_only=validate_only) for each in files]
    with connect(profile) as client:
        _check_senders(files, client)
        named = attachments.attach(client, attach or [])
        for each in requests:
            each.notice.content.attachments.extend(named)
        if draft:
            drafts.keep(client, requests[0], request_id, validate_only=validate_only, as_json=as_json)
            return
        notices = drafts.done_or_checked(
            client, lambda: _give(client, requests), requests, validate_only=validate_only, as_json=as_json
        )
    if notices is None:
        return
    if as_json:
        write_json({"notices": [document(each) for each in notices]})
        return
    for place, notice in enumerate(notices):
        which = _of_file(requests, place) if validate_only else _id(notice)
        instead = f", in place of {named_id(supersedes)}" if supersedes else ""
        say(f"{which} is {'valid' if validate_only else 'released'}, to {notice.recipient}{instead}")


def _of_file(requests: Sequence[CreateNoticeRequest], place: int) -> str:
    """What a notice is called that is only checked: the id that the node made for its answer is an example."""
    if own := requests[place].notice_id:
        return own
    return "the notice" if len(requests) == 1 else f"notices[{place}]"


def _give(client: Client, requests: Sequence[CreateNoticeRequest]) -> Sequence[Notice]:
    if len(requests) > 1:
        return client.batch_create_notices(requests).notices
    (request,) = requests
    return [
        client.create_notice(
            request.notice.content,
            recipient=request.notice.recipient,
            notice_id=request.notice_id,
            request_id=request.request_id,
            validate_only=request.validate_only,
        )
    ]


def _request(
    file: NoticeFile, notice_id: str | None, to: str | None, request_id: str | None, *, validate_only: bool
) -> CreateNoticeRequest:
    recipient = to or file.recipient
    if not recipient:
        raise BadInput.of("recipient", "is not in the file: give it there, or with --to")
    return notice_request(
        file.content,
        recipient=recipient,
        notice_id=notice_id or file.notice_id,
        request_id=request_id,
        validate_only=validate_only,
    )


def _check_senders(files: tuple[NoticeFile, ...], client: Client) -> None:
    """A file that says who sends it is given by nobody else."""
    named = {file.sender for file in files if file.sender}
    if named and named != {own := client.server_info().jurisdiction}:
        raise BadInput.of("sender", f"must be {own}, whose node this is, in every notice of the file")


def list_(  # noqa: PLR0913 - an option a filter
    *,
    profile: ProfileFile,
    direction: Annotated[int | None, choice(Notice.Direction, "WAY", said="incoming or outgoing.")] = None,
    kind: Annotated[int | None, choice(Notice.Kind, "KIND")] = None,
    state: Annotated[int | None, choice(Notice.State, "STATE")] = None,
    authority: Annotated[str | None, typer.Option(metavar="CODE", help="Issuing authority, such as HKMA.")] = None,
    sector: Annotated[int | None, choice(Sector, "SECTOR", prefix="SECTOR_")] = None,
    subject: Annotated[
        str | None, typer.Option(metavar="ID", help="LEI, licence number, ISIN, DTI or ticker, whole.")
    ] = None,
    peer: Annotated[str | None, typer.Option(metavar="CODE", help="Jurisdiction on the other side.")] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            parser=moment,
            metavar="TIME",
            help="Released then or later, such as 2026-05-08; a moment without a zone is in UTC.",
        ),
    ] = None,
    before: Annotated[datetime | None, typer.Option(parser=moment, metavar="TIME", help="Released before.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    as_json: AsJson = False,
) -> None:
    """Lists notices, newest first.

    Filters that are given must all hold.
    """
    given = {
        "direction": direction,
        "kind": kind,
        "state": state,
        "issuing_authority": authority,
        "sector": sector,
        "subject_identifier": subject,
        "peer": peer,
        "release_time_from": since,
        "release_time_before": before,
    }
    filters = asked(limit, given)
    with connect(profile) as client:
        notices = first_of(client.list_notices(**cast("NoticeFilters", filters)), limit)
    if as_json:
        write_json({"notices": [document(each) for each in notices]})
    else:
        table(HEADINGS, [row(each) for each in notices], cuts_last=True)


def show(name: NoticeName, *, profile: ProfileFile, as_json: AsJson = False) -> None:
    """Shows everything that is known of a notice, its texts in every language, and whom it may be passed on to."""
    with connect(profile) as client:
        notice = client.get_notice(name)
        consents, shares = list(client.list_consents(name)), list(client.list_shares(name))
    if as_json:
        sharing = {"consents": list(map(consent_document, consents)), "shares": list(map(share_document, shares))}
        write_json(document(notice) | sharing)
        return
    parts(sections(notice))
    if told := summary(consents, shares):
        say("onward sharing")
        pairs(told, margin="  ")


def ack(
    name: NoticeName,
    *,
    profile: ProfileFile,
    comment: Annotated[
        list[str] | None, typer.Option(metavar=LANGUAGE_TEXT, help="What is said to it, such as en=Noted.; repeat it.")
    ] = None,
    case_reference: Annotated[str, typer.Option(help="The own file number for it.")] = "",
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Acknowledges a received notice; its sender is told."""
    said = texts(comment or (), "--comment")
    with connect(profile) as client:
        notice = client.acknowledge_notice(name, comment=said, case_reference=case_reference, request_id=request_id)
    _report(notice, "acknowledged", as_json=as_json)


def withdraw(
    name: NoticeName,
    *,
    profile: ProfileFile,
    reason: Annotated[
        list[str], typer.Option(metavar=LANGUAGE_TEXT, help="Why, such as en=Given in error.; repeat it.")
    ],
    draft: AsDraft = False,
    validate_only: Annotated[
        bool, typer.Option("--validate-only", help="Check as a draft would be, and take nothing back.")
    ] = False,
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Takes back a notice of the own jurisdiction; its receiver is told why."""
    explanation = texts(reason, "--reason")
    with connect(profile) as client:
        if draft or validate_only:
            act = withdraw_notice(name, explanation=explanation)
            which = "the draft" if draft else "the withdrawal"
            drafts.keep(client, act, request_id, which, validate_only=validate_only, as_json=as_json)
            return
        notice = client.withdraw_notice(name, explanation=explanation, request_id=request_id)
    _report(notice, "withdrawn", as_json=as_json)


def _report(notice: Notice, done: str, *, as_json: bool) -> None:
    if as_json:
        write_json(document(notice))
    else:
        say(f"{_id(notice)} is {done}")


def _id(notice: Notice) -> str:
    return notice.name.removeprefix("notices/")
