"""``gateway fork``: how a channel that halted as forked goes on, once both operators agree (docs/operations.md)."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.given_files import new_folder, used, write_given
from gateway.cli.groups import Commands
from gateway.cli.options import HomeFolder, now, read_input, require_somebody
from gateway.cli.output import pairs, say, say_aside
from gateway.errors import AlreadyExists
from gateway.home.home import Home
from gateway.home.settlement import give_up as settle
from gateway.home.settlement import keep_here
from gateway.ledger.checkpoint import Checkpoint
from gateway.ledger.note import Note
from gateway.ledger.settlement import Settlement
from gateway.words import envelopes


def add_to(app: typer.Typer) -> None:
    """Adds the group."""
    group = Commands(no_args_is_help=True, help="Let a channel that halted as forked go on, once both sides agree.")
    group.command("keep")(keep)
    group.command("give-up")(give_up)
    app.add_typer(group, name="fork")


def keep(
    home: HomeFolder,
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="Name of a channel to here, such as hk-to-kr.")],
    *,
    out: Annotated[Path, typer.Option(help="File to write, for the sender's operator.")],
    proof: Annotated[
        Path | None, typer.Option(help="The sender's proof of the fork, where this node did not find it itself.")
    ] = None,
) -> None:
    """Keeps what this node received, opens the channel again, and writes what the sender's operator needs.

    The node must be stopped. Its log stays as it is. As long as the sender has not given up its other history, the
    channel halts again, and nothing is lost.
    """
    if out.exists():
        raise AlreadyExists(f"{out} exists and is not overwritten")
    new_folder(out.parent, "--out")
    settlement = keep_here(Home(home), channel, read_input(proof) if proof else None, now())
    write_given(out, settlement.encode())
    _show(settlement)
    say(f"{out} is written, and {channel} is open again. Send the file to the sender's operator, and read its")
    say("fingerprint aloud by another way. Then start the node: gateway serve.")
    say_aside(f"fingerprint {settlement.fingerprint()}")


def give_up(
    home: HomeFolder,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What gateway fork keep wrote; - for standard input.")],
    *,
    fingerprint: Annotated[str | None, typer.Option(help="As the receiver's operator read it aloud.")] = None,
) -> None:
    """Gives up what this node sealed beside the history that its peer holds, and lets the channel go on from there.

    The node must be stopped. What is given up is written to a file in the home first, with all its content, and the
    proof of the fork stays. Once the node runs, its peer hands back the rest of the history that goes on. What was
    given up has to be given again by those who gave it: the file tells what it was.
    """
    data = read_input(file)
    with used("FILE"):
        settlement = Settlement.parse(data)
    if fingerprint is None:
        _ask(settlement)
    given = settle(Home(home), data, fingerprint or settlement.fingerprint(), now())
    done = given.done
    if given.kept is None:
        say(f"Nothing is given up: the log of {done.state.name} here is the history that goes on.")
    else:
        say(f"Given up of {done.state.name}: {envelopes(done.count)}, from index {done.first} on.")
        say(f"They are kept in {given.kept}, with all content: guard it as you guard the node.")
        if done.drafts:
            say(f"Drafts that became one of them, and have expired: {done.drafts}.")
    say("Next: gateway serve. gateway status tells when the channel is open again. Cursors and page tokens of before")
    say("mean nothing any more: watchers begin anew.")


def _ask(settlement: Settlement) -> None:
    """Shows what would go on and what would not, and asks whether its fingerprint was compared."""
    require_somebody("--fingerprint")
    _show(settlement)
    pairs([("fingerprint", settlement.fingerprint())])
    typer.confirm("Does the peer's operator read exactly this fingerprint?", abort=True)


def _show(settlement: Settlement) -> None:
    heads = (Checkpoint.parse(Note.parse(note).text) for note in (settlement.goes_on, settlement.given_up))
    goes_on, given_up = (f"{envelopes(head.size)}, root {head.root.hex()}" for head in heads)
    origin = Checkpoint.parse(Note.parse(settlement.goes_on).text).origin
    pairs([("channel", origin), ("goes on", goes_on), ("given up", given_up)])
