"""The dialling side of channels: one link a peer keeps our channel's stream to it up, for as long as the node runs."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from itertools import cycle
from typing import Any

import grpc
from regulator.exchange.v1 import peer_service_pb2 as wire
from regulator.exchange.v1.peer_service_pb2_grpc import PeerServiceStub

from gateway.backoff import Backoff
from gateway.carrier import Carrier, Message, Store
from gateway.errors import GatewayError, RemoteProtocolError
from gateway.identity.parties import Parties, Party
from gateway.ledger import steps
from gateway.ledger.sender import SenderMachine
from gateway.link.dialling import (
    FIRST_WAIT_SECONDS,
    LONGEST_WAIT_SECONDS,
    STEADY_SECONDS,
    Credentials,
    connection,
    first_of,
    renewal,
    says_ended,
    why_over,
    words_logged,
    words_told,
    write,
)
from gateway.link.silence import Silence
from gateway.logs import Log
from gateway.news import wait_at_most
from gateway.questions.links import Links, LinkStatus
from gateway.replicas import Hold, Replicas
from gateway.store.bulletin import Bulletin
from gateway.store.clocks import TIME_KEY
from gateway.store.leases import Lease
from gateway.store.logs import read_turn
from gateway.store.state import ChannelState
from gateway.telemetry.travelling import Sending

REFUSED_WAIT_SECONDS = 60.0  # at most, to a peer that has ended the pairing; once it has not, it dials here, too
HELLO_TIMEOUT_SECONDS = 20.0
FIRST_HELLO_SECONDS = 3.0  # where the peer has another address, too; twice as long after each failure
DIALS_APART_SECONDS = 0.25  # at least, where a peer that dials hurries this one: two that refuse each other
COMPARE_SECONDS = 5.0  # from one look whether the clocks differ to the next

DEFECT = "a defect of this node, of which its log tells"
INBOX = 8  # messages that may wait, then the peer does; a batch of a log that it hands back has up to 8 MiB

Incoming = steps.PeerEvent | steps.Grown | Exception

_log = Log(__name__)


class Ended(Exception):
    """The stream is ended from here, and nothing is wrong: there are other certificates, or another replica dials."""


class Link:
    """Sends one channel.

    Args:
        peer: where it leads
        parties: who exchanges
        credentials: gives what to present and whom to trust now, for TLS
        store: of this node
        bulletin: tells when the log grew
        links: where it is noted how the stream does
        replicas: tell when this one is to dial
    """

    def __init__(
        self,
        peer: Party,
        parties: Parties,
        credentials: Callable[[], Credentials],
        store: Store,
        bulletin: Bulletin,
        links: Links,
        replicas: Replicas,
    ) -> None:
        self._peer, self._credentials, self._store = peer, credentials, store
        self._bulletin, self._links, self._replicas = bulletin, links, replicas
        self._origin = parties.origin_to(peer.jurisdiction)
        self._seen, self._clock = asyncio.Event(), asyncio.get_running_loop().time
        self._logged, self._connected_at = "", 0.0
        self._hello_seconds = self._first_hello()

    async def run(self) -> None:
        """Keeps the stream up until cancelled; waits longer after each failure, up to a bound, with jitter."""
        backoff = Backoff(FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS)
        for address in cycle(self._peer.addresses):
            error, logged, refused = "", "", False
            await self._while_forked()
            try:
                hold = await self._replicas.hold(self._origin)
                await self._stream(address, hold)
            except Ended:
                backoff.reset()
            except (grpc.aio.AioRpcError, GatewayError, TimeoutError) as failure:
                error, logged, refused = words_told(failure), words_logged(failure), says_ended(failure)
            except Exception as defect:  # noqa: BLE001 - the channel must not stand still for it until the node is started anew
                error = logged = DEFECT
                if self._logged != DEFECT:
                    _log.defect("link_failed", defect, channel=self._origin)
            self._hello_seconds = min(self._hello_seconds * 2, HELLO_TIMEOUT_SECONDS)
            if self._links.of(self._origin).connected:
                self._hello_seconds = self._first_hello()
                if self._clock() - self._connected_at > STEADY_SECONDS:  # an answer alone may come before each failure
                    backoff.reset()
                    self._logged = ""
            self._note(connected=False, error=error, logged=logged, refused=refused)
            await self._pause(backoff.next_seconds(REFUSED_WAIT_SECONDS if refused else LONGEST_WAIT_SECONDS))

    def hurry(self) -> None:
        """Dials now if it waits: the peer is known to be up, since it has dialled here."""
        self._seen.set()

    def _first_hello(self) -> float:
        """How long a peer has to answer, at first: behind an address may be a machine that is stopped."""
        return FIRST_HELLO_SECONDS if len(self._peer.addresses) > 1 else HELLO_TIMEOUT_SECONDS

    async def _pause(self, seconds: float) -> None:
        least = min(seconds, DIALS_APART_SECONDS)
        await asyncio.sleep(least)
        await wait_at_most(self._seen, seconds - least)
        self._seen.clear()

    async def _while_forked(self) -> None:
        """A forked channel has nothing to say: it waits for an operator's decision."""
        while (halt := self._state().halt) and halt.reason == steps.FORKED:
            self._note(connected=False, error=f"{halt.reason}: {halt.detail}")
            await self._bulletin.next().wait()

    async def _stream(self, address: str, hold: Hold) -> None:
        """One connection, one stream, until it ends."""
        used = self._credentials()
        async with self._dialled(address, used) as call:
            state, inbox, over = self._state(), asyncio.Queue[Incoming](INBOX), asyncio.Event()
            # Reading goes on while a write waits: else two full windows would wait for each other.
            others = [each for each in self._peer.addresses if each != address]
            silence = Silence(partial(self._reach, used), address, others)
            parts = (
                _read(call, inbox, silence.heard),
                self._watch_silence(silence),
                self._watch_log(state, inbox),
                self._watch_credentials(used),
                self._compare_clocks(call),
                _watch_hold(hold),
            )
            tasks = [asyncio.create_task(_or_told(part, inbox, over)) for part in parts]
            try:
                await self._exchange(state, call, inbox, over, hold.lease)
            finally:
                call.cancel()
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                while not inbox.empty():  # an error in it holds the stream, and gRPC dials for a stream that is kept
                    inbox.get_nowait()

    @asynccontextmanager
    async def _dialled(self, address: str, used: Credentials) -> AsyncIterator[Any]:
        """A stream over a connection of its own."""
        async with connection(self._peer.domain, address, used) as channel:
            yield PeerServiceStub(channel).Exchange()

    async def _exchange(
        self,
        state: ChannelState,
        call: Any,
        inbox: "asyncio.Queue[Incoming]",
        over: asyncio.Event,
        lease: Lease | None,
    ) -> None:
        """Feeds the machine until the stream ends: at ``over`` also while it writes to a peer that reads nothing."""
        seals, turned = self._store.seals(state), await self._store.readers.run(read_turn, state)
        machine = SenderMachine(seals, state.log, state.head, state.receipt, state.halt, turned)
        sending = Sending(self._store.tracing, self._origin)

        async def send(message: Message) -> None:
            assert isinstance(message, wire.ExchangeRequest), "a sender sends requests"
            sending.sent(message)
            if not message.HasField("hello"):  # so what the peer said is accepted; to write may take long
                self._note(connected=True)
            await first_of(write(call, message), over.wait())
            if over.is_set():
                raise await _why(inbox)

        carrier = Carrier(machine, state, self._store, send, lease)
        event: steps.Event = steps.Opened()
        began = time.time_ns()
        try:
            while await carrier.feed(event):
                if not isinstance(event, steps.Opened | steps.Grown):
                    self._note(connected=True)
                if isinstance(event, wire.Receipt):
                    sending.receipted(self._state().receipted_size, began)
                event = await self._next(inbox)
                began = time.time_ns()
        finally:
            sending.broken_off()
        raise RemoteProtocolError(carrier.closing_error or "the channel has halted")

    async def _next(self, inbox: "asyncio.Queue[Incoming]") -> steps.Event:
        connected = self._links.of(self._origin).connected
        async with asyncio.timeout(None if connected else self._hello_seconds):
            incoming = await inbox.get()
        try:
            if isinstance(incoming, Exception):
                raise incoming
            return incoming
        finally:
            del incoming  # an error holds this frame, and would keep itself and the stream

    async def _watch_log(self, state: ChannelState, inbox: "asyncio.Queue[Incoming]") -> None:
        known = state
        while True:
            committed = self._bulletin.next()
            now = self._state()
            if now.log.size > known.log.size or now.seals != known.seals:
                known = now
                await inbox.put(steps.Grown(now.log, now.head, self._store.seals(now)))
            await committed.wait()

    async def _watch_credentials(self, used: Credentials) -> None:
        """Ends the stream once there are others, so that none goes on under what is no longer trusted."""
        await renewal(self._credentials, used)
        raise Ended("there are new certificates")

    async def _watch_silence(self, silence: Silence) -> None:
        """Ends the stream once the replica that has it stands still: another one does not, or it does for minutes."""

        def is_awaited() -> bool:
            state = self._state()
            return state.receipted_size < state.log.size

        raise RemoteProtocolError(await silence.wait(is_awaited))

    async def _reach(self, used: Credentials, address: str) -> None:
        async with connection(self._peer.domain, address, used) as channel:
            await channel.channel_ready()

    async def _compare_clocks(self, call: Any) -> None:
        """Hears the peer's time; and begins anew while the clocks differ: the peer's may have been set since."""
        witnesses, domain = self._store.committer.witnesses, self._peer.domain
        told = [value for key, value in await call.initial_metadata() or () if key == TIME_KEY]
        if not witnesses.peer(domain, str(told[0]) if len(told) == 1 else ""):
            return
        while True:
            await asyncio.sleep(COMPARE_SECONDS)
            if witnesses.wanted(domain):
                raise Ended("the clocks are compared anew")

    def _state(self) -> ChannelState:
        return self._bulletin.commit.states[self._origin]

    def _note(self, *, connected: bool, error: str = "", logged: str = "", refused: bool = False) -> None:
        before, words = self._links.of(self._origin), logged or error
        if error and words != self._logged:
            _log.warning("stream_failed", channel=self._origin, error=words)
            self._logged = words
        if connected and not before.connected:
            self._connected_at = self._clock()
            _log.info("stream_connected", channel=self._origin)
        self._links.note(self._origin, LinkStatus(connected=connected, last_error=error, refused=refused))


