"""When two heads contradict each other, and the one form in which that is written down."""

from dataclasses import replace

import pytest

from gateway.errors import Malformed
from gateway.ledger import forks
from gateway.ledger.fork_proof import HEADER, ForkProof, in_order, is_fork_proof
from gateway.ledger.forks import NO_PREFIX
from gateway.ledger.merkle import leaf_hash
from tests.ledger.samples import HK_SEAL, certificates_of, envelopes, head_of, log_of, prefix_of, receipt_of

LEAVES = envelopes(9)
OTHERS = [*LEAVES[:3], *envelopes(9, "other")[3:]]
SEALS = (certificates_of(HK_SEAL),) * 2
OF_ONE_SIZE = ForkProof(SEALS, NO_PREFIX, in_order(head_of(LEAVES[:5]).note, head_of(OTHERS[:5]).note))
OF_TWO_SIZES = ForkProof(SEALS, prefix_of(LEAVES, 5), (head_of(OTHERS[:5]).note, head_of(LEAVES).note))


def test_what_a_log_had_is_told_from_its_edge_and_what_follows_at_every_pair_of_sizes():
    leaves = envelopes(40)
    for second in range(1, len(leaves) + 1):
        for first in range(1, second + 1):
            following = [leaf_hash(leaf) for leaf in leaves[first:second]]
            assert forks.prefix_of(log_of(leaves[:first]), following) == prefix_of(leaves[:second], first)


@pytest.mark.parametrize("proof", [OF_ONE_SIZE, OF_TWO_SIZES], ids=["one-size", "two-sizes"])
def test_what_is_written_is_read_again(proof):
    assert is_fork_proof(proof.encode())
    assert ForkProof.parse(proof.encode()) == proof


HEAD, _, NOTES = OF_TWO_SIZES.encode().partition(b"\n\n")
LINES = HEAD.split(b"\n")


def with_head(*lines):
    return b"\n".join(lines) + b"\n\n" + NOTES


@pytest.mark.parametrize(
    "data",
    {
        "nothing": b"",
        "another header": with_head(b"regulator.exchange/fork-proof@v2", *LINES[1:]),
        "one seal": with_head(*LINES[:2], *LINES[3:]),
        "three seals": with_head(*LINES[:3], *LINES[2:]),
        "a seal of one certificate": with_head(LINES[0], b"seal AAAA", *LINES[2:]),
        "no prefix where one is needed": with_head(*LINES[:3]),
        "a prefix that is none": with_head(*LINES[:3], b"prefix AAAA", *LINES[4:]),
        "too many hashes": with_head(*LINES, *LINES[4:5] * 64),
        "no ASCII": with_head("regulator.exchange/förk-proof@v1".encode(), *LINES[1:]),
        "one note": OF_TWO_SIZES.encode().rpartition(b"\n\n")[0],
        "three notes": OF_TWO_SIZES.encode() + b"\n" + OF_TWO_SIZES.notes[1],
        "a line break at the end": OF_TWO_SIZES.encode() + b"\n",
        "the larger first": replace(OF_TWO_SIZES, notes=OF_TWO_SIZES.notes[::-1]).encode(),
        "of one size in the other order": replace(OF_ONE_SIZE, notes=OF_ONE_SIZE.notes[::-1]).encode(),
        "a prefix where none is needed": replace(OF_ONE_SIZE, prefix=OF_TWO_SIZES.prefix).encode(),
        "too long": with_head(LINES[0], b"seal " + b"AAAA" * 65536 + b" AAAA", *LINES[2:]),
    }.items(),
    ids=lambda item: item[0],
)
def test_anything_else_is_refused(data):
    with pytest.raises(Malformed):
        ForkProof.parse(data[1])


def test_a_file_of_another_kind_is_told_apart():
    assert not is_fork_proof(receipt_of(LEAVES).note)
    assert not is_fork_proof(HEADER.encode())
