"""The receiver's machine: verify, commit, countersign; and what a sender cannot make it do."""

import pytest
from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.errors import LocalProtocolError
from gateway.ledger import steps
from gateway.ledger.channel import State
from gateway.ledger.checkpoint import Checkpoint, countersign, sign_checkpoint
from gateway.ledger.forks import NO_PREFIX
from gateway.ledger.merkle import leaf_hash
from gateway.ledger.note import Note
from gateway.ledger.receiver import ReceiverMachine
from gateway.ledger.steps import FORKED
from tests.ledger import oracle
from tests.ledger.samples import (
    HK_SEAL,
    HK_TO_KR,
    KR,
    KR_SEAL,
    KR_TO_HK,
    LATER,
    PARTIES,
    STRANGER_SEAL,
    TIME,
    batch_of,
    checkpoint_of,
    envelopes,
    fixed_seal,
    head_of,
    log_of,
    prefix_of,
    receipt_of,
)
from tests.ledger.stored import StoredTree

LEAVES = envelopes(9)
OTHERS = [*LEAVES[:3], *envelopes(9, "other")[3:]]


def machine_with(count=6, receipted=None, halt=None):
    """A copy of ``count`` envelopes, all receipted unless ``receipted`` says how many are."""
    receipted = count if receipted is None else receipted
    head = head_of(LEAVES[:count]) if count else None
    receipt = receipt_of(LEAVES[:receipted]) if receipted else None
    return ReceiverMachine(PARTIES, log_of(LEAVES[:count]), head, receipt, halt)


def hello(leaves=(), **changes):
    checkpoint = head_of(leaves).note if leaves else b""
    return wire.Hello(
        **({"versions": [1], "origin": HK_TO_KR, "size": len(leaves), "checkpoint": checkpoint} | changes)
    )


def opened(count=6, **values):
    machine = machine_with(count, **values)
    assert machine.feed(steps.Opened()) == []
    return machine


def streaming(count=6):
    machine = opened(count)
    machine.feed(hello())
    assert machine.state is State.STREAMING
    return machine


def recalled(first, count):
    return steps.Recalled(log_of(LEAVES[:first]), StoredTree(LEAVES).read(0, first, count))


def answer(*effects):
    """The messages among the effects."""
    return [effect.message for effect in effects if isinstance(effect, steps.Send)]


def position_of(count):
    note = receipt_of(LEAVES[:count]).note if count else b""
    return wire.ExchangeResponse(position=wire.Position(version=1, size=count, receipt=note))


def receipt_message(count):
    return wire.ExchangeResponse(receipt=wire.Receipt(note=receipt_of(LEAVES[:count]).note))


def assert_refused(machine, event, count=6):
    """The stream ends, nothing is committed, and the next stream finds the copy as it was."""
    (close,) = machine.feed(event)
    assert isinstance(close, steps.Close)
    assert close.error
    assert machine.state is State.IDLE
    machine.feed(steps.Opened())
    assert answer(*machine.feed(hello())) == [position_of(count)]


# --- where both stand -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 6])
def test_it_tells_its_size_and_its_receipt(count):
    assert answer(*opened(count).feed(hello())) == [position_of(count)]


@pytest.mark.parametrize("size", [1, 3, 6])
def test_a_sender_that_shows_a_head_it_has_is_compared_first(size):
    machine = opened()
    assert machine.feed(hello(LEAVES[:size])) == [steps.Recall(size)]
    assert answer(*machine.feed(recalled(size, 0))) == [position_of(6)]


def test_a_sender_that_is_ahead_is_welcome():
    assert answer(*opened().feed(hello(LEAVES))) == [position_of(6)]


@pytest.mark.parametrize("receipted", [0, 4])
def test_a_receipt_that_a_crash_kept_it_from_making_is_made_before_the_position(receipted):
    machine = opened(receipted=receipted)
    assert machine.feed(hello()) == [steps.Countersign(head_of(LEAVES[:6]))]
    assert answer(*machine.feed(steps.Countersigned(receipt_of(LEAVES[:6])))) == [position_of(6)]


def test_the_newest_version_that_both_speak_is_chosen():
    assert answer(*opened().feed(hello(versions=[7, 1]))) == [position_of(6)]


