"""The sender's end of a channel: it dials, sends what it sealed, and keeps the receipts (``channel`` tells all)."""

from collections import deque

from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.errors import BadProof, RemoteProtocolError, UnknownSeal
from gateway.ledger.batch import verify_batch
from gateway.ledger.channel import VERSION, WINDOW_BATCHES, Machine, State, step
from gateway.ledger.checkpoint import Checkpoint, Receipt, SignedCheckpoint, open_checkpoint, open_receipt
from gateway.ledger.forks import NO_PREFIX, TWO_HEADS, Prefix, check_fork
from gateway.ledger.merkle import CompactRange
from gateway.ledger.note import Note
from gateway.ledger.seals import CertifiedSeal, ChannelSeals, SealHistory
from gateway.ledger.steps import (
    FORKED,
    PEER_ROLLED_BACK,
    RESTORED,
    SENDER_ROLLED_BACK,
    Alarm,
    Close,
    Grown,
    Halt,
    Load,
    Loaded,
    Opened,
    Recall,
    Recalled,
    Reopen,
    Restore,
    Restored,
    Send,
    StoreReceipt,
)
from gateway.words import envelopes

_TWO_HISTORIES = "this node signed two histories of this channel"


def greeting_turn(seals: ChannelSeals, receipted: int, halt: Halt | None, dial: int = 0) -> int:
    """The size that ends with the change of the own seal whose checkpoint greets; 0: the newest checkpoint does.

    Where the receiver has shown more than is here, it is the change from the seal that it showed: it may hold another
    history, with the oldest change, too. If no change here is from that seal, nothing tells which of the seals here the
    receiver knows: so each dial shows another one, and the right one comes.

    Args:
        seals: of the ends of the channel
        receipted: how much the newest receipt covers
        halt: why the channel is halted; None while it is open
        dial: how often it was dialled before
    """
    sender = seals.sender
    if not (halt and halt.reason == SENDER_ROLLED_BACK and halt.evidence):
        return sender.turn_beyond(receipted)
    if sender.has_signed(halt.evidence[0], seals.origin):
        return sender.turn_after(halt.evidence[0], seals.origin)
    turns = [0, *sorted({span.above for span in sender.spans if span.above > receipted}, reverse=True)]
    return turns[dial % len(turns)]


