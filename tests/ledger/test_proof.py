"""Proof verification against the RFC's recursion and pymerkle, and what it refuses."""

from contextlib import nullcontext

import pymerkle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadProof
from gateway.ledger.merkle import MAX_SIZE, leaf_hash, node_hash
from gateway.ledger.proof import MAX_HASHES, verify_consistency, verify_inclusion
from tests.ledger import oracle
from tests.ledger.samples import envelopes

LEAVES = envelopes(40)
HASHES = [leaf_hash(leaf) for leaf in LEAVES]
ROOTS = [oracle.mth(LEAVES[:size]) for size in range(len(LEAVES) + 1)]
INCLUSIONS = [(index, size) for size in range(1, len(LEAVES) + 1) for index in range(size)]
CONSISTENCIES = [(first, second) for second in range(1, len(LEAVES) + 1) for first in range(1, second + 1)]

hashes = st.binary(min_size=32, max_size=32)
sizes = st.one_of(st.integers(-2, 45), st.sampled_from([MAX_SIZE - 1, MAX_SIZE, 2**63, 2**64, 2**200]))


@pytest.fixture(scope="module")
def pymerkle_tree():
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    tree.append_entries(LEAVES)
    return tree


def test_every_inclusion_proof_of_the_rfc_verifies():
    for index, size in INCLUSIONS:
        verify_inclusion(HASHES[index], index, size, oracle.path(index, LEAVES[:size]), ROOTS[size])


def test_every_consistency_proof_of_the_rfc_verifies():
    for first, second in CONSISTENCIES:
        verify_consistency(first, second, ROOTS[first], ROOTS[second], oracle.proof(first, LEAVES[:second]))


def test_every_inclusion_proof_of_pymerkle_verifies(pymerkle_tree):
    for index, size in INCLUSIONS:
        base, *siblings = pymerkle_tree.prove_inclusion(index + 1, size).path  # it counts from 1
        assert base == HASHES[index], "pymerkle puts the leaf's own hash first"
        verify_inclusion(HASHES[index], index, size, siblings, ROOTS[size])


def test_pymerkle_judges_two_heads_as_we_do(pymerkle_tree):
    """Its proofs divide the tree otherwise than the RFC, so verdicts are compared, not hashes."""
    for first, second in CONSISTENCIES:
        theirs, ours = pymerkle_tree.prove_consistency(first, second), oracle.proof(first, LEAVES[:second])
        for earlier in (ROOTS[first], ROOTS[first - 1]):
            accepted = earlier == ROOTS[first]
            with nullcontext() if accepted else pytest.raises(pymerkle.InvalidProof):
                pymerkle.verify_consistency(earlier, ROOTS[second], theirs)
            with nullcontext() if accepted else pytest.raises(BadProof):
                verify_consistency(first, second, earlier, ROOTS[second], ours)


def test_an_inclusion_proof_proves_no_other_place():
    proof = oracle.path(5, LEAVES[:21])
    for index, size in INCLUSIONS:
        if (index, size) != (5, 21):
            with pytest.raises(BadProof):
                verify_inclusion(HASHES[5], index, size, proof, ROOTS[size])


def alterations(proof):
    """Every proof that differs in one hash, in order or in length."""
    for place, node in enumerate(proof):
        yield proof[:place] + proof[place + 1 :]
        yield (*proof[:place], bytes(32), *proof[place + 1 :])
        yield (*proof[:place], node[::-1], *proof[place + 1 :])
        yield (*proof[:place], node, *proof[place:])
        yield (*proof[:place], node[:31], *proof[place + 1 :])
    if len(proof) > 1:
        yield proof[::-1]
        yield (*proof[:-2], proof[-1], proof[-2])
    yield (*proof, bytes(32))
    yield ()


@pytest.mark.parametrize(("index", "size"), [(0, 2), (5, 21), (20, 21), (31, 32), (0, 40), (39, 40)])
def test_an_altered_inclusion_proof_is_refused(index, size):
    proof = oracle.path(index, LEAVES[:size])
    for altered in alterations(proof):
        with pytest.raises(BadProof):
            verify_inclusion(HASHES[index], index, size, altered, ROOTS[size])


@pytest.mark.parametrize(("first", "second"), [(1, 2), (6, 8), (8, 21), (13, 21), (32, 40), (39, 40)])
def test_an_altered_consistency_proof_is_refused(first, second):
    proof = oracle.proof(first, LEAVES[:second])
    for altered in alterations(proof):
        with pytest.raises(BadProof):
            verify_consistency(first, second, ROOTS[first], ROOTS[second], altered)


