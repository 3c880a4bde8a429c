"""A file that is read again when it changes, while the node runs; what cannot be used changes nothing."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from gateway.errors import ConfigError, GatewayError

T = TypeVar("T")

# Device, inode, size, and both times: what changes whenever the file is written, replaced or touched.
_Stamp = tuple[int, int, int, int, int]


class WatchedFile(Generic[T]):
    """What a file said when it was last good.

    A file is read only once it has stayed the same from one look to the next: an editor may be writing it still.

    Args:
        path: of the file
        parse: makes something of its bytes, or raises an error of ours
        max_bytes: of it; a larger one cannot be used

    Raises:
        ConfigError: it cannot be used now; names the file.
    """

    def __init__(self, path: Path, parse: Callable[[bytes], T], max_bytes: int) -> None:
        self._path, self._parse, self._max_bytes = path, parse, max_bytes
        self._read_at = self._seen_at = self._stamp()
        self._fault, self._is_unread = "", False  # it could not be read at all: as files or memory run out
        self.current = self._read()

    @property
    def name(self) -> str:
        """Its name, without the folders."""
        return self._path.name

    def look(self) -> None:
        """Looks whether it changed, and reads it if it did: not for the loop's thread.

        Raises:
            ConfigError: as it is now it cannot be used, and what it said before stays in force.
        """
        stamp = self._stamp()
        if stamp == self._seen_at and (stamp != self._read_at or self._is_unread):
            self._take(stamp)
        self._seen_at = stamp
        if self._fault:
            raise ConfigError(f"what it said before stays in force: {self._fault}")

    def _take(self, stamp: _Stamp | None) -> None:
        found, fault, is_unread = self.current, "", False
        try:
            found = self._read()
        except ConfigError as error:
            fault, is_unread = error.message, isinstance(error.__cause__, OSError)
        if self._stamp() == stamp:  # else it was written while it was read: half of it may have been there
            self.current, self._fault, self._read_at, self._is_unread = found, fault, stamp, is_unread

    def _stamp(self) -> _Stamp | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns

    def _read(self) -> T:
        try:
            return self._parse(_content(self._path, self._max_bytes))
        except OSError as error:
            raise ConfigError(f"{self._path}: {error.strerror}") from error
        except GatewayError as error:
            raise ConfigError(f"{self._path}: {error.message}") from error


def _content(path: Path, max_bytes: int) -> bytes:
    # Without waiting: of a pipe, too, it is then told at once that it is no file.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ConfigError("is not a file")
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise ConfigError(f"is larger than {max_bytes} bytes")
    return content
