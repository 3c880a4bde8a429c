"""The dialling side of channels: one link a peer keeps our channel's stream to it up, for as long as the node runs."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from itertools import count
from typing import Any

from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.carrier import Carrier, Message, Resources
from gateway.errors import RemoteProtocolError
from gateway.identity.pairing.parties import Parties, Party
from gateway.ledger import steps
from gateway.ledger.channel import State
from gateway.ledger.sender import SenderMachine
from gateway.link.dialler import Dialler, Ended
from gateway.link.dialling import Credentials, until_one_ends, write
from gateway.logs import Log
from gateway.questions.links import Links, LinkStatus
from gateway.replicas import Replicas
from gateway.store.bulletin import Bulletin
from gateway.store.clocks import TIME_KEY
from gateway.store.logs import read_turn
from gateway.store.state import ChannelState
from gateway.telemetry.travelling import Sending

COMPARE_SECONDS = 5.0  # from one look whether the clocks differ to the next

INBOX = 8  # messages that may wait, then the peer does; a batch of a log that it hands back has up to 8 MiB
UP = frozenset({State.STREAMING, State.RECOVERING})  # what the peer said of where it stands is accepted

Incoming = steps.PeerEvent | steps.Grown | Exception

_log = Log(__name__)


class Link(Dialler):
    """Sends one channel.

    Args:
        peer: where it leads
        parties: who exchanges
        credentials: gives what to present and whom to trust now, for TLS
        resources: of this node
        bulletin: tells when the log grew
        links: where it is noted how the stream does
        replicas: tell when this one is to dial
    """

    method = "Exchange"

    def __init__(
        self,
        peer: Party,
        parties: Parties,
        credentials: Callable[[], Credentials],
        resources: Resources,
        bulletin: Bulletin,
        links: Links,
        replicas: Replicas,
    ) -> None:
        super().__init__(peer, parties.origin_to(peer.jurisdiction), credentials, replicas)
        self._resources, self._bulletin, self._links = resources, bulletin, links
        self._dials = count()

    async def _until_wanted(self) -> None:
        """A forked channel has nothing to say: it waits for an operator's decision."""
        while (halt := self._state().halt) and halt.reason == steps.FORKED:
            self._tell(LinkStatus(last_error=f"{halt.reason}: {halt.detail}"))
            await self._bulletin.next().wait()

    async def _serve(self, call: Any, watches: Iterable[Coroutine[Any, Any, None]]) -> None:
        state, inbox, over = self._state(), asyncio.Queue[Incoming](INBOX), asyncio.Event()
        # Reading goes on while a write waits: else two full windows would wait for each other.
        parts = (self._hear(call, inbox), self._watch_log(state, inbox), self._compare_clocks(call), *watches)
        tasks = [asyncio.create_task(_or_told(part, inbox, over)) for part in parts]
        try:
            await self._exchange(state, call, inbox, over)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            while not inbox.empty():  # an error in it holds the stream, and gRPC dials for a stream that is kept
                inbox.get_nowait()

    async def _exchange(
        self, state: ChannelState, call: Any, inbox: "asyncio.Queue[Incoming]", over: asyncio.Event
    ) -> None:
        """Feeds the machine until the stream ends: at ``over`` also while it writes to a peer that reads nothing."""
        seals = self._resources.seals(state)
        turned = await self._resources.readers.run(read_turn, state, next(self._dials))
        machine = SenderMachine(seals, state.log, state.head, state.receipt, state.halt, turned)
        sending = Sending(self._resources.tracing, self._origin)

        async def send(message: Message) -> None:
            assert isinstance(message, wire.ExchangeRequest), "a sender sends requests"
            sending.sent(message)
            self._look(machine)  # to write may take long
            await until_one_ends(write(call, message), over.wait())
            if over.is_set():
                raise await _why(inbox)

        carrier = Carrier(machine, state, self._resources, send, self._lease)
        event: steps.Event = steps.Opened()
        began = time.time_ns()
        try:
            while await carrier.feed(event):
                self._look(machine)
                if isinstance(event, wire.Receipt):
                    sending.receipted(self._state().receipted_size, began)
                event = await self._next(inbox)
                began = time.time_ns()
        finally:
            sending.broken_off()
        raise RemoteProtocolError(carrier.closing_error or "the channel has halted")

    def _look(self, machine: SenderMachine) -> None:
        """Takes that the peer takes the stream, once what it said of where it stands is accepted."""
        if machine.state in UP:
            self._taken()

    async def _next(self, inbox: "asyncio.Queue[Incoming]") -> steps.Event:
        incoming = await inbox.get()
        try:
            if isinstance(incoming, Exception):
                raise incoming
            return incoming
        finally:
            del incoming  # an error holds this frame, and would keep itself and the stream

    async def _hear(self, call: Any, inbox: "asyncio.Queue[Incoming]") -> None:
        """Puts what the peer says into the inbox; raises why there is no more."""
        while True:
            await inbox.put(_event(await self._read(call)))

    async def _watch_log(self, state: ChannelState, inbox: "asyncio.Queue[Incoming]") -> None:
        known = state
        while True:
            committed = self._bulletin.next()
            now = self._state()
            if now.log.size > known.log.size or now.seals != known.seals:
                known = now
                await inbox.put(steps.Grown(now.log, now.head, self._resources.seals(now)))
            await committed.wait()

    async def _compare_clocks(self, call: Any) -> None:
        """Hears the peer's time; and begins anew while the clocks differ: the peer's may have been set since."""
        witnesses, domain = self._resources.committer.witnesses, self._peer.domain
        told = [value for key, value in await call.initial_metadata() or () if key == TIME_KEY]
        if not witnesses.peer(domain, str(told[0]) if len(told) == 1 else ""):
            return
        while True:
            await asyncio.sleep(COMPARE_SECONDS)
            if witnesses.wanted(domain):
                raise Ended("the clocks are compared anew")

    def _state(self) -> ChannelState:
        return self._bulletin.commit.states[self._origin]

    def _is_awaited(self) -> bool:
        state = self._state()
        return state.receipted_size < state.log.size

    def _note(self, status: LinkStatus) -> None:
        if status.connected:
            _log.info("stream_connected", channel=self._origin)
        self._links.note(self._origin, status)

    def _log_failure(self, words: str) -> None:
        _log.warning("stream_failed", channel=self._origin, error=words)

    def _log_defect(self, defect: Exception) -> None:
        _log.defect("link_failed", defect, channel=self._origin)


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


def _event(response: wire.ExchangeResponse) -> steps.PeerEvent:
    step = response.WhichOneof("step")
    if step is None:
        raise RemoteProtocolError("a message without content")
    return getattr(response, step)  # type: ignore[no-any-return]
