"""A file that is read again when it changes, while the node runs; what cannot be used changes nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from gateway.errors import ConfigError, GatewayError
from gateway.identity.certificates.keyfiles import read_public
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
    content = read_public(path, max_bytes)
    try:
        return parse(content)
    except GatewayError as error:
        raise ConfigError(f"{path}: {error.message}") from error
