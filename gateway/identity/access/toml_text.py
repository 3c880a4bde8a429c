"""TOML, and what else can be wrong with a text than its syntax."""

import json
import tomllib
from collections.abc import Sequence
from typing import Any

from gateway.errors import ConfigError


def read_toml(text: str) -> dict[str, Any]:
    """Reads a document.

    Raises:
        ConfigError: it is not TOML, or is nested so deeply, or holds so long a number, that it cannot be read.
    """
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ConfigError("not TOML that can be read: it is nested too deeply") from error
    except ValueError as error:
        raise ConfigError(f"not TOML: {error}") from error


def toml_of(value: str | Sequence[str]) -> str:
    """Writes a text, or a list of texts, as TOML has it.

    A JSON string is a string of TOML but for two things: what JSON writes as a pair of escapes, as characters of names
    in Hong Kong are, stands for itself, and U+007F must not.
    """
    written = json.dumps(value if isinstance(value, str) else list(value), ensure_ascii=False)
    return written.replace("\x7f", r"\u007f")


def text_of(data: bytes) -> str:
    """Gives the text of a file.

    Raises:
        ConfigError: it is not UTF-8; names the line.
    """
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"line {line}: the byte {data[error.start]:#04x} is not UTF-8") from error
