"""Reads logs: batches for the wire, the right edge at an earlier size, stored hashes for proofs."""

from collections.abc import Sequence

from regulator.exchange.v1 import peer_service_pb2 as wire
from sqlalchemy import Connection, select

from gateway.errors import Corrupt, NotFound
from gateway.ledger import tiles
from gateway.ledger.batch import MAX_BATCH_BYTES, MAX_BATCH_ENVELOPES
from gateway.ledger.merkle import TILE_LEVELS, CompactRange
from gateway.store.tables import channels, heads, leaves, subtrees


def read_batch(connection: Connection, channel: int, first: int, limit: int) -> wire.Batch:
    """Reads envelopes from ``first`` on, up to the last signed checkpoint that the bounds of a batch allow.

    Raises:
        Corrupt: no checkpoint is stored there.
    """
    end = min(limit, first + MAX_BATCH_ENVELOPES)
    where = (heads.c.channel == channel, heads.c.size > first, heads.c.size <= end)
    sizes = connection.scalars(select(heads.c.size).where(*where).order_by(heads.c.size)).all()
    if not sizes:
        raise Corrupt(f"no checkpoint is stored between {first} and {end}")
    envelopes = _envelopes(connection, channel, first, sizes[-1])
    size = _within_bytes(sizes, first, envelopes)
    note = connection.execute(select(heads.c.note).where(heads.c.channel == channel, heads.c.size == size))
    return wire.Batch(first_index=first, envelopes=envelopes[: size - first], checkpoint=note.scalar_one())


def read_range(connection: Connection, channel: int, size: int) -> CompactRange:
    """Reads the right edge of a log as it was at a size.

    Raises:
        Corrupt: hashes are missing.
    """
    read = reader(connection, channel)
    hashes, start = [], 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            hashes.append(tiles.subtree_hash(read, level, start >> level))
            start += 1 << level
    return CompactRange(size, tuple(hashes))


def read_hashes(connection: Connection, channel: int, level: int, first: int, count: int) -> Sequence[bytes]:
    """Reads stored hashes of a level (0, 8, 16, ...)."""
    if level == 0:
        where = (leaves.c.channel == channel, leaves.c.index >= first, leaves.c.index < first + count)
        return connection.scalars(select(leaves.c.hash).where(*where).order_by(leaves.c.index)).all()
    assert level % TILE_LEVELS == 0, "other levels are not stored"
    in_level = (subtrees.c.channel == channel, subtrees.c.level == level)
    where = (*in_level, subtrees.c.index >= first, subtrees.c.index < first + count)
    return connection.scalars(select(subtrees.c.hash).where(*where).order_by(subtrees.c.index)).all()


def reader(connection: Connection, channel: int) -> tiles.TileReader:
    """Gives the function through which ``tiles`` reads one channel."""
    return lambda level, first, count: read_hashes(connection, channel, level, first, count)


def read_envelope(connection: Connection, channel: int, index: int) -> bytes:
    """Reads an envelope's exact bytes.

    Raises:
        NotFound: the log is not so long.
    """
    where = (leaves.c.channel == channel, leaves.c.index == index)
    data = connection.scalar(select(leaves.c.data).where(*where))
    if data is None:
        raise NotFound(f"the log has no envelope {index}")
    return bytes(data)


def channel_id(connection: Connection, origin: str) -> int:
    """Finds a channel.

    Raises:
        NotFound: there is none of that origin.
    """
    found = connection.scalar(select(channels.c.id).where(channels.c.origin == origin))
    if found is None:
        raise NotFound(f"there is no channel {origin}")
    return int(found)


def _envelopes(connection: Connection, channel: int, first: int, end: int) -> list[bytes]:
    where = (leaves.c.channel == channel, leaves.c.index >= first, leaves.c.index < end)
    found = connection.scalars(select(leaves.c.data).where(*where).order_by(leaves.c.index)).all()
    if len(found) != end - first:
        raise Corrupt(f"envelopes {first} to {end} are not all stored")
    return [bytes(data) for data in found]


def _within_bytes(sizes: Sequence[int], first: int, envelopes: Sequence[bytes]) -> int:
    """The largest size up to which the envelopes fit; the first, whatever it takes: a commit is bounded."""
    chosen, total, counted = sizes[0], 0, 0
    for size in sizes:
        total += sum(len(data) for data in envelopes[counted : size - first])
        counted = size - first
        if total > MAX_BATCH_BYTES:
            break
        chosen = size
    return chosen
