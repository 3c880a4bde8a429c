"""The access journal of a node that runs, read past the product's own code."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from regulator.exchange.v1.journal_pb2 import JournalEntry

from tests.support.nodes import Site, eventually


def leaves_of(site: Site) -> list[bytes]:
    """Every leaf that is durable now, in order."""
    with sqlite3.connect(f"file:{site.home.path / 'node.db'}?mode=ro", uri=True) as database:
        return [row[0] for row in database.execute('SELECT data FROM leaves WHERE channel = 0 ORDER BY "index"')]


def entries_of(site: Site) -> list[JournalEntry]:
    return [JournalEntry.FromString(data) for data in leaves_of(site)]


@dataclass
class Added:
    """What was added to a journal while something was done; equal refusals may come later, together."""

    site: Site
    client: str
    first: int
    entries: list[JournalEntry] = field(default_factory=list)

    def read(self) -> list[JournalEntry]:
        found = entries_of(self.site)[self.first :]
        self.entries = [each for each in found if not self.client or each.client == self.client]
        return self.entries

    def counts(self) -> Counter[tuple[str, str]]:
        """How many calls, by the method's last name and the outcome."""
        counted: Counter[tuple[str, str]] = Counter()
        for each in self.read():
            counted[each.method.rpartition("/")[2], each.outcome] += each.count
        return counted

    def await_counts(self, expected: dict[tuple[str, str], int]) -> None:
        """Waits for the entry that equal refusals have together; fails if anything else is told."""
        eventually(lambda: self.counts().total() >= sum(expected.values()))
        assert self.counts() == expected


@contextmanager
def added(site: Site, client: str = "") -> Iterator[Added]:
    """Gives what is added within, of one client or of all."""
    yield Added(site, client, len(leaves_of(site)))