LYING_HELLOS = {
    "no version": hello(versions=[]),
    "another version": hello(versions=[2]),
    "the other direction": hello(origin=KR_TO_HK),
    "no channel": hello(origin=""),
    "nothing, with a checkpoint": hello(LEAVES, size=0),
    "a size without a checkpoint": hello(size=6),
    "less than the checkpoint": hello(LEAVES, size=5),
    "more than the checkpoint": hello(LEAVES, size=2**64 - 1),
    "by a stranger": hello(LEAVES[:6], checkpoint=head_of(LEAVES[:6], STRANGER_SEAL).note),
    "by the receiver": hello(LEAVES[:6], checkpoint=head_of(LEAVES[:6], KR_SEAL).note),
    "another channel's checkpoint": hello(
        LEAVES, checkpoint=sign_checkpoint(checkpoint_of(LEAVES, KR_TO_HK), HK_SEAL, TIME).note
    ),
    "junk": hello(LEAVES, checkpoint=b"\x00"),
}


@pytest.mark.parametrize("lie", LYING_HELLOS.values(), ids=LYING_HELLOS)
def test_a_hello_that_does_not_hold_ends_the_stream(lie):
    assert_refused(opened(), lie)


# --- batches and receipts ---------------------------------------------------------------------------------------


def test_a_batch_is_verified_committed_countersigned_and_only_then_answered():
    machine = streaming()
    (commit,) = machine.feed(batch_of(LEAVES[:8], 6))
    assert list(commit.batch.envelopes) == LEAVES[6:8]
    assert machine.feed(steps.Committed()) == [steps.Countersign(head_of(LEAVES[:8]))]
    assert answer(*machine.feed(steps.Countersigned(receipt_of(LEAVES[:8])))) == [receipt_message(8)]
    assert machine.state is State.STREAMING


def test_the_first_batch_of_all_is_taken():
    (commit,) = streaming(0).feed(batch_of(LEAVES, 0))
    assert commit.batch.log == log_of(LEAVES)


@pytest.mark.parametrize(("first", "end"), [(0, 6), (2, 4), (5, 6), (0, 1)])
def test_a_batch_that_is_there_is_answered_with_the_same_receipt(first, end):
    machine = streaming()
    assert machine.feed(batch_of(LEAVES[:end], first)) == [steps.Recall(first, end - first)]
    assert answer(*machine.feed(recalled(first, end - first))) == [receipt_message(6)]


def test_of_a_batch_that_overlaps_only_the_rest_is_committed():
    machine = streaming()
    assert machine.feed(batch_of(LEAVES[:8], 4)) == [steps.Recall(4, 2)]
    (commit,) = machine.feed(recalled(4, 2))
    assert (commit.batch.first, list(commit.batch.envelopes)) == (6, LEAVES[6:8])
    assert commit.batch.head == head_of(LEAVES[:8])


LYING_BATCHES = {
    "with a gap": batch_of(LEAVES, 7),
    "far beyond": wire.Batch(first_index=2**63, envelopes=[b"x"], checkpoint=head_of(LEAVES).note),
    "of nothing": wire.Batch(first_index=6, checkpoint=head_of(LEAVES).note),
    "altered": wire.Batch(first_index=6, envelopes=[b"x", *LEAVES[7:]], checkpoint=head_of(LEAVES).note),
    "one short": wire.Batch(first_index=6, envelopes=LEAVES[6:8], checkpoint=head_of(LEAVES).note),
    "by a stranger": batch_of(LEAVES, 6, STRANGER_SEAL),
    "by the receiver": batch_of(LEAVES, 6, KR_SEAL),
    "without a checkpoint": wire.Batch(first_index=6, envelopes=LEAVES[6:]),
    "that continues another history": batch_of(OTHERS, 6),
}


@pytest.mark.parametrize("batch", LYING_BATCHES.values(), ids=LYING_BATCHES)
def test_a_false_batch_is_not_committed(batch):
    assert_refused(streaming(), batch)


OVERLAPPING_LIES = {
    "altered envelopes": wire.Batch(first_index=4, envelopes=[b"x", b"y"], checkpoint=head_of(LEAVES[:6]).note),
    "another history by a stranger": batch_of(OTHERS[:6], 4, STRANGER_SEAL),
    "an altered rest": wire.Batch(first_index=4, envelopes=[*LEAVES[4:8], b"x"], checkpoint=head_of(LEAVES).note),
}


@pytest.mark.parametrize("batch", OVERLAPPING_LIES.values(), ids=OVERLAPPING_LIES)
def test_an_overlap_that_the_sender_did_not_sign_is_no_fork(batch):
    machine = streaming()
    machine.feed(batch)
    assert_refused(machine, recalled(4, 2))


