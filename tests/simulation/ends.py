"""The two ends of a channel: a machine, a disk, and the driver that carries out the machine's effects.

One ``step`` carries out one effect, so a schedule can crash an end between any two.
"""

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import replace

from google.protobuf.message import Message
from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.ledger import steps
from gateway.ledger.channel import Machine
from gateway.ledger.checkpoint import countersign, open_receipt, sign_checkpoint
from gateway.ledger.receiver import ReceiverMachine
from gateway.ledger.seals import ChannelSeals, Rotation, SealHistory
from gateway.ledger.sender import SenderMachine
from tests.ledger.samples import (
    CHANNEL_SEALS,
    HK,
    HK_SEAL,
    KR,
    KR_SEAL,
    LATER,
    TIME,
    FixedSeal,
    certified,
    checkpoint_of,
    fixed_seal,
    prefix_of,
    rotation,
)
from tests.simulation.disk import Disk
from tests.simulation.link import Frame, Link, StreamBroken


class End(ABC):
    """What both ends share. All but ``disk`` is volatile.

    Attributes:
        alarms: the reasons that the operator was told; they survive, for the tests
        errors: what the machine said that the peer did wrong
    """

    inbox: deque[Frame]
    outbox: deque[Frame]
    message_type: type[wire.ExchangeRequest | wire.ExchangeResponse]

    def __init__(self, link: Link) -> None:
        self.link = link
        self.alarms: list[str] = []
        self.errors: list[str] = []
        self.boot(Disk())

    def boot(self, disk: Disk | None = None) -> None:
        """Starts anew from what is durable."""
        self.disk = disk or self.disk
        self.pending: deque[steps.Effect] = deque()
        self.link.drop(self.stream if hasattr(self, "stream") else 0)
        self.stream = 0
        self.machine = self.build()

    @abstractmethod
    def build(self) -> Machine:
        """A machine for what is on the disk."""

    def feed(self, event: steps.Event) -> None:
        self.pending.extendleft(reversed(self.machine.feed(event)))

    def step(self) -> None:
        """Carries out one effect; its answer is fed at once."""
        answer = self.carry_out(self.pending.popleft())
        if answer is not None:
            self.feed(answer)

    def notice_loss(self) -> None:
        """Tells the machine that its stream is gone, once nothing is half done."""
        if self.stream and self.stream != self.link.stream and not self.pending:
            self.stream = 0
            self.feed(steps.Closed())

    def open_stream(self) -> None:
        self.stream = self.link.stream
        self.feed(steps.Opened())

    def receive(self) -> None:
        """Takes the next message of the stream; one of an old stream is not for the machine."""
        frame = self.inbox.popleft()
        if frame.stream != self.stream:
            return
        try:
            message = self.message_type.FromString(frame.open())
        except StreamBroken:
            self.link.drop(self.stream)
            return
        self.feed(getattr(message, str(message.WhichOneof("step"))))

    def carry_out(self, effect: steps.Effect) -> steps.LocalEvent | None:
        disk = self.disk
        match effect:
            case steps.Send(message):
                self.check_sent(message)
                self.link.put(self.outbox, self.stream, message)
            case steps.Load(first, limit):
                return disk.load(first, limit)
            case steps.Recall(size, count):
                return disk.recall(size, count)
            case steps.Prove(first, second):
                return steps.Proved(prefix_of(disk.envelopes[:second], first))
            case steps.Alarm(reason):
                self.alarms.append(reason)
            case steps.Halt():
                disk.keep_halt(effect)
            case steps.Close(error):
                self.errors.extend([error] if error else [])
                self.link.drop(self.stream)
            case _:
                return self.carry_out_own(effect)
        return None

    @abstractmethod
    def carry_out_own(self, effect: steps.Effect) -> steps.LocalEvent | None:
        """The effects of one machine only."""

    @abstractmethod
    def check_sent(self, message: Message) -> None:
        """What must hold of a message when it leaves."""


