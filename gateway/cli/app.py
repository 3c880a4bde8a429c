"""The application: its groups, its exit codes, and how errors are told.

Exit codes: 0 done; 1 what was asked for does not hold (evidence, a check); 2 the command was used wrongly;
3 the node refused; 4 the node cannot be reached or did not answer in time; 5 the node's home or store does not fit.
"""

import sys

import typer

from gateway.cli import demo, serve
from gateway.cli.failures import told

app = typer.Typer(
    name="gateway",
    help="The node through which financial regulators exchange notices they can prove.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
serve.add_to(app)
demo.add_to(app)


def main() -> None:
    """Runs the command line."""
    try:
        app()
    except Exception as error:
        failure = told(error)
        if failure is None:
            raise
        print(f"gateway: {failure.message}", file=sys.stderr)  # noqa: T201 - this is a command line
        sys.exit(failure.exit_code)
