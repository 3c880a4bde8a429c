"""Drives one end of a channel in memory: carries out what its machine asks for, and keeps what it sends and tells."""

from collections import deque
from dataclasses import replace

from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.errors import Untrusted
from gateway.ledger import steps
from gateway.ledger.channel import Machine
from gateway.ledger.checkpoint import Signer, countersign
from gateway.ledger.times import receipt_time, require_come
from tests.simulation.disk import Disk


class Driver:
    """A machine and its disk.

    Attributes:
        sent: messages for the other end, in order
        alarms: reasons that the operator was told
        closed: why the stream ended; empty: with nothing wrong; None: it is up
    """

    def __init__(self, machine: Machine, disk: Disk, domain: str, signer: Signer, now: int) -> None:
        self.machine, self.disk = machine, disk
        self._domain, self._signer, self._now = domain, signer, now
        self.sent: list[wire.ExchangeRequest | wire.ExchangeResponse] = []
        self.alarms: list[str] = []
        self.closed: str | None = None

    def feed(self, event: steps.Event) -> None:
        """Feeds an event, and the answers to all effects that follow from it."""
        events = deque([event])
        while events and self.closed is None:
            for effect in self.machine.feed(events.popleft()):
                try:
                    answer = self._carry_out(effect)
                except Untrusted as error:  # of its time; whatever else follows from the event is not carried out
                    self.closed = f"{error.reason}: {error.message}"
                    return
                if answer:
                    events.append(answer)

    def _carry_out(self, effect: steps.Effect) -> steps.LocalEvent | None:
        disk = self.disk
        match effect:
            case steps.Send(message):
                self.sent.append(message)
            case steps.Commit(batch, _):
                require_come(batch.head, self._now)
                disk.append_verified(batch)
                return steps.Committed()
            case steps.Restore(batch):
                disk.append_verified(batch)
                return steps.Restored()
            case steps.Countersign(head, not_before):
                assert disk.heads[head.checkpoint.size] == head, "only what is durable is countersigned"
                newest = disk.receipt
                is_anew = newest is not None and newest.checkpoint == head.checkpoint  # by keys that were given up
                time = newest.time if newest and is_anew else receipt_time(self._now, newest, not_before)
                disk.keep_receipt(countersign(head, self._domain, self._signer, time))
                return steps.Countersigned(disk.receipts[head.checkpoint.size])
            case _:
                return self._read(effect) or self._keep(effect)
        return None

    def _read(self, effect: steps.Effect) -> steps.LocalEvent | None:
        match effect:
            case steps.Load(first, limit):
                return self.disk.load(first, limit)
            case steps.Recall(size, count):
                return self.disk.recall(size, count)
            case steps.Prove(first, second):
                return steps.Proved(self.disk.prefix(first, second))
        return None

    def _keep(self, effect: steps.Effect) -> None:
        match effect:
            case steps.StoreReceipt(receipt):
                require_come(receipt, self._now)
                self.disk.keep_receipt(receipt)
            case steps.Alarm(reason):
                self.alarms.append(reason)
            case steps.Halt():
                self.disk.keep_halt(replace(effect))
            case steps.Reopen():
                self.disk.keep_halt(None)
            case steps.Close(error):
                self.closed = error
            case _:
                raise AssertionError(effect)
