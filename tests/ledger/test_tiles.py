import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Corrupt
from gateway.ledger.merkle import EMPTY_ROOT, CompactRange, leaf_hash
from gateway.ledger.tiles import consistency_proof, extends, inclusion_proof, root_of, subtree_hash
from tests.ledger import oracle
from tests.ledger.samples import envelopes
from tests.ledger.stored import StoredTree

LEAVES = envelopes(700)  # two complete subtrees of level 8, and a rest
TREE = StoredTree(LEAVES)
sizes = st.integers(1, len(LEAVES))


def test_every_root_the_log_ever_had_can_be_computed():
    sizes_with_edges = [0, 1, 2, 3, 255, 256, 257, 511, 512, 513, 700]
    assert [root_of(TREE.read, size) for size in sizes_with_edges] == [
        oracle.mth(LEAVES[:size]) for size in sizes_with_edges
    ]
    assert root_of(TREE.read, 0) == EMPTY_ROOT


@given(sizes, st.data())
def test_an_inclusion_proof_is_the_path_of_the_rfc(size, draw):
    index = draw.draw(st.integers(0, size - 1))
    assert inclusion_proof(TREE.read, index, size) == oracle.path(index, LEAVES[:size])


@given(sizes, st.data())
def test_a_consistency_proof_is_the_proof_of_the_rfc(second, draw):
    first = draw.draw(st.integers(1, second))
    assert consistency_proof(TREE.read, first, second) == oracle.proof(first, LEAVES[:second])


@pytest.mark.parametrize("level", range(10))
def test_any_complete_subtree_is_rebuilt_from_the_stored_levels(level):
    for index in {0, (len(LEAVES) >> level) - 1}:
        expected = oracle.mth(LEAVES[index << level : (index + 1) << level])
        assert subtree_hash(TREE.read, level, index) == expected


def at(size: int) -> CompactRange:
    return CompactRange.EMPTY.extend(leaf_hash(leaf) for leaf in LEAVES[:size])[0]


@given(sizes, st.data())
def test_a_log_extends_each_log_that_it_was_and_no_other_one(second, draw):
    first = draw.draw(st.integers(0, second))
    assert extends(TREE.read, at(second), at(first))
    if first < second:
        assert not extends(TREE.read, at(first), at(second))
    if first:
        place = draw.draw(st.integers(0, first - 1))
        other = [*LEAVES[:place], b"another one", *LEAVES[place + 1 : first]]
        assert not extends(TREE.read, at(second), StoredTree(other).log)


def test_what_was_appended_last_is_compared_without_reading_much():
    tree = StoredTree(LEAVES)
    assert extends(tree.read, tree.log, at(len(LEAVES) - 1))
    assert tree.hashes_read < 8


def test_the_subtrees_of_a_log_are_its_edge_from_left_to_right():
    places = [(each.level, each.index) for each in at(700).subtrees()]
    assert places == [(9, 0), (7, 4), (5, 20), (4, 42), (3, 86), (2, 174)]
    assert [each.hash for each in at(700).subtrees()] == list(at(700).hashes)


def test_a_proof_reads_few_hashes():
    tree = StoredTree(LEAVES)
    inclusion_proof(tree.read, 3, len(LEAVES))
    assert tree.hashes_read < len(LEAVES), "the stored level 8 saves reading the leaves below it"


@pytest.mark.parametrize(("index", "size"), [(-1, 5), (5, 5), (6, 5), (0, 0)])
def test_there_is_no_inclusion_proof_of_a_leaf_that_is_not_there(index, size):
    with pytest.raises(ValueError, match="no leaf"):
        inclusion_proof(TREE.read, index, size)


@pytest.mark.parametrize(("first", "second"), [(0, 5), (-1, 5), (6, 5), (0, 0)])
def test_there_is_no_consistency_proof_of_sizes_out_of_order(first, second):
    with pytest.raises(ValueError, match="no prefix"):
        consistency_proof(TREE.read, first, second)


def test_hashes_that_storage_lacks_are_named_as_corruption():
    beyond = len(LEAVES) + 1
    with pytest.raises(Corrupt, match="not all stored"):
        root_of(TREE.read, beyond)
    with pytest.raises(Corrupt):
        inclusion_proof(TREE.read, 0, beyond)
    with pytest.raises(Corrupt):
        consistency_proof(TREE.read, 1, beyond)
