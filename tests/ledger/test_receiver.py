"""The receiver's machine: verify, commit, countersign; and what a sender cannot make it do."""

from dataclasses import replace

import pytest
from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.errors import LocalProtocolError
from gateway.ledger import steps
from gateway.ledger.channel import State
from gateway.ledger.checkpoint import countersign, sign_checkpoint
from gateway.ledger.note import encode_base64
from gateway.ledger.receiver import ReceiverMachine
from tests.ledger.receivers import (
    LEAVES,
    OTHERS,
    answer,
    assert_refused,
    hello,
    opened,
    position_of,
    recalled,
    receipt_message,
    streaming,
)
from tests.ledger.samples import (
    CHANNEL_SEALS,
    HK,
    HK_SEAL,
    KR,
    KR_SEAL,
    KR_TO_HK,
    LATER,
    STRANGER_SEAL,
    TIME,
    batch_of,
    certified,
    checkpoint_of,
    head_of,
    log_of,
    receipt_of,
)

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
    assert machine.feed(hello()) == [steps.Countersign(head_of(LEAVES[:6]), LATER if receipted else 0)]
    assert answer(*machine.feed(steps.Countersigned(receipt_of(LEAVES[:6])))) == [position_of(6)]


def test_the_newest_version_that_both_speak_is_chosen():
    assert answer(*opened().feed(hello(versions=[7, 1]))) == [position_of(6)]


SHOWN = {
    "of more than is here": receipt_of(LEAVES, time=LATER + 9),
    "of what is here": receipt_of(LEAVES[:6], time=LATER + 9),
    "of less than is here": receipt_of(LEAVES[:2], time=LATER + 9),
    "of another history": receipt_of(OTHERS, time=LATER + 9),
    "of its sender's by another seal": countersign(head_of(LEAVES, STRANGER_SEAL), KR, KR_SEAL, LATER + 9),
}


@pytest.mark.parametrize("shown", SHOWN.values(), ids=SHOWN)
def test_what_it_cosigned_last_is_told_by_its_own_signature_and_nothing_goes_back_before_that(shown):
    machine = opened()
    assert answer(*machine.feed(hello(receipt=shown.note))) == [position_of(6)]
    (commit,) = machine.feed(batch_of(LEAVES, 6))
    assert commit.not_before == LATER + 9
    assert machine.feed(steps.Committed()) == [steps.Countersign(head_of(LEAVES), LATER + 9)]


def test_a_receipt_that_is_made_before_the_position_does_not_go_back_before_what_the_sender_shows():
    machine = opened(receipted=4)
    shown = hello(receipt=receipt_of(LEAVES[:5], time=LATER + 9).note)
    assert machine.feed(shown) == [steps.Countersign(head_of(LEAVES[:6]), LATER + 9)]


def test_its_own_last_receipt_counts_where_it_is_later_than_what_the_sender_shows():
    machine = opened()
    machine.feed(hello(receipt=receipt_of(LEAVES[:2], time=LATER - 9).note))
    (commit,) = machine.feed(batch_of(LEAVES, 6))
    assert commit.not_before == LATER


def test_a_receipt_by_a_seal_that_it_had_before_tells_its_time_whatever_size_that_was_given_up_at():
    seals = replace(CHANNEL_SEALS, receiver=CHANNEL_SEALS.receiver.rotated(2, certified(STRANGER_SEAL)))
    machine = ReceiverMachine(seals, log_of([]), None, None)
    machine.feed(steps.Opened())
    machine.feed(hello(receipt=receipt_of(LEAVES, time=LATER + 9).note))
    (commit,) = machine.feed(batch_of(LEAVES, 0))
    assert commit.not_before == LATER + 9


def test_a_receipt_by_a_seal_of_its_own_name_that_is_lost_here_tells_nothing_and_holds_up_nothing():
    machine = opened()
    shown = receipt_of(LEAVES, seal=STRANGER_SEAL, time=LATER + 9)
    assert answer(*machine.feed(hello(receipt=shown.note))) == [position_of(6)]
    (commit,) = machine.feed(batch_of(LEAVES, 6))
    assert commit.not_before == LATER


def test_what_a_stream_showed_is_forgotten_with_it():
    machine = opened()
    machine.feed(hello(receipt=receipt_of(LEAVES, time=LATER + 9).note))
    machine.feed(steps.Closed())
    machine.feed(steps.Opened())
    machine.feed(hello())
    (commit,) = machine.feed(batch_of(LEAVES, 6))
    assert commit.not_before == LATER


LYING_HELLOS = {
    "a receipt that is none": hello(receipt=b"\x00"),
    "its own checkpoint for a receipt": hello(receipt=head_of(LEAVES[:6]).note),
    "a receipt by another name": hello(receipt=receipt_of(LEAVES[:6], domain="gateway.sg.example").note),
    "a receipt of the other direction": hello(
        receipt=countersign(sign_checkpoint(checkpoint_of(LEAVES, KR_TO_HK), KR_SEAL, TIME), HK, HK_SEAL, LATER).note
    ),
    "a receipt whose root is altered": hello(
        receipt=receipt_of(LEAVES[:6]).note.replace(
            encode_base64(log_of(LEAVES[:6]).root()).encode(), encode_base64(bytes(32)).encode()
        )
    ),
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
    assert machine.feed(steps.Committed()) == [steps.Countersign(head_of(LEAVES[:8]), LATER)]
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


def test_a_batch_of_too_many_envelopes_is_refused_before_anything_is_read_for_it():
    many = wire.Batch(first_index=0, envelopes=[b""] * 1001, checkpoint=head_of(LEAVES[:6]).note)
    assert_refused(streaming(), many)


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
        assert effects == [steps.Countersign(head_of(LEAVES[:8]), LATER)]
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
