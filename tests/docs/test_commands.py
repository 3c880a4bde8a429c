"""Every command that a page shows is one: its name, its options, its arguments, and what it must be given."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.exceptions import TyperException

from tests.cli.test_reference import COMMANDS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINES = [
    pytest.param(line, id=f"{page.name}: {line}")
    for page in PAGES
    for block in re.findall(r"^```console\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    for line in re.findall(r"^\$ (?:\.venv/bin/)?gateway (.*)$", block, re.MULTILINE)
]
FROM_THE_ENVIRONMENT = {"profile"}


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """The command that a line names, and what it gives it."""
    path: tuple[str, ...] = ()
    while isinstance(COMMANDS[path], TyperGroup):
        path, words = (*path, words[0]), words[1:]
    return COMMANDS[path], words


def check(line: str) -> None:
    command, words = command_of(shlex.split(line, comments=True))
    given, rest, _ = command.make_parser(command.context_class(command, info_name="gateway")).parse_args(words)
    assert not rest, "more arguments than it takes"
    missing = [each.name for each in command.params if each.required and not given.get(each.name)]
    assert set(missing) <= FROM_THE_ENVIRONMENT


@pytest.mark.parametrize("line", LINES)
def test_a_command_that_a_page_shows_is_one(line):
    check(line)


def test_pages_show_commands():
    assert len(LINES) > 50


@pytest.mark.parametrize(
    "line", ["notice lost", "notice list --nothing", "notice list hk-1", "notice show", "draft approve hk-1", "lost"]
)
def test_what_is_no_command_is_seen(line):
    with pytest.raises((AssertionError, KeyError, TyperException)):
        check(line)
