"""Files that are sent to a node or fetched from it, and go on after a break from the last byte that is durable.

What does not touch the network, shared by both clients.
"""

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from grpc import StatusCode
from regulator.exchange.errors import ExchangeError
from regulator.exchange.progress import LONGEST_ASKED_SECONDS, RESUMED
from regulator.exchange.retry import Dice, jitter_seconds
from regulator.exchange.v1.attachment_service_pb2 import StoredAttachment, UploadAttachmentRequest

PIECE_BYTES = 512 * 1024  # in one message
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
        """Reads all of it once."""
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

    Args:
        path: where it is to be
        stored: what it must be
    """

    def __init__(self, path: Path, stored: StoredAttachment) -> None:
        self._path, self._stored = path, stored
        self._part = path.with_name(f"{path.name}.part")

    def open(self) -> IO[bytes]:
        """Opens what was fetched before, to be added to; nobody else may read it."""
        self._part.touch(mode=0o600)
        file = self._part.open("ab")
        if file.tell() > self._stored.size_bytes:
            file.truncate(0)
        return file

    def finish(self) -> None:
        """Puts it into its place.

        Raises:
            ExchangeError: its digest is another one, and it is removed.
        """
        with self._part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
        if digest != self._stored.sha256:
            self._part.unlink()
            raise ExchangeError(f"what came of {self._stored.name} has another digest, and is removed: fetch it again")
        self._part.replace(self._path)


def whole(stored: StoredAttachment) -> StoredAttachment:
    """Passes if all of a file was taken.

    Raises:
        ExchangeError: it ended before its size.
    """
    if not stored.complete:
        raise ExchangeError("the file is shorter than it was when it was declared")
    return stored


class Patience:
    """When a transfer goes on after a break: for as long as bytes become durable, and a while without."""

    def __init__(self) -> None:
        self._failures, self._best = 0, -1

    def reached(self, durable_bytes: int) -> None:
        """Notes how far it has come."""
        if durable_bytes > self._best:
            self._best, self._failures = durable_bytes, 0

    def pause_seconds(self, failure: ExchangeError, dice: Dice) -> float:
        """The wait before it goes on; raises ``failure`` if that would not help."""
        self._failures += 1
        if failure.reason == "NO_ROOM" or failure.code not in _PASSING or self._failures > MAX_FAILURES:
            raise failure
        asked_seconds = min(failure.retry_after_seconds or 0.0, LONGEST_ASKED_SECONDS)
        pause = asked_seconds + jitter_seconds(self._failures - 1, dice)
        _log.info("transfer broke off (%s), goes on in %.2f s", failure, pause)
        return pause
