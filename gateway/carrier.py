"""Carries out what a channel machine asks for: the one driver of both ends, whatever the stream is made of."""

from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar

from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.errors import GatewayError
from gateway.identity.pairing.parties import Parties
from gateway.identity.seals.signers import Keyring
from gateway.ledger import steps
from gateway.ledger.channel import Machine
from gateway.ledger.checkpoint import Receipt, SignedCheckpoint
from gateway.ledger.forks import Prefix
from gateway.ledger.note import Note
from gateway.ledger.origins import reverse_of
from gateway.ledger.seals import CertifiedSeal, Certify, ChannelSeals, SealHistory
from gateway.ledger.times import require_come
from gateway.logs import Log
from gateway.moments import MICROS
from gateway.store.arriving import read_arrived
from gateway.store.committer import Committer
from gateway.store.leases import Lease
from gateway.store.logs import read_batch, read_recalled
from gateway.store.proofs import read_consistency
from gateway.store.readers import Readers
from gateway.store.state import ChannelState
from gateway.store.transaction import Transaction
from gateway.telemetry.tracing import OFF, Tracing

RequireUnrevoked = Callable[[str, CertifiedSeal, int], None]
"""``require_unrevoked(domain, seal, at)``: passes unless a peer's seal was revoked when it signed, or ``Untrusted``."""

T = TypeVar("T")

_log = Log(__name__)

Message = wire.ExchangeRequest | wire.ExchangeResponse


@dataclass(frozen=True, slots=True)
class Resources:
    """What a carrier and its stream need of the node: the ways into its store, seals, and what makes spans.

    Attributes:
        committer: the one writer
        readers: of the store
        keyring: has the own seals
        certify: certifies the seals of others
        require_unrevoked: tells which of these are revoked
        parties: who exchanges, with all seals that files of the home name
        tracing: makes spans
    """

    committer: Committer
    readers: Readers
    keyring: Keyring
    certify: Certify
    require_unrevoked: RequireUnrevoked
    parties: Parties
    tracing: Tracing = OFF

    def seals(self, state: ChannelState) -> ChannelSeals:
        """What a machine of a channel must know of its ends; of their seals also those that a restore lost.

        Of the channels that lead here, too: the log that tells of our seals may have to wait for those of the peer,
        and these stand beside what our receipts are for. And those before the one in force, too: the newest that the
        peer holds may be the change from one to the next, and that is signed by the former.

        Of a peer's, where an operator took one in the place of a lost seal: no log tells it, but what it signed. What
        it countersigned, once all that its own log tells is here.
        """
        seals, own = replace(state.seals, certify=self.certify), (*self.keyring.seals, *self.parties.own.earlier_seals)
        peers = self._peer_seals(state)
        if state.ends.outgoing:
            sender, receiver = seals.sender.expecting(own), seals.receiver.expecting(peers)
        else:
            sender, receiver = seals.sender.expecting(peers), seals.receiver.expecting(own)
        return replace(seals, sender=sender, receiver=receiver)

    def _peer_seals(self, state: ChannelState) -> Sequence[CertifiedSeal]:
        """Those that documents of the peer name; none from before what is known, unless nothing is here yet again."""
        outgoing, history = state.ends.outgoing, state.seals.receiver if state.ends.outgoing else state.seals.sender
        peer = self.parties.peers.get(state.ends.recipient if outgoing else state.ends.sender)
        back = self.committer.latest().states[reverse_of(state.origin) if outgoing else state.origin]
        if peer is None or (outgoing and back.unheard):
            return ()
        if back.unheard and not back.log.size:
            return peer.seals
        return [each for each in peer.seals if each.not_before >= history.newest.not_before]


