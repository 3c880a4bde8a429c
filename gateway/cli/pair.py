"""``gateway pair``: exchanges the documents by which two operators pair their nodes."""

import os
from datetime import datetime
from getpass import getuser
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.certs_changes import TAKEN
from gateway.cli.given_files import used, write_given
from gateway.cli.given_home import opened_home
from gateway.cli.groups import Commands
from gateway.cli.options import AsJson, HomeFolder, now, read_input, require_somebody
from gateway.cli.output import day_and_time, pairs, say, say_aside, table, write_json
from gateway.errors import BadInput
from gateway.home.home import Home
from gateway.home.pairing import Paired, document_of, end_pairing, ended_peers, import_pairing
from gateway.identity.certificates.x509 import Window
from gateway.identity.pairing.document import PairingDocument
from gateway.identity.pairing.end import MAX_NAME_CHARACTERS, MAX_REASON_CHARACTERS, Ending


def add_to(app: typer.Typer) -> None:
    """Adds the group."""
    group = Commands(no_args_is_help=True, help="Pair the node with those of other jurisdictions.")
    group.command("export")(export)
    group.command("import")(import_)
    group.command("end")(end)
    group.command("list")(list_)
    app.add_typer(group, name="pair")


def export(
    home: HomeFolder,
    *,
    out: Annotated[Path | None, typer.Option(help="File to write; else standard output.")] = None,
    seal: Annotated[
        str, typer.Option(metavar="SHA256", help="Name this earlier seal, for a peer whose document of it is lost.")
    ] = "",
) -> None:
    """Writes this node's pairing document, for a peer's operator.

    Its fingerprint is told on standard error.

    The fingerprint is that of this very file: send the file, then read the fingerprint aloud by another way.
    """
    document = Home(home).pairing_document(now(), seal)
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
    """Takes a peer's pairing document, also to take up a pairing that was ended.

    Both operators compare its fingerprint first: without --fingerprint, a person is shown it and asked.
    """
    data = read_input(file)
    with used("FILE", "give the file that the peer's gateway pair export wrote"):
        document = PairingDocument.parse(data)
    if fingerprint is None:
        _ask(document)
    paired = import_pairing(Home(home), data, fingerprint or document.fingerprint(), now(), replace_seal=replace_seal)
    say(_outcome(paired))


def _outcome(paired: Paired) -> str:
    """What an import came to, and what is left to do."""
    peer = f"{paired.document.jurisdiction} ({paired.document.domain})"
    if paired.seal_waits:
        return (
            f"{peer} is paired by this document from now on. Not all that it sent is here again since the database "
            "was put back: its new seal holds from where its log bears it. Nothing more is to be done for that."
        )
    if paired.is_again:
        anew = " What the document says anew, such as addresses, it knows when it starts." if paired.is_news else ""
        return f"{peer} is paired again. {TAKEN}{anew}"
    if paired.is_news and paired.is_known:
        anew = "A node that runs takes its roots by itself within seconds, all else, such as addresses, when it starts."
        return f"{peer} is paired by this document from now on. {anew}"
    if paired.is_news:
        return f"{peer} is paired. A node that runs must be started again to know it."
    return f"{peer} is paired by this very document already: nothing changed."


def _ask(document: PairingDocument) -> None:
    """Shows whom the document is of, and asks whether its fingerprint was compared."""
    require_somebody("--fingerprint")
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


def end(
    home: HomeFolder,
    peer: Annotated[str, typer.Argument(metavar="PEER", help="Its jurisdiction, such as KR.")],
    *,
    reason: Annotated[str, typer.Option(help="Why, for whoever looks at the node; the peer is not told it.")],
    by: Annotated[str, typer.Option(help="Who ends it; else the user of this machine who types it.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
) -> None:
    """Ends the pairing with a peer: nothing is sent to it any more, and nothing taken from it.

    Its document, both logs and all receipts stay, so that what was exchanged can be verified for ever. What waits for
    it stays in the log. The peer's node is refused, and told why. To take the pairing up again: gateway pair import.
    With replicas, say it on one: the others know it from the database.
    """
    node, jurisdiction = opened_home(home), peer.upper()
    by, reason = _words("--by", by or _user(), MAX_NAME_CHARACTERS), _words("--reason", reason, MAX_REASON_CHARACTERS)
    if not yes:
        _ask_for_end(node, jurisdiction)
    done = end_pairing(node, jurisdiction, by, reason, now())
    if not done.is_new:
        say(f"the pairing with {jurisdiction} has ended already, at {done.ending.when}, by {done.ending.by}")
        return
    say(f"the pairing with {jurisdiction} is ended. {TAKEN}")
    if done.waiting is None:
        say_aside("the database cannot be read now: look into gateway status whether the node has taken it")
    elif done.waiting:
        say_aside(f"envelopes for {jurisdiction} that have no receipt: {done.waiting}; they stay in the log")


def _words(option: str, text: str, most: int) -> str:
    """What a person says, on one line that can be shown."""
    words = " ".join(text.split())
    if not words or len(words) > most or not words.isprintable():
        raise BadInput.of(option, f"must be 1 to {most} characters that can be shown")
    return words


def _user() -> str:
    """Who types this, as the machine knows it: in a container a number may have no name."""
    try:
        return getuser()
    except (KeyError, OSError):  # which of them depends on the version of Python
        return f"uid {os.getuid()}"


def _ask_for_end(node: Home, jurisdiction: str) -> None:
    require_somebody("--yes")
    document = document_of(node, jurisdiction)
    typer.confirm(f"End the pairing with {document.jurisdiction} ({document.domain})?", abort=True)


def list_(home: HomeFolder, *, as_json: AsJson = False) -> None:
    """Lists the peers, also those whose pairing has ended."""
    at = now()
    node = opened_home(home)
    ended = ended_peers(node)
    found = [(each, ended.get(each.jurisdiction)) for each in node.peer_documents()]
    if as_json:
        write_json({"peers": [_document(each, mark, at) for each, mark in found]})
        return
    headings = ("peer", "state", "domain", "addresses", "seal: days left", "fingerprint")
    table(headings, [_row(each, mark, at) for each, mark in found])


def _row(document: PairingDocument, end: Ending | None, at: datetime) -> tuple[str, ...]:
    addresses, left = ", ".join(document.addresses), str(seal_days_left(document, at))
    return document.jurisdiction, _state(end), document.domain, addresses, left, document.fingerprint()


def _state(end: Ending | None) -> str:
    return f"ended {end.when}" if end else "paired"


def _document(document: PairingDocument, end: Ending | None, at: datetime) -> dict[str, Any]:
    return {
        "jurisdiction": document.jurisdiction,
        "domain": document.domain,
        "display_name": document.display_name,
        "authorities": list(document.authorities),
        "addresses": list(document.addresses),
        "created_at": document.created_at.isoformat(),
        "seal_days_left": seal_days_left(document, at),
        "fingerprint": document.fingerprint(),
        "ended": _end(end) if end else None,
    }


def _end(end: Ending) -> dict[str, str]:
    return {"time": end.ended_at.isoformat(), "by": end.by, "reason": end.reason}


def seal_days_left(document: PairingDocument, at: datetime) -> int:
    """Whole days until the first of a peer's sealing certificates ends."""
    window = Window.of(document.seal_ed25519) & Window.of(document.seal_ml_dsa_44)
    return window.days_left(at)
