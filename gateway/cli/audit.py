"""``gateway audit``: reads the access journal, takes it away, and verifies it without a node."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Annotated, Any, cast

import typer
from cryptography import x509
from regulator.exchange import Client, JournalFilters
from regulator.exchange.v1.journal_pb2 import JournalEntry

from gateway.backups.archive import Archive
from gateway.cli.answering import NodeProfile, Stored, answering
from gateway.cli.given_files import CrlFiles, given_crls, given_root, used, write_given
from gateway.cli.groups import Commands
from gateway.cli.options import (
    DEFAULT_LIMIT,
    MAX_INDEX,
    AsJson,
    Limit,
    ProfileFile,
    asked,
    connect,
    first_of,
    moment,
    open_input,
)
from gateway.cli.output import json_line, say, say_aside, table, write_json
from gateway.cli.steps import passed_steps, step_documents
from gateway.cli.views.entry import HEADINGS, document, row
from gateway.identity.certificates.keyfiles import PUBLIC_MODE, write_pieces
from gateway.identity.certificates.x509 import fingerprint
from gateway.identity.evidence.evidence import time_text
from gateway.identity.evidence.journal import JournalCheck, ProvenJournal
from gateway.identity.evidence.verification import Step
from gateway.ledger.journal import MAX_LINE_BYTES

PIECE_BYTES = 1024 * 1024  # that are copied at once

NewFile = Annotated[Path, typer.Option(metavar="FILE", help="File to write. Never overwritten.")]


def add_to(app: typer.Typer) -> None:
    """Adds the group."""
    group = Commands(no_args_is_help=True, help="Tell who read, wrote and was refused, and prove that it is all.")
    group.command("list")(list_)
    group.command("export")(export)
    group.command("checkpoint")(checkpoint)
    group.command("verify")(verify)
    app.add_typer(group, name="audit")


def list_(  # noqa: PLR0913 - an option a filter
    *,
    profile: ProfileFile,
    client: Annotated[str | None, typer.Option(metavar="ID", help="SPIFFE ID of the client.")] = None,
    officer: Annotated[str | None, typer.Option(metavar="ID", help="The officer, ISSUER#SUBJECT.")] = None,
    method: Annotated[str | None, typer.Option(metavar="NAME", help="The method, such as GetNotice.")] = None,
    outcome: Annotated[str | None, typer.Option(metavar="WORD", help="OK, or the reason of a refusal.")] = None,
    resource: Annotated[str | None, typer.Option(metavar="NAME", help="Such as notices/hk-2026-017.")] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            parser=moment, metavar="TIME", help="Then or later, such as 2026-05-08; a moment without a zone is in UTC."
        ),
    ] = None,
    before: Annotated[datetime | None, typer.Option(parser=moment, metavar="TIME", help="Before then.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    as_json: AsJson = False,
) -> None:
    """Lists entries of the access journal, newest first.

    Filters that are given must all hold. The node tells them; what is proven is what gateway audit verify says.
    """
    given = {
        "client": client,
        "officer": officer,
        "method": method,
        "outcome": outcome,
        "resource": resource,
        "time_from": since,
        "time_before": before,
    }
    filters = asked(limit, given)
    with connect(profile) as node:
        items = first_of(node.list_journal_entries(**cast("JournalFilters", filters)), limit)
    if as_json:
        write_json({"entries": [document(each.index, each.entry) for each in items]})
    else:
        table(HEADINGS, [row(each.index, each.entry) for each in items])


def export(
    *,
    profile: NodeProfile = None,
    stored: Stored = None,
    out: NewFile,
    first: Annotated[
        int, typer.Option("--from", min=0, max=MAX_INDEX, metavar="INDEX", help="Index of the first entry.")
    ] = 0,
) -> None:
    """Writes the access journal to a file, up to a new checkpoint.

    What is written was not verified: that is done by gateway audit verify. With --from and the size of a checkpoint
    that was kept, it holds only what came since.
    """
    with answering(profile, stored) as node, used("--out"):
        written = write_pieces(out, node.export_journal(first), mode=PUBLIC_MODE)
    say(f"{out} is written: {written} bytes")
    _tell_unsigned(node)


def checkpoint(
    *,
    profile: NodeProfile = None,
    stored: Stored = None,
    out: NewFile,
) -> None:
    """Writes a new checkpoint of the access journal to a file, to be kept where the node's operators cannot reach it.

    A later export must continue it: gateway audit verify --earlier.
    """
    with answering(profile, stored) as node:
        signed = node.get_journal_checkpoint()
    write_given(out, signed.file)
    say(f"{out} is written: a checkpoint of {signed.size} entries")
    _tell_unsigned(node)


def _tell_unsigned(node: Client | Archive) -> None:
    if isinstance(node, Archive) and node.unsigned:
        say_aside(f"the newest {node.unsigned} entries are not in it: the node stopped before it had signed them")


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The export of the journal; - for standard input.")],
    *,
    root: Annotated[
        list[Path], typer.Option(metavar="CERTIFICATE", help="Node authority of the node's jurisdiction (PEM).")
    ],
    crl: CrlFiles = None,
    earlier: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A checkpoint or an export that was kept: the journal must continue it."),
    ] = None,
    entries: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Once all is proven, write each entry here as a line of JSON. Never overwritten."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Verifies an export of the access journal, offline.

    It needs nothing but the jurisdiction's root: no node, no network, no database. Any entry that was altered, taken
    out, added, moved or cut off is found. What a node itself cut off or rewrote before it signed is found against a
    checkpoint that was kept elsewhere: give it as --earlier.

    The entries are in the file as the contract encodes them: --entries gives them as gateway audit list --json does.

    Exit code 1, and the first step that failed, if it does not hold.
    """
    roots = [given_root(each) for each in root]
    with ExitStack() as opened:
        exported, *kept = [opened.enter_context(open_input(each)) for each in (file, earlier) if each]
        read = opened.enter_context(TemporaryFile())  # nobody is to read them before all is proven
        take = partial(_put, read) if entries else _pass_over
        check = JournalCheck(_lines(exported), roots, _lines(kept[0]) if kept else None, take, given_crls(crl, roots))
        steps = passed_steps(check.steps(), as_json=as_json)
        if entries:
            read.seek(0)
            with used("--entries"):
                write_pieces(entries, iter(lambda: read.read(PIECE_BYTES), b""), mode=PUBLIC_MODE)
    proven = check.proven()
    if as_json:
        write_json(_document(proven, steps, roots))
        return
    say(f"PROVEN: {_verdict(proven)}")
    if entries:
        say(f"{entries} is written: {proven.size - proven.first} entries")


def _put(into: IO[bytes], index: int, entry: JournalEntry) -> None:
    into.write(f"{json_line(document(index, entry))}\n".encode())


def _pass_over(_index: int, _entry: JournalEntry) -> None:
    pass


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: file.readline(MAX_LINE_BYTES + 1), b"")


def _verdict(proven: ProvenJournal) -> str:
    entries = f"entries {proven.first} to {proven.size - 1}" if proven.first < proven.size else "no entries"
    whole = "all of it" if proven.first == 0 else f"which had {proven.size} entries, all from {proven.first} on,"
    told = f"{entries} of the journal of {proven.node.domain}, {whole} up to {time_text(proven.signed_at)}"
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
