"""Sender's machines in each state, reached by what a peer says."""

from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.ledger import steps
from gateway.ledger.channel import VERSION, State
from gateway.ledger.origins import origin_of
from gateway.ledger.sender import SenderMachine
from gateway.ledger.steps import Halt
from tests.ledger.samples import CHANNEL_SEALS, HK, batch_of, envelopes, head_of, log_of, receipt_of

LEAVES = envelopes(6)
OTHERS = [*LEAVES[:3], *envelopes(9, "other")[3:]]


def machine_with(count=6, receipted=0, halt_reason="", evidence=(), leaves=LEAVES):
    leaves = leaves[:count]
    head = head_of(leaves) if leaves else None
    receipt = receipt_of(leaves[:receipted]) if receipted else None
    halt = Halt(halt_reason, "", tuple(evidence)) if halt_reason else None
    return SenderMachine(CHANNEL_SEALS, log_of(leaves), head, receipt, halt)


def greeting(**values):
    machine = machine_with(**values)
    machine.feed(steps.Opened())
    return machine


def position(size, note=None):
    receipt = note if note is not None else receipt_of(LEAVES[:size]).note if size else b""
    return wire.Position(version=VERSION, size=size, receipt=receipt)


def streaming(at=0, sent=(), **values):
    """A machine that has sent the batches that end at the sizes ``sent``."""
    machine = greeting(**values)
    machine.feed(position(at))
    if at:
        machine.feed(steps.Recalled(log_of(LEAVES[:at]), []))
    for first, size in zip([at, *sent], sent, strict=False):
        machine.feed(steps.Loaded(batch_of(LEAVES[:size], first)))
    assert machine.state is State.STREAMING
    return machine


def recovering(peer=6):
    machine = greeting(count=3)
    machine.feed(position(peer))
    assert machine.state is State.RECOVERING
    return machine


def note_of_receipt(size):
    return wire.Receipt(note=receipt_of(LEAVES[:size]).note)


def assert_refused(machine, event, hello):
    """The stream ends, and the next one begins as if nothing had been said."""
    (close,) = machine.feed(event)
    assert isinstance(close, steps.Close)
    assert close.error, "the driver is told why"
    assert machine.state is State.IDLE
    assert machine.feed(steps.Opened()) == hello


def hello_with(receipted):
    """What a machine says first that keeps a receipt for so many."""
    return machine_with(receipted=receipted).feed(steps.Opened())


HELLO = hello_with(0)
OTHER_PAIR = origin_of(HK, "gateway.sg.example")
