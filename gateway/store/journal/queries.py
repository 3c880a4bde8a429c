"""What auditors ask of the journal: entries by what they say, and the log itself. Reads only, on the readers."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from regulator.exchange.v1.journal_pb2 import JournalEntry
from sqlalchemy import Connection, select

from gateway.errors import BadInput, Corrupt
from gateway.ledger import tiles
from gateway.ledger.merkle import CompactRange
from gateway.moments import micros_of
from gateway.store.logs import read_envelope, read_range, reader
from gateway.store.page_bounds import fitting
from gateway.store.proofs import ConsistencyParts
from gateway.store.tables import JOURNAL, leaves

MAX_LOOKED_AT = 20_000  # entries, in one call: a tenth of a second

_ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """What a list asks for; a value that is empty or None is not asked for. Times are microseconds."""

    client: str = ""
    officer: str = ""
    method: str = ""
    outcome: str = ""
    resource: str = ""
    time_from: int | None = None
    time_before: int | None = None

    def matches(self, entry: JournalEntry) -> bool:
        """Tells whether an entry is asked for."""
        at = micros_of(entry.time)
        return (
            self.client in ("", entry.client)
            and self.officer in ("", entry.officer)
            and self.method in ("", entry.method, entry.method.rpartition("/")[2])
            and self.outcome in ("", entry.outcome)
            and (not self.resource or self.resource in entry.resources)
            and (self.time_from is None or at >= self.time_from)
            and (self.time_before is None or at < self.time_before)
        )


@dataclass(frozen=True, slots=True)
class EntryPage:
    """Entries with their indices, newest first. ``before``: where the next page begins; 0: there is none."""

    entries: tuple[tuple[int, JournalEntry], ...]
    before: int


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """That a leaf is in a log: its exact bytes, the hashes, the root."""

    leaf: bytes
    hashes: tuple[bytes, ...]
    root: bytes


def list_entries(
    connection: Connection, wanted: EntryFilter, before: int | None, limit: int, max_bytes: int
) -> EntryPage:
    """Reads a page.

    Args:
        connection: a reader
        wanted: what is asked for
        before: index after the first that is looked at; None: the journal's size
        limit: at most so many
        max_bytes: of all of them together, but for one at least
    """
    lowest = 0

    def matching() -> Iterator[tuple[int, JournalEntry]]:
        nonlocal lowest
        for lowest, data in islice(_backwards(connection, before), MAX_LOOKED_AT):
            entry = JournalEntry.FromString(data)
            if wanted.matches(entry):
                yield lowest, entry

    found = islice(matching(), limit)  # the next one is not looked for: it may be far
    page, more = fitting(found, limit, max_bytes, lambda each: each[1].ByteSize())
    return EntryPage(tuple(page), page[-1][0] if more else lowest)


def read_entries(connection: Connection, first: int, end: int, max_bytes: int) -> list[bytes]:
    """Reads the exact bytes of entries from ``first`` on, before ``end``: at least one, then as many as fit.

    Raises:
        Corrupt: there is none.
    """
    where = (leaves.c.channel == JOURNAL, leaves.c.index >= first, leaves.c.index < end)
    found: list[bytes] = []
    for data in connection.scalars(select(leaves.c.data).where(*where).order_by(leaves.c.index).limit(_ROWS_AT_ONCE)):
        max_bytes -= len(data)
        if found and max_bytes < 0:
            break
        found.append(data)
    if not found:
        raise Corrupt(f"entries {first} to {end} of the access journal are not all stored")
    return found


def read_edge(connection: Connection, size: int) -> CompactRange:
    """Reads the journal's right edge as it was at a size."""
    return read_range(connection, JOURNAL, size)


def prove_entry(connection: Connection, index: int, size: int) -> InclusionProof:
    """Proves that an entry is in the journal of a size.

    Raises:
        BadInput: it is not.
    """
    if index >= size:
        raise BadInput.of("index", f"must be below the size of the journal, {size}")
    read = reader(connection, JOURNAL)
    leaf = read_envelope(connection, JOURNAL, index)
    return InclusionProof(leaf, tiles.inclusion_proof(read, index, size), tiles.root_of(read, size))


def prove_prefix(connection: Connection, first: int, size: int) -> ConsistencyParts:
    """Proves that the journal of one size is a prefix of that of a later size.

    Raises:
        BadInput: these are no two sizes in order.
    """
    if not 0 < first <= size:
        raise BadInput.of("first_size", f"must be at least 1 and at most the size of the journal, {size}")
    read = reader(connection, JOURNAL)
    hashes = tiles.consistency_proof(read, first, size)
    return ConsistencyParts(hashes, tiles.root_of(read, first), tiles.root_of(read, size))


def _backwards(connection: Connection, before: int | None) -> Iterator[tuple[int, bytes]]:
    columns = select(leaves.c.index, leaves.c.data).where(leaves.c.channel == JOURNAL)
    page = columns.order_by(leaves.c.index.desc()).limit(_ROWS_AT_ONCE)
    while found := connection.execute(page if before is None else page.where(leaves.c.index < before)).all():
        yield from ((index, data) for index, data in found)
        before = found[-1][0]
