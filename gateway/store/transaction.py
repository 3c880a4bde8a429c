"""One transaction of the writer, as its units of work see it.

A unit reads what is committed and what the units before it are going to write (``store.reading``); what it writes stays
in a ``Changes``. So a unit that raises leaves nothing behind, and many units make one commit.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from google.type.date_pb2 import Date
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.journal_pb2 import JournalEntry
from sqlalchemy import Connection, select, update

from gateway.errors import BadInput, Halted, StoreError
from gateway.identity.pairing.end import Ending
from gateway.journal.entries import CallRecord, Entry
from gateway.ledger.batch import MAX_BATCH_BYTES, VerifiedBatch
from gateway.ledger.checkpoint import Receipt, SignedCheckpoint, Signer, countersign, open_checkpoint
from gateway.ledger.merkle import MAX_SIZE
from gateway.ledger.origins import reverse_of
from gateway.ledger.seals import CertifiedSeal, Rotation, is_void
from gateway.ledger.steps import FORKED, Halt
from gateway.ledger.times import receipt_time
from gateway.moments import MICROS, day_of
from gateway.store.arriving import Arrived
from gateway.store.changes import Changes, RequestRecord, request_key
from gateway.store.logs import Reply
from gateway.store.own_seal import to_rotate, why_left
from gateway.store.projecting import Projecting
from gateway.store.receipts import Covered, read_void
from gateway.store.seals import SealChange
from gateway.store.state import ChannelState
from gateway.store.tables import events, node
from gateway.supervision.drafts import DraftRecord, draft_event
from gateway.supervision.envelopes.envelopes import Actor, Seal, seal_rotated
from gateway.supervision.notices.records import NOWHERE, Place
from gateway.supervision.outcomes import EventContent, Outcome, Projection
from gateway.supervision.projections.projection import concerned_notices, reply_rank
from gateway.words import envelopes

SALT_BYTES = 16

T = TypeVar("T")

_NOTHING_WRITTEN = Changes()


@dataclass(frozen=True, slots=True)
class Sealed:
    """An envelope of ours that will be durable when the transaction is."""

    envelope: Envelope
    place: Place
    projection: Projection


class Transaction(Projecting):
    """Reads, projects, and gathers what is to be written.

    Args:
        connection: inside the writer's database transaction
        states: the channels as of the last commit, by origin
        now: microseconds since 1970; never before that of an earlier transaction
        random: gives so many random bytes
        require_sealing: passes if something may be sealed now for a peer, by its domain
        cosigner: gives what countersigns in a channel to here, as of a time in seconds since 1970
    """

    def __init__(
        self,
        connection: Connection,
        states: Mapping[str, ChannelState],
        now: int,
        random: Callable[[int], bytes],
        require_sealing: Callable[[str], None],
        cosigner: Callable[[ChannelState, int], Signer],
    ) -> None:
        super().__init__(connection, states)
        self.now = now
        self.entries: list[bytes] = []  # of the access journal, encoded
        self.signs_journal = False
        self._wrote, self._named, self._digest = False, list[str](), b""  # by the units since the last entry of a call
        self._random, self._require_sealing, self._cosigner = random, require_sealing, cosigner
        self._sealing = set[str]()  # peers for whom it is known that something may be sealed now

    # --- units of work --------------------------------------------------------------------------------------------

    def run(self, unit: Callable[["Transaction"], T]) -> T:
        """Runs one unit: its writes join those of the group, or are dropped if it raises."""
        self._changes = Changes()
        result = unit(self)
        if self._changes != _NOTHING_WRITTEN:
            self._wrote = True
            self._named += self._changes.names()
            self._digest = self._changes.draft_digest or self._digest
            self.group.absorb(self._changes)
        return result

    def rehearsed(self, act: Callable[[], T]) -> T:
        """Gives what an act comes to, or raises as it does, and drops all that the unit that runs wrote."""
        try:
            return act()
        finally:
            self._changes = Changes()

    def journal(self, *entries: Entry) -> None:
        """Adds entries to the access journal."""
        self.entries += (entry.encode(self._random(SALT_BYTES), self.now) for entry in entries)

    def journal_call(self, call: CallRecord | None) -> bool:
        """Adds an entry of what the units since the last call of this method wrote for a call; tells if they did."""
        wrote, named, digest = self._wrote, self._named, self._digest
        self._wrote, self._named, self._digest = False, [], b""
        if call and wrote:
            self.journal(call.entry(JournalEntry.COMMITTED, named, digest))
        return call is not None and wrote

    def sign_journal(self) -> None:
        """Has the access journal signed in this commit, if any of it is not."""
        self.signs_journal = True

    def try_to_write(self) -> None:
        """Writes a number that nobody reads, at once. On PostgreSQL each commit has counted it already."""
        if self._connection.dialect.name == "sqlite":
            self._connection.execute(update(node).values(version=node.c.version + 1))

    # --- writes ---------------------------------------------------------------------------------------------------

    def remember_request(self, client: str, request_id: str, digest: bytes, acted_on: str) -> None:
        """Keeps the id or name of what a request acted on, so that the same one again does nothing more."""
        self._changes.requests[request_key(client, request_id)] = RequestRecord(digest, acted_on)

    def seal(
        self, origin: str, author: Actor, build: Callable[[Seal], Envelope], approver: Actor | None = None
    ) -> Sealed:
        """Appends an envelope to a channel of ours; it is signed with the group.

        Args:
            origin: of the channel
            author: who acts
            build: makes the envelope (``supervision.envelopes.envelopes``); its content was checked
            approver: who releases it, where four eyes are asked for

        Raises:
            BadInput: it is too large for a batch on the wire.
            Halted: the channel takes nothing.
            Unavailable: the clock is in doubt.
        """
        state = self.require_open(origin)
        pending = len(self.group.sealed.get(origin, ())) + len(self._changes.sealed.get(origin, ()))
        place = Place(origin, state.log.size + pending)
        envelope = build(Seal(self._random(SALT_BYTES), origin, self.now, author, approver))
        projection = self._project(envelope, place, state, ())
        assert projection.outcome is Outcome.PROJECTED, projection.reason
        data = envelope.SerializeToString()
        if len(data) > MAX_BATCH_BYTES:
            raise BadInput.of("content", f"must have at most {MAX_BATCH_BYTES} bytes with its envelope")
        self._changes.sealed.setdefault(origin, []).append(data)
        self._changes.apply(projection, place)
        return Sealed(envelope, place, projection)

    def require_open(self, origin: str) -> ChannelState:
        """Gives a channel of ours, if something may be sealed in it now; raises ``Halted``, ``Unavailable``."""
        state = self.channel(origin)
        if state.halt:
            raise Halted(f"the channel {origin} has halted: {state.halt.reason}", channel=origin)
        if (domain := state.seals.receiver_domain) not in self._sealing:
            self._require_sealing(domain)
            self._sealing.add(domain)
        return state

    def append(self, origin: str, batch: VerifiedBatch, arrived: Sequence[Arrived]) -> None:
        """Appends envelopes that come with a signed checkpoint: the peer's, or our own that come back.

        Args:
            origin: of the channel
            batch: brings them
            arrived: each of them as ``read_arrived`` read it

        Raises:
            Halted: the channel is forked: it takes nothing.
            StoreError: they do not continue the log.
        """
        state = self.channel(origin)
        if state.halt and state.halt.reason == FORKED:
            raise Halted(f"the channel {origin} has halted: {state.halt.reason}", channel=origin)
        if batch.first != state.log.size or self.group.sealed.get(origin):
            raise StoreError(f"envelope {batch.first} does not continue the log of {state.log.size} of {origin}")
        self._changes.batches.setdefault(origin, []).append(batch)
        self._changes.states[origin] = replace(state, log=batch.log, head=batch.head)
        if batch.learnt:
            self._learn_seal(origin, batch.learnt, batch.first)
        if batch.rotation:
            self._take_rotation(origin, batch.rotation, Place(origin, batch.log.size - 1))
        self._read_notices({each for came in arrived if came.envelope for each in concerned_notices(came.envelope)})
        unusable: list[Reply] = []
        for index, came in enumerate(arrived, batch.first):
            place, envelope = Place(origin, index), came.envelope
            projection = self._projection(came, place, state)
            self._changes.apply(projection, place)
            if envelope and reply_rank(envelope) and projection.outcome is not Outcome.PROJECTED:
                unusable.append(Reply(place, envelope, index in batch.destroyed))
        if state.ends.outgoing:
            self._set_early(origin, [*self._early(origin), *(each.place.index for each in unusable)])
        elif early := self._early(reverse_of(origin)):
            self._take_early(reverse_of(origin), early, unusable)

    def rotate_seal(self, author: Actor, seal: CertifiedSeal, *, before_all_is_back: bool = False) -> None:
        """Seals, in every channel of ours, that another seal is in force from here on. It needs a commit for itself.

        Left behind are those that take nothing, of peers whose pairing has ended (``own_seal``).

        Raises:
            WrongState: as ``to_rotate``.
            Halted: a channel takes nothing: no peer may be left without the news.
        """
        origins, left = to_rotate(self._states, seal, before_all_is_back=before_all_is_back)
        for origin in origins:
            self.tell_seal(origin, author, seal)
        for state in left:
            self.tell_node(Event.ALARM, why_left(state))

    def tell_seal(self, origin: str, author: Actor, seal: CertifiedSeal) -> None:
        """Seals in one channel of ours that another seal is in force from here on; raises as ``seal``."""
        assert not self.group.sealed, "what is sealed with a rotation would be signed by the seal before it"
        receipted = self.channel(reverse_of(origin)).receipted_size
        sealed = self.seal(origin, author, partial(seal_rotated, certificates=seal.certificates, receipted=receipted))
        self._take_rotation(origin, Rotation(seal, sealed.place.index + 1, receipted), sealed.place)

    def give_receipt(self, origin: str, head: SignedCheckpoint, not_before: int = 0) -> Receipt:
        """Countersigns a head of a channel to here, and keeps that; where the newest receipt is for it, gives that.

        Before, it countersigns anew what it had countersigned by keys that it had given up, as it learnt since.

        Args:
            origin: of the channel
            head: as its sender signed it
            not_before: seconds since 1970, as ``receipt_time``

        Raises:
            SealUnavailable: the seal cannot sign.
            Unavailable: nothing tells the time.
            Untrusted: as ``receipt_time``.
        """
        state = self.channel(origin)
        if state.receipt and is_void(state.receipt, state.seals.receiver, state.seals.receiver_domain):
            state = self._countersign_anew(state)
        if state.receipt and state.receipt.checkpoint == head.checkpoint:
            return state.receipt  # as one that an older stream of the channel made
        time = receipt_time(self.now // MICROS, state.receipt, not_before)
        receipt = countersign(head, state.seals.receiver_domain, self._cosigner(state, time), time)
        self.keep_receipt(origin, receipt)
        return receipt

    def _countersign_anew(self, state: ChannelState) -> ChannelState:
        """As of the times of then: what follows from a receipt stays as it is. Another replica may have done it."""
        domain, newest = state.seals.receiver_domain, state.receipt
        for receipt in read_void(self._connection, state):
            head = open_checkpoint(receipt.note, state.origin, state.seals.sender)
            newest = countersign(head, domain, self._cosigner(state, receipt.time), receipt.time)
            self._changes.anew.setdefault(state.origin, []).append(newest)
        self._changes.states[state.origin] = replace(state, receipt=newest)
        return self.channel(state.origin)

    def keep_receipt(self, origin: str, receipt: Receipt) -> None:
        """Keeps a receipt, the peer's or our own, and what it says of notices; an older one changes nothing."""
        state = self.channel(origin)
        covered, size = state.receipted_size, receipt.checkpoint.size
        if size <= covered:
            return
        self._changes.receipts.setdefault(origin, []).append(receipt)
        self._changes.states[origin] = replace(state, receipt=receipt, least_told=MAX_SIZE)
        self._changes.covered.append(Covered(origin, covered, size, receipt.time))

    def await_senders(self) -> None:
        """Takes that the channels that lead here may lack what their senders had receipts for."""
        for origin in [origin for origin, state in self._states.items() if not state.ends.outgoing]:
            self._changes.states[origin] = replace(self.channel(origin), unheard=True)

    def hear_sender(self, origin: str, shown: int) -> None:
        """Takes how much the sender of a channel shows to have: once that is here and receipted, it was heard."""
        state = self.channel(origin)
        if state.receipted_size >= shown:
            self._changes.states[origin] = replace(state, unheard=False)

    def keep_ending(self, origin: str, ending: Ending) -> None:
        """Takes that the pairing of a channel was ended, or was taken up again; ``store.pairings`` tells of it."""
        self._changes.states[origin] = replace(self.channel(origin), ending=ending)

    def halt(self, origin: str, halt: Halt) -> bool:
        """Halts a channel; False: it has halted, and keeps its first reason, since the other one is no graver."""
        state = self.channel(origin)
        if is_new := state.halt is None or halt.is_graver_than(state.halt):
            self._changes.states[origin] = replace(state, halt=halt)
            self.tell(origin, Event.CHANNEL_HALTED, f"{halt.reason}: {halt.detail}")
        return is_new

    def reopen(self, origin: str) -> None:
        """Opens a channel that had halted; replies that came before what they reply to was back are taken now."""
        state = self.channel(origin)
        if state.halt:
            self._changes.states[origin] = replace(state, halt=None)
            self.tell(origin, Event.CHANNEL_RECOVERED, f"here again: {envelopes(state.log.size)}")
            self._take_replies([origin, reverse_of(origin)])

    def tell(self, origin: str, kind: Event.Kind.ValueType, detail: str) -> None:
        """Adds an event of a channel."""
        place = Place(origin, self.channel(origin).log.size)
        self._changes.events.append((EventContent(kind, detail=detail), place))

    def tell_rolled_back(self, origin: str, size: int, detail: str) -> None:
        """Adds the event that the peer holds less than it countersigned; at one receipt only if it holds ever less."""
        state = self.channel(origin)
        if size < state.least_told:
            self._changes.states[origin] = replace(state, least_told=size)
            self.tell(origin, Event.PEER_ROLLED_BACK, detail)

    def tell_node(self, kind: Event.Kind.ValueType, detail: str) -> None:
        """Adds an event of the node itself, such as an alarm."""
        self._changes.events.append((EventContent(kind, detail=detail), NOWHERE))

    def keep_draft(
        self, record: DraftRecord, kind: Event.Kind.ValueType = Event.KIND_UNSPECIFIED, digest: bytes = b""
    ) -> None:
        """Keeps a draft, new or changed; and tells what happened to it, if that is anything to tell.

        ``digest``: of what it says, for the entry of the access journal that tells of the call.
        """
        self._changes.drafts[record.id], self._changes.draft_digest = record, digest
        if kind:
            self._changes.events.append((draft_event(kind, record), NOWHERE))

    def tell_node_once(self, kind: Event.Kind.ValueType, detail: str) -> None:
        """Adds an event of the node itself, unless it was told before in the same words."""
        told = select(events.c.cursor).where(events.c.kind == kind, events.c.detail == detail).limit(1)
        if self._connection.execute(told).first() is None:
            self.tell_node(kind, detail)

    def tell_of_day(self, event: EventContent, place: Place) -> None:
        """Adds an event that a day brings to what stands at a place: a provision is in force, an answer overdue."""
        self._changes.events.append((event, place))

    def tell_until(self, day: Date) -> None:
        """Keeps the day up to which events tell what comes into force."""
        self._changes.frameworks.told_until = day_of(day)

    def _take_rotation(self, origin: str, rotation: Rotation, place: Place) -> None:
        """Keeps another seal of the sender of a channel: there, and where it cosigns."""
        self._add_seal(origin, rotation.above, rotation.seal, place, cosigner=False)
        self._add_seal(reverse_of(origin), rotation.receipted, rotation.seal, place, cosigner=True)

    def _learn_seal(self, origin: str, seal: CertifiedSeal, size: int) -> None:
        """Keeps a seal of a channel's sender that signed what came of it from a size on: there, and where it cosigns.

        What was countersigned beyond that before all was lost nobody knows: a later seal may sign less, too.
        """
        self._learn(origin, seal, size, cosigner=False, is_first=size == 0)
        reverse = self.channel(reverse_of(origin))
        if not reverse.seals.receiver.knows(seal.public):  # a receipt may have told it before
            self._learn(reverse.origin, seal, reverse.receipted_size, cosigner=True, is_first=size == 0)

    def learn_cosigner(self, origin: str, seal: CertifiedSeal) -> None:
        """Keeps a seal of a channel's recipient that countersigned, of which nothing that it signed itself tells."""
        state = self.channel(origin)
        if not state.seals.receiver.knows(seal.public):  # the channel the other way may have told it meanwhile
            self._learn(origin, seal, state.receipted_size, cosigner=True, is_first=False)

    def _learn(self, origin: str, seal: CertifiedSeal, above: int, *, cosigner: bool, is_first: bool) -> None:
        state = self.channel(origin)
        after = (state.seals.receiver if cosigner else state.seals.sender).learnt(above, seal, is_first=is_first)
        changed = replace(state.seals, receiver=after) if cosigner else replace(state.seals, sender=after)
        self._changes.states[origin] = replace(state, seals=changed)
        self._changes.seals.append(SealChange(origin, cosigner, len(after.spans) - 1, after.spans[-1]))

    def _add_seal(self, origin: str, above: int, seal: CertifiedSeal, place: Place, *, cosigner: bool) -> None:
        state = self.channel(origin)
        before = state.seals.receiver if cosigner else state.seals.sender
        if before.knows(seal.public):
            return
        after = before.rotated(above, seal)
        changed = replace(state.seals, receiver=after) if cosigner else replace(state.seals, sender=after)
        self._changes.states[origin] = replace(state, seals=changed)
        self._changes.seals.append(SealChange(origin, cosigner, len(before.spans), after.spans[-1], place))