class Carrier:
    """Feeds one machine and carries out its effects, in order.

    Args:
        machine: a channel's sender or receiver
        state: the channel it is for
        resources: of this node
        send: puts a message on the stream
        lease: without which nothing may be written for the channel
    """

    def __init__(
        self,
        machine: Machine,
        state: ChannelState,
        resources: Resources,
        send: Callable[[Message], Awaitable[None]],
        lease: Lease | None = None,
    ) -> None:
        self.closing_error = ""  # what the peer did wrong, once the stream is to end
        self._receipt: Receipt | None = None  # of the newest batch, made in its commit
        self._machine, self._resources, self._send, self._lease = machine, resources, send, lease
        self._channel, self._origin = state.id, state.origin
        self._shown: int | None = None  # how much the sender has, once its Hello was taken

    async def feed(self, event: steps.Event) -> bool:
        """Feeds an event, and those that answer its effects; False: the stream is to end.

        Raises:
            GatewayError: the store could not do what was asked. The stream must end; what is durable counts.
        """
        events: deque[steps.Event] = deque([event])
        while events:
            for effect in self._machine.feed(events.popleft()):
                if isinstance(effect, steps.Close):
                    self.closing_error = effect.error
                    return False
                if isinstance(effect, steps.Send):
                    await self._send(effect.message)
                elif answer := await self._effects[type(effect)](self, effect):
                    events.append(answer)
        if isinstance(event, wire.Hello):
            self._shown = event.size
        await self.hear()
        return True

    async def hear(self) -> None:
        """Takes that the sender was heard, where that is awaited, once all that it showed is here and receipted.

        Raises:
            GatewayError: the store could not do it.
        """
        shown, state = self._shown, self._resources.committer.latest().states[self._origin]
        if shown is not None and state.unheard and state.receipted_size >= shown:
            await self._submit(lambda tx: tx.hear_sender(self._origin, shown))

    async def _load(self, effect: steps.Load) -> steps.Event:
        recent = self._resources.committer.recent.batch(self._origin, effect.first, effect.limit)
        if recent:
            return steps.Loaded(recent)
        return steps.Loaded(await self._resources.readers.run(read_batch, self._channel, effect.first, effect.limit))

    async def _recall(self, effect: steps.Recall) -> steps.Event:
        log, hashes = await self._resources.readers.run(read_recalled, self._channel, effect.size, effect.count)
        return steps.Recalled(log, hashes)

    async def _prove(self, effect: steps.Prove) -> steps.Event:
        parts = await self._resources.readers.run(read_consistency, self._origin, effect.first, effect.second)
        return steps.Proved(Prefix(parts.first_root, parts.hashes))

    async def _commit(self, effect: steps.Commit) -> steps.Event:
        """Makes the receipt too: it is durable with what it is for, and the machine has it sent only after that."""
        arrived = await read_arrived(effect.batch)

        def append(tx: Transaction) -> Receipt | None:
            seals, head = tx.channel(self._origin).seals, effect.batch.head
            sender = seals.learning(effect.batch.learnt, effect.batch.first).sender
            self._require_good(tx, seals.sender_domain, sender, self._origin, head)
            tx.append(self._origin, effect.batch, arrived)
            if effect.withheld:
                return None
            try:
                return tx.give_receipt(self._origin, effect.batch.head, effect.not_before)
            except GatewayError:  # of the seal or the clock: what came is kept all the same, and has its receipt later
                if effect.batch.destroyed:  # but not this: without a receipt it would pass for what was never here
                    raise
                return None

        self._receipt = await self._submit(append, len(effect.batch.envelopes))
        return steps.Committed()

    async def _restore(self, effect: steps.Restore) -> steps.Event:
        arrived = await read_arrived(effect.batch)
        await self._submit(lambda tx: tx.append(self._origin, effect.batch, arrived), len(effect.batch.envelopes))
        return steps.Restored()

    async def _countersign(self, effect: steps.Countersign) -> steps.Event:
        receipt = self._receipt
        if receipt is None or receipt.checkpoint != effect.head.checkpoint:
            receipt = await self._submit(lambda tx: tx.give_receipt(self._origin, effect.head, effect.not_before))
        return steps.Countersigned(receipt)

    async def _store_receipt(self, effect: steps.StoreReceipt) -> None:
        def keep(tx: Transaction) -> None:
            state = tx.channel(self._origin)
            seals = state.seals.learning_cosigner(effect.learnt, state.receipted_size)
            domain = seals.receiver_domain
            self._require_good(tx, domain, seals.receiver, domain, effect.receipt)
            if effect.learnt:
                tx.learn_cosigner(self._origin, effect.learnt)
            tx.keep_receipt(self._origin, effect.receipt)

        await self._submit(keep)

    async def _alarm(self, effect: steps.Alarm) -> None:
        text = f"{effect.reason}: {effect.detail}"
        await self._submit(lambda tx: tx.tell_rolled_back(self._origin, effect.size, text))

    async def _halt(self, effect: steps.Halt) -> None:
        def halt(tx: Transaction) -> bool:
            if effect.reason == steps.SENDER_ROLLED_BACK:  # what leads here may be as incomplete
                tx.await_senders()
            return tx.halt(self._origin, effect)

        if await self._submit(halt):
            _log.error("channel_halted", channel=self._origin, reason=effect.reason)

    async def _reopen(self, _: steps.Reopen) -> None:
        await self._submit(lambda tx: tx.reopen(self._origin))

    async def _submit(self, unit: Callable[[Transaction], T], weight: int = 1) -> T:
        return await self._resources.committer.submit(unit, weight=weight, bounded=False, lease=self._lease)

    def _require_good(
        self, tx: Transaction, domain: str, seals: SealHistory, name: str, signed: SignedCheckpoint | Receipt
    ) -> None:
        """Passes unless the peer's clock is far ahead, or its seal was revoked when it signed this under a name.

        What a peer signs must be of its certificates' time by our clock too.
        """
        require_come(signed, tx.now // MICROS)
        seal = seals.signing(Note.parse(signed.note), name, signed.checkpoint.size)
        self._resources.require_unrevoked(domain, seal, signed.time)

    # Of the class, not of each carrier: one that refers to itself would keep its stream until cycles are looked for,
    # and gRPC goes on to dial for a stream that is kept.
    _effects: ClassVar[Mapping[type, Callable[[Any, Any], Awaitable[steps.Event | None]]]] = {
        steps.Load: _load,
        steps.Recall: _recall,
        steps.Prove: _prove,
        steps.Commit: _commit,
        steps.Restore: _restore,
        steps.Countersign: _countersign,
        steps.StoreReceipt: _store_receipt,
        steps.Alarm: _alarm,
        steps.Halt: _halt,
        steps.Reopen: _reopen,
    }
