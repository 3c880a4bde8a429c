"""Files that are sent to a node or fetched from it, and go on after a break from the last byte that is durable.

What does not touch the network, shared by both clients.
"""

import hashlib
import logging
import os
import stat
import sys
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from grpc import StatusCode
from regulator.exchange.errors import ExchangeError, InvalidRequest
from regulator.exchange.progress import LONGEST_ASKED_SECONDS, RESUMED
from regulator.exchange.retry import Dice, jitter_seconds
from regulator.exchange.v1.attachment_service_pb2 import StoredAttachment, UploadAttachmentRequest

if sys.platform != "win32":
    import fcntl

PIECE_BYTES = 512 * 1024  # in one message
MAX_BYTES = 2**32  # of a file; a node may be configured to take less
MAX_FAILURES = 40  # in a row, without one byte more: some two minutes

_PASSING = RESUMED | {StatusCode.ABORTED}  # another stream of the same file came first, or it was dropped

_log = logging.getLogger("regulator.exchange")


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file that is to be sent: where it is, and what it is."""

    path: Path
    sha256: bytes
    size_bytes: int

    @classmethod
    def of(cls, path: Path) -> "LocalFile":
        """Reads all of it once.

        Raises:
            OSError: it cannot be read.
            ExchangeError: it is no file that could be sent.
        """
        require_file(path)
        size_bytes = path.stat().st_size
        if not 0 < size_bytes <= MAX_BYTES:
            raise ExchangeError(f"{path} has {size_bytes} bytes: a file must have at least 1, and at most 4 GiB")
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
            return cls(path, digest, file.tell())

    def messages(self, name: str, offset: int) -> Iterator[UploadAttachmentRequest]:
        """The messages that send it from an offset on; it is read as the node takes them."""
        with self.path.open("rb") as file:
            file.seek(offset)
            yield UploadAttachmentRequest(name=name, offset=offset, data=file.read(PIECE_BYTES))
            while data := file.read(PIECE_BYTES):
                yield UploadAttachmentRequest(data=data)


class Messages:
    """``LocalFile.messages`` of one attempt. ``failure`` is what reading raised: gRPC itself would hide it."""

    def __init__(self, file: LocalFile, stored: StoredAttachment) -> None:
        self._messages = file.messages(stored.name, stored.durable_bytes)
        self.failure: OSError | None = None

    def __iter__(self) -> Iterator[UploadAttachmentRequest]:
        """Each message once."""
        try:
            yield from self._messages
        except OSError as failure:
            self.failure = failure
            raise


class PartialFile:
    """A file that is being fetched: beside its place until it is whole and has its digest.

    A context manager; between the two, another call that fetches into the same place is refused.

    Args:
        path: where it is to be
        stored: what it must be
    """

    def __init__(self, path: Path, stored: StoredAttachment) -> None:
        self._path, self._stored, self._part = path, stored, _part_of(path)
        self._file: IO[bytes]
        self._is_resumed = False

    def __enter__(self) -> Self:
        """Opens what was fetched before, to be added to; nobody else may read it."""
        if self._path.exists():
            require_file(self._path)
        self._file = self._opened()
        if self.offset > self._stored.size_bytes:
            self._restart()
        self._is_resumed = self.offset > 0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes it; an error of the system gets the name of the file."""
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(self._part)
        try:
            self._file.close()
        except OSError as late:  # what was written last does not fit
            late.filename = str(self._part)
            if error is None:
                raise

    @property
    def offset(self) -> int:
        """How much of it is here."""
        return self._file.tell()

    def write(self, data: bytes) -> None:
        """Adds bytes."""
        self._file.write(data)

    def finish(self) -> bool:
        """Puts it into its place; False: what an earlier call had left was of another file, and it begins anew.

        Raises:
            ExchangeError: its digest is another one, and it is removed.
        """
        self._file.flush()
        with self._part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
        if digest == self._stored.sha256:
            self._part.replace(self._path)
            return True
        if not self._is_resumed:
            self._part.unlink()
            raise ExchangeError(f"what came of {self._stored.name} has another digest, and is removed: fetch it again")
        self._restart()
        self._is_resumed = False
        return False

    def _restart(self) -> None:
        self._file.truncate(0)
        self._file.seek(0)

    def _opened(self) -> IO[bytes]:
        while True:
            self._part.touch(mode=0o600)
            file = self._part.open("ab")
            if not _locked(file):
                file.close()
                raise ExchangeError(f"another call fetches {self._path} now: wait for it, or choose another place")
            try:
                if os.path.samestat(os.fstat(file.fileno()), self._part.stat()):
                    return file
            except FileNotFoundError:
                pass
            file.close()  # another call had it until now, and has put it into its place


