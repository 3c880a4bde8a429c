"""TOML, and what else can be wrong with a text than its syntax."""

import tomllib
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
