"""Reads proofs from a log."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from gateway.errors import BadInput
from gateway.ledger import tiles
from gateway.store.destroying import read_leaf
from gateway.store.logs import channel_id, no_envelope, parsed, reader
from gateway.store.notice_queries import read_record
from gateway.store.tables import channels, heads
from gateway.supervision.disclosure import Scope, discloses
from gateway.supervision.envelopes.about import notice_in
from gateway.supervision.notices.records import Place


@dataclass(frozen=True, slots=True)
class InclusionParts:
    """What an evidence file is made of: the envelope, its inclusion proof, and the note that the proof leads to.

    Attributes:
        envelope: empty if its content is destroyed
        leaf_hash: in place of it; empty if the envelope is there
        certificates: where this node's certificate of destruction stands, and the peer's, as far as there are any
        proof: from the leaf to the root
        note: the checkpoint
        receipted: the note is a receipt: the first that covers the envelope
    """

    envelope: bytes
    leaf_hash: bytes
    certificates: tuple[Place, ...]
    proof: tuple[bytes, ...]
    note: bytes
    receipted: bool


@dataclass(frozen=True, slots=True)
class ConsistencyParts:
    """A consistency proof and the two roots."""

    hashes: tuple[bytes, ...]
    first_root: bytes
    second_root: bytes


def read_inclusion(connection: Connection, scope: Scope, origin: str, index: int) -> InclusionParts:
    """Reads the proof of one envelope, under the first receipt that covers it, else under the newest checkpoint.

    Raises:
        NotFound: no such channel, or no envelope in it that may be seen.
    """
    channel = channel_id(connection, origin)
    leaf = read_leaf(connection, channel, Place(origin, index))
    envelope = parsed(leaf.data) if leaf else None
    if leaf is None or not discloses(envelope, scope, lambda notice_id: read_record(connection, notice_id)):
        raise no_envelope(index)
    covering = select(heads.c.size, heads.c.note).where(heads.c.channel == channel, heads.c.size > index)
    receipts = covering.where(heads.c.receipt_time.is_not(None)).order_by(heads.c.size)
    receipt = connection.execute(receipts.limit(1)).first()
    head = receipt or connection.execute(covering.order_by(heads.c.size.desc()).limit(1)).one()
    proof = tiles.inclusion_proof(reader(connection, channel), index, head.size)
    receipted = receipt is not None
    if not leaf.is_destroyed:
        return InclusionParts(leaf.data, b"", (), proof, head.note, receipted)
    record = read_record(connection, notice_in(envelope)) if envelope else None
    both = (record.destroyed_at, record.peer_destroyed_at) if record else ()
    return InclusionParts(b"", leaf.hash, tuple(each for each in both if each), proof, head.note, receipted)


def read_consistency(connection: Connection, origin: str, first: int, second: int) -> ConsistencyParts:
    """Reads the proof that a log of one size is a prefix of a later one.

    Raises:
        NotFound: there is no such channel.
        BadInput: the log never had these sizes.
    """
    channel = channel_id(connection, origin)
    size = connection.execute(select(channels.c.size).where(channels.c.id == channel)).scalar_one()
    if second > size:
        raise BadInput.of("second_size", f"must be at most the size of the log, {size}")
    if not 0 < first <= second:
        raise BadInput.of("first_size", "must be at least 1 and at most second_size")
    read = reader(connection, channel)
    return ConsistencyParts(
        tiles.consistency_proof(read, first, second), tiles.root_of(read, first), tiles.root_of(read, second)
    )
