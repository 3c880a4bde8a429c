"""The sender's machine where it was rolled back, or signed two histories, or is told that it did."""

import pytest
from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.ledger import steps
from gateway.ledger.channel import State
from gateway.ledger.checkpoint import countersign, sign_checkpoint
from gateway.ledger.forks import NO_PREFIX, Prefix
from gateway.ledger.steps import FORKED, RESTORED, SENDER_ROLLED_BACK
from tests.ledger.samples import (
    CHANNEL_SEALS,
    HK_SEAL,
    KR,
    KR_SEAL,
    LATER,
    STRANGER_SEAL,
    TIME,
    batch_of,
    checkpoint_of,
    envelopes,
    head_of,
    log_of,
    prefix_of,
    receipt_of,
)
from tests.ledger.senders import (
    HELLO,
    LEAVES,
    OTHER_PAIR,
    OTHERS,
    assert_refused,
    greeting,
    machine_with,
    position,
    recovering,
    streaming,
)

# --- rolled back ------------------------------------------------------------------------------------------------


def test_a_sender_behind_the_receipt_halts_and_asks_for_its_envelopes():
    halt, send = greeting(count=3).feed(position(6))
    assert (halt.reason, halt.evidence) == (SENDER_ROLLED_BACK, (receipt_of(LEAVES).note,))
    assert send.message.recover.first_index == 3


def test_envelopes_come_back_batch_by_batch_and_then_it_reopens():
    machine = recovering()
    for size in (4, 6):
        first = machine._log.size
        (restore,) = machine.feed(batch_of(LEAVES[:size], first))
        assert list(restore.batch.envelopes) == LEAVES[first:size]
        effects = machine.feed(steps.Restored())
    assert effects == [steps.StoreReceipt(receipt_of(LEAVES)), steps.Reopen()]
    assert machine.state is State.STREAMING


def test_a_recovery_that_was_cut_goes_on_without_halting_again():
    evidence = (receipt_of(LEAVES).note,)
    machine = greeting(count=4, halt_reason=SENDER_ROLLED_BACK, evidence=evidence)
    (send,) = machine.feed(position(6))
    assert send.message.recover.first_index == 4


def test_a_recovery_that_ended_just_before_a_crash_reopens():
    machine = greeting(halt_reason=SENDER_ROLLED_BACK, evidence=(receipt_of(LEAVES).note,))
    machine.feed(position(6))
    effects = machine.feed(steps.Recalled(log_of(LEAVES), []))
    assert effects == [steps.StoreReceipt(receipt_of(LEAVES)), steps.Reopen()]


LYING_BATCHES = {
    "another history": batch_of(OTHERS[:6], 4),
    "by a stranger": batch_of(LEAVES, 3, STRANGER_SEAL),
    "with a gap": batch_of(LEAVES, 4),
    "of what is there": batch_of(LEAVES[:3], 2),
    "of nothing": wire.Batch(first_index=3, checkpoint=head_of(LEAVES).note),
    "altered": wire.Batch(first_index=3, envelopes=[b"x", *LEAVES[4:]], checkpoint=head_of(LEAVES).note),
    "without a checkpoint": wire.Batch(first_index=3, envelopes=LEAVES[3:]),
}


@pytest.mark.parametrize("batch", LYING_BATCHES.values(), ids=LYING_BATCHES)
def test_a_false_batch_is_not_restored(batch):
    assert_refused(recovering(), batch, machine_with(3).feed(steps.Opened()))


def test_what_comes_back_must_be_what_the_receipt_commits_to():
    """The sender signed both; then it is a fork, which the next Hello shows."""
    machine = recovering()
    machine.feed(batch_of(OTHERS[:6], 3))
    (close,) = machine.feed(steps.Restored())
    assert "not what the receipt commits to" in close.error


def test_a_recovery_on_a_second_stream_is_measured_by_the_receipt_of_that_stream():
    machine = recovering(peer=5)
    machine.feed(steps.Closed())
    machine.feed(steps.Opened())
    machine.feed(position(6))
    machine.feed(batch_of(LEAVES[:5], 3))
    assert machine.feed(steps.Restored()) == []
    assert machine.state is State.RECOVERING


