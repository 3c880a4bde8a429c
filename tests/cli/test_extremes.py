"""Whatever an option or argument is given, a command tells how it ends; only a defect would show a traceback."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from grpc import StatusCode
from regulator.exchange import Client, Unavailable
from typer.core import TyperArgument, TyperGroup

from gateway.cli.failures import NOT_REACHED, USED_WRONGLY
from tests.cli.sites import profile_of_nobody
from tests.cli.test_reference import COMMANDS
from tests.cli.transcripts import run

# What no number, moment, file, name or text should be: the shell's bytes that are no text, too.
EXTREMES = ("", "\udcff", str(2**64), "0001-01-01T00:00:00+14:00")
CALLING = {
    path: command
    for path, command in COMMANDS.items()
    if not isinstance(command, TyperGroup) and any(each.name == "profile" for each in command.params)
}
WORDS = {"outcome": "complete"}  # what is asked for, and no text
# Those that need a file, another word of a list, or a folder, and so never come to their call here.
NOT_CALLING = {
    *("status", "certs issue", "certs status", "notice create", "attachment upload", "framework publish"),
    *("framework assess", "draft create", "draft list", "sharing request", "sharing mark", "assistance answer"),
}


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return profile_of_nobody(tmp_path_factory.mktemp("client"))


def arguments(command: Any, profile: Path, wrong: Any, given: str) -> Iterator[str]:
    """What a command asks for, and one parameter as it should not be."""
    for each in command.params:
        right = str(profile) if each.name == "profile" else WORDS.get(each.name, "en=x")
        value = given if each is wrong else right
        if isinstance(each, TyperArgument):
            yield value
        elif each is wrong or each.required or each.name == "profile":
            yield f"{each.opts[0]}={value}"


def given(path: tuple[str, ...], parameter: Any, value: str) -> Iterator[str]:
    """A command with one parameter alone, but for the arguments that stand before it."""
    if isinstance(parameter, TyperArgument):
        before = [each for each in COMMANDS[path].params if isinstance(each, TyperArgument)]
        yield from ["x"] * before.index(parameter)
    else:
        yield parameter.opts[0]
    yield value


TAKING = [
    pytest.param(path, each, id=" ".join([*path, each.name]))
    for path, command in COMMANDS.items()
    for each in command.params
    if not getattr(each, "is_flag", False)
]


@pytest.mark.parametrize(("path", "parameter"), TAKING)
def test_the_empty_word_of_a_variable_that_is_not_set_is_refused_wherever_a_word_can_be_given(path, parameter):
    ran = run(*path, *given(path, parameter, ""))
    assert (ran.code, ran.out) == (USED_WRONGLY, "")
    assert f"Invalid value for {parameter.get_error_hint()}: must not be empty" in ran.err


def test_one_empty_word_among_others_is_refused_too():
    assert "'--to': must not be empty" in run("draft", "create", "-", "--to", "KR", "--to", " ").err
    assert "'FILE': must not be empty" in run("attachment", "upload", "a", "").err


@pytest.mark.parametrize("command", ["notice create", "framework publish", "draft create"])
def test_a_file_that_is_nested_beyond_all_use_is_refused(command, profile):
    ran = run(*command.split(), "-", "--profile", profile, given=b"[" * 100_000)
    assert (ran.code, "must not be nested so deeply" in ran.err) == (USED_WRONGLY, True), ran.text()


@pytest.mark.parametrize("path", CALLING, ids=" ".join)
def test_no_value_of_a_parameter_makes_a_command_that_calls_a_node_break(path, profile, tmp_path, monkeypatch):
    def unanswered(*_: Any, **__: Any) -> None:
        raise Unavailable("nobody is there", StatusCode.UNAVAILABLE)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Client, "_attempts", unanswered)
    monkeypatch.setattr(Client, "_watch", unanswered)
    command = CALLING[path]
    codes = set[int]()
    for parameter in command.params:
        if getattr(parameter, "is_flag", False):
            continue
        for extreme in EXTREMES:
            ran = run(*path, *arguments(command, profile, parameter, extreme))
            assert ran.code in range(2, 6), (parameter.name, extreme, ran)
            codes.add(ran.code)
    assert NOT_REACHED in codes or " ".join(path) in NOT_CALLING


def test_a_word_that_is_none_of_an_option_is_told_in_our_words_alone():
    ran = run("evidence", "export", "hk-1", "--act", "ack", "--profile", "none.toml")
    assert (ran.code, ran.out) == (2, "")
    assert "Error: Invalid value for '--act': 'ack' is not one of 'release', 'acknowledgement'" in ran.err
