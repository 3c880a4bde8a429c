"""Compares the stored subtrees of a channel with those that its leaves give."""

from collections.abc import Iterator

from sqlalchemy import Connection, RowMapping, select

from gateway.store.reverify.report import Findings
from gateway.store.scanning import rows
from gateway.store.tables import subtrees

STORED_LEVELS = 8  # every eighth level is stored


class SubtreeCheck:
    """Takes the subtrees of one channel as they become complete."""

    def __init__(self, connection: Connection, channel: int, origin: str, findings: Findings) -> None:
        self._connection, self._channel, self._origin, self._findings = connection, channel, origin, findings
        self._stored: dict[int, Iterator[RowMapping]] = {}  # of each level, those that were not compared yet

    def take(self, level: int, index: int, node: bytes) -> None:
        """Compares one: the subtrees of a level come in order."""
        if level % STORED_LEVELS:
            return
        stored = self._of(level)
        row = next(stored, None)
        if row is None or row["index"] != index:
            self._findings.add(self._where(level, index), "is missing", node.hex())
            self._stored[level] = _put_back(row, stored)
        elif row["hash"] != node:
            self._findings.add(self._where(level, index), "has another hash than its leaves give", node.hex())

    def finish(self) -> None:
        """Names what is stored beyond these."""
        mine = subtrees.c.channel == self._channel
        for level in sorted(self._connection.scalars(select(subtrees.c.level).where(mine).distinct())):
            for row in self._of(level):
                self._findings.add(self._where(level, row["index"]), "belongs to no complete part of the log")

    def _of(self, level: int) -> Iterator[RowMapping]:
        if level not in self._stored:
            where = (subtrees.c.channel == self._channel, subtrees.c.level == level)
            self._stored[level] = rows(self._connection, select(subtrees).where(*where), subtrees.c.index)
        return self._stored[level]

    def _where(self, level: int, index: int) -> str:
        return f"subtrees {self._origin} {level}/{index}"


def _put_back(row: RowMapping | None, others: Iterator[RowMapping]) -> Iterator[RowMapping]:
    if row is not None:
        yield row
    yield from others
