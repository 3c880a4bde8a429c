"""Runs the real command line in this process, and compares it with readable transcripts.

A transcript is a text file::

    # a remark
    $ gateway notice show hk-none --profile {hkma}
    ! gateway: the node refused: there is no notice hk-none (NOT_FOUND)
    [exit 3]

``{name}`` stands for a value that the test gives. In what is expected, ``<...>`` is anything within a line, and a line
of three dots any number of lines; ``! `` begins a line of standard error. ``$? `` instead of ``$ `` repeats the command
until its output is the expected one. ``< {file}`` at the end of a command is its standard input.
"""

import io
import re
import shlex
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from gateway.cli import main

PATIENCE_SECONDS = 60
TRANSCRIPTS = Path(__file__).parent / "transcripts"


@dataclass(frozen=True)
class Ran:
    """What a command wrote, and how it ended."""

    code: int
    out: str
    err: str

    def text(self) -> str:
        """As it stands in a transcript."""
        lines = [*self.out.splitlines(), *(f"! {line}" for line in self.err.splitlines())]
        lines += [f"[exit {self.code}]"] if self.code else []
        return "\n".join(line.rstrip() for line in lines)


def run(*arguments: str | Path, given: bytes = b"") -> Ran:
    """Runs ``gateway`` with arguments and standard input."""
    out, err = io.BytesIO(), io.BytesIO()
    streams = {
        "stdin": io.TextIOWrapper(io.BytesIO(given), "utf-8"),
        "stdout": io.TextIOWrapper(out, "utf-8", write_through=True),
        "stderr": io.TextIOWrapper(err, "utf-8", errors="backslashreplace", write_through=True),
    }
    with mock.patch.multiple(sys, argv=["gateway", *map(str, arguments)], **streams):
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        return Ran(code, out.getvalue().decode(), err.getvalue().decode())


@dataclass(frozen=True)
class Exchange:
    """A command of a transcript and the output that is expected."""

    line: int
    command: str
    repeat: bool
    expected: str


def play(name: str, values: Mapping[str, object]) -> None:
    """Runs a transcript; fails at the first command that writes something else."""
    path = TRANSCRIPTS / f"{name}.txt"
    for exchange in _exchanges(path.read_text()):
        deadline = time.monotonic() + (PATIENCE_SECONDS if exchange.repeat else 0)
        pattern = _pattern(_filled(exchange.expected, values))
        while True:
            ran = _run_line(_filled(exchange.command, values))
            if re.fullmatch(pattern, ran.text()):
                break
            where = f"{path.name}, line {exchange.line}: $ {exchange.command}"
            assert time.monotonic() < deadline, f"{where}\n{ran.text()}\n\nexpected\n{exchange.expected}"
            time.sleep(0.05)


def _run_line(command: str) -> Ran:
    program, *arguments = shlex.split(command)
    assert program == "gateway", command
    given = b""
    if "<" in arguments:
        given = Path(arguments[-1]).read_bytes()
        arguments = arguments[: arguments.index("<")]
    return run(*arguments, given=given)


def _exchanges(text: str) -> Iterator[Exchange]:
    blocks: list[tuple[int, str, list[str]]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(("$ ", "$? ")):
            blocks.append((number, line, []))
        elif blocks and not line.startswith("#"):
            blocks[-1][2].append(line)
    assert blocks, "a transcript has commands"
    for number, line, expected in blocks:
        marker, _, command = line.partition(" ")
        yield Exchange(number, command, marker == "$?", "\n".join(_trimmed(expected)))


def _trimmed(lines: Sequence[str]) -> Sequence[str]:
    """Without the empty lines that set a command off from the next one."""
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    return lines[:end]


def _filled(text: str, values: Mapping[str, object]) -> str:
    return re.sub(r"\{([a-z_]+)\}", lambda match: str(values[match[1]]), text)


def _pattern(expected: str) -> str:
    lines = expected.split("\n")
    return "\n".join("(?s:.*?)" if line == "..." else _line_pattern(line) for line in lines)


def _line_pattern(line: str) -> str:
    return ".+?".join(re.escape(part) for part in line.split("<...>"))
