"""``gateway doctor``: what is wrong with a node's home and its surroundings, and what to do about it."""

from collections.abc import Callable, Iterator

import typer

from gateway.cli import doctor_home, doctor_network
from gateway.cli.doctor_findings import Finding, Level, Subject
from gateway.cli.failures import DOES_NOT_HOLD
from gateway.cli.options import AsJson, HomeFolder, now
from gateway.cli.output import say, write_json
from gateway.errors import GatewayError
from gateway.home import Home

CHECKS: tuple[tuple[str, Callable[[Subject], Iterator[Finding]]], ...] = (
    ("access", doctor_home.access),
    ("officers", doctor_home.officers),
    ("keys", doctor_home.keys),
    ("certificates", doctor_home.certificates),
    ("revocation", doctor_home.revocation),
    ("seal", doctor_home.seal),
    ("pairings", doctor_home.pairings),
    ("clock", doctor_home.clock),
    ("database", doctor_home.database),
    ("listeners", doctor_network.listeners),
    ("peers", doctor_network.peers),
    ("collector", doctor_network.collector),
)
"""After the configuration, on which all of them rest."""


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("doctor")(doctor)


def doctor(home: HomeFolder, *, as_json: AsJson = False) -> None:
    """Checks a node's home and surroundings, and says what to do.

    It works while the node runs, too. Exit code 1 if anything is a FAIL.
    """
    found = list(examine(Subject(Home(home), now())))
    if as_json:
        write_json({"findings": [each.document() for each in found]})
    else:
        for each in found:
            _tell(each)
    if any(each.level is Level.FAIL for each in found):
        raise typer.Exit(DOES_NOT_HOLD)


def examine(subject: Subject) -> Iterator[Finding]:
    """Makes every check; an error of ours within one is its finding."""
    try:
        node = subject.home.config.node
    except GatewayError as error:
        yield Finding(Level.FAIL, "configuration", error.message, "correct config.toml; nothing else was checked")
        return
    yield Finding(Level.OK, "configuration", f"{node.jurisdiction} {node.domain}")
    for name, check in CHECKS:
        try:
            yield from check(subject)
        except GatewayError as error:
            yield Finding(Level.FAIL, name, error.message)


def _tell(finding: Finding) -> None:
    first, *more = finding.said.split("\n")
    say(f"{finding.level:4}  {finding.about:14}  {first}")
    for line in more:
        say(f"{'':22}{line}")
    if finding.todo:
        say(f"{'':22}-> {finding.todo}")
