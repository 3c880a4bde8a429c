"""The channel protocol, version 1: two machines, no I/O.

A channel is one direction between two nodes. Its sender appends envelopes to a Merkle log and signs a checkpoint
for each commit; its receiver keeps a copy and cosigns what it holds, and that cosigned checkpoint is the receipt.
The sender dials. One stream carries one channel::

    sender                                    receiver
      Hello(size, checkpoint, receipt) ->       compares the checkpoint with its copy
                                      <-        Position(size, receipt)
      compares the receipt with its log
      Batch(first, envelopes, checkpoint) ->    contiguous? root? signatures? commit, then cosign
      Batch ...                       ->
                                      <-        Receipt(checkpoint with all four signatures)

Each machine is a table: (state, event) -> the method that takes the step, and the states it may end in. An event
that a state does not list breaks the protocol: by the peer if it is a message (``RemoteProtocolError``), by our
own driver otherwise (``LocalProtocolError``). Three rules stand on top of the tables:

1. ``Closed`` leads to IDLE from everywhere but HALTED, and nothing of the stream survives it. What counts is
   durable, and the next Hello and Position find out what that is.
2. What a peer got wrong ends the stream and changes nothing else. Only what the *sender signed* can halt a
   channel: two histories under its signature are a fork, kept as evidence, and never resolved here.
3. A halted channel takes no step any more, but that the receiver tells a sender who asks; the other direction
   and other peers go on.

A party may change its seal on the way (``seals``). The sender's new one is in an envelope of this very log, so the
machines learn it in order. Of the receiver's, the channel the other way tells: a receipt under a seal that is not known
here ends the stream, which is dialled again until it is.

The two machines are ``sender.SenderMachine`` and ``receiver.ReceiverMachine``. They hold no clock, key or storage.
They verify with public keys, and leave to their driver, as effects, all that needs more: loading, committing,
countersigning, sending.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from gateway.errors import LocalProtocolError, RemoteProtocolError, VerificationError
from gateway.ledger.forks import NO_PREFIX, Prefix
from gateway.ledger.seals import ChannelSeals
from gateway.ledger.steps import Close, Closed, Effect, Event, Halt

VERSION = 1
"""Of docs/protocol.md: the only one so far."""

WINDOW_BATCHES = 3
"""Batches that may be under way without a receipt; it bounds the memory of both ends."""


class State(Enum):
    """Where a machine stands."""

    IDLE = "no stream"
    GREETING = "Hello sent, Position awaited"
    AWAITING_HELLO = "stream up, Hello awaited"
    CHECKING = "the peer's claim is compared with the own log"
    STREAMING = "batches one way, receipts the other"
    COMPARING = "a batch that overlaps is compared with the own log"
    COMMITTING = "a verified batch is made durable"
    COUNTERSIGNING = "the receipt is made, and made durable"
    HANDING_BACK = "the sender's own envelopes are handed back"
    RECOVERING = "own envelopes come back from the peer"
    RESTORING = "own envelopes are made durable again"
    HALTED = "stopped until somebody decides"


@dataclass(frozen=True, slots=True)
class Step:
    """A row of a table: the method that takes the step, and where it may lead."""

    method: str
    leads_to: frozenset[State]


Table = Mapping[tuple[State, type], Step]


def step(method: str, *leads_to: State) -> Step:
    """A row of a table."""
    return Step(method, frozenset(leads_to))


class Machine:
    """What both ends share: looking up the table, and the three rules."""

    table: ClassVar[Table]

    def __init__(self, seals: ChannelSeals, *, halted: bool) -> None:
        self.seals = seals
        self.state = State.HALTED if halted else State.IDLE
        self._effects: deque[Effect] = deque()

    def feed(self, event: Event) -> list[Effect]:
        """Takes one event; gives what is to be done, in order.

        What the peer does wrong comes out as ``Close`` with the reason.

        Raises:
            LocalProtocolError: the driver fed what it must not.
        """
        if isinstance(event, Closed):
            self._forget_stream()
        elif self.state is not State.HALTED or (self.state, type(event)) in self.table:
            self._take(event)
        effects = list(self._effects)
        self._effects.clear()
        return effects

    def _take(self, event: Event) -> None:
        row = self.table.get((self.state, type(event)))
        try:
            if row is None:
                raise self._out_of_place(event)
            getattr(self, row.method)(event)
        except (RemoteProtocolError, VerificationError) as error:
            self._effects.clear()
            self._do(Close(f"{error.reason}: {error.message}"))
            self._forget_stream()
            return
        assert self.state in row.leads_to, (row, self.state)

    def _out_of_place(self, event: Event) -> Exception:
        text = f"{type(event).__name__} in state {self.state.name}"
        peers = type(event).__module__.endswith("_pb2")
        return RemoteProtocolError(text) if peers else LocalProtocolError(text)

    def _forget_stream(self) -> None:
        if self.state is not State.HALTED:
            self.state = State.IDLE

    def _do(self, *effects: Effect) -> None:
        self._effects.extend(effects)

    def _halt(self, reason: str, detail: str, evidence: Iterable[bytes], prefix: Prefix = NO_PREFIX) -> None:
        self.state = State.HALTED
        self._do(Halt(reason, detail, tuple(evidence), prefix, self.seals.sender.coming), Close())
