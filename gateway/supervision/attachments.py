"""Files that notices name: how their bytes are cut, what a node keeps of one, and what may be done next.

The bytes are kept in chunks of one size, each with its own SHA-256, so that an upload goes on from the last durable one
and what comes twice is compared. SHA-256 of the whole is asked of the stored chunks, once all are there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import add
from typing import NamedTuple, Self

from regulator.exchange.v1.notice_pb2 import NoticeContent

from gateway.errors import BadInput, Stale

CHUNK_BYTES = 512 * 1024  # of every chunk but the last of a file, which may have fewer
MAX_ATTACHMENT_BYTES = 2**32
NAME_PREFIX = "attachments/"
WITHIN = "/attachments/"  # a notice or a draft


class Attached(NamedTuple):
    """A file as a notice names it."""

    sha256: bytes
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose quota a file takes: an authority's of this node (``SFC``), or a peer's (``KR``); one is empty."""

    authority: str = ""
    peer: str = ""


class AttachmentRecord(NamedTuple):
    """What a node keeps of a file beside its bytes."""

    number: int  # in the order of declaration
    id: str  # of the node's making: a digest in a name would outlive its content in the access journal
    owner: Owner
    sha256: bytes
    size_bytes: int
    stored_bytes: int  # durable, from the first byte on
    is_complete: bool  # all is here, and has the digest
    is_dropped: bool  # nobody may have it any more; its chunks go one after the other
    touched_at: int  # microseconds since 1970: when the last byte came

    @property
    def next_chunk(self) -> int:
        """Index of the first chunk that is not here."""
        return -(-self.stored_bytes // CHUNK_BYTES)


class Totals(NamedTuple):
    """What files amount to: those that are whole, and those that are to come."""

    whole_files: int = 0
    whole_bytes: int = 0
    coming_files: int = 0
    coming_bytes: int = 0  # of their whole sizes
    arrived_bytes: int = 0  # of these, the durable ones

    @classmethod
    def of(cls, record: AttachmentRecord, sign: int = 1) -> Self:
        """Gives what one file adds or, with the sign -1, takes away; of a dropped one, nothing."""
        if record.is_dropped:
            return cls()
        if record.is_complete:
            return cls(sign, sign * record.size_bytes)
        return cls(0, 0, sign, sign * record.size_bytes, sign * record.stored_bytes)

    def plus(self, other: Self) -> Self:
        """Adds two."""
        return type(self)(*map(add, self, other))

    @property
    def kept_bytes(self) -> int:
        """What is taken of a quota: room is kept for all of a file."""
        return self.whole_bytes + self.coming_bytes

    @property
    def owed_bytes(self) -> int:
        """What is still to come."""
        return self.coming_bytes - self.arrived_bytes


class Chunk(NamedTuple):
    """A part of a file."""

    index: int  # type: ignore[assignment]  # not the method of a tuple
    data: bytes
    sha256: bytes


def attached_in(content: NoticeContent) -> tuple[Attached, ...]:
    """The files that a notice names, in its order; of one whose content is destroyed, none is known."""
    return tuple(Attached(each.sha256, each.size_bytes) for each in content.attachments if each.sha256)


def chunk_count(size_bytes: int) -> int:
    """How many chunks a file has."""
    return -(-size_bytes // CHUNK_BYTES)


def chunk_size(size_bytes: int, index: int) -> int:
    """How many bytes a chunk of a file has."""
    return min(CHUNK_BYTES, size_bytes - index * CHUNK_BYTES)


def check_offset(record: AttachmentRecord, offset: int) -> None:
    """Passes if the bytes of a file may go on at an offset.

    Raises:
        BadInput: not there: it is beyond what is durable, or within a chunk.
    """
    if offset > record.stored_bytes:
        raise BadInput.of("offset", f"must be at most {record.stored_bytes}, up to which bytes are durable")
    if offset % CHUNK_BYTES and offset != record.stored_bytes:
        raise BadInput.of("offset", f"must be {record.stored_bytes}, or a multiple of {CHUNK_BYTES} below it")


def is_next(record: AttachmentRecord, chunk: Chunk) -> bool:
    """Whether a chunk follows on what is here; False: it is here, and must be the same.

    Raises:
        Stale: it follows on what was here, and is not any more.
    """
    if chunk.index > record.next_chunk:
        raise Stale("what came before is not here any more: ask how much is durable", durable_bytes=record.stored_bytes)
    return chunk.index == record.next_chunk and record.stored_bytes < record.size_bytes


def with_chunk(record: AttachmentRecord, chunk: Chunk, now: int) -> AttachmentRecord:
    """Adds the next chunk; ``now`` in microseconds since 1970."""
    assert len(chunk.data) == chunk_size(record.size_bytes, chunk.index), "a chunk of another size"
    return record._replace(stored_bytes=record.stored_bytes + len(chunk.data), touched_at=now)


class Cutter:
    """Cuts what comes in messages of any size into chunks; holds less than one.

    Args:
        size_bytes: of the file
        offset: at which it begins, at the start of a chunk or the end of the file
    """

    def __init__(self, size_bytes: int, offset: int) -> None:
        self._size_bytes, self._index, self._held = size_bytes, -(-offset // CHUNK_BYTES), bytearray()

    def add(self, data: bytes) -> Sequence[bytes]:
        """Gives the chunks that are full with more data.

        Raises:
            BadInput: there are more bytes than the file has.
        """
        self._held += data
        full: list[bytes] = []
        while self._index < chunk_count(self._size_bytes):
            size = chunk_size(self._size_bytes, self._index)
            if len(self._held) < size:
                return full
            full.append(bytes(self._held[:size]))
            del self._held[:size]
            self._index += 1
        if self._held:
            raise BadInput.of("data", f"must end with byte {self._size_bytes} of the file, as it was declared")
        return full


def bound_place(name: str) -> tuple[str, int] | None:
    """The notice or draft, and the ordinal from 0, in ``notices/hk-1/attachments/1``; None: it is a file's own name."""
    whole, within, number = name.partition(WITHIN)
    return (whole, int(number) - 1) if within else None
