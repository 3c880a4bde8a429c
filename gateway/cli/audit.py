"""``gateway audit``: takes the access journal away, and verifies it without a node."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Annotated, Any

import typer
from cryptography import x509

from gateway.cli.options import AsJson, open_input
from gateway.cli.output import say, write_json
from gateway.cli.steps import passed_steps, step_documents
from gateway.identity.evidence import Step, clock
from gateway.identity.journal import JournalCheck, ProvenJournal
from gateway.identity.keyfiles import read_certificate
from gateway.identity.sealers import fingerprint
from gateway.ledger.journal import MAX_LINE_BYTES


def add_to(app: typer.Typer) -> None:
    """Adds the group."""
    group = typer.Typer(no_args_is_help=True, help="Tell who read, wrote and was refused, and prove that it is all.")
    group.command("verify")(verify)
    app.add_typer(group, name="audit")


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The export of the journal; - for standard input.")],
    *,
    root: Annotated[
        list[Path], typer.Option(metavar="CERTIFICATE", help="Node authority of the node's jurisdiction (PEM).")
    ],
    earlier: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A checkpoint or an export that was kept: the journal must continue it."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Verifies an export of the access journal, offline.

    It needs nothing but the jurisdiction's root: no node, no network, no database. Any entry that was altered, taken
    out, added, moved or cut off is found. What a node itself cut off or rewrote before it signed is found against a
    checkpoint that was kept elsewhere: give it as --earlier.

    Exit code 1, and the first step that failed, if it does not hold.
    """
    roots = [read_certificate(each) for each in root]
    with open_input(file) as exported:
        kept = None if earlier is None else _lines_of(earlier)
        check = JournalCheck(_lines(exported), roots, kept)
        steps = passed_steps(check.steps(), as_json=as_json)
    proven = check.proven()
    if as_json:
        write_json(_document(proven, steps, roots))
    else:
        say(f"PROVEN: {_verdict(proven)}")


def _lines_of(path: Path) -> Iterator[bytes]:
    with open_input(path) as file:
        yield from _lines(file)


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: file.readline(MAX_LINE_BYTES + 1), b"")


def _verdict(proven: ProvenJournal) -> str:
    entries = f"entries {proven.first} to {proven.size - 1}" if proven.first < proven.size else "no entries"
    told = f"{entries} of the journal of {proven.node.domain}, all of it up to {clock(proven.signed_at)}"
    if proven.earlier_size is None:
        return f"{told}; that it continues what it was before shows only an earlier checkpoint, which was not given."
    return f"{told}; it continues the checkpoint of {proven.earlier_size} entries."


def _document(proven: ProvenJournal, steps: tuple[Step, ...], roots: list[x509.Certificate]) -> dict[str, Any]:
    return {
        "proven": True,
        "verdict": _verdict(proven),
        "node": str(proven.node),
        "first": proven.first,
        "size": proven.size,
        "signed_at": proven.signed_at.isoformat(),
        "earlier_size": proven.earlier_size,
        "outcomes": dict(sorted(proven.outcomes.items())),
        "roots_sha256": [fingerprint(each) for each in roots],
        "steps": step_documents(steps),
    }
