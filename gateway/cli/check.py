"""``gateway check``, ``rebuild``, ``upgrade``: verifies a store, rebuilds projections, brings it to this version."""

import dataclasses

import typer

from gateway.backups.upgrading import upgrade_database
from gateway.cli.failures import DOES_NOT_HOLD, NOT_ALL_CHECKED
from gateway.cli.options import AsJson, HomeFolder, now
from gateway.cli.output import pairs, say, write_json
from gateway.home.home import Home
from gateway.moments import micros_at
from gateway.store.database import snapshot, stopped
from gateway.store.recovery.high_water import mark_or_fault
from gateway.store.recovery.rebuild import rebuild
from gateway.store.reverify import Report, Seen, verify_store
from gateway.words import envelopes, so_many


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command("check")(check)
    app.command("rebuild")(rebuild_notices)
    app.command("upgrade")(upgrade)


def check(home: HomeFolder, *, as_json: AsJson = False) -> None:
    """Verifies every envelope, root, signature, receipt and projection in a node's database.

    It reads one snapshot, so it works beside a node that runs, and needs no key. Ends with 0 if everything verifies,
    with 1 if something does not, or if the database lacks what this home has seen of it (LOST), and with 6 if something
    alone could not be checked (NOT PROVEN): the newest entries of the access journal, which the seal has not signed
    yet, as its token is away, its certificates are not valid, or this home lacks it; or whether the database was put
    back, as high-water.json cannot be read.
    """
    node = Home(home)
    parties = node.parties(now())
    mark, fault = mark_or_fault(node.high_water)  # before the database, which only grows
    with snapshot(node.config.database.url, node.path) as connection:
        report = verify_store(connection, parties, Seen(mark.version, mark.logs, fault))
    if as_json:
        write_json(dataclasses.asdict(report))
    else:
        _show(report)
    end(report)


def end(report: Report) -> None:
    """Ends the command with another code than 0, if not everything verifies."""
    if report.findings or report.lost:
        raise typer.Exit(DOES_NOT_HOLD)
    if report.unproven:
        raise typer.Exit(NOT_ALL_CHECKED)


def rebuild_notices(home: HomeFolder) -> None:
    """Rebuilds what follows from the logs, while the node is stopped. Then run gateway check."""
    node = Home(home)
    with stopped(node.config.database.url, node.path) as database:
        rebuilt = rebuild(database, micros_at(now()))
    say(f"rebuilt {so_many(rebuilt.notices, 'notice')}, and told {so_many(rebuilt.events, 'event')} that were owed")


def upgrade(home: HomeFolder) -> None:
    """Brings a node's database to this version's form.

    While the node is stopped, after a newer version was installed. It does nothing where there is nothing to do.
    """
    node = Home(home)
    upgrade_database(node, now())
    say(f"the database of {node.config.node.domain} has the form of this version")


def _show(report: Report) -> None:
    for each in report.channels:
        say(each.origin)
        counted = [
            ("envelopes", f"{each.envelopes}: every hash, stored subtree and root"),
            ("signed heads", f"{each.heads}: every signature"),
            ("destroyed", f"{each.destroyed} of the envelopes: hashes, and what is left, as certified"),
            ("receipts", f"{each.receipts} of these, for {envelopes(each.receipted)}"),
        ]
        pairs(counted, margin="  ")
    say(report.journal.origin)
    pairs([("entries", f"{report.journal.entries}: every hash, stored subtree and root")], margin="  ")
    pairs([("signed", f"{report.journal.signed} of these")], margin="  ")
    say("recomputed from the envelopes")
    pairs([(table, str(count)) for table, count in report.rows.items()], margin="  ")
    for place in report.unused:
        say(f"UNUSED  {place} replies to what was not there when it came, or in a way that counts for nothing")
    for finding in report.findings:
        say(f"WRONG  {finding}")
    if report.left_out:
        say(f"WRONG  {report.left_out} more like these")
    show_outcome(report)


def show_outcome(report: Report) -> None:
    """Shows what is lost and what could not be checked, and sums up."""
    for lost in report.lost:
        say(f"LOST  {lost}")
    for unproven in report.unproven:
        say(f"NOT PROVEN  {unproven}")
    wrong = len(report.findings) + report.left_out
    rest = "everything else verifies" if report.unproven else "everything verifies"
    if report.lost:
        rest = "what is left verifies; the database was put back to an earlier copy, or has lost commits"
    say(f"{'1 thing does' if wrong == 1 else f'{wrong} things do'} not fit" if wrong else rest)
