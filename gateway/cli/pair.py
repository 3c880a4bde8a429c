"""``gateway pair``: exchanges the documents by which two operators pair their nodes."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.given import used, write_given
from gateway.cli.given_home import opened_home
from gateway.cli.options import AsJson, HomeFolder, now, read_input
from gateway.cli.output import day_and_time, pairs, say, say_aside, table, write_json
from gateway.home import Home
from gateway.identity.certificates import Window
from gateway.identity.pairing import PairingDocument
from gateway.rolling import import_pairing


def add_to(app: typer.Typer) -> None:
    """Adds the group."""
    group = typer.Typer(no_args_is_help=True, help="Pair the node with those of other jurisdictions.")
    group.command("export")(export)
    group.command("import")(import_)
    group.command("list")(list_)
    app.add_typer(group, name="pair")


def export(
    home: HomeFolder,
    *,
    out: Annotated[Path | None, typer.Option(help="File to write; else standard output.")] = None,
) -> None:
    """Writes this node's pairing document, for a peer's operator.

    Its fingerprint is told on standard error.

    The fingerprint is that of this very file: send the file, then read the fingerprint aloud by another way.
    """
    document = Home(home).pairing_document(now())
    if out:
        write_given(out, document.encode())
    else:
        typer.echo(document.encode(), nl=False)
    say_aside(f"fingerprint {document.fingerprint()}")


def import_(
    home: HomeFolder,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The peer's pairing document; - for standard input.")],
    *,
    fingerprint: Annotated[str | None, typer.Option(help="As the peer's operator read it aloud.")] = None,
    replace_seal: Annotated[
        bool, typer.Option("--replace-seal", help="The peer lost its sealing keys; the node must be stopped.")
    ] = False,
) -> None:
    """Takes a peer's pairing document.

    Both operators compare its fingerprint first: without --fingerprint, a person is shown it and asked.
    """
    data = read_input(file)
    with used("FILE", "give the file that the peer's gateway pair export wrote"):
        document = PairingDocument.parse(data)
    if fingerprint is None:
        _ask(document)
    peer = import_pairing(Home(home), data, fingerprint or document.fingerprint(), now(), replace_seal=replace_seal)
    say(f"{peer.jurisdiction} ({peer.domain}) is paired. A node that runs must be started again to know it.")


def _ask(document: PairingDocument) -> None:
    """Shows whom the document is of, and asks whether its fingerprint was compared."""
    if not sys.stdin.isatty():
        raise typer.BadParameter("is required where nobody can be asked", param_hint="--fingerprint")
    pairs(
        [
            ("jurisdiction", document.jurisdiction),
            ("domain", document.domain),
            ("name", document.display_name),
            ("authorities", ", ".join(document.authorities)),
            ("addresses", ", ".join(document.addresses)),
            ("made", day_and_time(document.created_at)),
            ("fingerprint", document.fingerprint()),
        ]
    )
    typer.confirm("Does the peer's operator read exactly this fingerprint?", abort=True)


def list_(home: HomeFolder, *, as_json: AsJson = False) -> None:
    """Lists the peers."""
    at = now()
    documents = opened_home(home).peer_documents()
    if as_json:
        write_json({"peers": [_document(each, at) for each in documents]})
        return
    headings = ("peer", "domain", "addresses", "seal: days left", "fingerprint")
    table(headings, [_row(each, at) for each in documents])


def _row(document: PairingDocument, at: datetime) -> tuple[str, ...]:
    addresses = ", ".join(document.addresses)
    return document.jurisdiction, document.domain, addresses, str(seal_days_left(document, at)), document.fingerprint()


def _document(document: PairingDocument, at: datetime) -> dict[str, Any]:
    return {
        "jurisdiction": document.jurisdiction,
        "domain": document.domain,
        "display_name": document.display_name,
        "authorities": list(document.authorities),
        "addresses": list(document.addresses),
        "created_at": document.created_at.isoformat(),
        "seal_days_left": seal_days_left(document, at),
        "fingerprint": document.fingerprint(),
    }


def seal_days_left(document: PairingDocument, at: datetime) -> int:
    """Whole days until the first of a peer's sealing certificates ends."""
    window = Window.of(document.seal_ed25519) & Window.of(document.seal_ml_dsa_44)
    return (window.not_after - at).days
