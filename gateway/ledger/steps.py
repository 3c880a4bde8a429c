"""What goes into a channel machine and what comes out of it.

Events are what happened: to the stream, in storage, or at the peer (then they are the messages of
``peer_service.proto``). Effects are what the machine's driver must do, in order, before it feeds the next message
of the stream; it answers some of them with an event at once. All of them are values: a machine never calls its
driver.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.ledger.batch import VerifiedBatch
from gateway.ledger.checkpoint import Receipt, SignedCheckpoint
from gateway.ledger.forks import NO_PREFIX, Prefix
from gateway.ledger.merkle import CompactRange
from gateway.ledger.seals import CertifiedSeal, ChannelSeals

FORKED = "FORKED"
"""Halt reason: the sender signed two histories. Nothing here resolves it."""

SENDER_ROLLED_BACK = "SENDER_ROLLED_BACK"
"""Halt reason: the sender holds less than the receiver countersigned. It ends when the envelopes are back."""

RESTORED = "RESTORED"
"""Halt reason: the sender was restored from a backup. It ends as soon as the receiver has told what it holds."""

PEER_ROLLED_BACK = "PEER_ROLLED_BACK"
"""Alarm: the receiver holds less than it countersigned; it is sent again."""

# --- events -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Opened:
    """The stream is up."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The stream is gone; whatever was under way on it is forgotten."""


@dataclass(frozen=True, slots=True)
class Grown:
    """The own log was appended to and committed, or a party has rotated its seal."""

    log: CompactRange
    head: SignedCheckpoint | None
    seals: ChannelSeals


@dataclass(frozen=True, slots=True)
class Loaded:
    """Answers ``Load``."""

    batch: wire.Batch


@dataclass(frozen=True, slots=True)
class Recalled:
    """Answers ``Recall``: the right edge of the log as it was at the size, and the leaf hashes from there on."""

    log: CompactRange
    leaf_hashes: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Proved:
    """Answers ``Prove``."""

    prefix: Prefix


@dataclass(frozen=True, slots=True)
class Restored:
    """Answers ``Restore``: the own envelopes are back in the log, durably."""


@dataclass(frozen=True, slots=True)
class Committed:
    """Answers ``Commit``: the batch is durable."""


@dataclass(frozen=True, slots=True)
class Countersigned:
    """Answers ``Countersign``: the receipt is made and durable."""

    receipt: Receipt


# --- effects ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Send:
    """Put this message on the stream."""

    message: wire.ExchangeRequest | wire.ExchangeResponse


@dataclass(frozen=True, slots=True)
class Load:
    """Read a batch from ``first`` on, up to some signed checkpoint at or below ``limit``; answer ``Loaded``."""

    first: int
    limit: int


@dataclass(frozen=True, slots=True)
class Recall:
    """Read the log's right edge at ``size``, and ``count`` leaf hashes from there on; answer ``Recalled``."""

    size: int
    count: int = 0


@dataclass(frozen=True, slots=True)
class Prove:
    """Read what the log had at the size ``first``, with the proof from there to ``second``; answer ``Proved``."""

    first: int
    second: int


@dataclass(frozen=True, slots=True)
class Commit:
    """Append a verified batch durably, and show its content to back offices; answer ``Committed``.

    The receipt, which is asked for next, may be made in the same commit; ``not_before``: as of ``Countersign``. It is
    not made if it is ``withheld``.
    """

    batch: VerifiedBatch
    not_before: int
    withheld: bool = False


@dataclass(frozen=True, slots=True)
class Restore:
    """Append own envelopes that came back from the peer, durably; answer ``Restored``."""

    batch: VerifiedBatch


@dataclass(frozen=True, slots=True)
class Countersign:
    """Cosign this durable checkpoint, make the receipt durable, then answer ``Countersigned``.

    ``not_before``: seconds since 1970. The receipt bears this time where the clock is behind it.
    """

    head: SignedCheckpoint
    not_before: int


@dataclass(frozen=True, slots=True)
class StoreReceipt:
    """The peer holds everything below the receipt's size: keep the receipt durably.

    ``learnt``: its seal, where nothing told before that it has that.
    """

    receipt: Receipt
    learnt: CertifiedSeal | None = None


@dataclass(frozen=True, slots=True)
class Alarm:
    """Tell the operator that the peer holds less, ``size``; the channel goes on. ``reason`` is a stable word."""

    reason: str
    detail: str
    size: int


@dataclass(frozen=True, slots=True)
class Halt:
    """Seal and take nothing more in this channel, durably; keep the evidence.

    ``evidence`` holds the signed notes that contradict each other. ``reason`` is a stable word. ``prefix`` is what the
    log of the larger one had at the size of the smaller, where the own log does not tell it. ``seals``: further ones of
    the sender that may have signed the evidence, which its log here does not tell.
    """

    reason: str
    detail: str
    evidence: tuple[bytes, ...] = ()
    prefix: Prefix = NO_PREFIX
    seals: tuple[CertifiedSeal, ...] = ()

    def is_graver_than(self, other: "Halt") -> bool:
        """Whether it takes the place of another reason: a fork of any, and any of ``RESTORED``."""
        return self.reason != other.reason and (self.reason == FORKED or other.reason == RESTORED)


@dataclass(frozen=True, slots=True)
class Reopen:
    """What the halt was for is mended: seal envelopes again."""


@dataclass(frozen=True, slots=True)
class Close:
    """End the stream. ``error``: what the peer did wrong; empty where nothing is wrong."""

    error: str = ""


Effect = Send | Load | Recall | Prove | Commit | Restore | Countersign | StoreReceipt | Alarm | Halt | Reopen | Close
LocalEvent = Opened | Closed | Grown | Loaded | Recalled | Proved | Restored | Committed | Countersigned
PeerEvent = wire.Hello | wire.Batch | wire.Recover | wire.Position | wire.Receipt | wire.Halted
Event = LocalEvent | PeerEvent
