"""What a database says where it fails, in words for people."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pysqlite3.dbapi2 as sqlite
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import StoreError, Unavailable

BROKEN = ("disk I/O error", "database disk image is malformed", "file is not a database")  # SQLite's words
CLOSED = ("unable to open database file", "attempt to write a readonly database")  # SQLite's words, too
LEAST_ROOM_BYTES = 2**20  # without which a disk that SQLite tells as broken may be full


def is_broken(error: Exception) -> bool:
    """Whether what a database is stored on fails, and not this statement alone."""
    return any(sign in str(getattr(error, "orig", error)) for sign in BROKEN)


def told(error: Exception) -> str:
    """What a database says, and what would be right where it tells of its file and not of that."""
    said = " ".join(str(getattr(error, "orig", None) or error).split())  # libpq breaks its lines
    if any(sign in said for sign in CLOSED):
        return f"{said}: its user must own node.db and its folder, and the disk be mounted to be written"
    return said


@contextmanager
def being_opened(home: Path) -> Iterator[None]:
    """Tells what a database says as a node opens it, before it writes.

    Raises:
        StoreError: it is damaged: try again once it is mended.
        Unavailable: its server is away, or its disk is full: try again later.
    """
    try:
        yield
    except (SQLAlchemyError, sqlite.Error) as error:
        said = told(error)
        if is_broken(error) and shutil.disk_usage(home).free >= LEAST_ROOM_BYTES:
            raise StoreError(f"the database is damaged ({said}): docs/operations.md tells what to do") from error
        raise Unavailable(f"the database cannot be opened now: {said}") from error
