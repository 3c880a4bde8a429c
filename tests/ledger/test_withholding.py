"""Envelopes without a content that the receiver never had: it gives no receipt before it has the sender's word."""

from hashlib import sha256

import pytest
from regulator.exchange.v1 import peer_service_pb2 as wire
from regulator.exchange.v1.envelope_pb2 import Envelope

from gateway.ledger import receiver as module
from gateway.ledger import steps
from gateway.ledger.channel import WINDOW_BATCHES, State
from gateway.ledger.merkle import leaf_hash
from gateway.ledger.receiver import ReceiverMachine
from gateway.ledger.sender import SenderMachine
from gateway.ledger.steps import SENDER_ROLLED_BACK
from gateway.ledger.withholding import MAX_CERTIFIED, Trace, still_uncertified
from tests.ledger.samples import CHANNEL_SEALS, HK_TO_KR, KR_TO_HK, envelopes, head_of, log_of, receipt_of

LEFT = b"what is left"
GONE = 2  # the index of the envelope whose content is destroyed
FIRST = envelopes(4)
TRACE = Trace(leaf_hash(FIRST[GONE]), sha256(LEFT).digest())


def certificate(**changes: object) -> bytes:
    """The sender's word that it destroyed it without a receipt; a field may say something else."""
    told = Envelope(salt=bytes(16), origin=HK_TO_KR)
    named = {"origin": HK_TO_KR, "index": GONE, "without_receipt": True}
    named |= {"leaf_hash": TRACE.leaf_hash, "remainder_sha256": TRACE.remainder_sha256}
    told.content_destroyed.envelopes.add(**(named | changes))  # type: ignore[arg-type]
    return told.SerializeToString()


LEAVES = [*FIRST, *envelopes(6)[4:], certificate()]


def batch(first: int, end: int, leaves: list[bytes] = LEAVES) -> wire.Batch:
    told = [LEFT if index == GONE else leaf for index, leaf in enumerate(leaves[first:end], first)]
    gone = [wire.DestroyedLeaf(index=GONE, leaf_hash=TRACE.leaf_hash)] if first <= GONE < end else []
    return wire.Batch(first_index=first, envelopes=told, checkpoint=head_of(leaves[:end]).note, destroyed=gone)


def receiver(size: int, uncertified: dict[int, Trace] | None = None, receipted: int = 2) -> ReceiverMachine:
    head = head_of(LEAVES[:size]) if size else None
    receipt = receipt_of(LEAVES[:receipted]) if receipted else None
    machine = ReceiverMachine(CHANNEL_SEALS, log_of(LEAVES[:size]), head, receipt, None, uncertified or {})
    machine.feed(steps.Opened())
    return machine


def hello(size: int) -> wire.Hello:
    note = head_of(LEAVES[:size]).note if size else b""
    return wire.Hello(versions=[1], origin=HK_TO_KR, size=size, checkpoint=note)


def committed(machine: ReceiverMachine, given: wire.Batch) -> tuple[steps.Commit, list[steps.Effect]]:
    (commit,) = machine.feed(given)
    assert isinstance(commit, steps.Commit)
    return commit, machine.feed(steps.Committed())


# --- the receiver -----------------------------------------------------------------------------------------------------


def test_the_first_receipt_for_it_is_one_for_the_senders_word_as_well():
    machine = receiver(2)
    machine.feed(hello(0))
    for first, end in ((2, 4), (4, 6)):
        commit, effects = committed(machine, batch(first, end))
        assert (commit.withheld, effects, machine.state) == (True, [], State.STREAMING)
    commit, (made,) = committed(machine, batch(6, 7))
    assert not commit.withheld
    assert isinstance(made, steps.Countersign)
    assert made.head == head_of(LEAVES)


def test_one_batch_that_has_both_is_receipted_at_once():
    machine = receiver(2)
    machine.feed(hello(0))
    commit, (made,) = committed(machine, batch(2, 7))
    assert not commit.withheld
    assert isinstance(made, steps.Countersign)


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": KR_TO_HK},
        {"index": GONE + 1},
        {"leaf_hash": bytes(32)},
        {"remainder_sha256": bytes(32)},
        {"without_receipt": False},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_another_word_is_none(changes):
    """Least of all one that says that there was a receipt."""
    leaves = [*LEAVES[:-1], certificate(**changes)]
    machine = receiver(2)
    machine.feed(hello(0))
    commit, effects = committed(machine, batch(2, 7, leaves))
    assert (commit.withheld, effects) == (True, [])


def test_a_word_on_more_than_the_contract_lets_one_name_is_none_and_is_not_walked_through():
    told = Envelope.FromString(LEAVES[-1])
    told.content_destroyed.envelopes.extend([told.content_destroyed.envelopes[0]] * MAX_CERTIFIED)
    came = {GONE: TRACE}
    assert still_uncertified(came, [], [told.SerializeToString()], HK_TO_KR) == came
    del told.content_destroyed.envelopes[0]
    assert still_uncertified(came, [], [told.SerializeToString()], HK_TO_KR) == {}


def test_a_sender_that_goes_on_without_its_word_is_stopped(monkeypatch: pytest.MonkeyPatch):
    """Else a receiver would have to keep any number of them in mind."""
    monkeypatch.setattr(module, "MAX_UNCERTIFIED", 1)
    machine = receiver(2, {0: TRACE})
    machine.feed(hello(0))
    (closed,) = machine.feed(batch(2, 4))
    assert isinstance(closed, steps.Close)
    assert "without content and certificate" in closed.error
    certified, _ = committed(receiver_of_one(), batch(2, 7))
    assert not certified.withheld, "what is certified in the same batch is none of them"


