"""``gateway sharing``: asks for consent to pass notices on, grants and refuses it, marks what is passed on."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated

import typer
from regulator.exchange.v1.sharing_service_pb2 import Consent, Share
from regulator.exchange.v1.values_pb2 import Handling

from gateway.cli.groups import Commands
from gateway.cli.options import (
    DEFAULT_LIMIT,
    LANGUAGE_TEXT,
    MAX_PAGE_SIZE,
    AsJson,
    Limit,
    NoticeName,
    ProfileFile,
    RequestId,
    choice,
    connect,
    day,
    first_of,
    quoted,
    texts,
    word_of,
)
from gateway.cli.output import parts, say, table, write_json
from gateway.cli.views.sharing import (
    CONSENT_HEADINGS,
    SHARE_HEADINGS,
    consent_document,
    consent_row,
    consent_sections,
    share_document,
    share_row,
    share_sections,
    short,
)

ConsentName = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of the consent, such as hk-2026-017/consents/5c0e9a41.")
]
To = Annotated[
    list[str],
    typer.Option(
        "--to",
        metavar="NAME=CODE",
        help="To whom: the organisation's name and its jurisdiction, such as FINMA=CH; repeat it.",
    ),
]
Use = Annotated[int, choice(Handling.Use, "USE")]
Etag = Annotated[str, typer.Option("--etag", help="Refuse if the consent's etag is another by now.")]
ValidateOnly = Annotated[bool, typer.Option("--validate-only", help="Check everything, and seal nothing.")]


def add_to(app: typer.Typer) -> None:
    """Adds the group."""
    group = Commands(no_args_is_help=True, help="Pass notices on, with the consent of who gave them.")
    group.command("request")(request)
    group.command("list")(list_)
    group.command("show")(show)
    group.command("grant")(grant)
    group.command("refuse")(refuse)
    group.command("mark")(mark)
    app.add_typer(group, name="sharing")


def request(  # noqa: PLR0913 - an option each
    name: NoticeName,
    *,
    profile: ProfileFile,
    to: To,
    use: Use,
    purpose: Annotated[
        list[str], typer.Option(metavar=LANGUAGE_TEXT, help="Why, such as en=A joint case.; repeat it.")
    ],
    validate_only: ValidateOnly = False,
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Asks the originator of a received notice for consent to pass it on."""
    with connect(profile) as client:
        consent = client.request_consent(
            name,
            recipients=_recipients(to),
            use=Handling.Use.ValueType(use),
            purpose=texts(purpose, "--purpose"),
            request_id=request_id,
            validate_only=validate_only,
        )
    _report(
        consent, "the request is valid" if validate_only else f"{short(consent.name)} is asked for", as_json=as_json
    )


def list_(
    name: Annotated[str, typer.Argument(metavar="NOTICE", help="Id of a notice; without it: of all.")] = "-",
    *,
    profile: ProfileFile,
    state: Annotated[int | None, choice(Consent.State, "STATE")] = None,
    shares: Annotated[bool, typer.Option("--shares", help="What was passed on, instead of consents.")] = False,
    limit: Limit = DEFAULT_LIMIT,
    as_json: AsJson = False,
) -> None:
    """Lists consents, or what was passed on, newest first."""
    if shares and state is not None:
        raise typer.BadParameter("--state is for consents, and --shares for what was passed on")
    size = min(limit, MAX_PAGE_SIZE)
    with connect(profile) as client:
        if shares:
            _list_shares(first_of(client.list_shares(name, page_size=size), limit), as_json=as_json)
        else:
            wanted = Consent.State.ValueType(state or 0)
            found = first_of(client.list_consents(name, page_size=size, state=wanted), limit)
            _list_consents(found, as_json=as_json)


def show(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of a consent or share, such as hk-2026-017/shares/77aa90c2.")
    ],
    *,
    profile: ProfileFile,
    as_json: AsJson = False,
) -> None:
    """Shows a consent with all decisions on it, or a share."""
    with connect(profile) as client:
        found: Consent | Share = client.get_share(name) if "/shares/" in name else client.get_consent(name)
    if as_json:
        write_json(share_document(found) if isinstance(found, Share) else consent_document(found))
        return
    parts(share_sections(found) if isinstance(found, Share) else consent_sections(found))


