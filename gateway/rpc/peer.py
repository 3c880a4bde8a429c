"""``PeerService``: the receiving end of channels."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, suppress
from typing import Any, NamedTuple

from regulator.exchange.v1 import peer_service_pb2 as wire
from regulator.exchange.v1.peer_service_pb2_grpc import PeerServiceServicer

from gateway.carrier import Carrier, Message, Resources
from gateway.errors import BadInput, GatewayError, RateLimited, RemoteProtocolError, Unavailable, VerificationError
from gateway.identity.pairing.parties import Parties
from gateway.ledger import steps
from gateway.ledger.receiver import ReceiverMachine
from gateway.logs import Log
from gateway.questions.links import Links, LinkStatus
from gateway.replicas import Hold, Replicas
from gateway.rpc.admission import PEER
from gateway.rpc.allowances import Allowances
from gateway.rpc.peer_attachments import Wanting
from gateway.store.bulletin import Bulletin
from gateway.store.clocks import TIME_KEY
from gateway.store.leases import Lease
from gateway.store.logs import read_uncertified
from gateway.telemetry.travelling import receiving

HELLO_SECONDS = 30.0  # that a caller has to say which channel it has; it waits no longer for the answer itself
OUTBOX = 2  # answers that may wait for the peer; a batch that is handed back has up to 8 MiB

_log = Log(__name__)


class Taking(NamedTuple):
    """What is taken of peers: the files that are wanted, and so much of what they seal."""

    wanting: Wanting
    allowances: Allowances


class PeerServicer(PeerServiceServicer):
    """Runs a receiver for each paired node's channel to here.

    A channel has one stream: a newer one ends the older one first, since the sender dials anew only after it lost
    what it had. That goes for all replicas of a node: a stream lasts as long as its replica holds the channel.
    """

    def __init__(
        self,
        parties: Parties,
        resources: Resources,
        bulletin: Bulletin,
        links: Links,
        replicas: Replicas,
        on_seen: Callable[[str], None],
        taking: Taking,
    ) -> None:
        self._wanting, self._allowances = taking
        self._parties, self._resources, self._bulletin, self._links = parties, resources, bulletin, links
        self._replicas = replicas
        self._on_seen = on_seen  # told the jurisdiction of a peer that dialled
        self._streams: dict[str, asyncio.Task[Any]] = {}
        self._told: dict[str, str] = {}  # why streams of a channel were refused, as it was logged last
        self._idle = set[asyncio.Task[Any]]()  # feed a stream, and wait for its next message
        self._turns: dict[str, asyncio.Lock] = {}

    def stop(self) -> None:
        """Ends each stream, after the message that is worked on: the node stops, and has closed its bulletin."""
        for feeding in self._idle:
            feeding.cancel()

    async def Exchange(
        self, request_iterator: AsyncIterator[wire.ExchangeRequest], context: Any
    ) -> AsyncIterator[wire.ExchangeResponse]:
        """Feeds one channel."""
        await self._tell_time(context)
        peer = PEER.get().jurisdiction
        self._on_seen(peer)
        origin = self._parties.origin_from(peer)
        if older := self._streams.get(origin):
            older.cancel()
        task = asyncio.current_task()
        assert task is not None, "a handler runs in a task"
        self._streams[origin] = task
        try:
            async with (
                self._turns.setdefault(origin, asyncio.Lock()),
                aclosing(self._held(origin, task, request_iterator)) as answers,
            ):
                async for response in answers:
                    yield response
        except asyncio.CancelledError:
            if self._streams.get(origin) is task:
                raise  # the caller has gone
            task.uncancel()
            raise Unavailable("a newer stream of this channel took the place of this one") from None
        finally:
            if self._streams.get(origin) is task:
                del self._streams[origin]
                self._links.note(origin, LinkStatus(last_error=self._links.of(origin).last_error))

    async def SendAttachments(
        self, request_iterator: AsyncIterator[wire.SendAttachmentsRequest], context: Any
    ) -> AsyncIterator[wire.SendAttachmentsResponse]:
        """Takes files of notices; says something at once, so that a caller knows that it is admitted."""
        await self._tell_time(context)
        async for wanted in self._wanting.serve(PEER.get().jurisdiction, request_iterator):
            yield wanted

    async def _tell_time(self, context: Any) -> None:
        if told := self._resources.committer.witnesses.tell():
            await context.send_initial_metadata(((TIME_KEY, told),))

    async def _held(
        self, origin: str, task: "asyncio.Task[Any]", requests: AsyncIterator[wire.ExchangeRequest]
    ) -> AsyncGenerator[wire.ExchangeResponse, None]:
        """One stream, for as long as this replica holds the channel. Closed, it leaves nothing that runs."""
        hold = await self._replicas.claim(origin)
        watching = asyncio.create_task(self._end_when_lost(origin, task, hold))
        try:
            async with aclosing(self._serve(origin, requests, hold.lease)) as answers:
                async for response in answers:
                    yield response
        finally:
            watching.cancel()
            self._replicas.give_back(origin, hold)

    async def _end_when_lost(self, origin: str, task: "asyncio.Task[Any]", hold: Hold) -> None:
        await hold.lost.wait()
        if self._streams.get(origin) is task:
            del self._streams[origin]
        task.cancel()

    async def _serve(
        self, origin: str, requests: AsyncIterator[wire.ExchangeRequest], lease: Lease | None
    ) -> AsyncGenerator[wire.ExchangeResponse, None]:
        """One stream: what the driver sends waits in a bounded queue, so a slow peer slows the driver."""
        # Asked of the writer, after all that an older stream may have left under way.
        state = await self._resources.committer.submit(lambda tx: tx.channel(origin), bounded=False)
        seals, uncertified = self._resources.seals(state), await self._resources.readers.run(read_uncertified, state)
        machine = ReceiverMachine(seals, state.log, state.head, state.receipt, state.halt, uncertified)
        outbox = asyncio.Queue[wire.ExchangeResponse | None](OUTBOX)

        async def send(message: Message) -> None:
            assert isinstance(message, wire.ExchangeResponse), "a receiver sends responses"
            await outbox.put(message)

        carrier = Carrier(machine, state, self._resources, send, lease)
        feeding = asyncio.create_task(self._feed(origin, carrier, requests, outbox))
        hearing = asyncio.create_task(self._hear(carrier))
        try:
            while (response := await outbox.get()) is not None:
                self._links.note(origin, LinkStatus(connected=True))
                if response.HasField("receipt"):
                    self._told.pop(origin, None)
                yield response
            await feeding
        except (BadInput, VerificationError, RateLimited, RemoteProtocolError) as error:
            self._tell_refused(origin, f"{error.reason}: {error.message}")
            raise
        finally:
            feeding.cancel()
            hearing.cancel()
            await asyncio.gather(feeding, hearing, return_exceptions=True)
        if carrier.closing_error:
            self._tell_refused(origin, carrier.closing_error)
            raise RemoteProtocolError(carrier.closing_error)

    def _tell_refused(self, origin: str, why: str) -> None:
        """Once for each reason in turn, until a receipt is given: a peer may dial as often as it likes."""
        if self._told.get(origin) != why:
            _log.warning("stream_refused", channel=origin, error=why)
        self._told[origin] = why
        self._links.note(origin, LinkStatus(connected=True, last_error=why))

    async def _feed(
        self,
        origin: str,
        carrier: Carrier,
        requests: AsyncIterator[wire.ExchangeRequest],
        outbox: "asyncio.Queue[wire.ExchangeResponse | None]",
    ) -> None:
        """Feeds the stream's messages one by one; puts None into the outbox after the last answer, if that is read."""
        is_read = True
        try:
            await self._allowances.require(PEER.get().jurisdiction)
            await carrier.feed(steps.Opened())
            async for request in self._arriving(requests):
                with receiving(self._resources.tracing, origin, request) as refused:
                    if not await self._take(origin, carrier, request):
                        refused()
                        return
        except asyncio.CancelledError:
            is_read = False
            raise
        finally:
            if is_read:
                await outbox.put(None)

    async def _take(self, origin: str, carrier: Carrier, request: wire.ExchangeRequest) -> bool:
        """Feeds one message, and counts what it had stored; False: the stream is to end."""
        peer = PEER.get().jurisdiction
        if not request.HasField("batch"):
            return await carrier.feed(_event(request))
        await self._allowances.require(peer)
        size = self._size(origin)
        goes_on = await carrier.feed(_event(request))
        if self._size(origin) > size:
            self._allowances.take(peer, request.batch)
        return goes_on

    def _size(self, origin: str) -> int:
        return self._resources.committer.latest().states[origin].log.size

    async def _hear(self, carrier: Carrier) -> None:
        """Looks after each commit whether its sender has shown what is awaited since then, though it says nothing."""
        while not self._bulletin.closed:
            committed = self._bulletin.next()
            with suppress(GatewayError):  # the next commit is another chance
                await carrier.hear()
            await committed.wait()

    async def _arriving(self, requests: AsyncIterator[wire.ExchangeRequest]) -> AsyncIterator[wire.ExchangeRequest]:
        """The messages of a stream, as long as the node does not stop; only the first one must come soon."""
        feeding = asyncio.current_task()
        patience_seconds: float | None = HELLO_SECONDS
        assert feeding is not None, "a stream is fed by a task"
        try:
            while not self._bulletin.closed:
                self._idle.add(feeding)
                async with asyncio.timeout(patience_seconds):
                    request = await anext(requests, None)
                self._idle.discard(feeding)
                patience_seconds = None
                if request is None:
                    return
                yield request
        except asyncio.CancelledError:
            if not self._bulletin.closed:
                raise  # the caller has gone
            feeding.uncancel()
        except TimeoutError as error:
            raise RemoteProtocolError(f"no Hello came within {HELLO_SECONDS:.3g} s") from error
        finally:
            self._idle.discard(feeding)
        raise Unavailable("the node is stopping; dial again")


def _event(request: wire.ExchangeRequest) -> steps.PeerEvent:
    step = request.WhichOneof("step")
    if step is None:
        raise BadInput.of("step", "exactly one is required of hello, batch, recover")
    return getattr(request, step)  # type: ignore[no-any-return]
