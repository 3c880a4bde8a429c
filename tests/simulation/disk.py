"""What one end of a channel keeps durably. Each method is one commit: it happens whole, or not at all."""

from collections.abc import Sequence
from copy import copy

from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.ledger.batch import VerifiedBatch
from gateway.ledger.checkpoint import Receipt, SignedCheckpoint
from gateway.ledger.forks import Prefix
from gateway.ledger.merkle import CompactRange, leaf_hash
from gateway.ledger.steps import Halt, Loaded, Recalled
from gateway.ledger.tiles import consistency_proof
from tests.ledger.samples import CHANNEL_SEALS


class Disk:
    """A log with its heads and receipts.

    Attributes:
        envelopes: the log; of content that is destroyed, what is left of it
        hashes: of the leaves
        heads: signed checkpoints by size
        receipts: receipts by size
        halt: why the channel is halted; None while it is open
        seals: of the channel's ends, the sender's as the log tells them
    """

    def __init__(self) -> None:
        self.envelopes: list[bytes] = []
        self.hashes: list[bytes] = []
        self.heads: dict[int, SignedCheckpoint] = {}
        self.receipts: dict[int, Receipt] = {}
        self.halt: Halt | None = None
        self.seals = CHANNEL_SEALS
        self._edges = [CompactRange.EMPTY]  # the log's right edge at each size

    def backup(self) -> "Disk":
        """A copy that later commits leave alone."""
        other = copy(self)
        other.envelopes, other.hashes, other._edges = list(self.envelopes), list(self.hashes), list(self._edges)
        other.heads, other.receipts = dict(self.heads), dict(self.receipts)
        return other

    # --- reads ---

    @property
    def log(self) -> CompactRange:
        return self._edges[-1]

    @property
    def head(self) -> SignedCheckpoint | None:
        return self.heads.get(self.log.size)

    @property
    def receipt(self) -> Receipt | None:
        return self.receipts[max(self.receipts)] if self.receipts else None

    def recall(self, size: int, count: int) -> Recalled:
        found = self.hashes[size : size + count]
        assert len(found) == count, "a machine asks only for what is in its log"
        return Recalled(self._edges[size], found)

    def load(self, first: int, limit: int) -> Loaded:
        """The shortest run that ends in a signed checkpoint."""
        end = min(size for size in self.heads if first < size <= limit)
        note = self.heads[end].note
        return Loaded(wire.Batch(first_index=first, envelopes=self.envelopes[first:end], checkpoint=note))

    def prefix(self, first: int, second: int) -> Prefix:
        """What the log had at a size, with the proof from there to a later one; for logs of less than 256 envelopes."""
        proof = consistency_proof(lambda level, start, count: self.hashes[start:][:count], first, second)
        return Prefix(self._edges[first].root(), proof)

    # --- commits ---

    def append(self, envelopes: Sequence[bytes], head: SignedCheckpoint, hashes: Sequence[bytes] = ()) -> None:
        hashes = hashes or [leaf_hash(envelope) for envelope in envelopes]
        for each in hashes:
            self._edges.append(self.log.extend([each])[0])
        self.envelopes.extend(envelopes)
        self.hashes.extend(hashes)
        assert (head.checkpoint.size, head.checkpoint.root) == (self.log.size, self.log.root())
        self.heads[head.checkpoint.size] = head

    def append_verified(self, batch: VerifiedBatch) -> None:
        assert batch.first == self.log.size, "each envelope is committed once, and in order (G4)"
        self.append(batch.envelopes, batch.head, batch.leaf_hashes)
        self.seals = self.seals.after(batch.rotation)
        assert batch.log == self.log

    def keep_receipt(self, receipt: Receipt) -> None:
        assert receipt.checkpoint == self.heads[receipt.checkpoint.size].checkpoint
        self.receipts[receipt.checkpoint.size] = receipt

    def keep_halt(self, halt: Halt | None) -> None:
        self.halt = halt