@pytest.mark.parametrize("when", ["committing", "countersigning"])
def test_a_stream_that_ends_amid_a_commit_is_forgotten_and_made_up_for(when):
    machine = streaming()
    machine.feed(batch_of(LEAVES[:8], 6))
    durable = 8 if when == "countersigning" else 6
    if when == "countersigning":
        machine.feed(steps.Committed())
    assert machine.feed(steps.Closed()) == []
    machine.feed(steps.Opened())
    effects = machine.feed(hello())
    if durable == 8:
        assert effects == [steps.Countersign(head_of(LEAVES[:8]))]
        assert answer(*machine.feed(steps.Countersigned(receipt_of(LEAVES[:8])))) == [position_of(8)]
    else:
        assert answer(*effects) == [position_of(6)]


# --- handing back -----------------------------------------------------------------------------------------------


def test_a_sender_that_lost_envelopes_gets_them_back_in_batches():
    machine = streaming()
    assert machine.feed(wire.Recover(first_index=1)) == [steps.Load(1, 6)]
    first, last = batch_of(LEAVES[:4], 1), batch_of(LEAVES[:6], 4)
    assert machine.feed(steps.Loaded(first)) == [
        steps.Send(wire.ExchangeResponse(recovered=first)),
        steps.Load(4, 6),
    ]
    assert machine.feed(steps.Loaded(last)) == [steps.Send(wire.ExchangeResponse(recovered=last))]
    assert machine.state is State.STREAMING


@pytest.mark.parametrize("first", [6, 7, 2**64 - 1])
def test_what_is_not_there_is_not_handed_back(first):
    assert_refused(streaming(), wire.Recover(first_index=first))


# --- forks ------------------------------------------------------------------------------------------------------


def test_a_sender_that_lacks_nothing_gets_nothing_back():
    machine = opened()
    machine.feed(hello(LEAVES[:6]))
    machine.feed(recalled(6, 0))
    assert machine.state is State.STREAMING
    assert_refused(machine, wire.Recover(first_index=0))


def test_a_log_is_handed_back_once_a_stream():
    machine = streaming()
    machine.feed(wire.Recover(first_index=0))
    machine.feed(steps.Loaded(batch_of(LEAVES[:6], 0)))
    assert machine.state is State.STREAMING
    assert_refused(machine, wire.Recover(first_index=0))


def test_a_batch_of_too_many_envelopes_is_refused_before_anything_is_read_for_it():
    many = wire.Batch(first_index=0, envelopes=[b""] * 1001, checkpoint=head_of(LEAVES[:6]).note)
    assert_refused(streaming(), many)


def assert_forked(machine, effects, contrary, own=LEAVES[:6], longer=()):
    """It halts first, and then tells; of two sizes with the proof that the larger log never had the smaller one's root.

    ``longer``: the other history, where it is larger than the own log: then it is kept with the halt.
    """
    evidence, size = (head_of(own).note, contrary), Checkpoint.parse(Note.parse(contrary).text).size
    halt, *telling = effects
    assert (halt.reason, halt.evidence, machine.state) == (FORKED, evidence, State.HALTED)
    told = wire.Halted(reason=FORKED, evidence=evidence)
    kept = prefix_of(longer, len(own)) if longer else NO_PREFIX
    assert halt.prefix == kept
    told.prefix_root, told.consistency[:] = kept.root, kept.proof
    if size < len(own):
        assert telling == [steps.Prove(size, len(own))]
        prefix = prefix_of(own, size)
        told.prefix_root, told.consistency[:] = prefix.root, prefix.proof
        telling = machine.feed(steps.Proved(prefix))
    assert telling == [steps.Send(wire.ExchangeResponse(halted=told)), steps.Close()]


@pytest.mark.parametrize("size", [4, 5, 6])
def test_a_hello_of_another_history_is_a_fork(size):
    machine = opened()
    machine.feed(hello(OTHERS[:size]))
    assert_forked(machine, machine.feed(recalled(size, 0)), head_of(OTHERS[:size]).note)


@pytest.mark.parametrize(("first", "end"), [(3, 6), (0, 5), (2, 4), (0, 9), (3, 9)])
def test_a_batch_of_another_history_is_a_fork(first, end):
    machine = streaming()
    (recall,) = machine.feed(batch_of(OTHERS[:end], first))
    longer = OTHERS[:end] if end > 6 else ()
    assert_forked(machine, machine.feed(recalled(first, recall.count)), head_of(OTHERS[:end]).note, longer=longer)


