"""Machines of a receiver in the states that tests begin with, and what they say."""

from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.ledger import steps
from gateway.ledger.channel import State
from gateway.ledger.receiver import ReceiverMachine
from tests.ledger.samples import CHANNEL_SEALS, HK_TO_KR, envelopes, head_of, log_of, receipt_of
from tests.ledger.stored import StoredTree

LEAVES = envelopes(9)
OTHERS = [*LEAVES[:3], *envelopes(9, "other")[3:]]


def machine_with(count=6, receipted=None, halt=None):
    """A copy of ``count`` envelopes, all receipted unless ``receipted`` says how many are."""
    receipted = count if receipted is None else receipted
    head = head_of(LEAVES[:count]) if count else None
    receipt = receipt_of(LEAVES[:receipted]) if receipted else None
    return ReceiverMachine(CHANNEL_SEALS, log_of(LEAVES[:count]), head, receipt, halt)


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
