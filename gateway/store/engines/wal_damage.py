"""Finds commits that SQLite passes over because its write-ahead log is damaged.

SQLite reads the log up to the first frame whose checksum does not fit, and takes all after that for what a crash left
of a commit that never became durable. A crash leaves that of one commit at most, since each is synced before the next.
So where more commits of the same generation end after that frame, some were durable, and are damaged: to go on without
them would be to seal anew what was sealed otherwise. Where it is one, nobody can tell ("Write-Ahead Log Format").
"""

import struct
from collections.abc import Iterator
from pathlib import Path

import pysqlite3.dbapi2 as sqlite

HEADER_BYTES, FRAME_HEADER_BYTES = 32, 24
_PAGE_SIZE = struct.Struct(">16xH")  # of the database
_LARGEST_PAGE = 65536  # which is written as 1
_HEADER = struct.Struct(">8I")  # magic, version, bytes of a page, count of checkpoints, two salts, two checksums
_FRAME = struct.Struct(">6I")  # page, pages of the database if it ends a commit, two salts, two checksums
_LITTLE_ENDIAN, _BIG_ENDIAN = 0x377F0682, 0x377F0683  # magic: how the checksums take their words
_NEWEST_FRAME = struct.Struct("=16xI")  # of the index (``-shm``): the last frame that SQLite reads

Frame = tuple[bool, tuple[int, ...]]
"""Whether it ends a commit, and its generation: two salts."""


def passed_over(database: Path) -> int:
    """Gives how many commits SQLite passes over; nobody else may have the database open.

    Raises:
        OSError, sqlite.Error: the log, or the database, cannot be read.
    """
    log = database.with_name(f"{database.name}-wal")
    if not log.exists() or log.stat().st_size <= HEADER_BYTES:
        return 0
    newest = _newest_frame(database)
    with log.open("rb") as file:
        header = file.read(HEADER_BYTES)
    frames = list(_frames(log, _page_bytes(database)))
    if not _is_whole(header):  # then SQLite passes over all of it
        return _commits(frames, frames[0][1]) if frames else 0
    return _commits(frames[newest:], _HEADER.unpack(header)[4:6])


def _newest_frame(database: Path) -> int:
    """Has SQLite read the log as it is, and change nothing but its index."""
    connection = sqlite.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    finally:
        connection.close()
    index = database.with_name(f"{database.name}-shm").read_bytes()
    return int(_NEWEST_FRAME.unpack_from(index)[0])


def _page_bytes(database: Path) -> int:
    with database.open("rb") as file:
        (size,) = _PAGE_SIZE.unpack(file.read(_PAGE_SIZE.size))
    return size if size > 1 else _LARGEST_PAGE


def _frames(log: Path, page_bytes: int) -> Iterator[Frame]:
    """Every frame that is there whole, of whichever generation."""
    size, step = log.stat().st_size, FRAME_HEADER_BYTES + page_bytes
    with log.open("rb") as file:
        for start in range(HEADER_BYTES, size - step + 1, step):
            file.seek(start)
            _, pages, *salts, _, _ = _FRAME.unpack(file.read(FRAME_HEADER_BYTES))
            yield pages > 0, tuple(salts)


def _commits(frames: list[Frame], generation: tuple[int, ...]) -> int:
    """Those of a generation, also where one of a frame's salts is damaged: another generation has none of the two."""
    return sum(ends and any(map(int.__eq__, salts, generation)) for ends, salts in frames)


def _is_whole(header: bytes) -> bool:
    """Whether the header has its checksum."""
    magic, *_, one, two = _HEADER.unpack(header)
    if magic not in (_LITTLE_ENDIAN, _BIG_ENDIAN):
        return False
    words = struct.unpack(f"{'<' if magic == _LITTLE_ENDIAN else '>'}6I", header[: HEADER_BYTES - 8])
    first = second = 0
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return (first, second) == (one, two)
