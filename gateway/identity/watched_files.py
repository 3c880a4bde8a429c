"""A value that comes from several files, kept current with no restart and no moment without a good value.

Files are replaced one by one, by people and by programs. What cannot be taken keeps the value as it was, and is a
fault only once it has lasted: a key and its certificate that are written one after the other are none.
"""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from gateway.errors import ConfigError, GatewayError

SETTLE_SECONDS = 2.0  # that files may contradict each other before it is a fault

T = TypeVar("T")

_Stamp = tuple[tuple[str, int, int, int, int, int], ...]


class WatchedFiles(Generic[T]):
    """One value, and the files that it comes from.

    They are read only once they have stayed the same from one look to the next: an editor may be writing one still.
    One task calls ``look`` again and again; ``current`` and ``failing_seconds`` may be asked for from any thread.

    Args:
        name: of the value, for people
        paths: gives the files; some of them may be absent
        load: reads them; whatever it raises means that they cannot be taken
        clock: monotonic, seconds
    """

    settle_seconds: ClassVar[float] = SETTLE_SECONDS
    said: ClassVar[str] = "stays as it was"  # of what cannot be taken

    def __init__(
        self,
        name: str,
        paths: Callable[[], Iterable[Path]],
        load: Callable[[], T],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._paths, self._load, self._clock = paths, load, clock
        self._read_at = self._seen_at = _stamp(paths())  # before they are read: a change meanwhile is seen later
        self.current = load()
        self._fault, self._may_pass = "", False
        self._failing_since: float | None = None

    def failing_seconds(self) -> float:
        """For how long the files have not been taken; 0 while they are."""
        since = self._failing_since
        return 0.0 if since is None else self._clock() - since

    def look(self) -> None:
        """Reads the files again if they changed and now stay the same: not for the loop's thread.

        Raises:
            ConfigError: they cannot be taken, and have not been for some time; what they said before stays in force.
        """
        stamp = _stamp(self._paths())
        if stamp == self._seen_at and (stamp != self._read_at or self._may_pass):
            self._read(stamp)
        self._seen_at = stamp
        if self._fault and self.failing_seconds() >= self.settle_seconds:
            raise ConfigError(f"{self.said}: {self._fault}")

    def may_pass(self, _error: Exception, /) -> bool:
        """Whether what is wrong may be right again without a change of the files: dates are, as time passes."""
        return True

    def _read(self, stamp: _Stamp) -> None:
        error: Exception | None = None
        try:
            found = self._load()
        except Exception as failure:  # noqa: BLE001 - whatever it is, the value that is in force stays in force
            error = failure
        if _stamp(self._paths()) != stamp:  # one was written while it was read: half of it may have been there
            return
        self._read_at = stamp
        if error is None:
            self.current, self._fault, self._may_pass, self._failing_since = found, "", False, None
            return
        self._fault = error.message if isinstance(error, GatewayError) else type(error).__name__
        self._may_pass = self.may_pass(error)
        if self._failing_since is None:
            self._failing_since = self._clock()


def _stamp(paths: Iterable[Path]) -> _Stamp:
    """What changes when a file is written, replaced, touched, added or removed."""
    return tuple(sorted(_stamp_of(path) for path in paths))


def _stamp_of(path: Path) -> tuple[str, int, int, int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return str(path), 0, 0, 0, 0, 0
    return str(path), found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
