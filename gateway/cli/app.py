"""The application: its groups, its exit codes, and how errors are told.

Exit codes:
    0  done
    1  what was asked for does not hold: evidence, a check, a channel that is halted or not connected
    2  the command was used wrongly: its options, a file it was given, the client's profile
    3  the node refused; the message ends with the reason, which is stable for programs
    4  the node was not reached, is too busy, or did not answer in time
    5  the node's home, or its database, does not fit
"""

import sys

import typer

from gateway.cli import (
    audit,
    backup,
    certs,
    check,
    demo,
    doctor,
    drafts,
    evidence,
    frameworks,
    init,
    notices,
    pair,
    serve,
    status,
)
from gateway.cli.failures import told
from gateway.cli.output import say_aside

app = typer.Typer(
    name="gateway",
    help="The node through which financial regulators exchange notices they can prove.",
    epilog="Exit codes: 0 done; 1 it does not hold; 2 used wrongly; 3 the node refused; 4 not reached; 5 bad home.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for group in (
    certs,
    init,
    pair,
    serve,
    demo,
    status,
    doctor,
    check,
    backup,
    notices,
    frameworks,
    drafts,
    evidence,
    audit,
):
    group.add_to(app)


def main() -> None:
    """Runs the command line."""
    try:
        app(prog_name="gateway")  # however it was started
    except Exception as error:
        failure = told(error)
        if failure is None:
            raise
        say_aside(f"gateway: {failure.message}")
        sys.exit(failure.exit_code)
