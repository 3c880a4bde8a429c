"""The sender's machine with an honest peer and with a lying one, which changes nothing."""

from dataclasses import replace

import pytest
from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.errors import LocalProtocolError
from gateway.ledger import steps
from gateway.ledger.channel import WINDOW_BATCHES, State
from gateway.ledger.checkpoint import countersign, sign_checkpoint
from gateway.ledger.steps import PEER_ROLLED_BACK
from tests.ledger.samples import (
    CHANNEL_SEALS,
    HK,
    HK_SEAL,
    HK_TO_KR,
    KR,
    KR_SEAL,
    KR_TO_HK,
    LATER,
    STRANGER_SEAL,
    TIME,
    batch_of,
    certified,
    checkpoint_of,
    envelopes,
    head_of,
    log_of,
    receipt_of,
)
from tests.ledger.senders import (
    HELLO,
    LEAVES,
    OTHER_PAIR,
    OTHERS,
    assert_refused,
    greeting,
    hello_with,
    machine_with,
    note_of_receipt,
    position,
    streaming,
)

# --- where both stand -------------------------------------------------------------------------------------------


def test_it_greets_with_its_newest_checkpoint():
    (send,) = machine_with().feed(steps.Opened())
    hello = send.message.hello
    assert (list(hello.versions), hello.origin, hello.size) == ([1], HK_TO_KR, 6)
    assert hello.checkpoint == head_of(LEAVES).note


def test_it_greets_with_the_newest_receipt_that_it_keeps():
    """Its receiver may have lost it, and with it when it signed last."""
    machine = streaming(sent=(2, 6), receipted=0)
    machine.feed(note_of_receipt(2))
    machine.feed(steps.Closed())
    (send,) = machine.feed(steps.Opened())
    assert send.message.hello.receipt == receipt_of(LEAVES[:2]).note
    assert machine_with().feed(steps.Opened())[0].message.hello.receipt == b""


def test_an_empty_log_has_no_checkpoint_to_show():
    (send,) = machine_with(0).feed(steps.Opened())
    assert (send.message.hello.size, send.message.hello.checkpoint) == (0, b"")


def test_a_peer_that_has_nothing_is_sent_all():
    assert greeting().feed(position(0)) == [steps.Load(0, 6)]


def test_a_peer_that_has_a_part_is_sent_the_rest_and_its_receipt_is_kept():
    machine = greeting()
    assert machine.feed(position(4)) == [steps.Recall(4)]
    receipt = receipt_of(LEAVES[:4])
    assert machine.feed(steps.Recalled(log_of(LEAVES[:4]), [])) == [steps.StoreReceipt(receipt), steps.Load(4, 6)]


def test_a_receipt_that_is_known_is_not_kept_again():
    machine = greeting(receipted=4)
    machine.feed(position(4))
    assert machine.feed(steps.Recalled(log_of(LEAVES[:4]), [])) == [steps.Load(4, 6)]


def test_a_peer_that_has_all_is_sent_what_is_sealed_later():
    machine = streaming(at=6, receipted=6)
    longer = envelopes(8)
    assert machine.feed(steps.Grown(log_of(longer), head_of(longer), CHANNEL_SEALS)) == [steps.Load(6, 8)]


@pytest.mark.parametrize(("size", "receipted"), [(0, 6), (3, 6), (0, 1)])
def test_a_peer_that_holds_less_than_it_countersigned_is_sent_again_with_an_alarm(size, receipted):
    machine = greeting(receipted=receipted)
    effects = machine.feed(position(size))
    if size:
        effects = machine.feed(steps.Recalled(log_of(LEAVES[:size]), []))
    assert [type(effect) for effect in effects] == [steps.Alarm, steps.Load]
    assert effects[0].reason == PEER_ROLLED_BACK
    assert effects[1] == steps.Load(size, 6)


def test_a_rolled_back_peer_whose_clock_is_behind_is_sent_on_and_its_receipt_for_more_is_not_kept():
    """Refused, it would be refused at every dial: it cannot know when it signed last."""
    machine = greeting(receipted=2)
    machine.feed(position(4, receipt_of(LEAVES[:4], time=LATER - 1).note))
    assert machine.feed(steps.Recalled(log_of(LEAVES[:4]), [])) == [steps.Load(4, 6)]
    machine.feed(steps.Loaded(batch_of(LEAVES, 4)))
    assert machine.feed(note_of_receipt(6)) == [steps.StoreReceipt(receipt_of(LEAVES))]


