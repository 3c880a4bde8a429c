"""When two checkpoints under one signature contradict each other, by what they show alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.errors import BadProof
from gateway.ledger.checkpoint import Checkpoint
from gateway.ledger.merkle import CompactRange, fold
from gateway.ledger.proof import verify_consistency


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

    It is PROOF(m, D[n]) (RFC 9162, section 2.1.4.1) from the right edge at m and the leaves after it, where nothing of
    the log is stored.
    """
    nodes, proof = list(log.hashes), []
    start, end = 0, log.size + len(following)
    while log.size != end:
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        if log.size <= middle:  # SUBPROOF(m, D[0:k], b) : MTH(D[k:n])
            right, _ = CompactRange.EMPTY.extend(following[middle - log.size : end - log.size])
            proof.append(right.root())
            end = middle
        else:  # SUBPROOF(m - k, D[k:n], false) : MTH(D[0:k]), the leftmost node of the edge that is left
            proof.append(nodes.pop(0))
            start = middle
    if start:
        proof.append(fold(nodes))
    return Prefix(log.root(), tuple(reversed(proof)))
