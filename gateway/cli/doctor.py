"""``gateway doctor``: what is wrong with a node's home and its surroundings, and what to do about it."""

from collections.abc import Callable, Iterator

import typer

from gateway.cli.failures import DOES_NOT_HOLD
from gateway.cli.findings import doctor_files, doctor_home, doctor_network, doctor_running, doctor_store
from gateway.cli.findings.findings import Finding, Level, Remedy, Subject, is_failing, sh, tell
from gateway.cli.options import AsJson, HomeFolder, now
from gateway.cli.output import write_json
from gateway.errors import GatewayError, LaterForm, WrongForm
from gateway.home.home import Home

CHECKS: tuple[tuple[str, Callable[[Subject], Iterator[Finding]], Remedy], ...] = (
    (
        "home",
        doctor_home.permissions,
        Remedy("look who owns the files", "ls -la {home}"),
    ),
    (
        "access",
        doctor_home.access,
        Remedy("correct the file; a node that runs goes on with the rules before", "$EDITOR {home}/access.toml"),
    ),
    (
        "officers",
        doctor_home.officers,
        Remedy("correct [officers], and start the node again", "$EDITOR {home}/config.toml"),
    ),
    (
        "keys",
        doctor_home.keys,
        Remedy("restore the file from the backup of the keys", "ls -l {home}/keys"),
    ),
    (
        "certificates",
        doctor_home.certificates,
        Remedy("put the right certificate in its place: docs/certificates.md", "gateway certs show {home}"),
    ),
    (
        "revocation",
        doctor_home.revocation,
        Remedy("get the list anew from its authority, or correct denied.txt", "ls -l {home}/trust {home}/peers"),
    ),
    (
        "seal",
        doctor_home.seal,
        Remedy(
            "restore keys/ from the backup that belongs to the database; trust their root again, if it was distrusted",
            "gateway certs show {home}",
        ),
    ),
    (
        "pairings",
        doctor_home.pairings,
        Remedy("ask the peer's operator for its pairing document", "gateway pair list {home}"),
    ),
    (
        "clock",
        doctor_store.clock,
        Remedy("look whether the clock is kept by NTP", "timedatectl status"),
    ),
    (
        "database",
        doctor_store.database,
        Remedy(
            "see that database.url names the right place, after gateway migrate the new one, and that its server runs;"
            " where the database is damaged or lost, docs/operations.md tells what to do",
            "$EDITOR {home}/config.toml",
        ),
    ),
    (
        "replicas",
        doctor_store.replicas,
        Remedy("once the database answers, look again", "gateway doctor {home}"),
    ),
    (
        "disk",
        doctor_store.disk,
        Remedy("look whether the file system is mounted", "df -h {home}"),
    ),
    (
        "channels",
        doctor_store.channels,
        Remedy("once the database answers, look again", "gateway doctor {home}"),
    ),
    (
        "files",
        doctor_files.files,
        Remedy("once the database answers, look again", "gateway doctor {home}"),
    ),
    (
        "listeners",
        doctor_network.listeners,
        Remedy("choose addresses of this machine and free ports", "$EDITOR {home}/config.toml"),
    ),
    (
        "metrics",
        doctor_running.metrics,
        Remedy("look into the node's log", "journalctl --since -1h"),
    ),
    (
        "peers",
        doctor_network.peers,
        Remedy("compare the pairing documents with the peer's operator", "gateway pair list {home}"),
    ),
    (
        "collector",
        doctor_network.collector,
        Remedy("correct [telemetry], and start the node again", "$EDITOR {home}/config.toml"),
    ),
)
"""After the configuration, on which all of them rest. The remedy is for what a check cannot get past."""


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("doctor")(doctor)


def doctor(home: HomeFolder, *, as_json: AsJson = False) -> None:
    """Checks a node's home and surroundings, and says what to do, and what to type first.

    It works while the node runs, too. Exit code 0: everything works, though some of it may be a WARN; 1: something is a
    FAIL.
    """
    found = list(examine(Subject(Home(home), now())))
    if as_json:
        write_json({"findings": [each.document() for each in found]})
    else:
        tell(found)
    if is_failing(found):
        raise typer.Exit(DOES_NOT_HOLD)


def examine(subject: Subject) -> Iterator[Finding]:
    """Makes every check; an error of ours within one is its finding."""
    path = subject.home.path
    try:
        node = subject.home.config.node
    except GatewayError as error:
        todo = Remedy(
            "correct config.toml, then look again: nothing else was checked", f"$EDITOR {sh(path)}/config.toml"
        )
        if not subject.home.config_file.exists():
            todo = Remedy(
                "give the home of a node; where it is lost, gateway restore makes it again", f"ls -la {sh(path)}"
            )
        yield Finding(Level.FAIL, "configuration", error.message, todo)
        return
    yield Finding(Level.OK, "configuration", f"{node.jurisdiction} {node.domain}")
    for name, check, remedy in CHECKS:
        try:
            yield from check(subject)
        except (GatewayError, OSError) as error:
            last_resort = Remedy(remedy.todo, remedy.command.format(home=sh(path)))
            known: dict[type[Exception], Remedy] = {
                WrongForm: doctor_store.upgrade(path),
                LaterForm: doctor_store.LATER,
            }
            yield Finding(Level.FAIL, name, str(error), known.get(type(error), last_resort))