def test_a_signed_head_of_another_root_is_a_fork_whatever_its_batch_holds():
    """One size has one root: the envelopes of the batch are ours, the head above them is not."""
    contrary = sign_checkpoint(Checkpoint(HK_TO_KR, 6, bytes(32)), HK_SEAL, TIME)
    machine = streaming()
    machine.feed(wire.Batch(first_index=4, envelopes=LEAVES[4:6], checkpoint=contrary.note))
    assert_forked(machine, machine.feed(recalled(4, 2)), contrary.note)


@pytest.mark.parametrize("size", [4, 6])
@pytest.mark.parametrize(("first", "end"), [(6, 9), (2, 5), (8, 9)])
def test_a_signed_head_of_another_root_is_a_fork_wherever_its_batch_begins_and_ends(size, first, end):
    machine = streaming()
    contrary = head_of(OTHERS[:size]).note
    batch = wire.Batch(first_index=first, envelopes=LEAVES[first:end], checkpoint=contrary)
    assert machine.feed(batch) == [steps.Recall(size)]
    assert_forked(machine, machine.feed(recalled(size, 0)), contrary)


@pytest.mark.parametrize("size", [4, 6])
def test_a_signed_head_of_this_log_that_is_not_its_batchs_is_no_fork(size):
    machine = streaming()
    machine.feed(wire.Batch(first_index=6, envelopes=LEAVES[6:], checkpoint=head_of(LEAVES[:size]).note))
    assert_refused(machine, recalled(size, 0))


def test_an_earlier_history_that_differs_before_the_batch_is_a_fork():
    leaves = [*OTHERS[:5], LEAVES[5]]
    machine = streaming()
    machine.feed(batch_of(leaves, 5))
    assert_forked(machine, machine.feed(recalled(5, 1)), head_of(leaves).note)


HALT = steps.Halt(FORKED, "two histories", (head_of(LEAVES[:6]).note, head_of(OTHERS[:6]).note))


def test_a_halted_receiver_tells_a_sender_who_asks_and_takes_nothing():
    machine = machine_with(halt=HALT)
    assert machine.feed(steps.Opened()) == []
    told = wire.ExchangeResponse(halted=wire.Halted(reason=FORKED, evidence=HALT.evidence))
    for _ in range(2):
        assert machine.feed(hello(LEAVES)) == [steps.Send(told), steps.Close()]
        assert machine.feed(steps.Closed()) == []
    for event in (batch_of(LEAVES, 6), wire.Recover(first_index=0), steps.Committed()):
        assert machine.feed(event) == []
    assert machine.state is State.HALTED


def test_a_receiver_that_halted_in_its_life_tells_the_next_stream_too():
    machine = opened()
    machine.feed(hello(OTHERS[:5]))
    _, prove = machine.feed(recalled(5, 0))
    first = machine.feed(steps.Proved(prefix_of(LEAVES[:6], 5)))
    machine.feed(steps.Closed())
    machine.feed(steps.Opened())
    assert machine.feed(hello(LEAVES)) == [prove]
    assert machine.feed(steps.Proved(prefix_of(LEAVES[:6], 5))) == first


# --- out of place -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", [wire.Batch(), wire.Recover(), wire.Position(), wire.Receipt(), wire.Halted()])
def test_anything_before_the_hello_ends_the_stream(message):
    assert_refused(opened(), message)


@pytest.mark.parametrize("message", [hello(), wire.Position(), wire.Receipt(), wire.Halted()])
def test_what_only_a_receiver_says_and_a_second_hello_end_the_stream(message):
    assert_refused(streaming(), message)


def test_a_message_amid_a_commit_ends_the_stream_and_loses_nothing_that_is_durable():
    machine = streaming()
    machine.feed(batch_of(LEAVES[:8], 6))
    assert_refused(machine, batch_of(LEAVES, 8))


def test_a_driver_that_breaks_the_order_is_told_so():
    for event in (steps.Committed(), steps.Countersigned(receipt_of(LEAVES)), recalled(0, 0), steps.Restored()):
        with pytest.raises(LocalProtocolError, match="in state STREAMING"):
            streaming().feed(event)


# --- envelopes whose content is destroyed -------------------------------------------------------------------------


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
        (b"", ()),
        (head_of(LEAVES).note, ()),
        (receipt_of(LEAVES, STRANGER_SEAL).note, ()),
        (receipt_of(LEAVES, HK_SEAL).note, ()),
        (receipt_of(LEAVES[:7]).note, ()),
        (receipt_of(LONGER).note, ()),
        (receipt_of(OTHERS + LONGER[9:]).note, oracle.proof(9, LONGER)),
        (receipt_of(LONGER).note, [b"short", *oracle.proof(9, LONGER)[1:]]),
    ],
    ids=[
        "nothing",
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
