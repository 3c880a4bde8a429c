"""Writes the reference of the command line (``docs/cli.md``) from the commands themselves."""

from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from docs.blocks import in_step, run
from gateway.cli import app as application

WIDTH = 100  # characters


def reference() -> str:
    """Gives a section a command, in the order of ``gateway --help``."""
    root = get_command(application.app)
    return "\n".join(_sections(root, typer.Context(root, info_name="gateway", terminal_width=WIDTH)))


def _sections(command: Any, context: typer.Context) -> Iterator[str]:
    text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    yield f"### `{context.command_path}`\n\n```text\n{text}\n```\n"
    for name in command.list_commands(context) if isinstance(command, TyperGroup) else ():
        each = command.get_command(context, name)
        yield from _sections(each, typer.Context(each, info_name=name, parent=context, terminal_width=WIDTH))


if __name__ == "__main__":
    run("write_cli", lambda text: in_step(text, {"commands": reference()}))
