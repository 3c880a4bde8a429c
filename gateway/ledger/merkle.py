"""The Merkle tree of RFC 9162, section 2.1, over SHA-256: hashes and the compact range that a log grows by.

``tiles`` makes proofs from stored hashes; ``proof`` verifies them with nothing stored.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar

from gateway.errors import Malformed

HASH_BYTES = 32
"""Of one SHA-256 hash."""

MAX_SIZE = 2**63 - 1
"""Most leaves that a log may hold: what a signed 64-bit column and ``uint64`` both can count."""

TILE_LEVELS = 8
"""Every eighth level of the tree is stored; 2**8 hashes below a stored one make a tile."""

EMPTY_ROOT = sha256().digest()
"""The root of no leaves (RFC 9162, section 2.1.1)."""

LEAF_PREFIX, NODE_PREFIX = b"\x00", b"\x01"
"""They keep a leaf from being read as a node (RFC 9162, section 2.1.1)."""


def leaf_hash(data: bytes) -> bytes:
    """Hashes one leaf: SHA-256(0x00 || data), 32 bytes (RFC 9162, section 2.1.1)."""
    return sha256(LEAF_PREFIX + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hashes two subtrees into one: SHA-256(0x01 || left || right), 32 bytes (RFC 9162, section 2.1.1)."""
    return sha256(NODE_PREFIX + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """Joins subtrees that shrink from left to right into their common root; ``EMPTY_ROOT`` of none."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


@dataclass(frozen=True, slots=True)
class Subtree:
    """A complete subtree: the root ``hash`` of the leaves ``index << level`` to ``(index + 1) << level``."""

    level: int
    index: int
    hash: bytes


@dataclass(frozen=True)
class CompactRange:
    """The right edge of a tree: all that is needed to append to it and to know its root.

    Attributes:
        size: number of leaves, 0 to ``MAX_SIZE``
        hashes: roots of the largest complete subtrees from left to right, one for each 1 in the size's binary form

    Raises:
        Malformed: the hashes do not fit the size.
    """

    size: int
    hashes: tuple[bytes, ...]

    EMPTY: ClassVar["CompactRange"]

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_SIZE:
            raise Malformed(f"a log cannot have {self.size} leaves")
        if len(self.hashes) != self.size.bit_count() or any(len(node) != HASH_BYTES for node in self.hashes):
            raise Malformed(f"the compact range of {self.size} leaves has other hashes")

    def root(self) -> bytes:
        """Computes the tree's root, 32 bytes."""
        return fold(self.hashes)

    def extend(self, leaf_hashes: Iterable[bytes]) -> tuple["CompactRange", list[Subtree]]:
        """Appends leaves.

        Args:
            leaf_hashes: of the new leaves, in order, 32 bytes each

        Returns:
            The new range, and the subtrees of the levels 8, 16, 24, ... that became complete, lowest first:
            whoever stores the leaf hashes stores these too, and can then prove anything (``tiles``).
        """
        size, edge, completed = self.size, list(self.hashes), []
        for leaf in leaf_hashes:
            assert len(leaf) == HASH_BYTES, "a leaf hash has 32 bytes"
            node, level, index = leaf, 0, size
            while index & 1:  # an odd node has a left sibling, which waits at the end of the edge
                node = sha256(NODE_PREFIX + edge.pop() + node).digest()
                level, index = level + 1, index >> 1
                if not level % TILE_LEVELS:
                    completed.append(Subtree(level, index, node))
            edge.append(node)
            size += 1
        return CompactRange(size, tuple(edge)), completed

    def subtrees(self) -> Iterator[Subtree]:
        """Gives the complete subtrees of which the tree consists, from left to right."""
        start, hashes = 0, iter(self.hashes)
        for level in reversed(range(self.size.bit_length())):
            if self.size >> level & 1:
                yield Subtree(level, start >> level, next(hashes))
                start += 1 << level

    def encode(self) -> bytes:
        """Gives the hashes in order, 32 bytes each; the size is kept beside them."""
        return b"".join(self.hashes)

    @classmethod
    def decode(cls, size: int, encoded: bytes) -> "CompactRange":
        """Reads what ``encode`` gave.

        Raises:
            Malformed: the bytes do not fit the size.
        """
        hashes = (encoded[start : start + HASH_BYTES] for start in range(0, len(encoded), HASH_BYTES))
        return cls(size, tuple(hashes))


CompactRange.EMPTY = CompactRange(0, ())