class SenderMachine(Machine):
    """Sends one channel's log.

    Args:
        seals: of the ends of the channel
        log: the right edge of the own log
        head: its newest signed checkpoint; None for an empty log
        receipt: the newest receipt that is kept; None if there is none
        halt: why the channel is halted; None while it is open. ``SENDER_ROLLED_BACK`` and ``RESTORED`` are mended here:
            of the first the evidence is the receipt, or the checkpoint, that the log is to reach again; nothing less
            reopens the channel.
        turned: the checkpoint at the size of ``greeting_turn``; None: there is none. It greets: the receiver may not
            know a later seal yet, and could compare nothing.
    """

    table = {  # noqa: RUF012 - declared ClassVar by Machine
        (State.IDLE, Opened): step("_greet", State.GREETING),
        (State.IDLE, Grown): step("_grow", State.IDLE),
        (State.GREETING, Grown): step("_grow", State.GREETING),
        (State.GREETING, wire.Position): step("_take_position", State.STREAMING, State.CHECKING, State.RECOVERING),
        (State.GREETING, wire.Halted): step("_hear_of_halt", State.HALTED, State.CHECKING, State.IDLE),
        (State.CHECKING, Grown): step("_grow", State.CHECKING),
        (State.CHECKING, Recalled): step("_check", State.STREAMING, State.CHECKING, State.HALTED, State.IDLE),
        (State.STREAMING, Grown): step("_grow", State.STREAMING),
        (State.STREAMING, Loaded): step("_send", State.STREAMING),
        (State.STREAMING, wire.Receipt): step("_take_receipt", State.STREAMING),
        (State.STREAMING, wire.Halted): step("_hear_of_halt", State.HALTED, State.CHECKING, State.IDLE),
        (State.RECOVERING, Grown): step("_grow", State.RECOVERING),
        (State.RECOVERING, wire.Batch): step("_restore", State.RESTORING),
        (State.RESTORING, Restored): step("_restored", State.RECOVERING, State.STREAMING),
    }

    def __init__(
        self,
        seals: ChannelSeals,
        log: CompactRange,
        head: SignedCheckpoint | None,
        receipt: Receipt | None,
        halt: Halt | None = None,
        turned: SignedCheckpoint | None = None,
    ) -> None:
        reason, evidence = (halt.reason, halt.evidence) if halt else ("", ())
        super().__init__(seals, halted=reason not in ("", RESTORED, SENDER_ROLLED_BACK))
        self._log = log
        self._head = head
        self._turned = turned
        self._receipt = receipt
        self._reopens = reason in (RESTORED, SENDER_ROLLED_BACK)  # once it stands where the receiver does
        self._recovering = reason == SENDER_ROLLED_BACK
        owed = [Checkpoint.parse(Note.parse(note).text).size for note in evidence if self._recovering]
        self._owed = max(owed, default=0)  # size that the log must reach before a rolled-back sender seals again
        self._unopened = b""  # where the receiver stands, under a seal of it that is not known here yet
        self._claims: deque[bytes] = deque()  # notes of the peer that are compared with the own log
        self._accusation: wire.Halted | None = None  # if the claims are the evidence of a fork, and not a position
        self._next = 0  # index of the first envelope that was not loaded
        self._loading = False
        self._unreceipted: deque[Checkpoint] = deque()  # of the batches under way
        self._withheld = 0  # size with a batch that gets no receipt before more than the window is sent; 0: none

    def _forget_stream(self) -> None:
        super()._forget_stream()
        self._claims.clear()
        self._unopened, self._accusation, self._loading = b"", None, False
        self._unreceipted.clear()
        self._withheld = 0

    def _grow(self, event: Grown) -> None:
        self.seals = event.seals
        if self._unopened and (receipt := self._shown_receipt(self._unopened)):
            self._unopened = b""
            self._keep(receipt)
        if event.log.size <= self._log.size:
            return  # late news, of what came back by ``_restore``
        self._log, self._head = event.log, event.head
        if self.state is State.STREAMING:
            self._load_more()

    # --- where both stand ---------------------------------------------------------------------------------------

    def _greet(self, _: Opened) -> None:
        shown = self._turned or self._head
        size, note = (shown.checkpoint.size, shown.note) if shown else (0, b"")
        kept = self._receipt.note if self._receipt else b""
        hello = wire.Hello(versions=[VERSION], origin=self.seals.origin, size=size, checkpoint=note, receipt=kept)
        self._do(Send(wire.ExchangeRequest(hello=hello)))
        self.state = State.GREETING

    def _take_position(self, position: wire.Position) -> None:
        if position.version != VERSION:
            raise RemoteProtocolError(f"version {position.version} was not offered")
        if self._recovering and position.size < self._owed:
            raise RemoteProtocolError(f"the peer has shown {envelopes(self._owed)} and holds {position.size}")
        if position.size == 0 and not position.receipt:
            self._stream_from(0)
            return
        head = self._own(position.receipt)
        if head.checkpoint.size != position.size:
            raise RemoteProtocolError("a Position tells another size than what it shows")
        receipt = self._shown_receipt(position.receipt, self.seals.sender.regardless())
        self._claims.append(position.receipt)
        if position.size <= self._log.size:
            self._recall_claim()
        elif self._is_withheld(position.receipt):
            self._recover(head)
        elif receipt is None:
            raise UnknownSeal("the peer countersigned more than is here, with a seal that is not known here yet")
        else:  # what is kept of it must verify by the seals that are stored
            self._recover(head if self._learnt_of(receipt) else receipt)

    def _check(self, recalled: Recalled) -> None:
        """Compares what bears the own signature with the own log."""
        claim = self._claims.popleft()
        head = self._own(claim)
        if head.checkpoint.root != recalled.log.root():
            self._halt_forked(claim)
        elif self._accusation is None:
            self._stand_at(head, claim)
        elif self._claims:
            self._recall_claim()
        else:
            self._judge(self._accusation)

    def _own(self, note: bytes) -> SignedCheckpoint:
        """What this node signed of this channel, with whichever of its seals, and in whichever history."""
        return open_checkpoint(note, self.seals.origin, self.seals.sender.regardless())

    def _recall_claim(self) -> None:
        head = self._own(self._claims[0])
        self._do(Recall(head.checkpoint.size))
        self.state = State.CHECKING

    def _shown_receipt(self, note: bytes, sender: SealHistory | None = None) -> Receipt | None:
        """What the receiver shows; None: its seal is not known here yet, or it withholds its receipt.

        The channel the other way tells that seal, and may itself be waiting for what this one has to say: so such a
        note shows where the receiver stands, and is a receipt once that seal is known.
        """
        try:
            return self._open_receipt(note, sender)
        except UnknownSeal:
            is_cosigned = any(line.name == self.seals.receiver_domain for line in Note.parse(note).signatures)
            if not is_cosigned and not self._is_withheld(note):
                raise
            return None

    def _is_withheld(self, note: bytes) -> bool:
        """Whether a receiver shows what it holds without a receipt for it (``withholding``)."""
        return all(line.name == self.seals.origin for line in Note.parse(note).signatures)

    def _stand_at(self, head: SignedCheckpoint, claim: bytes) -> None:
        """Goes on from where the receiver stands."""
        receipt = self._shown_receipt(claim)
        if receipt:
            self._accept(receipt)
        else:
            self._unopened = claim
            self._withheld = head.checkpoint.size if self._is_withheld(claim) else 0
            self._stream_from(head.checkpoint.size)

    def _accept(self, receipt: Receipt) -> None:
        """Keeps what the receiver shows of where it stands.

        One that was rolled back, and whose clock is behind, does not know when it signed last if it does not read that
        in ``Hello.receipt``: what it shows then is no receipt, and the next one that it gives for more will be.
        """
        if not self._goes_back(receipt):
            self._keep(receipt)
        self._stream_from(receipt.checkpoint.size)

    def _stream_from(self, size: int) -> None:
        known = self._receipted()
        if size < known:
            self._do(Alarm(PEER_ROLLED_BACK, f"the peer countersigned {envelopes(known)} and holds {size}", size))
        if self._reopens:
            self._reopens = self._recovering = False
            self._do(Reopen())
        self.state = State.STREAMING
        self._next = size
        self._load_more()

    # --- the log and its receipts -------------------------------------------------------------------------------

    def _load_more(self) -> None:
        has_room = len(self._unreceipted) < WINDOW_BATCHES or self._withheld > 0
        if not self._loading and self._next < self._log.size and has_room:
            self._loading = True
            self._do(Load(self._next, self._log.size))

    def _send(self, loaded: Loaded) -> None:
        head = Checkpoint.parse(Note.parse(loaded.batch.checkpoint).text)
        self._loading = False
        self._next = head.size
        self._unreceipted.append(head)
        if loaded.batch.destroyed and not loaded.batch.receipt:
            self._withheld = head.size
        self._do(Send(wire.ExchangeRequest(batch=loaded.batch)))
        self._load_more()

    def _take_receipt(self, message: wire.Receipt) -> None:
        receipt = self._open_receipt(message.note)
        if receipt.checkpoint not in self._unreceipted:
            if self._receipt and receipt.checkpoint == self._receipt.checkpoint:
                return  # said again, after a batch that came again
            raise RemoteProtocolError("a receipt for a checkpoint that is not under way")
        while self._unreceipted.popleft() != receipt.checkpoint:
            pass
        if receipt.checkpoint.size >= self._withheld:
            self._withheld = 0
        self._keep(receipt)
        self._load_more()

    def _keep(self, receipt: Receipt) -> None:
        """Keeps a receipt that covers more. A rolled-back peer gives earlier ones anew: nothing goes back for them."""
        if receipt.checkpoint.size > self._receipted():
            if self._goes_back(receipt):
                raise RemoteProtocolError("a receipt that covers more bears an earlier time")
            learnt, above = self._learnt_of(receipt), self._receipted()
            self.seals, self._receipt = self.seals.learning_cosigner(learnt, above), receipt
            self._do(StoreReceipt(receipt, learnt))

    def _goes_back(self, receipt: Receipt) -> bool:
        """Whether it covers more than the newest one, and bears an earlier time."""
        newest = self._receipt
        return newest is not None and receipt.checkpoint.size > self._receipted() and receipt.time < newest.time

    def _learnt_of(self, receipt: Receipt) -> CertifiedSeal | None:
        """The seal that countersigned, where this is the first to tell that the receiver has it."""
        seals = self.seals
        return seals.receiver.unknown_signer(receipt.note, seals.receiver_domain, receipt.checkpoint.size)

    def _receipted(self) -> int:
        return self._receipt.checkpoint.size if self._receipt else 0

    def _open_receipt(self, note: bytes, sender: SealHistory | None = None) -> Receipt:
        seals = self.seals
        return open_receipt(note, seals.origin, sender or seals.sender, seals.receiver_domain, seals.receiver)

    # --- rolled back, and recovered from the peer -----------------------------------------------------------------

    def _recover(self, shown: Receipt | SignedCheckpoint) -> None:
        self._find_rolled_back(shown)
        self._do(Send(wire.ExchangeRequest(recover=wire.Recover(first_index=self._log.size))))
        self.state = State.RECOVERING

    def _find_rolled_back(self, shown: Receipt | SignedCheckpoint) -> None:
        """Seals nothing more until the log reaches what it has signed itself."""
        size = shown.checkpoint.size
        if not self._recovering:
            detail = f"the peer shows {envelopes(size)} that this node signed, and here it has signed {self._log.size}"
            self._do(Halt(SENDER_ROLLED_BACK, detail, (shown.note,)))
        self._reopens, self._recovering, self._owed = True, True, max(self._owed, size)

    def _restore(self, batch: wire.Batch) -> None:
        verified = verify_batch(batch, self._log, self.seals)
        self.seals = self.seals.learning(verified.learnt, verified.first).after(verified.rotation)
        self._log, self._head = verified.log, verified.head
        self._do(Restore(verified))
        self.state = State.RESTORING

    def _restored(self, _: Restored) -> None:
        claim = self._claims[0]
        head = self._own(claim)
        if self._log.size < head.checkpoint.size:
            self.state = State.RECOVERING
        elif self._log.root() != head.checkpoint.root:
            raise RemoteProtocolError("what came back is not what the receipt commits to")
        else:
            self._claims.clear()
            self._stand_at(head, claim)

    # --- forks --------------------------------------------------------------------------------------------------

    def _hear_of_halt(self, halted: wire.Halted) -> None:
        """Halts too if the evidence holds: first what can be compared with the own log is, then the rest is judged."""
        if halted.reason != FORKED or len(halted.evidence) != TWO_HEADS:
            raise RemoteProtocolError("the peer halted this channel without evidence of a fork")
        self._accusation = halted
        heads = self._heads_of(halted)
        self._claims.extend(head.note for head in heads if head.checkpoint.size <= self._log.size)
        if self._claims:
            self._recall_claim()
        else:
            self._judge(halted)

    def _judge(self, halted: wire.Halted) -> None:
        """Judges evidence that the own log does not contradict: by its proof, if it goes beyond that log."""
        earlier, later = self._heads_of(halted)
        if later.checkpoint.size <= self._log.size:
            raise RemoteProtocolError("the peer calls two checkpoints of one history a fork")
        prefix = Prefix(halted.prefix_root, tuple(halted.consistency))
        try:
            check_fork(earlier.checkpoint, later.checkpoint, prefix)
        except BadProof as error:
            self._find_rolled_back(later)
            self._do(Close(f"{error.reason}: the peer calls a fork what it does not prove to be one"))
            self._forget_stream()
        else:
            differ = earlier.checkpoint.size < later.checkpoint.size
            self._halt(FORKED, _TWO_HISTORIES, (later.note, earlier.note), prefix if differ else NO_PREFIX)

    def _heads_of(self, halted: wire.Halted) -> list[SignedCheckpoint]:
        """The evidence, the smaller size first."""
        heads = [self._own(note) for note in halted.evidence]
        return sorted(heads, key=lambda head: head.checkpoint.size)

    def _halt_forked(self, contrary: bytes) -> None:
        own = (self._head.note,) if self._head else ()
        self._halt(FORKED, _TWO_HISTORIES, (contrary, *own))