class Patience:
    """When a transfer goes on after a break: for as long as bytes become durable, and a while without.

    Args:
        passing: what may be over when it goes on
    """

    def __init__(self, passing: Container[StatusCode] = _PASSING) -> None:
        self._failures, self._best, self._passing = 0, -1, passing

    def reached(self, durable_bytes: int) -> None:
        """Notes how far it has come."""
        if durable_bytes > self._best:
            self._best, self._failures = durable_bytes, 0

    def pause_seconds(self, failure: ExchangeError, dice: Dice) -> float:
        """The wait before it goes on; raises ``failure`` if that would not help."""
        self._failures += 1
        if failure.reason == "NO_ROOM" or failure.code not in self._passing or self._failures > MAX_FAILURES:
            raise failure
        asked_seconds = min(failure.retry_after_seconds or 0.0, LONGEST_ASKED_SECONDS)
        pause = asked_seconds + jitter_seconds(self._failures - 1, dice)
        _log.info("transfer broke off (%s), goes on in %.2f s", failure, pause)
        return pause


class Upload:
    """An upload that goes on after breaks.

    Reads all of the file once, as it is made, and again where the node says that other bytes came.

    Args:
        path: of the file

    Raises:
        OSError, ExchangeError: as ``LocalFile.of``.
    """

    def __init__(self, path: Path) -> None:
        self.file = LocalFile.of(path)
        self._patience = Patience(_PASSING | {StatusCode.NOT_FOUND})  # of what was declared just now: it is again
        self._begins_at: int | None = None  # what was durable before this upload

    def messages(self, stored: StoredAttachment) -> Messages:
        """What is to be sent now."""
        self._patience.reached(stored.durable_bytes)
        if self._begins_at is None:
            self._begins_at = stored.durable_bytes
        return Messages(self.file, stored)

    def whole(self, stored: StoredAttachment) -> StoredAttachment:
        """Passes if all of a file was taken.

        Raises:
            ExchangeError: it ended before its size.
        """
        if not stored.complete:
            raise self._changed()
        return stored

    def pause_seconds(self, failure: ExchangeError, dice: Dice) -> float:
        """The wait before it goes on; may read all of the file. Raises ``failure``, or why, if that would not help."""
        if not isinstance(failure, InvalidRequest) or not {"data", "sha256"} & {
            each.field for each in failure.violations
        }:
            return self._patience.pause_seconds(failure, dice)
        if LocalFile.of(self.file.path) != self.file:
            raise self._changed() from failure
        if not self._begins_at:
            raise failure
        self._begins_at = 0  # somebody had sent other bytes before, which are dropped now
        return 0.0

    def _changed(self) -> ExchangeError:
        return ExchangeError(f"{self.file.path} has changed while it was sent: send it again")


@contextmanager
def keeping_nothing_destroyed(path: Path) -> Iterator[None]:
    """Removes what was fetched of a file, for a place, where the node says that its content is destroyed."""
    try:
        yield
    except ExchangeError as failure:
        if failure.reason == "CONTENT_DESTROYED":
            _part_of(path).unlink(missing_ok=True)
        raise


def _part_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def require_file(path: Path) -> None:
    """Passes if a path leads to a file, and not to a folder, a device or a pipe, which may have no end.

    Raises:
        OSError: nothing is there.
        ExchangeError: it does not.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise ExchangeError(f"{path} is no regular file")


def _locked(file: IO[bytes]) -> bool:
    """Keeps other calls away from a file until it is closed; False: one has it."""
    if sys.platform != "win32":
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
