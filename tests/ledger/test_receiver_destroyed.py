"""The receiver's machine where it lost envelopes whose content its sender has destroyed since."""

import pytest
from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.ledger.checkpoint import countersign
from gateway.ledger.merkle import leaf_hash
from tests.ledger import oracle
from tests.ledger.receivers import LEAVES, OTHERS, recalled, streaming
from tests.ledger.samples import (
    HK_SEAL,
    KR,
    KR_SEAL,
    LATER,
    STRANGER_SEAL,
    envelopes,
    fixed_seal,
    head_of,
    log_of,
    receipt_of,
)

LONGER = envelopes(13)


def batch_without_content(first, receipt, proof=()):
    told = [b"left" if index == 7 else leaf for index, leaf in enumerate(LEAVES[first:], first)]
    destroyed = [wire.DestroyedLeaf(index=7, leaf_hash=leaf_hash(LEAVES[7]))]
    return wire.Batch(
        first_index=first,
        envelopes=told,
        checkpoint=head_of(LEAVES).note,
        destroyed=destroyed,
        receipt=receipt,
        consistency=proof,
    )


@pytest.mark.parametrize("first", [6, 4])
@pytest.mark.parametrize(
    ("held", "proof"),
    [
        (receipt_of(LEAVES), ()),
        (receipt_of(LONGER), oracle.proof(9, LONGER)),
        (countersign(head_of(LONGER, fixed_seal("hk later")), KR, KR_SEAL, LATER), oracle.proof(9, LONGER)),
    ],
    ids=["of this size", "of a larger size", "over a seal of the sender that is not known here yet"],
)
def test_a_receiver_that_lost_envelopes_takes_their_hashes_under_its_own_receipt(first, held, proof):
    machine = streaming(6)
    effects = machine.feed(batch_without_content(first, held.note, proof))
    if first < 6:
        effects = machine.feed(recalled(first, 6 - first))
    (commit,) = effects
    assert (commit.batch.log, commit.batch.destroyed) == (log_of(LEAVES), {7})


@pytest.mark.parametrize(
    ("note", "proof"),
    [
        (head_of(LEAVES).note, ()),
        (receipt_of(LEAVES, STRANGER_SEAL).note, ()),
        (receipt_of(LEAVES, HK_SEAL).note, ()),
        (receipt_of(LEAVES[:7]).note, ()),
        (receipt_of(LONGER).note, ()),
        (receipt_of(OTHERS + LONGER[9:]).note, oracle.proof(9, LONGER)),
        (receipt_of(LONGER).note, [b"short", *oracle.proof(9, LONGER)[1:]]),
    ],
    ids=[
        "the sender's word",
        "a stranger's receipt",
        "the sender's own receipt",
        "a receipt for less",
        "a receipt for more without proof",
        "a receipt for another history",
        "a proof that is none",
    ],
)
def test_what_it_never_countersigned_it_does_not_take_by_its_hash(note, proof):
    """Else a sender could have a receipt for what it never sent."""
    (close,) = streaming(6).feed(batch_without_content(6, note, proof))
    assert close.error