async def _watch_hold(hold: Hold) -> None:
    """Ends the stream once another replica may dial."""
    await hold.lost.wait()
    raise Ended("another replica moves the channel")


async def _or_told(part: Coroutine[Any, Any, None], inbox: "asyncio.Queue[Incoming]", over: asyncio.Event) -> None:
    """Runs a part of a stream; what ends it ends the stream."""
    try:
        await part
    except Exception as error:  # noqa: BLE001 - it is raised where the stream is served
        over.set()
        await inbox.put(error)


async def _why(inbox: "asyncio.Queue[Incoming]") -> Exception:
    """Why a stream is over, as one of its parts found out."""
    while not isinstance(incoming := await inbox.get(), Exception):
        pass
    return incoming


async def _read(call: Any, inbox: "asyncio.Queue[Incoming]", heard: Callable[[], None]) -> None:
    """Puts what the peer says into the inbox; raises why there is no more."""
    while (response := await call.read()) is not grpc.aio.EOF:
        heard()
        await inbox.put(_event(response))
    raise await why_over(call)


def _event(response: wire.ExchangeResponse) -> steps.PeerEvent:
    step = response.WhichOneof("step")
    if step is None:
        raise RemoteProtocolError("a message without content")
    return getattr(response, step)  # type: ignore[no-any-return]
