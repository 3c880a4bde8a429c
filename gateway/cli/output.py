"""What is written to the terminal. Much of it was written by others: it is shown, and never obeyed.

``shown`` is the one door for foreign text. Nothing here reads rich's markup, so ``[red]`` is shown as it stands.
"""

import codecs
import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from io import TextIOWrapper
from typing import Any

import typer
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from regulator.exchange.v1.values_pb2 import LocalizedText
from rich.console import Console
from rich.text import Text

from gateway.cli.columns import laid_out

WIDTH_OF_PIPES = 200  # characters, where there is no terminal; a wider table is shown whole
UNIT_BYTES = 1024

Pairs = list[tuple[str, str]]
"""Names and values, as ``pairs`` writes them."""

Parts = Iterator[tuple[str, Pairs]]
"""Headings, each with what stands below it, as ``parts`` writes them."""

# Controls, formats (which turn the direction of writing or show nothing), surrogates, private, unassigned, line breaks
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_BEYOND_FOUR_DIGITS = 0x10000


def fill_closed_places() -> None:
    """Opens nothing where standard input, output or error is closed: else what is opened next has its place.

    That of an event loop, say, which uvloop then cannot close; or a socket, into which an error is written.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest that is free


def open_output() -> bool:
    r"""Makes standard output ready for what is written here; False: it is closed.

    What a program reads is UTF-8, whatever the locale. A terminal is written to in its own encoding, and what this does
    not have as ``\u3042``.
    """
    out = sys.stdout
    if out is None:
        return False
    if isinstance(out, TextIOWrapper):
        if out.isatty():
            out.reconfigure(errors="backslashreplace")
        elif codecs.lookup(out.encoding).name != "utf-8":
            out.reconfigure(encoding="utf-8")
    return True


def shown(text: str, *, lines: bool = False) -> str:
    r"""Gives text as it may be shown: a character that acts or hides is written as ``\x1b`` or ``\u202e``.

    Args:
        text: from anywhere
        lines: whether line breaks may stay
    """
    return "".join(
        each if unicodedata.category(each) not in _UNSEEN or (lines and each == "\n") else _escaped(each)
        for each in text
    )


def _escaped(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < _BEYOND_FOUR_DIGITS else f"\\U{code:08x}"


def say(text: str = "") -> None:
    """Writes one line for people, whatever it holds: a line break in it begins no line of ours."""
    typer.echo(shown(text))


def say_aside(text: str) -> None:
    """Writes lines for people to standard error, beside what a program reads; those after the first are indented."""
    typer.echo("\n  ".join(map(shown, text.split("\n"))), err=True)


def write_json(document: Any) -> None:
    """Writes JSON, indented; what would act on a terminal is escaped as JSON allows, the rest stays readable."""
    typer.echo(_json(document, indent=2))


def write_json_line(document: Any) -> None:
    """Writes JSON on one line, so that a stream of them can be read line by line."""
    typer.echo(json_line(document))


def json_line(document: Any) -> str:
    """Gives JSON on one line, in the form of all that is written here."""
    return _json(document, indent=None)


def _json(document: Any, indent: int | None) -> str:
    text = json.dumps(document, ensure_ascii=False, indent=indent)
    return "".join(
        each if each == "\n" or unicodedata.category(each) not in _UNSEEN else json.dumps(each)[1:-1] for each in text
    )


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, cuts_last: bool = False) -> None:
    """Writes a table. On a terminal a row takes as many lines as it needs (``columns``); what is piped has one each.

    Args:
        headings: of the columns
        rows: a cell a column
        cuts_last: whether the last column, which is a title, gives way on a terminal
    """
    cells, shown_on = [[shown(cell) for cell in row] for row in rows], console()
    room = shown_on.width if sys.stdout.isatty() else None
    heads, *others = laid_out(headings, cells, room, cuts_last=cuts_last)
    for line in heads:
        shown_on.print(Text(line, style="bold"), soft_wrap=True)
    for row in others:
        for line in row:
            shown_on.print(Text(line), soft_wrap=True)


def pairs(values: Iterable[tuple[str, str]], margin: str = "") -> None:
    """Writes names and values in two columns; empty values are left out, one of several lines stays in its column."""
    told = [(shown(name), shown(value, lines=True)) for name, value in values if value]
    width = max((len(name) for name, _ in told), default=0)
    for name, value in told:
        first, *more = value.split("\n")
        typer.echo(f"{margin}{name:{width}}  {first}".rstrip())
        for line in more:
            typer.echo(f"{margin}{'':{width}}  {line}".rstrip())


def parts(headed: Iterable[tuple[str, Iterable[tuple[str, str]]]]) -> None:
    """Writes parts, each with its names and values below its heading."""
    for heading, values in headed:
        say(heading)
        pairs(values, margin="  ")


def by_language(texts: Iterable[LocalizedText]) -> Pairs:
    """Gives a text as ``pairs`` writes it: a line a language."""
    return [(f"[{each.language_tag}]", each.text) for each in texts]


def console() -> Console:
    """Gives what tables are shown on: as wide as the terminal. Where there is none, nothing says how wide it is.

    ``COLUMNS`` and a terminal that is only standard input say nothing of a pipe or a file: what a program reads does
    not depend on them.
    """
    width = None if sys.stdout.isatty() else WIDTH_OF_PIPES
    return Console(width=width, markup=False, highlight=False, emoji=False)


def size_said(count: int) -> str:
    """Writes a number of bytes for people: ``700 B``, ``2.0 GiB``."""
    size, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
    while size >= UNIT_BYTES and len(units) > 1:
        size, units = size / UNIT_BYTES, units[1:]
    return f"{count} B" if units[0] == "B" else f"{size:.1f} {units[0]}"


def day_and_time(moment: datetime) -> str:
    """Writes a moment in whole seconds: ``2026-05-08 09:00:00Z``."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


def day_text(day: Date) -> str:
    """A day: ``2026-01-31``."""
    return f"{day.year:04}-{day.month:02}-{day.day:02}"


def optional_day(day: Date) -> str:
    """A day that may be absent."""
    return day_text(day) if day.ByteSize() else ""


def moment_of(timestamp: Timestamp) -> str:
    """Writes a timestamp of a message for people; nothing for one that is not set."""
    return day_and_time(timestamp.ToDatetime(UTC)) if timestamp.ByteSize() else ""


def json_moment(timestamp: Timestamp) -> str | None:
    """Writes a timestamp of a message for programs (RFC 3339), or null."""
    return timestamp.ToJsonString() if timestamp.ByteSize() else None
