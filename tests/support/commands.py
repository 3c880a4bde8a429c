"""Which commands there are, for tests of what tells people to type them."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from typer.core import TyperGroup
from typer.main import get_command

from gateway.cli import app as application


@cache
def all_commands() -> Sequence[tuple[str, ...]]:
    """The words of each command, without ``gateway`` and without groups alone."""
    return tuple(_below(get_command(application.app), ()))


def _below(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(command, TyperGroup):
        for name in command.list_commands(None):  # type: ignore[arg-type]
            yield from _below(command.get_command(None, name), (*path, name))  # type: ignore[arg-type]
    else:
        yield path


def named_in(text: str) -> list[str]:
    """What a text tells to type that begins with ``gateway``: its words up to an argument or option."""
    return [each.strip() for each in re.findall(r"\bgateway ((?:[a-z]+(?:-[a-z]+)*\b ?)+)", text)]


def unknown_in(text: str) -> list[str]:
    """Those of them that are no command. A command may be followed by words: the longest one counts."""
    known = {" ".join(each) for each in all_commands()}
    return [each for each in named_in(text) if not any(f"{each} ".startswith(f"{command} ") for command in known)]
