"""``gateway backup``, ``restore``, ``migrate``: copies of a node, and its move to another database."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from gateway.backups.making import make_backup
from gateway.backups.moving import move
from gateway.backups.restoring import Restored, restore_backup, restore_from_peers
from gateway.cli.check import end, show_outcome
from gateway.cli.findings.doctor_store import behind
from gateway.cli.findings.findings import Level, tell
from gateway.cli.given_files import used
from gateway.cli.options import HomeFolder, now
from gateway.cli.output import pairs, say
from gateway.errors import BadInput
from gateway.home.home import Home
from gateway.store.database import snapshot
from gateway.store.engines.urls import absolute
from gateway.store.reverify import Report
from gateway.store.state import read_channels
from gateway.words import envelopes


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command("backup")(backup)
    app.command("restore")(restore)
    app.command("migrate")(migrate)


def backup(
    home: HomeFolder,
    folder: Annotated[Path, typer.Argument(metavar="BACKUP", help="Folder to make.")],
    *,
    with_keys: Annotated[
        bool, typer.Option("--with-keys", help="Private keys, too: guard the backup as you guard them.")
    ] = False,
) -> None:
    """Makes a backup of a node, which may run meanwhile, and verifies all of it.

    It holds the database, with all content, and the home's other files; not the private keys, unless it is asked for.
    Where the database lacks what this home has seen of it (LOST), the backup holds what is left, and the command ends
    with 1; with 6 where nobody can tell (NOT PROVEN). Keep the backup of before then, too.
    """
    made = make_backup(Home(home), folder, now(), with_keys=with_keys)
    say(f"{folder} holds {made.manifest.domain} as of {made.manifest.made_at:%Y-%m-%d %H:%M:%S} UTC")
    _show_verified(made.report)
    keys = "also its keys" if with_keys else "not its keys: keep them elsewhere"
    say(f"It holds all content, {keys}. gateway restore makes a node of it again.")
    _show_token(Home(home), "is not in the backup: what is made of it needs that token, or a copy of it")
    end(made.report)


def restore(
    home: HomeFolder,
    folder: Annotated[
        Path | None, typer.Argument(metavar="BACKUP", help="Folder that gateway backup made.", show_default=False)
    ] = None,
    *,
    from_peers: Annotated[
        bool, typer.Option("--from-peers", help="There is no backup: the home has all but its database.")
    ] = False,
) -> None:
    """Makes a node's home whole again, and verifies it.

    Files that are in the home stay as they are. The rest of the node's logs comes back from its peers once it runs;
    until then it seals nothing for them.
    """
    node = Home(home)
    if (folder is None) is not from_peers:
        raise BadInput.of("backup", "must be a folder that gateway backup made; or --from-peers, where there is none")
    done = restore_backup(folder, node, now()) if folder else restore_from_peers(node, now())
    _show_files(done)
    _show_verified(done.report)
    _show_token(node, "is not in a backup: see that this machine reaches it, and that [pkcs11] in config.toml says how")
    _show_behind(node)
    say("Next: gateway doctor, then gateway serve. What is missing comes back from each peer as soon as it is reached;")
    say("gateway status tells when. Cursors and page tokens of before mean nothing any more: watchers begin anew.")


def migrate(
    home: HomeFolder,
    url: Annotated[str, typer.Argument(metavar="URL", help="sqlite:///FILE in the home, or postgresql://...; empty.")],
) -> None:
    """Moves a node that is stopped to another database, and verifies it there.

    The database before is left as it is, but for its owner: no node starts with it any more.
    """
    node = Home(home)
    with used("URL"):
        absolute(url, node.path)
    report = move(node, url, now())
    _show_verified(report)
    say(f"Next: set database.url in {node.config_file} to the new database; the node does not start with the old.")


def _show_behind(home: Home) -> None:
    """Warns where keys are missing that were kept for channels which a change of the seal left behind."""
    with snapshot(home.config.database.url, home.path) as connection:
        states = read_channels(connection)
    tell(each for each in behind(home, states) if each.level is Level.WARN)


def _show_token(home: Home, said: str) -> None:
    if uri := home.seals.in_force.uri():
        say(f"The Ed25519 sealing key in the token {uri.token_told()} {said}.")


def _show_files(done: Restored) -> None:
    for said, names in (("put into the home", done.added), ("there already, and kept", done.kept)):
        _show_names(said, names)


def _show_names(said: str, names: Sequence[str]) -> None:
    if names:
        say(f"{said}: {', '.join(names)}")


def _show_verified(report: Report) -> None:
    counted = [(each.origin, f"{envelopes(each.envelopes)}, {each.receipted} receipted") for each in report.channels]
    pairs([*counted, (report.journal.origin, f"{report.journal.entries} entries")], margin="  ")
    show_outcome(report)