def test_a_position_of_an_old_stream_is_forgotten():
    machine = greeting()
    machine.feed(position(4))
    machine.feed(steps.Closed())
    machine.feed(steps.Opened())
    assert machine.feed(position(5)) == [steps.Recall(5)]


LYING_POSITIONS = {
    "another version": wire.Position(version=2, size=0),
    "no version": wire.Position(size=0),
    "a size without a receipt": position(4, b""),
    "a receipt for less": position(5, receipt_of(LEAVES[:4]).note),
    "a receipt for more": position(3, receipt_of(LEAVES[:4]).note),
    "a receipt and no size": position(0, receipt_of(LEAVES[:4]).note),
    "a checkpoint of a stranger for a receipt": position(4, head_of(LEAVES[:4], STRANGER_SEAL).note),
    "a receipt by another name": position(4, receipt_of(LEAVES[:4], domain="gateway.sg.example").note),
    "a size that the sender never signed": position(
        2**62, countersign(sign_checkpoint(checkpoint_of(LEAVES), STRANGER_SEAL, TIME), KR, KR_SEAL, LATER).note
    ),
    "the other direction": position(
        4, countersign(sign_checkpoint(checkpoint_of(LEAVES[:4], KR_TO_HK), KR_SEAL, TIME), HK, HK_SEAL, LATER).note
    ),
    "another pair": position(
        4, countersign(sign_checkpoint(checkpoint_of(LEAVES[:4], OTHER_PAIR), HK_SEAL, TIME), KR, KR_SEAL, LATER).note
    ),
    "junk": position(4, b"\xff\x00"),
}


@pytest.mark.parametrize("lie", LYING_POSITIONS.values(), ids=LYING_POSITIONS)
def test_a_lie_about_the_position_ends_the_stream_and_changes_nothing(lie):
    assert_refused(greeting(), lie, HELLO)


def test_a_position_under_a_seal_that_is_not_known_yet_is_gone_on_from_and_is_no_receipt():
    """The other channel brings the seal, and its receipts may be waiting for what this one sends."""
    machine = greeting()
    shown = position(4, receipt_of(LEAVES[:4], seal=STRANGER_SEAL).note)
    assert machine.feed(shown) == [steps.Recall(4)]
    assert machine.feed(steps.Recalled(log_of(LEAVES[:4]), [])) == [steps.Load(4, 6)]


def test_a_position_under_a_seal_that_is_told_later_is_a_receipt_then_and_needs_no_other_stream():
    machine = greeting()
    machine.feed(position(6, receipt_of(LEAVES, seal=STRANGER_SEAL).note))
    assert machine.feed(steps.Recalled(log_of(LEAVES), [])) == []
    told = replace(CHANNEL_SEALS, receiver=CHANNEL_SEALS.receiver.rotated(0, certified(STRANGER_SEAL)))
    grown = steps.Grown(log_of(LEAVES), head_of(LEAVES), told)
    assert machine.feed(grown) == [steps.StoreReceipt(receipt_of(LEAVES, seal=STRANGER_SEAL))]
    assert machine.feed(grown) == []


def test_more_than_is_here_under_a_seal_that_is_not_known_yet_ends_the_stream():
    """It halts nothing: the sender is behind only what the peer's own seal says."""
    longer = envelopes(8)
    shown = position(8, receipt_of(longer, seal=STRANGER_SEAL).note)
    (close,) = greeting().feed(shown)
    assert close.error.startswith("UNKNOWN_SEAL")


# --- batches and receipts ---------------------------------------------------------------------------------------


def test_batches_are_sent_one_after_another_as_they_are_loaded():
    machine = greeting()
    machine.feed(position(0))
    first = batch_of(LEAVES[:2], 0)
    assert machine.feed(steps.Loaded(first)) == [steps.Send(wire.ExchangeRequest(batch=first)), steps.Load(2, 6)]
    last = batch_of(LEAVES, 2)
    assert machine.feed(steps.Loaded(last)) == [steps.Send(wire.ExchangeRequest(batch=last))]


def test_no_more_batches_are_under_way_than_the_window_holds():
    leaves = envelopes(WINDOW_BATCHES + 2)
    machine = greeting(count=len(leaves), leaves=leaves)
    effects = machine.feed(position(0))
    for index in range(WINDOW_BATCHES):
        assert effects[-1] == steps.Load(index, len(leaves))
        effects = machine.feed(steps.Loaded(batch_of(leaves[: index + 1], index)))
    assert [type(effect) for effect in effects] == [steps.Send], "the window is full"
    receipt = receipt_of(leaves[:1])
    effects = machine.feed(wire.Receipt(note=receipt.note))
    assert effects == [steps.StoreReceipt(receipt), steps.Load(WINDOW_BATCHES, len(leaves))]