def test_an_inclusion_proof_of_another_leaf_or_root_is_refused():
    proof = oracle.path(5, LEAVES[:21])
    with pytest.raises(BadProof, match="does not lead"):
        verify_inclusion(HASHES[6], 5, 21, proof, ROOTS[21])
    with pytest.raises(BadProof, match="does not lead"):
        verify_inclusion(HASHES[5], 5, 21, proof, ROOTS[22])


def test_a_consistency_proof_between_other_roots_is_refused():
    proof = oracle.proof(6, LEAVES[:21])
    with pytest.raises(BadProof, match="does not lead"):
        verify_consistency(6, 21, ROOTS[7], ROOTS[21], proof)
    with pytest.raises(BadProof, match="does not lead"):
        verify_consistency(6, 21, ROOTS[6], ROOTS[20], proof)


def test_one_size_has_one_root_and_needs_no_proof():
    verify_consistency(6, 6, ROOTS[6], ROOTS[6], ())
    with pytest.raises(BadProof, match="differ"):
        verify_consistency(6, 6, ROOTS[6], ROOTS[7], ())
    with pytest.raises(BadProof, match="come with a proof"):
        verify_consistency(6, 6, ROOTS[6], ROOTS[6], (ROOTS[6],))


@pytest.mark.parametrize(("index", "size"), [(0, 0), (-1, 3), (3, 3), (0, 2**63), (2**63, 2**63 + 1)])
def test_an_inclusion_proof_for_impossible_numbers_is_refused(index, size):
    with pytest.raises(BadProof, match="no leaf"):
        verify_inclusion(HASHES[0], index, size, (), HASHES[0])


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 3), (-1, 3), (4, 3), (1, 2**63), (2**63, 2**63)])
def test_a_consistency_proof_for_impossible_sizes_is_refused(first, second):
    with pytest.raises(BadProof, match="no prefix"):
        verify_consistency(first, second, ROOTS[1], ROOTS[1], ())


def test_a_proof_for_the_greatest_size_ends_at_its_last_level():
    for index in (0, MAX_SIZE - 1):
        with pytest.raises(BadProof, match="does not lead"):
            verify_inclusion(HASHES[0], index, MAX_SIZE, [bytes(32)] * 62, ROOTS[1])
        with pytest.raises(BadProof, match=r"too long|does not lead"):
            verify_inclusion(HASHES[0], index, MAX_SIZE, [bytes(32)] * MAX_HASHES, ROOTS[1])


def test_a_proof_without_end_is_refused_before_anything_is_hashed():
    endless = [b"not even a hash"] * (MAX_HASHES + 3)
    with pytest.raises(BadProof, match="at most"):
        verify_inclusion(HASHES[0], 0, MAX_SIZE, endless, ROOTS[1])
    with pytest.raises(BadProof, match="at most"):
        verify_consistency(1, MAX_SIZE, ROOTS[1], ROOTS[1], endless)


@given(sizes, sizes, st.lists(hashes, max_size=70), hashes, hashes)
def test_whatever_a_stranger_sends_is_refused_in_one_way(first, second, proof, one, other):
    with pytest.raises(BadProof):
        verify_inclusion(one, first, second, proof, other)
    if first != second or one != other:
        with pytest.raises(BadProof):
            verify_consistency(first, second, one, other, proof)


def test_a_proof_shorter_than_its_sizes_demand_is_refused_even_where_it_leads_to_the_root():
    """Else the root of a few leaves could be shown as the root of many."""
    with pytest.raises(BadProof, match="does not lead"):
        verify_inclusion(HASHES[0], 0, 2, (), HASHES[0])
    with pytest.raises(BadProof, match="does not lead"):
        verify_inclusion(HASHES[1], 1, 8, oracle.path(1, LEAVES[:4]), ROOTS[4])
    with pytest.raises(BadProof, match="does not lead"):
        verify_consistency(3, 8, ROOTS[3], ROOTS[4], oracle.proof(3, LEAVES[:4]))


def test_a_proof_longer_than_its_sizes_allow_is_refused_even_where_it_leads_to_the_root():
    more = bytes(32)
    for index, size in ((0, 1), (0, 4), (3, 4), (4, 5)):
        proof, root = oracle.path(index, LEAVES[:size]), node_hash(more, ROOTS[size])
        with pytest.raises(BadProof, match="too long"):
            verify_inclusion(HASHES[index], index, size, (*proof, more), root)
    with pytest.raises(BadProof, match="too long"):
        verify_consistency(
            3, 4, node_hash(more, ROOTS[3]), node_hash(more, ROOTS[4]), (*oracle.proof(3, LEAVES[:4]), more)
        )
