"""The receiver's end of a channel: it verifies, commits, then countersigns (``channel`` tells the whole protocol)."""

from types import MappingProxyType

from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.errors import BadProof, RemoteProtocolError, UnknownSeal
from gateway.ledger.batch import VerifiedBatch, check_extent, check_held, verify_batch
from gateway.ledger.channel import VERSION, Machine, State, step
from gateway.ledger.checkpoint import Checkpoint, Receipt, SignedCheckpoint, open_checkpoint, open_cosigned
from gateway.ledger.forks import NO_PREFIX, TWO_HEADS, Prefix, prefix_of
from gateway.ledger.merkle import CompactRange
from gateway.ledger.note import Note
from gateway.ledger.seals import ChannelSeals, is_void
from gateway.ledger.steps import (
    FORKED,
    Close,
    Commit,
    Committed,
    Countersign,
    Countersigned,
    Halt,
    Load,
    Loaded,
    Opened,
    Prove,
    Proved,
    Recall,
    Recalled,
    Send,
)
from gateway.ledger.withholding import MAX_UNCERTIFIED, Uncertified, still_uncertified


class ReceiverMachine(Machine):
    """Takes one channel's log.

    Args:
        seals: of the ends of the channel
        log: the right edge of the copy here
        head: its newest checkpoint, as the sender signed it; None for an empty log
        receipt: the newest receipt that was made; None if there is none. It may lag behind the head after a crash.
        halt: why the channel is halted; None while it is open
        uncertified: of the envelopes here that have no receipt, those whose content never came (``withholding``)
    """

    table = {  # noqa: RUF012 - declared ClassVar by Machine
        (State.IDLE, Opened): step("_await_hello", State.AWAITING_HELLO),
        (State.AWAITING_HELLO, wire.Hello): step("_take_hello", State.CHECKING, State.COUNTERSIGNING, State.STREAMING),
        (State.CHECKING, Recalled): step("_check", State.COUNTERSIGNING, State.STREAMING, State.HALTED),
        (State.STREAMING, wire.Batch): step("_take_batch", State.COMMITTING, State.COMPARING, State.CHECKING),
        (State.STREAMING, wire.Recover): step("_hand_back", State.HANDING_BACK),
        (State.COMPARING, Recalled): step("_compare", State.COMMITTING, State.STREAMING, State.HALTED),
        (State.COMMITTING, Committed): step("_countersign", State.COUNTERSIGNING, State.STREAMING),
        (State.COUNTERSIGNING, Countersigned): step("_answer", State.STREAMING),
        (State.HANDING_BACK, Loaded): step("_hand_over", State.HANDING_BACK, State.STREAMING),
        (State.HALTED, wire.Hello): step("_tell", State.HALTED),
        (State.HALTED, Proved): step("_tell_proven", State.HALTED),
    }

    def __init__(
        self,
        seals: ChannelSeals,
        log: CompactRange,
        head: SignedCheckpoint | None,
        receipt: Receipt | None,
        halt: Halt | None = None,
        uncertified: Uncertified = MappingProxyType({}),
    ) -> None:
        super().__init__(seals, halted=halt is not None)
        self._uncertified = uncertified
        self._log = log
        self._head = head
        self._receipt = receipt
        self._halt_found = halt  # here, or by an earlier machine
        self._greeted = False  # whether the sender has had its Position
        self._may_recover = False  # whether the sender's Hello shows that it lacks something
        self._shown_time = 0  # of the newest receipt that the sender shows: it may be lost here
        self._claim: SignedCheckpoint | None = None  # of the sender, while it is compared
        self._overlapping = wire.Batch()  # while it is compared
        self._verified: VerifiedBatch | None = None  # while it is committed

    def _forget_stream(self) -> None:
        super()._forget_stream()
        self._greeted, self._claim, self._verified = False, None, None
        self._may_recover = False
        self._shown_time = 0
        self._overlapping = wire.Batch()

    # --- where both stand ---------------------------------------------------------------------------------------

    def _await_hello(self, _: Opened) -> None:
        self.state = State.AWAITING_HELLO

    def _take_hello(self, hello: wire.Hello) -> None:
        if VERSION not in hello.versions:
            raise RemoteProtocolError(f"this node speaks version {VERSION} only")
        if hello.origin != self.seals.origin:
            raise RemoteProtocolError("the Hello is for another channel")
        self._shown_time = self._time_of_own(hello.receipt)
        self._may_recover = hello.size < self._log.size
        if hello.size == 0:
            if hello.checkpoint:
                raise RemoteProtocolError("an empty log has no checkpoint")
            self._welcome()
            return
        claim = self._claimed(hello)
        if claim is None or hello.size > self._log.size:
            self._welcome()
            return
        self._claim = claim
        self._do(Recall(hello.size))
        self.state = State.CHECKING

    def _claimed(self, hello: wire.Hello) -> SignedCheckpoint | None:
        """What a Hello shows; None: the seal that signed it may be told in the envelopes that are not here yet.

        One that was given up here counts as well: in another history it was not, or later.
        """
        try:
            claim = open_checkpoint(hello.checkpoint, self.seals.origin, self.seals.sender.regardless())
        except UnknownSeal:
            if hello.size > self._log.size:
                return None
            raise
        if claim.checkpoint.size != hello.size:
            raise RemoteProtocolError("a Hello tells another size than its checkpoint")
        return claim

    def _time_of_own(self, note: bytes) -> int:
        """When this node cosigned what its sender shows; 0: there is nothing, or the seal is not known here any more.

        Its own signature alone tells it: the sender cannot make it date anything as it likes. With whichever of its
        seals, since in what it has lost that may have been another one.
        """
        domain = self.seals.receiver_domain
        if not note:
            return 0
        try:
            _, time = open_cosigned(note, self.seals.origin, domain, self.seals.receiver.regardless())
        except UnknownSeal:
            if all(line.name != domain for line in Note.parse(note).signatures):
                raise
            return 0
        return time

    def _not_before(self) -> int:
        """What the next receipt bears at least: its times never go back, also where it has lost some of them."""
        return max(self._receipt.time if self._receipt else 0, self._shown_time)

    def _check(self, recalled: Recalled) -> None:
        """Compares what the sender signed with the copy: one size has one root, whatever message showed it."""
        assert self._claim is not None, "CHECKING has a claim"
        if self._claim.checkpoint.root != recalled.log.root():
            self._halt_forked(self._claim)
        elif self._greeted:
            raise BadProof("the batch's checkpoint commits to other envelopes", size=self._claim.checkpoint.size)
        else:
            self._welcome()

    def _welcome(self) -> None:
        is_withheld = bool(self._uncertified)
        if self._head and self._receipt_lags(self._head) and not is_withheld:
            self._do(Countersign(self._head, self._not_before()))
            self.state = State.COUNTERSIGNING
            return
        shown = self._head if is_withheld else self._receipt
        note = shown.note if shown else b""
        self._greeted = True
        position = wire.Position(version=VERSION, size=self._log.size, receipt=note)
        self._do(Send(wire.ExchangeResponse(position=position)))
        self.state = State.STREAMING

    def _receipt_lags(self, head: SignedCheckpoint) -> bool:
        """Whether one is to be made: also where the sender takes the one that is kept no more."""
        if self._receipt is None or self._receipt.checkpoint != head.checkpoint:
            return True
        return is_void(self._receipt, self.seals.receiver, self.seals.receiver_domain)

    # --- batches and receipts -------------------------------------------------------------------------------------

    def _take_batch(self, batch: wire.Batch) -> None:
        check_extent(batch)
        overlap = self._log.size - batch.first_index
        size = Checkpoint.parse(Note.parse(batch.checkpoint).text).size
        if size != batch.first_index + len(batch.envelopes) and size <= self._log.size:
            self._claim = open_checkpoint(batch.checkpoint, self.seals.origin, self.seals.sender)
            self._do(Recall(size))
            self.state = State.CHECKING
        elif overlap > 0:
            self._overlapping = batch
            self._do(Recall(batch.first_index, min(overlap, len(batch.envelopes))))
            self.state = State.COMPARING
        else:
            self._commit(self._verify(batch, self._log), held=bool(batch.receipt))

    def _compare(self, recalled: Recalled) -> None:
        """Tells a repetition, which is harmless, from another history, which is a fork."""
        batch, overlap = self._overlapping, len(recalled.leaf_hashes)
        head = open_checkpoint(batch.checkpoint, self.seals.origin, self.seals.sender)
        own, _ = recalled.log.extend(recalled.leaf_hashes)
        if head.checkpoint.size == own.size and head.checkpoint.root != own.root():
            self._halt_forked(head)  # whatever the envelopes are: one size has one root
            return
        verified = self._verify(batch, recalled.log)
        if list(verified.leaf_hashes[:overlap]) != list(recalled.leaf_hashes):
            self._halt_forked(verified.head, self._prefix_in(verified, recalled.log))
        elif verified.log.size > self._log.size:
            rest = wire.Batch(
                first_index=self._log.size,
                envelopes=batch.envelopes[overlap:],
                checkpoint=batch.checkpoint,
                destroyed=[each for each in batch.destroyed if each.index >= self._log.size],
            )
            self._commit(verify_batch(rest, self._log, self.seals), held=bool(batch.receipt))
        elif self._uncertified:
            self.state = State.STREAMING
        else:
            self._send_receipt()

    def _prefix_in(self, contrary: VerifiedBatch, before: CompactRange) -> Prefix:
        """What a contrary log that is larger than the own one has at the own size: nobody can tell that later."""
        if contrary.log.size <= self._log.size:
            return NO_PREFIX
        shared = self._log.size - contrary.first
        there, _ = before.extend(contrary.leaf_hashes[:shared])
        return prefix_of(there, contrary.leaf_hashes[shared:])

    def _verify(self, batch: wire.Batch, log: CompactRange) -> VerifiedBatch:
        """Takes envelopes without their content below a receipt of its own: it held them once, and lost them.

        Where none is shown it never held them; then it withholds its receipt until the log certifies that.
        """
        verified = verify_batch(batch, log, self.seals)
        if batch.destroyed and batch.receipt:
            check_held(batch, verified.head.checkpoint, self.seals)
        return verified

    def _commit(self, verified: VerifiedBatch, *, held: bool) -> None:
        """``held``: what comes without its content is below a receipt of this node."""
        told = enumerate(zip(verified.leaf_hashes, verified.envelopes, strict=True), verified.first)
        came = ((index, node, data) for index, (node, data) in told if index in verified.destroyed and not held)
        uncertified = still_uncertified(self._uncertified, came, verified.envelopes, self.seals.origin)
        if len(uncertified) > MAX_UNCERTIFIED:
            raise RemoteProtocolError(f"at most {MAX_UNCERTIFIED} envelopes may come without content and certificate")
        self._uncertified = uncertified
        self._verified = verified
        self._do(Commit(verified, self._not_before(), withheld=bool(self._uncertified)))
        self.state = State.COMMITTING

    def _countersign(self, _: Committed) -> None:
        assert self._verified is not None, "COMMITTING has a batch"
        done = self._verified
        self._log, self._head = done.log, done.head
        self.seals = self.seals.learning(done.learnt, done.first).after(done.rotation)
        if self._uncertified:
            self.state = State.STREAMING
            return
        self._do(Countersign(self._head, self._not_before()))
        self.state = State.COUNTERSIGNING

    def _answer(self, countersigned: Countersigned) -> None:
        self._receipt = countersigned.receipt
        if self._greeted:
            self._send_receipt()
        else:
            self._welcome()

    def _send_receipt(self) -> None:
        assert self._receipt is not None, "a log that is not empty has a receipt"
        self._do(Send(wire.ExchangeResponse(receipt=wire.Receipt(note=self._receipt.note))))
        self.state = State.STREAMING

    # --- the sender's own envelopes, handed back --------------------------------------------------------------------

    def _hand_back(self, recover: wire.Recover) -> None:
        if not self._may_recover or recover.first_index >= self._log.size:
            raise RemoteProtocolError("nothing is here that the sender lacks")
        self._may_recover = False  # once a stream: it costs a read of the log
        self._do(Load(recover.first_index, self._log.size))
        self.state = State.HANDING_BACK

    def _hand_over(self, loaded: Loaded) -> None:
        self._do(Send(wire.ExchangeResponse(recovered=loaded.batch)))
        size = loaded.batch.first_index + len(loaded.batch.envelopes)
        if size < self._log.size:
            self._do(Load(size, self._log.size))
        else:
            self.state = State.STREAMING

    # --- forks ------------------------------------------------------------------------------------------------------

    def _halt_forked(self, contrary: SignedCheckpoint, prefix: Prefix = NO_PREFIX) -> None:
        """Keeps both heads; ``prefix``: of the contrary one, where it is larger than the own log."""
        assert self._head is not None, "an empty log contradicts nothing"
        said, evidence = f"the sender signed two histories of {self.seals.origin}", (self._head.note, contrary.note)
        self._halt_found = Halt(FORKED, said, evidence, prefix, self.seals.sender.coming)
        self._do(self._halt_found)
        self.state = State.HALTED
        self._tell()

    def _tell(self, _: wire.Hello | None = None) -> None:
        """Tells why it halted; of two sizes that are here, with a proof that a sender who lost them can judge by."""
        assert self._halt_found is not None, "HALTED has a reason"
        sizes = sorted(Checkpoint.parse(Note.parse(note).text).size for note in self._halt_found.evidence)
        if len(sizes) == len({*sizes}) == TWO_HEADS and sizes[0] > 0 and sizes[1] <= self._log.size:
            self._do(Prove(*sizes))
        else:
            self._tell_proven(Proved(self._halt_found.prefix))

    def _tell_proven(self, proved: Proved) -> None:
        assert self._halt_found is not None, "HALTED has a reason"
        halt, prefix = self._halt_found, proved.prefix
        halted = wire.Halted(
            reason=halt.reason, evidence=halt.evidence, prefix_root=prefix.root, consistency=prefix.proof
        )
        self._do(Send(wire.ExchangeResponse(halted=halted)), Close())
