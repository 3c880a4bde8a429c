"""The Merkle tree of RFC 9162, section 2.1.1, once more: a stack of complete subtrees, and nothing else."""

from hashlib import sha256


class Tree:
    """Takes leaf data in order; knows the root at each size. Memory: one hash a level."""

    def __init__(self) -> None:
        self.size = 0
        self._stack: list[tuple[int, bytes]] = []  # (level, root), the level falls from left to right

    def add(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Adds the hash of a leaf; gives the subtrees that it completed: level, index, root."""
        completed = []
        self._stack.append((0, leaf))
        self.size += 1
        while len(self._stack) > 1 and self._stack[-1][0] == self._stack[-2][0]:
            level, right = self._stack.pop()
            _, left = self._stack.pop()
            node = sha256(b"\x01" + left + right).digest()
            self._stack.append((level + 1, node))
            completed.append((level + 1, (self.size >> level + 1) - 1, node))
        return completed

    def root(self) -> bytes:
        """MTH(D[n]): the root of all leaves so far."""
        if not self._stack:
            return sha256(b"").digest()
        root = self._stack[-1][1]
        for _, left in reversed(self._stack[:-1]):
            root = sha256(b"\x01" + left + root).digest()
        return root

    def edge(self) -> bytes:
        """The roots of the complete subtrees, joined from left to right."""
        return b"".join(node for _, node in self._stack)


def hash_of_leaf(data: bytes) -> bytes:
    """SHA-256(0x00 || data)."""
    return sha256(b"\x00" + data).digest()