@pytest.mark.parametrize("size", [0, 2, 3])
def test_a_recovering_sender_is_not_talked_into_sealing_again(size):
    """The peer that countersigned 6 now shows less: it lies, or it was rolled back too."""
    for machine in (
        recovering(),
        machine_with(3, halt_reason=SENDER_ROLLED_BACK, evidence=(receipt_of(LEAVES).note,)),
    ):
        machine.feed(steps.Closed())
        machine.feed(steps.Opened())
        assert_refused(machine, position(size), machine_with(3).feed(steps.Opened()))


# --- restored from a backup -------------------------------------------------------------------------------------


def test_a_restored_sender_reopens_once_the_receiver_has_told_that_it_holds_no_more():
    machine = greeting(halt_reason=RESTORED)
    machine.feed(position(6))
    effects = machine.feed(steps.Recalled(log_of(LEAVES), []))
    assert effects == [steps.StoreReceipt(receipt_of(LEAVES)), steps.Reopen()]


def test_a_restored_sender_reopens_beside_a_receiver_that_holds_nothing_and_sends_what_it_has():
    reopen, load = greeting(count=3, halt_reason=RESTORED).feed(position(0))
    assert (reopen, load) == (steps.Reopen(), steps.Load(0, 3))


def test_a_restored_sender_behind_the_receiver_is_rolled_back_and_recovers():
    machine = greeting(count=3, halt_reason=RESTORED)
    halt, send = machine.feed(position(6))
    assert (halt.reason, halt.evidence) == (SENDER_ROLLED_BACK, (receipt_of(LEAVES).note,))
    assert send.message.recover.first_index == 3
    machine.feed(batch_of(LEAVES, 3))
    assert machine.feed(steps.Restored())[-1] == steps.Reopen()


def test_a_restored_sender_whose_history_is_another_is_forked():
    machine = greeting(halt_reason=RESTORED)
    machine.feed(position(6))
    (halt,) = [each for each in machine.feed(steps.Recalled(log_of(OTHERS[:6]), [])) if isinstance(each, steps.Halt)]
    assert halt.reason == FORKED


REASONS_BY_GRAVITY = (RESTORED, SENDER_ROLLED_BACK, FORKED)


@pytest.mark.parametrize("first", REASONS_BY_GRAVITY)
@pytest.mark.parametrize("second", REASONS_BY_GRAVITY)
def test_the_graver_reason_takes_the_place_of_the_other(first, second):
    graver = REASONS_BY_GRAVITY.index(second) > REASONS_BY_GRAVITY.index(first)
    assert steps.Halt(second, "then").is_graver_than(steps.Halt(first, "now")) is graver


# --- forks ------------------------------------------------------------------------------------------------------


def test_a_receipt_for_another_history_halts_with_both_heads():
    machine = greeting()
    other = countersign(head_of(OTHERS[:5]), KR, KR_SEAL, LATER).note
    assert machine.feed(position(5, other)) == [steps.Recall(5)]
    halt, close = machine.feed(steps.Recalled(log_of(LEAVES[:5]), []))
    assert (halt.reason, halt.evidence) == (FORKED, (other, head_of(LEAVES).note))
    assert close == steps.Close()
    assert machine.state is State.HALTED


def halted(*notes, reason=FORKED):
    return wire.Halted(reason=reason, evidence=notes)


@pytest.mark.parametrize("opened", [greeting, lambda: streaming(at=6, receipted=6)], ids=["GREETING", "STREAMING"])
@pytest.mark.parametrize("order", [1, -1])
def test_a_halt_with_proof_halts_this_end_too(opened, order):
    machine = opened()
    honest, other = head_of(LEAVES[:5]), head_of(OTHERS[:6])
    notes = [honest.note, other.note][::order]
    effects = machine.feed(halted(*notes))
    while effects and isinstance(effects[-1], steps.Recall):
        effects = machine.feed(steps.Recalled(log_of(LEAVES[: effects[-1].size]), []))
    assert effects == [
        steps.Halt(FORKED, "this node signed two histories of this channel", (other.note, head_of(LEAVES).note)),
        steps.Close(),
    ]


def accusation(*heads, prefix=NO_PREFIX):
    return wire.Halted(
        reason=FORKED, evidence=[each.note for each in heads], prefix_root=prefix.root, consistency=prefix.proof
    )


LONGER = envelopes(9)
PROVEN = {
    "two roots at one size": accusation(head_of(LONGER[:7]), head_of(OTHERS[:7])),
    "another root in the past of the later": accusation(
        head_of(OTHERS[:7]), head_of(LONGER), prefix=prefix_of(LONGER, 7)
    ),
    "the own head in no past of the later": accusation(
        head_of(LEAVES[:4]), head_of(OTHERS), prefix=prefix_of(OTHERS, 4)
    ),
}


