"""Sees every message as it leaves a node, and asks whether the node may say so: from what is durable alone."""

from collections.abc import Callable, Collection, Iterator, Mapping

from google.protobuf.message import Message
from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.ledger.checkpoint import Checkpoint
from gateway.ledger.note import Note
from tests.simulation.nodes.site import Site


class Witness:
    """Keeps the root of every size that was ever shown, by channel (G2), and what is wrong.

    Attributes:
        shown: messages that left
        forkable: channels of which there may be two histories now: receipts are for one of them all the same
    """

    def __init__(self, sites: Mapping[str, Site], told: Callable[..., None]) -> None:
        self.sites, self._told = sites, told
        self.roots: dict[tuple[str, int], str] = {}
        self.wrong: list[str] = []
        self.forkable: Collection[str] = ()
        self.shown = 0

    def __call__(self, source: str, message: Message) -> None:
        self.shown += 1
        if isinstance(message, (wire.SendAttachmentsRequest, wire.SendAttachmentsResponse)):
            self._told("sends", source, message.DESCRIPTOR.name, message.ByteSize())
            return
        step = message.WhichOneof("step")
        sizes = []
        for note, is_receipt in _notes(message):
            checkpoint = Checkpoint.parse(Note.parse(note).text)
            sizes.append(checkpoint.size)
            if is_receipt or checkpoint.origin not in self.forkable:
                self.note(checkpoint, f"{source} shows {step}")
            self._require_durable(source, checkpoint, note if is_receipt else b"")
        self._told("sends", source, step, *sizes)

    def note(self, checkpoint: Checkpoint, where: str) -> None:
        """At most one root of a size is ever shown."""
        key = checkpoint.origin, checkpoint.size
        if self.roots.setdefault(key, checkpoint.root.hex()) != checkpoint.root.hex():
            self.wrong.append(f"{where}: a second root of {key} (G2)")

    def forget(self, origin: str, size: int) -> None:
        """What was shown above this size reached nobody, and its sender has lost it."""
        self.roots = {key: root for key, root in self.roots.items() if key[0] != origin or key[1] <= size}

    def _require_durable(self, source: str, checkpoint: Checkpoint, receipt: bytes) -> None:
        """What a node says that it has is there; a receipt is there as it is shown (G3)."""
        read = self.sites[source].disk.read
        ((channel, size),) = read("SELECT id, size FROM channels WHERE origin = ?", checkpoint.origin)
        kept = read("SELECT note FROM heads WHERE channel = ? AND size = ?", channel, checkpoint.size)
        if size < checkpoint.size:
            self.wrong.append(f"{source} shows {checkpoint.size} of {checkpoint.origin} and holds {size} (G3)")
        if receipt and [bytes(note) for (note,) in kept] != [receipt]:
            self.wrong.append(f"{source} shows a receipt for {checkpoint.size} that is not durable (G3)")


def _notes(message: Message) -> Iterator[tuple[bytes, bool]]:
    """The signed notes of a message, and whether each is a receipt."""
    if isinstance(message, wire.ExchangeRequest):
        batches = [message.batch]
        yield from ((note, False) for note in [message.hello.checkpoint] if note)
        yield from ((note, True) for note in [message.hello.receipt] if note)
    else:
        batches = [message.recovered]
        yield from ((note, True) for note in (message.position.receipt, message.receipt.note) if note)
    for batch in batches:
        yield from ((note, False) for note in [batch.checkpoint] if note)
        yield from ((note, True) for note in [batch.receipt] if note)