def grant(  # noqa: PLR0913 - an option each
    name: ConsentName,
    *,
    profile: ProfileFile,
    reason: Annotated[
        list[str] | None, typer.Option(metavar=LANGUAGE_TEXT, help="Why, such as en=Agreed.; repeat it.")
    ] = None,
    condition: Annotated[
        list[str] | None,
        typer.Option(metavar=LANGUAGE_TEXT, help="What who shares has to see to; one text a language."),
    ] = None,
    until: Annotated[
        date | None, typer.Option(parser=day, metavar="DAY", help="Last day (UTC) on which it may be passed on.")
    ] = None,
    etag: Etag = "",
    validate_only: ValidateOnly = False,
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Grants a consent, or grants it anew on other terms."""
    with connect(profile) as client:
        consent = client.grant_consent(
            name,
            reason=texts(reason or (), "--reason"),
            conditions=texts(condition or (), "--condition"),
            valid_until=until,
            etag=quoted(etag),
            request_id=request_id,
            validate_only=validate_only,
        )
    _report_state(consent, validate_only=validate_only, as_json=as_json)


def refuse(
    name: ConsentName,
    *,
    profile: ProfileFile,
    reason: Annotated[
        list[str], typer.Option(metavar=LANGUAGE_TEXT, help="Why, such as en=Not before the trial.; repeat it.")
    ],
    etag: Etag = "",
    validate_only: ValidateOnly = False,
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Refuses a consent, or revokes it; what was shared before stays recorded."""
    with connect(profile) as client:
        consent = client.refuse_consent(
            name,
            reason=texts(reason, "--reason"),
            etag=quoted(etag),
            request_id=request_id,
            validate_only=validate_only,
        )
    _report_state(consent, validate_only=validate_only, as_json=as_json)


def mark(  # noqa: PLR0913 - an option each
    name: NoticeName,
    *,
    profile: ProfileFile,
    to: To,
    use: Use,
    consent: Annotated[
        str, typer.Option(metavar="NAME", help="The consent; else the node looks for one that covers it.")
    ] = "",
    validate_only: ValidateOnly = False,
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Records that a received notice is passed on; do it before you pass it on."""
    with connect(profile) as client:
        share = client.mark_shared(
            name,
            recipients=_recipients(to),
            use=Handling.Use.ValueType(use),
            consent=consent,
            request_id=request_id,
            validate_only=validate_only,
        )
    if as_json:
        write_json(share_document(share))
    else:
        say("it may be passed on" if validate_only else f"{short(share.name)} is recorded: pass it on")


def _list_consents(consents: Sequence[Consent], *, as_json: bool) -> None:
    if as_json:
        write_json({"consents": [consent_document(each) for each in consents]})
    else:
        table(CONSENT_HEADINGS, [consent_row(each) for each in consents])


def _list_shares(shares: Sequence[Share], *, as_json: bool) -> None:
    if as_json:
        write_json({"shares": [share_document(each) for each in shares]})
    else:
        table(SHARE_HEADINGS, [share_row(each) for each in shares])


def _report_state(consent: Consent, *, validate_only: bool, as_json: bool) -> None:
    state = word_of(Consent.State, consent.state)
    _report(consent, f"{short(consent.name)} {'would be' if validate_only else 'is'} {state}", as_json=as_json)


def _report(consent: Consent, done: str, *, as_json: bool) -> None:
    if as_json:
        write_json(consent_document(consent))
    else:
        say(done)


def _recipients(given: Sequence[str]) -> list[tuple[str, str]]:
    found = []
    for each in given:
        name, equals, code = each.rpartition("=")
        if not name or not equals or not code:
            raise typer.BadParameter("give a recipient as NAME=CODE such as FINMA=CH", param_hint="--to")
        found.append((name, code.upper()))
    return found
