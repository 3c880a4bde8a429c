"""Proofs from stored hashes: any of them, of any size that the log ever had (RFC 9162, section 2.1).

Stored are the leaf hashes, and the roots of complete subtrees at every eighth level (``CompactRange.extend`` names
them as they become complete). Any other complete subtree is rebuilt from at most 128 of these, so a proof reads a
few thousand hashes at most, however long the log is. Storage is reached through a function that is passed in.
"""

from collections.abc import Callable, Sequence
from functools import partial

from gateway.errors import Corrupt
from gateway.ledger.merkle import TILE_LEVELS, CompactRange, fold, node_hash

TileReader = Callable[[int, int, int], Sequence[bytes]]
"""``read(level, first, count)`` gives ``count`` stored hashes of a level (0, 8, 16, ...), from index ``first`` on."""


def subtree_hash(read: TileReader, level: int, index: int) -> bytes:
    """Builds the root of a complete subtree, the leaves ``index << level`` to ``(index + 1) << level``.

    Raises:
        Corrupt: storage lacks some of its hashes.
    """
    above = level % TILE_LEVELS
    first, count = index << above, 1 << above
    hashes = read(level - above, first, count)
    if len(hashes) != count:
        raise Corrupt(f"hashes {first} to {first + count} of level {level - above} are not all stored")
    while len(hashes) > 1:
        hashes = [node_hash(*pair) for pair in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]


def root_of(read: TileReader, size: int) -> bytes:
    """Computes the root that the log had at a size, now or earlier.

    Raises:
        Corrupt: storage lacks some of its hashes.
    """
    return _range_hash(read, 0, size)


def inclusion_proof(read: TileReader, index: int, size: int) -> tuple[bytes, ...]:
    """Proves that the leaf at an index is in the log of a size: PATH(index, D[size]) (RFC 9162, section 2.1.3.1).

    Returns:
        Sibling hashes, from the leaf's own up to the root's child.

    Raises:
        Corrupt: storage lacks some of its hashes.
        ValueError: no such leaf is in a log of that size.
    """
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} is in a log of {size}")
    path, start, end = [], 0, size
    while end - start > 1:
        middle = _split(start, end)
        if index < middle:  # PATH(m, D[0:k]) : MTH(D[k:n])
            path.append(_range_hash(read, middle, end))
            end = middle
        else:  # PATH(m - k, D[k:n]) : MTH(D[0:k])
            path.append(_range_hash(read, start, middle))
            start = middle
    return tuple(reversed(path))


def consistency_proof(read: TileReader, first: int, second: int) -> tuple[bytes, ...]:
    """Proves that the log of one size is a prefix of a later one: PROOF(first, D[second]) (RFC 9162, section 2.1.4.1).

    Returns:
        The hashes in the order of the RFC; none where both sizes are the same.

    Raises:
        Corrupt: storage lacks some of its hashes.
        ValueError: the sizes are not at least 1 and in order.
    """
    if not 0 < first <= second:
        raise ValueError(f"a log of {second} leaves has no prefix of {first} to prove")
    return subproof(first, second, partial(_range_hash, read))


def subproof(first: int, second: int, range_hash: Callable[[int, int], bytes]) -> tuple[bytes, ...]:
    """Puts such a proof together; ``range_hash(start, end)`` gives MTH(D[start:end]) of a range that it needs."""
    proof, start, end = [], 0, second
    while first != end:
        middle = _split(start, end)
        if first <= middle:  # SUBPROOF(m, D[0:k], b) : MTH(D[k:n])
            proof.append(range_hash(middle, end))
            end = middle
        else:  # SUBPROOF(m - k, D[k:n], false) : MTH(D[0:k])
            proof.append(range_hash(start, middle))
            start = middle
    if start:  # SUBPROOF(m, D[m], false) = {MTH(D[m])}; with b still true the verifier has it as the first root
        proof.append(range_hash(start, end))
    return tuple(reversed(proof))


def extends(read: TileReader, log: CompactRange, earlier: CompactRange) -> bool:
    """Tells whether a log begins with what it was earlier; reads only what the two edges do not share.

    Raises:
        Corrupt: storage lacks some of its hashes.
    """
    if earlier.size > log.size:
        return False
    edge = {(each.level, each.index): each.hash for each in log.subtrees()}
    return all(
        each.hash == (edge.get((each.level, each.index)) or subtree_hash(read, each.level, each.index))
        for each in earlier.subtrees()
    )


def _split(start: int, end: int) -> int:
    """Finds where D[start:end] is divided: after the largest power of two that is less than its size."""
    return start + (1 << (end - start - 1).bit_length() - 1)


def _range_hash(read: TileReader, start: int, end: int) -> bytes:
    """Computes MTH(D[start:end]) of a range that the tree's own division gives, from its complete subtrees."""
    hashes = []
    while start < end:
        level = (end - start).bit_length() - 1
        hashes.append(subtree_hash(read, level, start >> level))
        start += 1 << level
    return fold(hashes)
