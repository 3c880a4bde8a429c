"""What was sealed last, still in memory: a link sends it on without reading what was only just written."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.ledger.batch import MAX_BATCH_BYTES, MAX_BATCH_ENVELOPES

KEPT_BYTES = MAX_BATCH_BYTES  # of envelopes, of each channel


@dataclass(frozen=True, slots=True)
class Run:
    """Envelopes of a channel from ``first`` on, which one commit sealed under one checkpoint.

    ``note``: the checkpoint, signed; ``turns``: the seal changes after it, and no batch goes on beyond it.
    """

    origin: str
    first: int
    envelopes: Sequence[bytes]
    note: bytes
    turns: bool = False

    @property
    def end(self) -> int:
        """The size of the log with them."""
        return self.first + len(self.envelopes)

    @property
    def bytes(self) -> int:
        """Of the envelopes."""
        return sum(map(len, self.envelopes))


class Recent:
    """The newest runs of each channel, one following on the other; older ones go."""

    def __init__(self) -> None:
        self._runs: dict[str, deque[Run]] = {}
        self._bytes: dict[str, int] = {}

    def keep(self, run: Run) -> None:
        """Takes a run that is durable now."""
        runs = self._runs.setdefault(run.origin, deque())
        runs.append(run)
        total = self._bytes.get(run.origin, 0) + run.bytes
        while total > KEPT_BYTES:
            total -= runs.popleft().bytes
        self._bytes[run.origin] = total

    def forget(self) -> None:
        """Keeps none: content that is destroyed must not be sent from memory."""
        self._runs.clear()
        self._bytes.clear()

    def batch(self, origin: str, first: int, limit: int) -> wire.Batch | None:
        """Gives what ``logs.read_batch`` would read, if it is all here; a run that does not fit a batch is not."""
        end, total, found = first, 0, list[Run]()
        for run in self._runs.get(origin, ()):
            if run.first != end:
                continue
            total += run.bytes
            if run.end > min(limit, first + MAX_BATCH_ENVELOPES) or total > MAX_BATCH_BYTES:
                break
            end = run.end
            found.append(run)
            if run.turns:
                break
        if not found:
            return None
        envelopes = [envelope for run in found for envelope in run.envelopes]
        return wire.Batch(first_index=first, envelopes=envelopes, checkpoint=found[-1].note)
