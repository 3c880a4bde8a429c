"""Every command that a page shows is one: its name, its options, its arguments, and what it must be given.

What stands in a line of text is part of a command, as ``gateway certs`` or ``gateway evidence fork --number N`` is:
of that the names and the options must be there.
"""

import re
import shlex
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.exceptions import TyperException

from tests.cli.test_reference import COMMANDS
from tests.docs.pages import PAGES, ROOT

CONSOLE = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)
TYPED = re.compile(r"^\$ (?:\.venv/bin/)?gateway (.*)$", re.MULTILINE)
SHOWN = re.compile(r"^    gateway (.+?)(?:  .*)?$", re.MULTILINE)  # what it is for stands behind, after two spaces
SPOKEN = re.compile(r"`(?:\.venv/bin/)?gateway ([^`]+)`")
LEFT_OUT = "..."
FROM_THE_ENVIRONMENT = {"profile"}


def typed(text: str) -> Iterator[str]:
    """The commands of a page that are whole."""
    for block in CONSOLE.findall(text):
        yield from TYPED.findall(block)
    yield from (line for line in SHOWN.findall(text) if LEFT_OUT not in line.split())


def spoken(text: str) -> Iterator[str]:
    """Those of which some is left out, or may be."""
    yield from (line for line in SHOWN.findall(text) if LEFT_OUT in line.split())
    yield from SPOKEN.findall(" ".join(text.split()))


def of_pages(found: Any) -> Iterator[Any]:
    for page in PAGES:
        lines = dict.fromkeys(found(page.read_text()))
        yield from (pytest.param(line, id=f"{page.relative_to(ROOT)}: {line}") for line in lines)


WHOLE, PARTS = list(of_pages(typed)), list(of_pages(spoken))


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """The command, or the group of them, that a line names, and what it gives it."""
    path: tuple[str, ...] = ()
    while words and isinstance(COMMANDS[path], TyperGroup) and not words[0].startswith("-"):
        path, words = (*path, words[0]), words[1:]
    return COMMANDS[path], words


def check(line: str) -> None:
    command, words = command_of(shlex.split(line, comments=True))
    assert not isinstance(command, TyperGroup), "a group of commands"
    given, rest, _ = command.make_parser(command.context_class(command, info_name="gateway")).parse_args(words)
    assert not rest, "more arguments than it takes"
    missing = [each.name for each in command.params if each.required and not given.get(each.name)]
    assert set(missing) <= FROM_THE_ENVIRONMENT


def check_names(line: str) -> None:
    command, words = command_of(shlex.split(line))
    assert words == [*options(words)] or not isinstance(command, TyperGroup)
    assert {*options(words)} <= {name for each in command.params for name in each.opts} | {"--help"}


def options(words: Iterable[str]) -> Iterator[str]:
    return (word for word in words if word.startswith("-") and word != "-")


@pytest.mark.parametrize("line", WHOLE)
def test_a_command_that_a_page_shows_is_one(line):
    check(line)


@pytest.mark.parametrize("line", PARTS)
def test_what_a_page_says_of_a_command_is_so(line):
    check_names(line)


def test_pages_show_commands():
    assert len(WHOLE) > 70
    assert len(PARTS) > 150


@pytest.mark.parametrize(
    "line", ["notice lost", "notice list --nothing", "notice list hk-1", "notice show", "draft approve hk-1", "lost"]
)
def test_what_is_no_command_is_seen(line):
    with pytest.raises((AssertionError, KeyError, TyperException)):
        check(line)


@pytest.mark.parametrize("line", ["notice lost", "notice list --nothing", "lost", "certs --lost", "certs HOME"])
def test_what_is_no_part_of_one_is_seen(line):
    with pytest.raises((AssertionError, KeyError)):
        check_names(line)
