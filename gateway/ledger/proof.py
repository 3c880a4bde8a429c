"""Verification of Merkle proofs, with nothing stored (RFC 9162, sections 2.1.3 and 2.1.4).

A proof comes from a stranger. Its length is bounded before anything is hashed: no valid proof has more than one hash
a level and one to begin with.
"""

from collections.abc import Sequence

from gateway.errors import BadProof, Malformed
from gateway.ledger.merkle import HASH_BYTES, MAX_SIZE, node_hash
from gateway.ledger.note import decode_base64

MAX_HASHES = 64
"""Of the longest proof, in a log of ``MAX_SIZE`` leaves."""


def verify_inclusion(leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Verifies that a leaf stands at an index of the log (RFC 9162, section 2.1.3.2).

    Args:
        leaf_hash: the leaf's hash, 32 bytes
        index: of the leaf, from 0
        size: of the log, in leaves
        proof: sibling hashes from the leaf's own to the root's child
        root: of the log at that size, from a verified checkpoint

    Raises:
        BadProof: it does not prove this, whatever is wrong with it.
    """
    _check_shape((leaf_hash, root, *proof))
    if not 0 <= index < size <= MAX_SIZE:  # step 1
        raise BadProof(f"no leaf {index} is in a log of {size}")
    position, last = index, size - 1  # step 2: fn, sn
    node = leaf_hash  # step 3: r
    for sibling in proof:  # step 4
        if last == 0:  # step 4.1
            raise BadProof("the inclusion proof is too long")
        if position & 1 or position == last:  # step 4.2
            node = node_hash(sibling, node)
            position, last = _climb(position, last)
        else:
            node = node_hash(node, sibling)
        position, last = position >> 1, last >> 1  # step 4.3
    if last or node != root:  # step 5
        raise BadProof(f"the inclusion proof does not lead from leaf {index} to the root of {size} leaves")


def verify_consistency(first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]) -> None:
    """Verifies that a log of one size is a prefix of the log of a later size (RFC 9162, section 2.1.4.2).

    Args:
        first: the earlier size, at least 1: every log begins with the empty one, and nothing is to be proved
        second: the later size
        first_root: root at the earlier size, from a verified checkpoint
        second_root: root at the later size, from a verified checkpoint
        proof: the hashes, as ``tiles.consistency_proof`` gives them; none where both sizes are the same

    Raises:
        BadProof: it does not prove this, whatever is wrong with it.
    """
    _check_shape((first_root, second_root, *proof))
    if not 0 < first <= second <= MAX_SIZE:
        raise BadProof(f"a log of {second} leaves has no prefix of {first} to prove")
    if first == second:
        if proof or first_root != second_root:
            raise BadProof(f"two roots of {first} leaves differ, or come with a proof")
        return
    # step 2: the first tree, if it is complete, is itself the first node
    path = [first_root, *proof] if first.bit_count() == 1 else list(proof)
    if not proof:  # step 1
        raise BadProof("the consistency proof is empty")
    position, last = first - 1, second - 1  # step 3: fn, sn
    while position & 1:  # step 4
        position, last = position >> 1, last >> 1
    first_node = second_node = path[0]  # step 5: fr, sr
    for sibling in path[1:]:  # step 6
        if last == 0:  # step 6.1
            raise BadProof("the consistency proof is too long")
        if position & 1 or position == last:  # step 6.2
            first_node, second_node = node_hash(sibling, first_node), node_hash(sibling, second_node)
            position, last = _climb(position, last)
        else:
            second_node = node_hash(second_node, sibling)
        position, last = position >> 1, last >> 1  # step 6.3
    if last or first_node != first_root or second_node != second_root:  # step 7
        raise BadProof(f"the consistency proof does not lead from {first} leaves to {second}")


def decode_hash(line: str) -> bytes:
    """Reads a hash as the files of proofs have it: a line of base64.

    Raises:
        Malformed: it is none.
    """
    node = decode_base64(line)
    if len(node) != HASH_BYTES:
        raise Malformed(f"a hash of a proof is {HASH_BYTES} bytes of base64")
    return node


def _climb(position: int, last: int) -> tuple[int, int]:
    """Passes the levels where the node has no right sibling, up to an odd one (steps 4.2 and 6.2)."""
    while not position & 1 and position:
        position, last = position >> 1, last >> 1
    return position, last


def _check_shape(hashes: Sequence[bytes]) -> None:
    if len(hashes) > MAX_HASHES + 2:
        raise BadProof(f"a proof has at most {MAX_HASHES} hashes")
    if any(len(node) != HASH_BYTES for node in hashes):
        raise BadProof(f"a hash of a proof has {HASH_BYTES} bytes")
