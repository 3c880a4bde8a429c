"""The invariants of a channel, checked from what is stored, with the RFC's recursion and no code of the machines."""

from functools import lru_cache

from gateway.ledger.checkpoint import open_receipt
from tests.ledger import oracle
from tests.ledger.samples import CHANNEL_SEALS, KR
from tests.simulation.ends import End, ReceiverEnd, SenderEnd

root_of = lru_cache(None)(oracle.mth)


def check_invariants(sender: SenderEnd, receiver: ReceiverEnd) -> None:
    """What holds after every act while nothing was rolled back or forked."""
    for end in (sender, receiver):
        if end.disk.receipt:
            assert end.disk.receipt.checkpoint.size <= len(end.disk.envelopes), "receipt without envelopes (G3)"


def check_prefix(sender: SenderEnd, receiver: ReceiverEnd) -> None:
    """The receiver's copy is a prefix, and the sender believes delivered only what is there (G1, G4, G5)."""
    copy = receiver.disk.envelopes
    assert copy == sender.disk.envelopes[: len(copy)]
    if sender.disk.receipt:
        assert sender.disk.receipt.checkpoint.size <= len(copy)


def check_settled(sender: SenderEnd, receiver: ReceiverEnd) -> None:
    """At rest both logs are the same, each envelope once and in order, all of it receipted (G1, G2, G4, G6, G7)."""
    assert sender.disk.envelopes == receiver.disk.envelopes
    assert len(set(sender.disk.envelopes)) == len(sender.disk.envelopes)
    assert sender.disk.halt is None
    assert receiver.disk.halt is None
    if sender.disk.envelopes:
        assert sender.disk.receipt is not None
        assert sender.disk.receipt.checkpoint.size == len(sender.disk.envelopes)
    check_receipts(sender, receiver)
    check_receipts(receiver, receiver)
    for size, roots in sender.signed.items():
        assert roots == {root_of(tuple(sender.disk.envelopes[:size]))}, "one root a size was ever signed (G2)"


def check_receipts(end: End, receiver: ReceiverEnd) -> None:
    """Every receipt verifies under the seals that both ends had, and commits to the log that is kept."""
    for size, receipt in end.disk.receipts.items():
        opened = open_receipt(receipt.note, CHANNEL_SEALS.origin, end.disk.seals.sender, KR, receiver.seals)
        assert opened.checkpoint.size == size
        assert opened.checkpoint.root == root_of(tuple(end.disk.envelopes[:size]))
