"""When two checkpoints under one signature contradict each other, by what they show alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.errors import BadProof
from gateway.ledger.checkpoint import Checkpoint
from gateway.ledger.merkle import CompactRange, fold
from gateway.ledger.proof import verify_consistency
from gateway.ledger.tiles import subproof


@dataclass(frozen=True, slots=True)
class Prefix:
    """What a log had at an earlier size.

    Attributes:
        root: at that size
        proof: from there to the later size (RFC 9162, section 2.1.4)
    """

    root: bytes
    proof: Sequence[bytes]


TWO_HEADS = 2  # that contradict each other
NO_PREFIX = Prefix(b"", ())


def check_fork(earlier: Checkpoint, later: Checkpoint, prefix: Prefix) -> None:
    """Passes if no log can have both checkpoints: two roots at one size, or another root in the past of the later one.

    Args:
        earlier: of a smaller size, or of the same
        later: the other one
        prefix: what the log of the later one had at the size of the earlier; of no use where the sizes are the same

    Raises:
        BadProof: it does not prove this.
    """
    if earlier.size < later.size:
        verify_consistency(earlier.size, later.size, prefix.root, later.root, prefix.proof)
    if earlier.root == (later.root if earlier.size == later.size else prefix.root):
        raise BadProof("the two checkpoints are of one history")


def prefix_of(log: CompactRange, following: Sequence[bytes]) -> Prefix:
    """Gives what a log had at a size, as a proof from there to where the leaf hashes that follow end.

    Nothing of the log is stored: what a range hashes to, the right edge before these leaves tells, or they do.
    """

    def range_hash(start: int, end: int) -> bytes:
        if start >= log.size:
            new, _ = CompactRange.EMPTY.extend(following[start - log.size : end - log.size])
            return new.root()
        return fold([each.hash for each in log.subtrees() if start <= each.index << each.level < end])

    return Prefix(log.root(), subproof(log.size, log.size + len(following), range_hash))
