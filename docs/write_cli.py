#!/usr/bin/env python3
"""Writes the reference of the command line from the commands themselves.

``python docs/write_cli.py`` prints the help of every command. ``--check FILE`` fails if the marked block of a Markdown
file is out of step, ``--write FILE`` puts it in step. The block stands between ``<!-- commands -->`` and
``<!-- end of commands -->``.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from gateway.cli import app as application

WIDTH = 100  # characters

_BLOCK = re.compile(r"(<!-- commands -->\n)(.*?)(<!-- end of commands -->)", re.DOTALL)


def reference() -> str:
    """Gives a section a command, in the order of ``gateway --help``."""
    root = get_command(application.app)
    return "\n".join(_sections(root, typer.Context(root, info_name="gateway", terminal_width=WIDTH)))


def in_step(text: str) -> str:
    """Gives the text with its block as the commands are now.

    Raises:
        ValueError: it has not exactly one block.
    """
    if len(_BLOCK.findall(text)) != 1:
        raise ValueError("there must be one block between <!-- commands --> and <!-- end of commands -->")
    return _BLOCK.sub(lambda match: match[1] + reference() + match[3], text)


def _sections(command: Any, context: typer.Context) -> Iterator[str]:
    text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    yield f"### `{context.command_path}`\n\n```text\n{text}\n```\n"
    for name in command.list_commands(context) if isinstance(command, TyperGroup) else ():
        each = command.get_command(context, name)
        yield from _sections(each, typer.Context(each, info_name=name, parent=context, terminal_width=WIDTH))


def main(arguments: list[str]) -> int:
    """Prints, checks or writes; 1 if a checked file is out of step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--check", type=Path, metavar="FILE", help="fail if FILE is out of step")
    choice.add_argument("--write", type=Path, metavar="FILE", help="put FILE in step")
    options = parser.parse_args(arguments)
    if options.write:
        options.write.write_text(in_step(options.write.read_text()))
    elif options.check:
        text = options.check.read_text()
        if in_step(text) != text:
            sys.stderr.write(f"{options.check} is out of step: python docs/write_cli.py --write {options.check}\n")
            return 1
    else:
        sys.stdout.write(reference())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
