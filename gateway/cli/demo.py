"""``gateway demo``: both nodes, real notices, evidence."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.output import console
from gateway.demo.running import run
from gateway.demo.sites import FIRST_GIVEN_PORT, FIRST_PORT


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("demo")(demo)


def demo(
    *,
    home: Annotated[Path, typer.Option("--home", help="Folder in which everything is made anew.")] = Path("demo-home"),
    once: Annotated[bool, typer.Option("--once", help="End when all is delivered and verified.")] = False,
    port: Annotated[
        int,
        typer.Option(
            "--port",
            min=1024,
            max=FIRST_GIVEN_PORT - 1,
            help="First port; the others are 1, 100 and 101 above it. Where one is taken, 1000 more, or 2000 ...",
        ),
    ] = FIRST_PORT,
) -> None:
    """Runs two nodes here that exchange real notices."""
    run(home, console(), once=once, first_port=port)