@pytest.mark.parametrize("message", PROVEN.values(), ids=PROVEN)
def test_heads_beyond_the_own_log_that_contradict_each_other_halt_it(message):
    machine = greeting(count=4)
    effects = machine.feed(message)
    if isinstance(effects[0], steps.Recall):
        effects = machine.feed(steps.Recalled(log_of(LEAVES[:4]), []))
    halt, close = effects
    assert (halt.reason, set(halt.evidence), close) == (FORKED, set(message.evidence), steps.Close())
    assert machine.state is State.HALTED


NOT_PROVEN = {
    "one history": accusation(head_of(LONGER[:7]), head_of(LONGER), prefix=prefix_of(LONGER, 7)),
    "one head twice": accusation(head_of(LONGER), head_of(LONGER)),
    "without a proof": accusation(head_of(OTHERS[:7]), head_of(LONGER)),
    "a root without a proof": accusation(head_of(LONGER[:7]), head_of(LONGER), prefix=Prefix(bytes(32), ())),
    "the proof of another history": accusation(head_of(LONGER[:7]), head_of(LONGER), prefix=prefix_of(OTHERS, 7)),
    "a part of the own log": accusation(head_of(LEAVES[:4]), head_of(LONGER), prefix=prefix_of(LONGER, 4)),
}


@pytest.mark.parametrize("message", NOT_PROVEN.values(), ids=NOT_PROVEN)
def test_heads_beyond_the_own_log_show_alone_that_it_was_rolled_back(message):
    """It has signed them: it must not seal another history, and they are no fork."""
    machine = greeting(count=4)
    effects = machine.feed(message)
    if isinstance(effects[0], steps.Recall):
        effects = machine.feed(steps.Recalled(log_of(LEAVES[:4]), []))
    halt, close = effects
    assert (halt.reason, halt.evidence) == (SENDER_ROLLED_BACK, (head_of(LONGER).note,))
    assert "does not prove" in close.error
    machine.feed(steps.Opened())
    send, *_ = machine.feed(position(9, receipt_of(LONGER).note))
    assert send.message.recover.first_index == 4, "once the peer shows where it stands, it recovers"


UNPROVED = {
    "another reason": halted(head_of(LEAVES).note, head_of(OTHERS[:6]).note, reason="TIRED"),
    "no reason": halted(head_of(LEAVES).note, head_of(OTHERS[:6]).note, reason=""),
    "no evidence": halted(),
    "one head": halted(head_of(OTHERS[:6]).note),
    "three heads": halted(head_of(LEAVES).note, head_of(OTHERS[:6]).note, head_of(LEAVES[:2]).note),
    "a head by a stranger": halted(head_of(LEAVES).note, head_of(OTHERS[:6], STRANGER_SEAL).note),
    "a head by the peer": halted(head_of(LEAVES).note, head_of(OTHERS[:6], KR_SEAL).note),
    "a head of another channel": halted(
        head_of(LEAVES).note, sign_checkpoint(checkpoint_of(OTHERS[:6], OTHER_PAIR), HK_SEAL, TIME).note
    ),
}


@pytest.mark.parametrize("message", UNPROVED.values(), ids=UNPROVED)
def test_a_halt_without_proof_ends_the_stream_and_changes_nothing(message):
    assert_refused(greeting(), message, HELLO)
    assert_refused(streaming(), message, HELLO)


def test_two_heads_of_one_history_are_no_fork():
    machine = greeting()
    assert machine.feed(halted(head_of(LEAVES[:4]).note, head_of(LEAVES).note)) == [steps.Recall(4)]
    assert machine.feed(steps.Recalled(log_of(LEAVES[:4]), [])) == [steps.Recall(6)]
    assert_refused(machine, steps.Recalled(log_of(LEAVES), []), HELLO)
    machine.feed(position(4))
    effects = machine.feed(steps.Recalled(log_of(LEAVES[:4]), []))
    assert effects[-1] == steps.Load(4, 6), "the false alarm is forgotten"


def test_a_machine_found_halted_takes_no_step():
    machine = machine_with(halt_reason=FORKED)
    for event in (
        steps.Opened(),
        position(0),
        steps.Grown(log_of(LEAVES), head_of(LEAVES), CHANNEL_SEALS),
        steps.Closed(),
    ):
        assert machine.feed(event) == []
    assert machine.state is State.HALTED
