"""The receiver's machine where its sender signed two histories, and once it has halted."""

from dataclasses import replace

import pytest
from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.ledger import steps
from gateway.ledger.channel import State
from gateway.ledger.checkpoint import Checkpoint, sign_checkpoint
from gateway.ledger.forks import NO_PREFIX
from gateway.ledger.note import Note
from gateway.ledger.receiver import ReceiverMachine
from gateway.ledger.steps import FORKED
from tests.ledger.receivers import LEAVES, OTHERS, assert_refused, hello, machine_with, opened, recalled, streaming
from tests.ledger.samples import (
    CHANNEL_SEALS,
    HK_SEAL,
    HK_TO_KR,
    TIME,
    FixedSeal,
    batch_of,
    head_of,
    log_of,
    prefix_of,
    receipt_of,
)
from tests.support.seals import certified


def assert_forked(machine, effects, contrary, longer=()):
    """It halts first, and then tells; of two sizes with the proof that the larger log never had the smaller one's root.

    ``longer``: the other history, where it is larger than the own log: then it is kept with the halt.
    """
    own = LEAVES[:6]
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


# --- forks ------------------------------------------------------------------------------------------------------


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


# --- halted -----------------------------------------------------------------------------------------------------


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


def test_a_fork_under_a_seal_that_no_log_tells_is_kept_with_that_seal():
    """Its operator took it by another way: without it nothing would prove the fork."""
    keys = FixedSeal("hk replaced")
    seal = certified(keys, "gateway.hk.example")
    seals = replace(CHANNEL_SEALS, sender=CHANNEL_SEALS.sender.expecting([seal]))
    machine = ReceiverMachine(seals, log_of(LEAVES[:6]), head_of(LEAVES[:6]), receipt_of(LEAVES[:6]))
    contrary = sign_checkpoint(Checkpoint(HK_TO_KR, 6, bytes(32)), keys, TIME)
    machine.feed(steps.Opened())
    machine.feed(hello(OTHERS[:6], checkpoint=contrary.note))
    halt = machine.feed(recalled(6, 0))[0]
    assert (halt.reason, halt.evidence[1], halt.seals) == (FORKED, contrary.note, (seal,))
