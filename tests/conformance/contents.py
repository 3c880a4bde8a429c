"""The files of the kit: what is in one follows from its name, so the kit need not hold it."""

from functools import cache
from hashlib import sha256, shake_256
from typing import Any

KIB, MIB = 1024, 1024 * 1024
SIZES = {"small": 12, "other": 12, "medium": MIB + 7, "large": 8 * MIB + 1}


@cache
def content(name: str, size: int) -> bytes:
    """SHAKE256 of the name, so many bytes of it."""
    return shake_256(name.encode()).digest(size)


def told_of(name: str) -> dict[str, str]:
    """A file as the kit tells it."""
    size = SIZES[name]
    return {"size_bytes": str(size), "sha256": sha256(content(name, size)).hexdigest()}


def data(name: str, offset: int = 0, length: int | None = None) -> dict[str, Any]:
    """Bytes of a file, as one message holds them, or several at once."""
    length = SIZES[name] - offset if length is None else length
    return {"message": "data", "file": name, "offset": str(offset), "length": str(length)}


def wanted(name: str, offset: int = 0, length: int | None = None, **odd: str) -> dict[str, Any]:
    """A question for a part of a file; ``odd``: what is asked in place of what would be right."""
    length = min(SIZES[name] - offset, 8 * MIB) if length is None else length
    return {"message": "wanted", **told_of(name), "offset": str(offset), "length": str(length), **odd}


ABSENT = {"message": "absent"}
