import pymerkle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Malformed
from gateway.ledger.merkle import EMPTY_ROOT, MAX_SIZE, CompactRange, fold, leaf_hash, node_hash
from tests.ledger import oracle
from tests.ledger.samples import envelopes, log_of

leaves = st.lists(st.binary(max_size=40), max_size=70)


def test_the_root_of_no_leaves_is_the_hash_of_nothing():
    assert CompactRange.EMPTY.root() == EMPTY_ROOT == oracle.mth([]) == fold([])


def test_a_node_is_never_read_as_a_leaf():
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)


@given(leaves)
def test_the_root_is_the_one_of_the_rfc(data):
    assert log_of(data).root() == oracle.mth(data)


@given(leaves)
def test_the_root_is_the_one_of_pymerkle(data):
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    tree.append_entries(data)
    assert log_of(data).root() == tree.get_root()


@given(leaves, st.data())
def test_a_log_grows_alike_in_any_steps(data, draw):
    cut = draw.draw(st.integers(0, len(data)))
    hashes = [leaf_hash(leaf) for leaf in data]
    first, early = CompactRange.EMPTY.extend(hashes[:cut])
    second, late = first.extend(hashes[cut:])
    assert (second, early + late) == CompactRange.EMPTY.extend(hashes)
    assert first == log_of(data[:cut]), "the range that was extended is left as it was"


def test_subtrees_of_every_eighth_level_are_named_when_they_are_complete():
    data = envelopes(600)
    _, subtrees = CompactRange.EMPTY.extend([leaf_hash(leaf) for leaf in data])
    assert [(subtree.level, subtree.index) for subtree in subtrees] == [(8, 0), (8, 1)]
    assert [subtree.hash for subtree in subtrees] == [oracle.mth(data[:256]), oracle.mth(data[256:512])]


def test_a_subtree_of_level_16_comes_after_the_one_of_level_8_that_completes_it():
    node = leaf_hash(b"")
    nearly_full = CompactRange(2**16 - 1, (node,) * 16)
    _, subtrees = nearly_full.extend([node])
    assert [(subtree.level, subtree.index) for subtree in subtrees] == [(8, 255), (16, 0)]


@given(leaves)
def test_a_compact_range_survives_its_encoding(data):
    log = log_of(data)
    assert CompactRange.decode(log.size, log.encode()) == log


@pytest.mark.parametrize(
    ("size", "encoded"),
    [(1, b""), (0, bytes(32)), (3, bytes(32)), (1, bytes(31)), (1, bytes(33)), (2, bytes(64)), (-1, bytes(32))],
)
def test_a_compact_range_whose_hashes_do_not_fit_its_size_is_refused(size, encoded):
    with pytest.raises(Malformed):
        CompactRange.decode(size, encoded)


def test_a_log_beyond_the_greatest_size_is_refused():
    full = CompactRange(MAX_SIZE, (bytes(32),) * 63)
    with pytest.raises(Malformed, match="cannot have"):
        full.extend([bytes(32)])
    with pytest.raises(Malformed, match="cannot have"):
        CompactRange(MAX_SIZE + 1, (bytes(32),))


@pytest.mark.parametrize("leaf", [b"", bytes(31), bytes(33)])
def test_only_a_leaf_hash_can_be_appended(leaf):
    with pytest.raises(AssertionError, match="32 bytes"):
        CompactRange.EMPTY.extend([leaf])
