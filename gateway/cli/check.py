"""``gateway check`` and ``gateway rebuild``: verifies a node's store, and rebuilds what follows from its logs."""

import dataclasses
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.failures import DOES_NOT_HOLD
from gateway.home import Home
from gateway.store.database import Database, snapshot
from gateway.store.rebuild import rebuild
from gateway.store.reverify import Report, verify_store

HomePath = Annotated[Path, typer.Argument(help="The node's home, made by gateway init.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command("check")(check)
    app.command("rebuild")(rebuild_notices)


def check(
    home: HomePath, *, as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False
) -> None:
    """Verifies every envelope, root, signature, receipt and projection in a node's database.

    It reads one snapshot, so it works beside a node that runs. Ends with 0 if everything verifies, and with 1 if not.
    """
    node = Home(home)
    parties = node.parties(node.peer_documents(), datetime.now(UTC))
    with snapshot(node.config.database.url, node.path) as connection:
        report = verify_store(connection, parties)
    typer.echo(json.dumps(dataclasses.asdict(report), indent=2) if as_json else _text(report))
    if report.findings:
        raise typer.Exit(DOES_NOT_HOLD)


def rebuild_notices(home: HomePath) -> None:
    """Rebuilds the tables of notices from the logs, while the node is stopped. Then run gateway check."""
    node = Home(home)
    database = Database(node.config.database.url, node.path)
    try:
        database.check_revision()
        rebuilt = rebuild(database, time.time_ns() // 1000)
    finally:
        database.close()
    typer.echo(f"rebuilt {rebuilt.notices} notices, and told {rebuilt.events} events that were owed")


def _text(report: Report) -> str:
    lines = []
    for each in report.channels:
        lines += [
            each.origin,
            f"  {each.envelopes} envelopes: every hash, subtree and root",
            f"  {each.heads} signed heads, {each.receipts} of them receipts: every signature",
            f"  {each.receipted} envelopes receipted",
        ]
    lines += [f"{table}: {count} rows, recomputed from the envelopes" for table, count in report.rows.items()]
    lines += [f"WRONG  {finding}" for finding in report.findings]
    if report.left_out:
        lines.append(f"WRONG  and {report.left_out} more")
    lines.append(f"{len(report.findings) + report.left_out} findings" if report.findings else "everything verifies")
    return "\n".join(lines)