def receiver_of_one() -> ReceiverMachine:
    machine = receiver(2)
    machine.feed(hello(0))
    return machine


def test_a_new_stream_shows_what_is_here_without_a_receipt_and_goes_on_from_there():
    machine = receiver(6, {GONE: TRACE})
    (sent,) = machine.feed(hello(0))
    position = sent.message.position
    assert (position.size, position.receipt) == (6, head_of(LEAVES[:6]).note)
    _, (made,) = committed(machine, batch(6, 7))
    assert isinstance(made, steps.Countersign)


def test_a_repetition_is_answered_by_no_receipt_either():
    machine = receiver(4, {GONE: TRACE})
    machine.feed(hello(0))
    machine.feed(batch(2, 4))
    hashes = [leaf_hash(each) for each in LEAVES[2:4]]
    assert machine.feed(steps.Recalled(log_of(LEAVES[:2]), hashes)) == []
    assert machine.state is State.STREAMING


def test_what_was_here_whole_when_it_comes_again_without_content_is_receipted():
    """Its sender had no receipt, since that was lost on its way; the content came."""
    machine = receiver(4, receipted=4)
    machine.feed(hello(0))
    machine.feed(batch(2, 6))
    hashes = [leaf_hash(each) for each in LEAVES[2:4]]
    (commit,) = machine.feed(steps.Recalled(log_of(LEAVES[:2]), hashes))
    assert (commit.withheld, commit.batch.destroyed) == (False, frozenset())
    assert isinstance(machine.feed(steps.Committed())[0], steps.Countersign)


def test_bytes_that_only_look_like_a_certificate_are_none():
    known = {GONE: TRACE}
    for data in (b"\xda\x02\xff\xff", b"\xda\x82", Envelope(salt=b"\xda\x02").SerializeToString(), b""):
        assert still_uncertified(known, [], [data], HK_TO_KR) == known
    assert still_uncertified(known, [], [certificate()], HK_TO_KR) == {}
    assert still_uncertified({}, [(GONE, TRACE.leaf_hash, LEFT)], [], HK_TO_KR) == known


# --- the sender -------------------------------------------------------------------------------------------------------


def sender(size: int = len(LEAVES), receipted: int = 0) -> SenderMachine:
    receipt = receipt_of(LEAVES[:receipted]) if receipted else None
    machine = SenderMachine(CHANNEL_SEALS, log_of(LEAVES[:size]), head_of(LEAVES[:size]), receipt)
    machine.feed(steps.Opened())
    return machine


def position(size: int, note: bytes = b"") -> wire.Position:
    return wire.Position(version=1, size=size, receipt=note)


def test_a_sender_does_not_wait_for_a_receipt_that_waits_for_more_of_its_log():
    machine = sender()
    assert machine.feed(position(0)) == [steps.Load(0, 7)]
    for first in range(6):
        sent, load = machine.feed(steps.Loaded(batch(first, first + 1)))
        if first == WINDOW_BATCHES - 1:
            assert first == GONE, "the window would be full now"
        assert (sent.message.batch.first_index, load) == (first, steps.Load(first + 1, 7))
    machine.feed(steps.Loaded(batch(6, 7)))
    assert machine.feed(wire.Receipt(note=receipt_of(LEAVES).note)) == [steps.StoreReceipt(receipt_of(LEAVES))]


def test_the_window_holds_again_once_there_is_a_receipt():
    leaves = [*LEAVES, *envelopes(9, "more")]
    machine = SenderMachine(CHANNEL_SEALS, log_of(leaves), head_of(leaves), None)
    machine.feed(steps.Opened())
    machine.feed(position(0))
    machine.feed(steps.Loaded(batch(0, 7, leaves)))
    machine.feed(wire.Receipt(note=receipt_of(leaves[:7]).note))
    for number in range(WINDOW_BATCHES):
        effects = machine.feed(steps.Loaded(batch(7 + number, 8 + number, leaves)))
        assert len(effects) == (1 if number == WINDOW_BATCHES - 1 else 2)


def test_a_position_without_a_receipt_is_compared_and_gone_on_from_and_the_window_does_not_count():
    machine = sender(receipted=2)
    assert machine.feed(position(4, head_of(LEAVES[:4]).note)) == [steps.Recall(4)]
    assert machine.feed(steps.Recalled(log_of(LEAVES[:4]), [])) == [steps.Load(4, 7)]
    for first in range(4, 7):
        machine.feed(steps.Loaded(batch(first, first + 1)))
    assert machine.feed(wire.Receipt(note=receipt_of(LEAVES).note)) == [steps.StoreReceipt(receipt_of(LEAVES))]


def test_a_sender_that_has_less_than_is_shown_without_a_receipt_takes_it_back():
    """It must seal nothing before: it would sign a second history."""
    machine = sender(3)
    halt, recover = machine.feed(position(6, head_of(LEAVES[:6]).note))
    assert (halt.reason, recover.message.recover.first_index) == (SENDER_ROLLED_BACK, 3)
    (restore,) = machine.feed(batch(3, 6))
    assert restore.batch.log == log_of(LEAVES[:6])
    assert [type(each) for each in machine.feed(steps.Restored())] == [steps.Reopen]
    assert machine.state is State.STREAMING
