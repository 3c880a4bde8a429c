"""The application: its groups, its exit codes, and how errors are told.

Exit codes:
    0  done
    1  what was asked for does not hold: evidence, a check, a FAIL of doctor or status
    2  the command was used wrongly: its options, a file or folder it was given, the client's profile
    3  the node refused; the message ends with the reason, which is stable for programs
    4  the node was not reached, is too busy, or did not answer in time
    5  the node's home, or its database, does not fit; or what it writes cannot be written
    6  of a check: all that could be checked holds, and something could not be
    130  Ctrl-C; what was asked of a node may be done all the same
    141  who read the output through a pipe went away
"""

import sys
from importlib import import_module
from importlib.metadata import version
from platform import python_version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from gateway.cli.failures import INTERRUPTED, READER_GONE, USED_WRONGLY, told, told_of_interrupt
from gateway.cli.groups import Commands
from gateway.cli.output import fill_closed_places, open_output, say, say_aside
from gateway.logs import keep_apart

# Each command or group, in the order of the help, and the module that makes it.
MODULES = {
    "init": "init",
    "serve": "serve",
    "demo": "demo",
    "status": "status",
    "doctor": "doctor",
    "check": "check",
    "rebuild": "check",
    "upgrade": "check",
    "backup": "backup",
    "restore": "backup",
    "migrate": "backup",
    "certs": "certs",
    "client": "init",
    "pair": "pair",
    "fork": "fork",
    "notice": "notices",
    "attachment": "attachments",
    "framework": "frameworks",
    "draft": "drafts",
    "sharing": "sharing",
    "assistance": "assistance",
    "evidence": "evidence",
    "audit": "audit",
}


class Root(TyperGroup):
    """Imports the module of a command when the command is asked for: a back office's needs none of the node."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - click gives it
        """Gives all names, and imports nothing."""
        return list(MODULES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Gives a command; None if there is none of the name."""
        if cmd_name in MODULES and cmd_name not in self.commands:
            part = Commands(rich_markup_mode=None)
            import_module(f"gateway.cli.{MODULES[cmd_name]}").add_to(part)
            self.commands.update(get_group(part).commands)
        return super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Finds the command that is asked for; of a name that is none, all are looked at for one that is like it."""
        if args and args[0] not in MODULES:
            for name in MODULES:
                self.get_command(ctx, name)
        return super().resolve_command(ctx, args)


app = typer.Typer(
    name="gateway",
    cls=Root,
    epilog=(
        "Exit codes: 0 done; 1 it does not hold; 2 used wrongly; 3 the node refused; 4 not reached; 5 bad home; "
        "6 not all could be checked."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _tell_version(asked: bool) -> None:
    if asked:
        say(f"gateway {version('regulatory-gateway')}, Python {python_version()}")
        raise typer.Exit


@app.callback()
def gateway(
    *,
    tells_version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Tell which version this is.")
    ] = False,
) -> None:
    """The node through which financial regulators exchange notices they can prove."""


def main() -> None:
    """Runs the command line."""
    fill_closed_places()
    keep_apart()
    if not open_output():
        say_aside("gateway: standard output is closed: give it a file, a pipe or /dev/null")
        sys.exit(USED_WRONGLY)
    try:
        app(prog_name="gateway")  # however it was started
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):  # which typer tells with 1, as what does not hold
            sys.exit(READER_GONE)
        if ended.code == INTERRUPTED:
            say_aside(f"gateway: {told_of_interrupt(ended)}")
        raise
    except Exception as error:
        failure = told(error)
        if failure is None:
            raise
        say_aside(f"gateway: {failure.message}")
        sys.exit(failure.exit_code)
