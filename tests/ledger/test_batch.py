import pytest
from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.errors import BadProof, BadSignature, Malformed, RemoteProtocolError, Untrusted
from gateway.ledger.batch import MAX_BATCH_BYTES, MAX_BATCH_ENVELOPES, MAX_MESSAGE_BYTES, verify_batch
from gateway.ledger.checkpoint import MAX_TIME
from gateway.ledger.merkle import leaf_hash
from gateway.ledger.note import MAX_NOTE_BYTES
from tests.ledger.samples import (
    CHANNEL_SEALS,
    HK_TO_KR,
    KR_SEAL,
    KR_TO_HK,
    STRANGER_SEAL,
    batch_of,
    checkpoint_of,
    envelopes,
    head_of,
    log_of,
    receipt_of,
)

LEAVES = envelopes(7)
LOG = log_of(LEAVES[:3])


def verify(batch, log=LOG):
    return verify_batch(batch, log, CHANNEL_SEALS)


def changed(**fields):
    batch = batch_of(LEAVES, 3)
    values = {"first_index": 3, "envelopes": batch.envelopes, "checkpoint": batch.checkpoint} | fields
    return wire.Batch(**values)


def test_a_batch_that_continues_the_log_gives_all_that_is_to_be_stored():
    verified = verify(batch_of(LEAVES, 3))
    assert (verified.first, list(verified.envelopes)) == (3, LEAVES[3:])
    assert list(verified.leaf_hashes) == [leaf_hash(leaf) for leaf in LEAVES[3:]]
    assert (verified.log, verified.head) == (log_of(LEAVES), head_of(LEAVES))


def test_a_batch_names_the_subtrees_it_completes():
    leaves = envelopes(260)
    verified = verify(batch_of(leaves, 250), log_of(leaves[:250]))
    assert [(subtree.level, subtree.index) for subtree in verified.subtrees] == [(8, 0)]


def test_a_receipt_in_the_place_of_the_checkpoint_counts_as_the_checkpoint_in_it():
    """So a receiver can hand back what it keeps: its receipts."""
    assert verify(changed(checkpoint=receipt_of(LEAVES).note)).head == head_of(LEAVES)


@pytest.mark.parametrize("first", [0, 2, 4, 2**63, 2**64 - 1])
def test_a_batch_that_begins_elsewhere_is_refused(first):
    with pytest.raises(RemoteProtocolError, match="does not continue"):
        verify(changed(first_index=first))


def test_a_batch_of_nothing_or_of_too_many_is_refused():
    for count in (0, MAX_BATCH_ENVELOPES + 1):
        with pytest.raises(RemoteProtocolError, match="1 to 1000"):
            verify(changed(envelopes=[b"x"] * count))


def test_a_batch_of_too_many_bytes_is_refused_before_it_is_hashed():
    with pytest.raises(RemoteProtocolError, match="bytes"):
        verify(changed(envelopes=[bytes(MAX_BATCH_BYTES), b"x"]))
    with pytest.raises(BadProof):
        verify(changed(envelopes=[bytes(MAX_BATCH_BYTES)]))


def test_the_greatest_batch_fits_into_a_message():
    batch = wire.Batch(first_index=MAX_TIME, envelopes=[bytes(MAX_BATCH_BYTES // MAX_BATCH_ENVELOPES)] * 1000)
    batch.checkpoint = bytes(MAX_NOTE_BYTES)
    assert wire.ExchangeRequest(batch=batch).ByteSize() < MAX_MESSAGE_BYTES


@pytest.mark.parametrize(
    "altered",
    [
        LEAVES[3:6],
        [*LEAVES[3:], b"one more"],
        [*LEAVES[3:6], b"other"],
        [LEAVES[4], LEAVES[3], *LEAVES[5:]],
        envelopes(7, "other")[3:],
    ],
    ids=["one less", "one more", "one altered", "two exchanged", "another history"],
)
def test_a_checkpoint_over_other_envelopes_is_refused(altered):
    with pytest.raises(BadProof, match="commits to other"):
        verify(changed(envelopes=altered))


def test_a_batch_that_continues_another_log_is_refused():
    with pytest.raises(BadProof, match="commits to other"):
        verify(batch_of(LEAVES, 3), log_of(envelopes(3, "other")))


@pytest.mark.parametrize(
    ("checkpoint", "error"),
    [
        (head_of(LEAVES, STRANGER_SEAL).note, Untrusted),
        (head_of(LEAVES, KR_SEAL).note, Untrusted),
        (head_of(LEAVES).note.replace(b"\n7\n", b"\n8\n"), BadSignature),
        (head_of(LEAVES).note.replace(HK_TO_KR.encode(), KR_TO_HK.encode()), Malformed),
        (checkpoint_of(LEAVES).text().encode(), Malformed),
        (b"junk", Malformed),
    ],
    ids=["by a stranger", "by the receiver", "of another size", "of another channel", "unsigned", "junk"],
)
def test_a_checkpoint_that_the_sender_did_not_sign_is_refused(checkpoint, error):
    with pytest.raises(error):
        verify(changed(checkpoint=checkpoint))


# --- envelopes whose content is destroyed -------------------------------------------------------------------------


def without_content(*gone, **fields):
    """The batch that leads from 3 to the end, of which some envelopes are told by their hashes."""
    told = [b"left" if index in gone else leaf for index, leaf in enumerate(LEAVES[3:], 3)]
    destroyed = [wire.DestroyedLeaf(index=index, leaf_hash=leaf_hash(LEAVES[index])) for index in gone]
    return changed(**({"envelopes": told, "destroyed": destroyed} | fields))


@pytest.mark.parametrize("gone", [(3,), (6,), (4, 5), (3, 4, 5, 6)])
def test_the_hash_of_a_destroyed_envelope_is_enough_for_the_root(gone):
    verified = verify(without_content(*gone))
    assert (verified.log, verified.destroyed) == (log_of(LEAVES), frozenset(gone))
    assert [verified.envelopes[index - 3] for index in gone] == [b"left"] * len(gone)


def test_a_hash_that_is_not_the_envelopes_leads_to_another_root():
    other = [wire.DestroyedLeaf(index=4, leaf_hash=leaf_hash(b"another"))]
    with pytest.raises(BadProof):
        verify(without_content(4, destroyed=other))
    with pytest.raises(BadProof):
        verify(without_content(4, destroyed=[]))


@pytest.mark.parametrize(
    "indexes", [(2,), (7,), (5, 4), (4, 4), (2**63,)], ids=["before", "after", "back", "twice", "far"]
)
def test_destroyed_envelopes_are_told_in_order_and_within_the_batch(indexes):
    destroyed = [wire.DestroyedLeaf(index=index, leaf_hash=bytes(32)) for index in indexes]
    with pytest.raises(RemoteProtocolError, match="once each, in order"):
        verify(without_content(4, destroyed=destroyed))


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_hash_has_32_bytes(size):
    with pytest.raises(RemoteProtocolError):
        verify(without_content(4, destroyed=[wire.DestroyedLeaf(index=4, leaf_hash=bytes(size))]))
