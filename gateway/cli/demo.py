"""``gateway demo``: both nodes, real notices, evidence."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.output import console
from gateway.demo.running import run


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("demo")(demo)


def demo(
    *,
    home: Annotated[Path, typer.Option("--home", help="Folder in which everything is made anew.")] = Path("demo-home"),
    once: Annotated[bool, typer.Option("--once", help="End when all is delivered and verified.")] = False,
) -> None:
    """Runs two nodes here that exchange real notices."""
    run(home, console(), once=once)
