"""Reading ``access.toml`` so that every mistake can be told with its line."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from gateway.errors import ConfigError
from gateway.identity.access.toml_text import read_toml

MAX_FILE_CHARS = 1 << 20
MAX_FILE_BYTES = 4 * MAX_FILE_CHARS

_HEADER = re.compile(r"\s*\[\[\s*clients\s*\]\]")


@dataclass(frozen=True, slots=True)
class Table:
    """One ``[[clients]]`` table.

    Attributes:
        values: as TOML has them
        line: of its header, from 1
        text: its lines, with the header
    """

    values: Mapping[str, Any]
    line: int
    text: Sequence[str]

    def line_of(self, key: str, value: object = "") -> int:
        """Finds the line of a key, and from there on that of a value; of the header, if neither is there."""
        pattern = re.compile(rf"\s*[\"']?{re.escape(key)}\b")
        start = next((place for place, line in enumerate(self.text) if pattern.match(line)), 0)
        found = (place for place in range(start, len(self.text)) if str(value) in self.text[place])
        return self.line + next(found, start)


def read_tables(text: str) -> list[Table]:
    """Reads the ``[[clients]]`` tables of a file, in order.

    Raises:
        ConfigError: it is not TOML, or holds something else; names the line.
    """
    if len(text) > MAX_FILE_CHARS:
        raise ConfigError(f"the access file is larger than {MAX_FILE_CHARS} characters")
    document = read_toml(text)
    lines = text.split("\n")
    for key in document:
        if key != "clients":
            raise ConfigError(
                f"line {_line_of_key(lines, key)}: unknown key {key!r}; only [[clients]] tables stand here"
            )
    clients = document.get("clients", [])
    blocks = list(_blocks(lines))
    if (
        not isinstance(clients, list)
        or len(blocks) != len(clients)
        or not all(isinstance(each, dict) for each in clients)
    ):
        raise ConfigError(f"line {_line_of_key(lines, 'clients')}: write each client as a [[clients]] table")
    return [Table(values, line, block) for values, (line, block) in zip(clients, blocks, strict=True)]


def _blocks(lines: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    starts = [place for place, line in enumerate(lines) if _HEADER.match(line)]
    for start, end in pairwise([*starts, len(lines)]):
        yield start + 1, lines[start:end]


def _line_of_key(lines: Sequence[str], key: str) -> int:
    pattern = re.compile(rf"[\s\[\"']*{re.escape(key)}\b")
    return next((place for place, line in enumerate(lines, 1) if pattern.match(line)), 1)
