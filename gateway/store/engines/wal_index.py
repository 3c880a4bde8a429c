"""Keeps room for the index of SQLite's write-ahead log (``-shm``), before the log grows.

SQLite tells a full disk from a broken one, but not where this file grows, as it does with each 16 MB of the log: there
both are "disk I/O error", for which a node ends and waits for its operator. So the room is there from the start.
"""

import os
from contextlib import suppress
from pathlib import Path

ROOM_BYTES = 2**20  # 32 KiB for 4,096 pages: for a log of half a gibibyte


class IndexRoom:
    """Of one database, as long as this process writes it.

    The file is never closed while SQLite has it open: in POSIX that would let go of SQLite's locks on it.

    Args:
        database: SQLite's file
    """

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(f"{database.name}-shm")
        self._file: int | None = None

    def keep(self) -> None:
        """Has room for the file that is there now; call it once SQLite has it open. A full disk is SQLite's to tell."""
        if not self._path.exists():  # as for a database that is not on a disk
            return
        if self._file is not None and os.path.samestat(os.fstat(self._file), self._path.stat()):
            return
        self.close()
        self._file = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        with suppress(OSError):
            os.posix_fallocate(self._file, 0, ROOM_BYTES)

    def close(self) -> None:
        """Lets go of it, once SQLite has, or has another file."""
        if self._file is not None:
            os.close(self._file)
        self._file = None
