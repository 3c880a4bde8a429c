"""A file that is read again when it changes, while the node runs; what cannot be used changes nothing."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from gateway.errors import ConfigError, GatewayError
from gateway.identity.watched_files import WatchedFiles

T = TypeVar("T")


class WatchedFile(WatchedFiles[T]):
    """What one file said when it was last good; what is wrong with it is told at once.

    Args:
        path: of the file
        parse: makes something of its bytes, or raises an error of ours
        max_bytes: of it; a larger one cannot be used

    Raises:
        ConfigError: it cannot be used now; names the file.
    """

    settle_seconds = 0.0
    said = "what it said before stays in force"

    def __init__(self, path: Path, parse: Callable[[bytes], T], max_bytes: int) -> None:
        super().__init__(path.name, lambda: [path], lambda: _parsed(path, parse, max_bytes))

    def may_pass(self, error: Exception, /) -> bool:
        """Whether it could not be read at all, as where files or memory run out; what it says does not change."""
        return isinstance(error.__cause__, OSError)


def _parsed(path: Path, parse: Callable[[bytes], T], max_bytes: int) -> T:
    try:
        return parse(_content(path, max_bytes))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except GatewayError as error:
        raise ConfigError(f"{path}: {error.message}") from error


def _content(path: Path, max_bytes: int) -> bytes:
    # Without waiting: of a pipe, too, it is then told at once that it is no file.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ConfigError("is not a file")
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise ConfigError(f"is larger than {max_bytes} bytes")
    return content