class SenderEnd(End):
    """Hong Kong, which seals and dials."""

    message_type = wire.ExchangeResponse

    def __init__(self, link: Link) -> None:
        self.inbox, self.outbox = link.to_sender, link.to_receiver
        self.keys = [HK_SEAL]  # that the home holds, whatever the disk knows of them
        self.receivers = CHANNEL_SEALS.receiver  # seals of the receiver, as the other channel has told them so far
        self.signed: dict[int, set[bytes]] = {}  # every root ever signed, by size
        self.grown: deque[steps.Grown] = deque()  # of every commit, also of what was restored; it may be told late
        super().__init__(link)

    def build(self) -> Machine:
        disk = self.disk
        self.grown.clear()
        return SenderMachine(self.channel_seals(), disk.log, disk.head, disk.receipt, disk.halt)

    def seal(self, envelopes: list[bytes]) -> None:
        """Commits a checkpoint; the machine hears of it afterwards, from ``grown``."""
        assert self.disk.halt is None, "a halted channel seals nothing"
        checkpoint = checkpoint_of([*self.disk.envelopes, *envelopes])
        self.signed.setdefault(checkpoint.size, set()).add(checkpoint.root)
        self.disk.append(envelopes, sign_checkpoint(checkpoint, self.key, TIME + checkpoint.size))
        self._note_growth()

    @property
    def key(self) -> FixedSeal:
        """The private side of the seal in force."""
        return next(key for key in self.keys if key.public == self.disk.seals.sender.newest.public)

    def channel_seals(self) -> ChannelSeals:
        senders = self.disk.seals.sender.expecting([certified(key) for key in self.keys])
        return replace(self.disk.seals, sender=senders, receiver=self.receivers)

    def rotate(self) -> None:
        """Commits a rotation: the last thing that the seal before signs."""
        key = fixed_seal(f"{HK} {len(self.keys)}")
        self.seal([rotation(key)])
        self.keys.append(key)
        self.disk.seals = self.disk.seals.after(Rotation(certified(key), self.disk.log.size, 0))
        self._note_growth()

    def hear_of_rotation(self, receivers: SealHistory) -> None:
        """The other channel has told that the receiver rotated its seal."""
        self.receivers = receivers
        self._note_growth()

    def _note_growth(self) -> None:
        self.grown.append(steps.Grown(self.disk.log, self.disk.head, self.channel_seals()))

    def dial(self) -> None:
        self.link.dial()
        self.open_stream()

    def check_sent(self, message: Message) -> None:
        """A sender shows only what it has signed and keeps."""
        assert isinstance(message, wire.ExchangeRequest)
        checkpoint = message.hello.checkpoint or message.batch.checkpoint
        assert not checkpoint or checkpoint in {head.note for head in self.disk.heads.values()}

    def carry_out_own(self, effect: steps.Effect) -> steps.LocalEvent | None:
        match effect:
            case steps.StoreReceipt(receipt):
                newest = self.disk.receipt
                assert newest is None or receipt.checkpoint.size > newest.checkpoint.size, "receipts never go back"
                self.disk.keep_receipt(receipt)
            case steps.Restore(batch):
                self.disk.append_verified(batch)
                self._note_growth()
                return steps.Restored()
            case steps.Reopen():
                self.disk.keep_halt(None)
            case _:
                raise AssertionError(effect)
        return None


class ReceiverEnd(End):
    """Korea, which commits and countersigns."""

    message_type = wire.ExchangeRequest

    def __init__(self, link: Link) -> None:
        self.inbox, self.outbox = link.to_receiver, link.to_sender
        self.keys = [KR_SEAL]
        self.seals = CHANNEL_SEALS.receiver  # its own, which stand in the channel the other way
        self.ahead = 0  # seconds by which its clock is
        super().__init__(link)

    def build(self) -> Machine:
        return ReceiverMachine(
            replace(self.disk.seals, receiver=self.seals),
            self.disk.log,
            self.disk.head,
            self.disk.receipt,
            self.disk.halt,
        )

    def rotate(self) -> None:
        """Signs with another seal from here on; the channel the other way will tell it, later."""
        key = fixed_seal(f"{KR} {len(self.keys)}")
        self.keys.append(key)
        receipted = self.disk.receipt.checkpoint.size if self.disk.receipt else 0
        self.seals = self.seals.rotated(receipted, certified(key))

    def carry_out_own(self, effect: steps.Effect) -> steps.LocalEvent | None:
        match effect:
            case steps.Commit(batch, _):
                self.disk.append_verified(batch)
                return steps.Committed()
            case steps.Countersign(head, not_before):
                assert self.disk.heads[head.checkpoint.size] == head, "only what is durable is countersigned (G3)"
                time = LATER + head.checkpoint.size + self.ahead
                receipt = countersign(head, KR, self.keys[-1], max(time, not_before))
                self.disk.keep_receipt(receipt)
                return steps.Countersigned(receipt)
            case _:
                raise AssertionError(effect)

    def check_sent(self, message: Message) -> None:
        assert isinstance(message, wire.ExchangeResponse)
        note = message.receipt.note or message.position.receipt
        if note:
            receipt = open_receipt(note, CHANNEL_SEALS.origin, self.disk.seals.sender, KR, self.seals)
            assert self.disk.receipts[receipt.checkpoint.size] == receipt, "only a durable receipt is sent (G3)"
