"""Reads logs: batches for the wire, the right edge at an earlier size, stored hashes for proofs."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError
from regulator.exchange.v1 import peer_service_pb2 as wire
from regulator.exchange.v1.envelope_pb2 import Envelope
from sqlalchemy import ColumnElement, Connection, RowMapping, bindparam, func, select, text

from gateway.errors import Corrupt, NotFound
from gateway.ledger import tiles
from gateway.ledger.batch import MAX_BATCH_BYTES, MAX_BATCH_ENVELOPES
from gateway.ledger.checkpoint import SignedCheckpoint, open_checkpoint
from gateway.ledger.merkle import CompactRange
from gateway.ledger.sender import greeting_turn
from gateway.ledger.withholding import Uncertified, still_uncertified
from gateway.store.seals import next_turn
from gateway.store.state import ChannelState
from gateway.store.tables import JOURNAL, UNUSABLE, channels, events, heads, leaves, subtrees
from gateway.supervision.notices.records import Place

_RECEIPTED = select(func.max(heads.c.size)).where(
    heads.c.channel == bindparam("of_channel"), heads.c.receipt_time.is_not(None)
)
_UNUSABLE = (
    select(events.c.index).where(text(UNUSABLE), events.c.channel == bindparam("of_channel")).order_by(events.c.cursor)
)


class Reply(NamedTuple):
    """An envelope that replies to something of the pair's other channel; ``is_destroyed``: its content."""

    place: Place
    envelope: Envelope
    is_destroyed: bool


def read_batch(connection: Connection, channel: int, first: int, limit: int) -> wire.Batch:
    """Reads envelopes from ``first`` on, up to the last signed checkpoint that the bounds of a batch allow.

    A batch never goes on beyond a rotation of its sender's seal; nor, if content in it is destroyed, beyond the newest
    receipt: it shows one that covers it. Only of what is above that was content destroyed without one.

    Raises:
        Corrupt: no checkpoint, or not every envelope, is stored there.
    """
    turn = connection.scalar(select(next_turn(channel, first)))
    end = min(limit, first + MAX_BATCH_ENVELOPES, limit if turn is None else turn)
    where = (heads.c.channel == channel, heads.c.size > first, heads.c.size <= end)
    sizes = connection.scalars(select(heads.c.size).where(*where).order_by(heads.c.size)).all()
    if not sizes:
        raise Corrupt(f"no checkpoint is stored between {first} and {end}")
    size = _within_bytes(sizes, first, _column(connection, func.length(leaves.c.data), channel, first, sizes[-1]))
    destroyed = _destroyed(connection, channel, first, size)
    if destroyed:  # their receiver countersigned them once, and perhaps not what came later
        receipted = connection.scalar(_RECEIPTED, {"of_channel": channel}) or size
        size = max((each for each in sizes if each <= min(size, receipted)), default=size)
        destroyed = [each for each in destroyed if each.index < size]
    envelopes = _column(connection, leaves.c.data, channel, first, size)
    note = connection.execute(select(heads.c.note).where(heads.c.channel == channel, heads.c.size == size))
    batch = wire.Batch(first_index=first, envelopes=envelopes, checkpoint=note.scalar_one(), destroyed=destroyed)
    if destroyed:
        _show_receipt(connection, channel, size, batch)
    return batch


def read_uncertified(connection: Connection, state: ChannelState) -> Uncertified:
    """Reads of which envelopes of a channel to here the content never came, and no certificate of that either.

    They have no receipt. What this node destroyed itself it had, and there was a receipt before.
    """
    if state.receipted_size >= state.log.size:
        return {}
    above = leaves.c.channel == state.id, leaves.c.index >= state.receipted_size
    gone = select(leaves.c.index, leaves.c.hash, leaves.c.data).where(*above, leaves.c.destroyed.is_(True))
    came = [(index, node, bytes(data)) for index, node, data in connection.execute(gone).all()]
    if not came:
        return {}
    there = connection.scalars(select(leaves.c.data).where(*above).order_by(leaves.c.index)).all()
    return still_uncertified({}, came, there, state.origin)


def read_turn(connection: Connection, state: ChannelState, dial: int = 0) -> SignedCheckpoint | None:
    """Reads the checkpoint of the change of the sender's seal that greets (``greeting_turn``) as it is dialled again.

    None: there is no such change, or its checkpoint is not here.
    """
    turn = greeting_turn(state.seals, state.receipted_size, state.halt, dial)
    where = heads.c.channel == state.id, heads.c.size == turn
    note = connection.scalar(select(heads.c.note).where(*where)) if turn else None
    return None if note is None else open_checkpoint(note, state.origin, state.seals.sender)


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


