"""A log in memory as a store keeps it: leaf hashes, and the roots of complete subtrees at every eighth level."""

from collections.abc import Sequence

from gateway.ledger.merkle import CompactRange, leaf_hash


class StoredTree:
    """Holds the hashes that ``tiles.TileReader`` reads, and counts those that were read."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        hashes = [leaf_hash(leaf) for leaf in leaves]
        self.log, subtrees = CompactRange.EMPTY.extend(hashes)
        self.levels: dict[int, list[bytes]] = {0: hashes}
        self.hashes_read = 0
        for subtree in subtrees:
            level = self.levels.setdefault(subtree.level, [])
            assert subtree.index == len(level), "subtrees of a level come in order"
            level.append(subtree.hash)

    def read(self, level: int, first: int, count: int) -> Sequence[bytes]:
        found = self.levels.get(level, [])[first : first + count]
        self.hashes_read += len(found)
        return found
