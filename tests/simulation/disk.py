"""What one end of a channel keeps durably. Each method is one commit: it happens whole, or not at all."""

from collections.abc import Sequence
from copy import copy

from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.ledger.batch import VerifiedBatch
from gateway.ledger.checkpoint import Receipt, SignedCheckpoint
from gateway.ledger.merkle import CompactRange, leaf_hash
from gateway.ledger.steps import Halt, Loaded, Recalled
from tests.ledger.samples import PARTIES


class Disk:
    """A log with its heads and receipts.

    Attributes:
        envelopes: the log
        heads: signed checkpoints by size
        receipts: receipts by size
        halt: why the channel is halted; None while it is open
        parties: the channel's ends, with the sender's seals as the log tells them
    """

    def __init__(self) -> None:
        self.envelopes: list[bytes] = []
        self.heads: dict[int, SignedCheckpoint] = {}
        self.receipts: dict[int, Receipt] = {}
        self.halt: Halt | None = None
        self.parties = PARTIES
        self._edges = [CompactRange.EMPTY]  # the log's right edge at each size

    def backup(self) -> "Disk":
        """A copy that later commits leave alone."""
        other = copy(self)
        other.envelopes, other._edges = list(self.envelopes), list(self._edges)
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
        found = self.envelopes[size : size + count]
        assert len(found) == count, "a machine asks only for what is in its log"
        return Recalled(self._edges[size], [leaf_hash(envelope) for envelope in found])

    def load(self, first: int, limit: int) -> Loaded:
        """The shortest run that ends in a signed checkpoint."""
        end = min(size for size in self.heads if first < size <= limit)
        note = self.heads[end].note
        return Loaded(wire.Batch(first_index=first, envelopes=self.envelopes[first:end], checkpoint=note))

    # --- commits ---

    def append(self, envelopes: Sequence[bytes], head: SignedCheckpoint) -> None:
        for envelope in envelopes:
            self._edges.append(self.log.extend([leaf_hash(envelope)])[0])
        self.envelopes.extend(envelopes)
        assert (head.checkpoint.size, head.checkpoint.root) == (self.log.size, self.log.root())
        self.heads[head.checkpoint.size] = head

    def append_verified(self, batch: VerifiedBatch) -> None:
        assert batch.first == self.log.size, "each envelope is committed once, and in order (G4)"
        self.append(batch.envelopes, batch.head)
        self.parties = self.parties.after(batch.rotation)
        assert batch.log == self.log

    def keep_receipt(self, receipt: Receipt) -> None:
        assert receipt.checkpoint == self.heads[receipt.checkpoint.size].checkpoint
        self.receipts[receipt.checkpoint.size] = receipt

    def keep_halt(self, halt: Halt | None) -> None:
        self.halt = halt