def read_recalled(connection: Connection, channel: int, size: int, count: int) -> tuple[CompactRange, Sequence[bytes]]:
    """Reads the right edge of a log as it was at a size, and so many leaf hashes from there on."""
    return read_range(connection, channel, size), read_hashes(connection, channel, 0, size, count)


def read_hashes(connection: Connection, channel: int, level: int, first: int, count: int) -> Sequence[bytes]:
    """Reads stored hashes of a level (0, 8, 16, ...)."""
    table = leaves if level == 0 else subtrees
    where = [table.c.channel == channel, table.c.index >= first, table.c.index < first + count]
    if level:
        where.append(subtrees.c.level == level)
    return connection.scalars(select(table.c.hash).where(*where).order_by(table.c.index)).all()


def reader(connection: Connection, channel: int) -> tiles.TileReader:
    """Gives the function through which ``tiles`` reads one channel."""
    return lambda level, first, count: read_hashes(connection, channel, level, first, count)


def read_envelope(connection: Connection, channel: int, index: int) -> bytes:
    """Reads the bytes of a leaf.

    Raises:
        NotFound: the log is not so long.
    """
    where = (leaves.c.channel == channel, leaves.c.index == index)
    data = connection.scalar(select(leaves.c.data).where(*where))
    if data is None:
        raise no_envelope(index)
    return bytes(data)


def read_unusable(connection: Connection, channel: int) -> tuple[int, ...]:
    """Reads the indexes of a channel's envelopes that could not be used when they came, in that order."""
    return tuple(connection.scalars(_UNUSABLE, {"of_channel": channel}))


def read_leaves(connection: Connection, channel: int, indexes: Collection[int]) -> Sequence[RowMapping]:
    """Reads leaves in their order; those that are not there are left out."""
    found = select(leaves).where(leaves.c.channel == channel, leaves.c.index.in_(indexes)).order_by(leaves.c.index)
    return connection.execute(found).mappings().all()


def no_envelope(index: int) -> NotFound:
    """The error for an envelope that is not there, or not there for the caller: the same words."""
    return NotFound(f"the log has no envelope {index}")


def parsed(data: bytes) -> Envelope | None:
    """Reads an envelope; None: the bytes are none."""
    try:
        return Envelope.FromString(data)
    except DecodeError:
        return None


def channel_id(connection: Connection, origin: str) -> int:
    """Finds a channel.

    Raises:
        NotFound: there is none of that origin.
    """
    found = connection.scalar(select(channels.c.id).where(channels.c.origin == origin, channels.c.id != JOURNAL))
    if found is None:
        raise NotFound(f"there is no channel with the origin {origin}")
    return int(found)


def _column(connection: Connection, column: ColumnElement[Any], channel: int, first: int, end: int) -> Sequence[Any]:
    where = (leaves.c.channel == channel, leaves.c.index >= first, leaves.c.index < end)
    found = connection.scalars(select(column).where(*where).order_by(leaves.c.index)).all()
    if len(found) != end - first:
        raise Corrupt(f"envelopes {first} to {end} are not all stored")
    return found


def _destroyed(connection: Connection, channel: int, first: int, end: int) -> list[wire.DestroyedLeaf]:
    where = (leaves.c.channel == channel, leaves.c.index >= first, leaves.c.index < end, leaves.c.destroyed.is_(True))
    rows = connection.execute(select(leaves.c.index, leaves.c.hash).where(*where).order_by(leaves.c.index))
    return [wire.DestroyedLeaf(index=index, leaf_hash=node) for index, node in rows]


def _show_receipt(connection: Connection, channel: int, size: int, batch: wire.Batch) -> None:
    """Adds the first receipt that covers a batch, and what proves that: a receiver takes no hashes without."""
    receipts = heads.c.channel == channel, heads.c.receipt_time.is_not(None), heads.c.size >= size
    row = connection.execute(
        select(heads.c.size, heads.c.note).where(*receipts).order_by(heads.c.size).limit(1)
    ).first()
    if row:
        batch.receipt = row.note
        batch.consistency.extend(tiles.consistency_proof(reader(connection, channel), size, row.size))


def _within_bytes(sizes: Sequence[int], first: int, lengths: Sequence[int]) -> int:
    """The largest size up to which the envelopes fit; the first, whatever it takes: a commit is bounded."""
    chosen, total, counted = sizes[0], 0, 0
    for size in sizes:
        total += sum(lengths[counted : size - first])
        counted = size - first
        if total > MAX_BATCH_BYTES:
            break
        chosen = size
    return chosen