def test_growth_while_a_batch_is_loaded_loads_nothing_twice():
    machine = greeting()
    machine.feed(position(0))
    longer = envelopes(7)
    assert machine.feed(steps.Grown(log_of(longer), head_of(longer), CHANNEL_SEALS)) == []


def test_news_of_growth_that_comes_late_takes_nothing_back():
    machine = streaming(at=6, receipted=6)
    machine.feed(steps.Grown(log_of(LEAVES[:4]), head_of(LEAVES[:4]), CHANNEL_SEALS))
    machine.feed(steps.Closed())
    assert machine.feed(steps.Opened()) == hello_with(6)


def test_a_receipt_is_kept():
    machine = streaming(sent=(2, 6))
    assert machine.feed(note_of_receipt(2)) == [steps.StoreReceipt(receipt_of(LEAVES[:2]))]
    assert machine.feed(note_of_receipt(6)) == [steps.StoreReceipt(receipt_of(LEAVES))]


def test_a_receipt_stands_for_the_batches_before_it_too():
    machine = streaming(sent=(2, 4, 6))
    assert machine.feed(note_of_receipt(6)) == [steps.StoreReceipt(receipt_of(LEAVES))]
    assert_refused(machine, note_of_receipt(4), hello_with(6))


def test_a_receipt_said_again_is_harmless():
    machine = streaming(sent=(2, 6))
    machine.feed(note_of_receipt(2))
    assert machine.feed(note_of_receipt(2)) == []
    assert machine.state is State.STREAMING


def test_receipts_of_a_rolled_back_peer_never_take_the_place_of_later_ones():
    machine = streaming(at=2, sent=(4, 6), receipted=5)
    assert machine.feed(note_of_receipt(4)) == []
    assert machine.feed(note_of_receipt(6)) == [steps.StoreReceipt(receipt_of(LEAVES))]


LYING_RECEIPTS = {
    "stale": receipt_of(LEAVES[:2]).note,
    "of an earlier time": receipt_of(LEAVES, time=LATER - 1).note,
    "of a size between batches": receipt_of(LEAVES[:5]).note,
    "of a future size": receipt_of(envelopes(7)).note,
    "of another root": receipt_of(OTHERS[:6]).note,
    "by a stranger": receipt_of(LEAVES, seal=STRANGER_SEAL).note,
    "by another name": receipt_of(LEAVES, domain=HK).note,
    "without cosignatures": head_of(LEAVES).note,
    "of the other direction": countersign(
        sign_checkpoint(checkpoint_of(LEAVES, KR_TO_HK), KR_SEAL, TIME), HK, HK_SEAL, LATER
    ).note,
    "of another pair": countersign(
        sign_checkpoint(checkpoint_of(LEAVES, OTHER_PAIR), HK_SEAL, TIME), KR, KR_SEAL, LATER
    ).note,
    "of nothing": countersign(head_of([]), KR, KR_SEAL, LATER).note,
    "empty": b"",
}


@pytest.mark.parametrize("note", LYING_RECEIPTS.values(), ids=LYING_RECEIPTS)
def test_a_receipt_that_proves_nothing_ends_the_stream_and_is_not_kept(note):
    machine = streaming(at=3, sent=(4, 6), receipted=3)
    assert_refused(machine, wire.Receipt(note=note), hello_with(3))


# --- out of place -----------------------------------------------------------------------------------------------


def test_a_driver_that_breaks_the_order_is_told_so():
    for event in (
        steps.Loaded(batch_of(LEAVES, 0)),
        steps.Restored(),
        steps.Recalled(log_of([]), []),
        steps.Committed(),
    ):
        with pytest.raises(LocalProtocolError, match="in state IDLE"):
            machine_with().feed(event)
    with pytest.raises(LocalProtocolError):
        greeting().feed(steps.Opened())


@pytest.mark.parametrize("message", [wire.Hello(), wire.Recover(), wire.Batch()])
def test_a_message_of_the_wrong_kind_ends_the_stream(message):
    for machine in (greeting(), streaming()):
        assert_refused(machine, message, HELLO)


def test_a_second_position_ends_the_stream():
    assert_refused(streaming(), position(0), HELLO)
