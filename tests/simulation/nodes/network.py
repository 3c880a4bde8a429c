"""The network between nodes, in the place of gRPC: streams that are slow, break, stand still, or end at one end first.

A stream delivers in order, as TCP does, until it breaks; then some of what is under way still arrives, and each end
learns of it in its own time. What a node shows on it is told to the witness before it leaves.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextvars import Context
from dataclasses import dataclass
from random import Random
from typing import Any

import grpc
from google.protobuf.message import Message
from pysqlite3.dbapi2 import OperationalError
from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.errors import GatewayError, Unavailable
from gateway.rpc.status import code_of, status_of
from tests.simulation.nodes.disk import Step
from tests.simulation.nodes.loop import LIFE, Life, VirtualLoop

WINDOW = 4  # messages that may be under way in one direction; then who writes waits
KEEPALIVE_SECONDS = 25.0  # after which an end learns of a silent break, at the latest
LONGEST_DELAY_SECONDS = 0.02
LEAST_GAP_SECONDS = 1e-6  # timers of one moment come in any order; messages of a stream do not

_DETAILS = "grpc-status-details-bin"
_GRPC_CODES = {code.value[0]: code for code in grpc.StatusCode}
_OK, _CANCELLED, _UNAVAILABLE = grpc.StatusCode.OK, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE

ON_THE_WAY = Context()  # what is under way goes on, whatever becomes of who sent it

Metadata = tuple[tuple[str, str | bytes], ...]
Status = tuple[grpc.StatusCode, str, Metadata]


@dataclass(frozen=True)
class Told:
    """What an acceptor tells before its first message."""

    metadata: Metadata


Item = bytes | Status | Told


@dataclass(frozen=True)
class Method:
    """One of ``PeerService``, whose both sides stream."""

    name: str
    request: type[Any]
    response: type[Any]


METHODS = {
    each.name: each
    for each in (
        Method("Exchange", wire.ExchangeRequest, wire.ExchangeResponse),
        Method("SendAttachments", wire.SendAttachmentsRequest, wire.SendAttachmentsResponse),
    )
}


class Pipe:
    """One direction of a stream."""

    def __init__(self, network: "Network", source: str, target: str) -> None:
        self.arrived: deque[Item] = deque()
        self._network, self._source, self._target = network, source, target
        self._under_way = 0
        self._last = 0.0  # when the last message arrives
        self._held: list[Item] = []  # while the way is blocked
        self._still = -1  # messages that arrive after the break; -1: all
        self._changed = asyncio.Event()

    async def wait(self) -> None:
        """Until something has changed."""
        self._changed.clear()
        await self._changed.wait()

    def wake(self) -> None:
        self._changed.set()

    @property
    def is_full(self) -> bool:
        return self._under_way + len(self._held) + len(self.arrived) >= WINDOW

    def put(self, item: Item) -> None:
        loop = self._network.loop
        self._last = max(self._last + LEAST_GAP_SECONDS, loop.time() + self._network.delay())
        self._under_way += 1
        loop.call_at(self._last, self._arrive, item, context=ON_THE_WAY)

    def _arrive(self, item: Item) -> None:
        self._under_way -= 1
        if self._held or self._network.is_blocked(self._source, self._target):
            self._held.append(item)
        else:
            self._deliver(item)

    def _deliver(self, item: Item) -> None:
        if self._still == 0:
            return
        self._still -= self._still > 0
        self.arrived.append(item)
        self.wake()

    def release(self) -> None:
        """The way is open again."""
        held, self._held = self._held, []
        for item in held:
            self._deliver(item)

    def break_off(self, random: Random) -> None:
        """Some of what is under way arrives, and nothing after it."""
        self._still = random.randint(0, self._under_way + len(self._held))


class Stream:
    """One call of a method; this is also what the dialling link has of it, in the place of gRPC's call."""

    def __init__(self, network: "Network", method: Method, dialler: str, acceptor: str, life: Life) -> None:
        self.network, self.method, self.dialler, self.acceptor = network, method, dialler, acceptor
        self.out, self.back = Pipe(network, dialler, acceptor), Pipe(network, acceptor, dialler)
        self.status: Status | None = None  # as the dialler knows it
        self._metadata: Metadata | None = None  # as it knows them
        self.is_accepted = self.is_broken = False
        self.is_left = False  # its acceptor knows that there is nobody any more
        self._dialling_life = life
        self._serving: asyncio.Task[None] | None = None

    # --- the dialling side: what Dialler uses of grpc.aio's call ------------------------------------------------------

    async def write(self, message: Message) -> None:
        self._dialling_life.require()
        if self.status:
            raise asyncio.InvalidStateError("RPC already finished.")
        data = message.SerializeToString()
        while not self.is_accepted or self.out.is_full:
            await self.out.wait()
            self._raise_for_status()
        self._leave(self.dialler, self._dialling_life, message, lambda: self.out.put(data))

    async def wait_for_connection(self) -> None:
        while not self.is_accepted:
            await self.out.wait()
            self._raise_for_status()

    async def initial_metadata(self) -> Metadata:
        while self._metadata is None and not self.status:
            await self.back.wait()
        return self._metadata or ()

    async def read(self) -> Any:
        while True:
            if self.back.arrived:
                item = self.back.arrived.popleft()
                if isinstance(item, Told):
                    self._metadata = item.metadata
                self.back.wake()
                if isinstance(item, bytes):
                    return self.method.response.FromString(item)
                if isinstance(item, tuple):
                    self.end(item)
                continue
            if self.status:
                self._raise_for_status()
                return grpc.aio.EOF
            await self.back.wait()

    async def code(self) -> grpc.StatusCode:
        while not self.status:
            await self.back.wait()
        return self.status[0]

    async def details(self) -> str:
        await self.code()
        return self.status[1] if self.status else ""

    async def trailing_metadata(self) -> Metadata:
        await self.code()
        return self.status[2] if self.status else ()

    def cancel(self) -> None:
        if not self.status:
            self.end((_CANCELLED, "Locally cancelled by application!", ()))
            if not self._dialling_life.is_over:
                self.network.later(self._stop_serving)

    def end(self, status: Status) -> None:
        """The dialler learns how it ended."""
        self.status = self.status or status
        self.out.wake()
        self.back.wake()

    def _raise_for_status(self) -> None:
        if self.status and self.status[0] is not _OK:
            code, details, trailing = self.status
            raise grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailing), details)

    def _leave(self, source: str, life: Life, message: Message, put: Callable[[], None]) -> None:
        """A message leaves, or the process ends at this step, or the stream does."""

        def leave() -> None:
            self.network.witness(source, message)
            put()

        try:
            life.disk.take(life, leave, Step.SEND)
        except OperationalError:
            self.break_off()

    # --- the accepting side -------------------------------------------------------------------------------------------

    def accept(self, serving: "asyncio.Task[None]") -> None:
        self._serving, self.is_accepted = serving, True
        self.out.wake()

    async def send_initial_metadata(self, metadata: Metadata) -> None:
        self.back.put(Told(metadata))

    async def requests(self) -> AsyncIterator[Any]:
        while True:
            while not self.out.arrived:
                await self.out.wait()
            item = self.out.arrived.popleft()
            self.out.wake()
            assert isinstance(item, bytes)
            yield self.method.request.FromString(item)

    async def answer(self, message: Message) -> None:
        while self.back.is_full:
            await self.back.wait()
        life = LIFE.get()
        assert life
        data = message.SerializeToString()
        self._leave(self.acceptor, life, message, lambda: self.back.put(data))

    def finish(self, error: GatewayError | None) -> None:
        """The acceptor ends it, for all its answers have been given or for an error."""
        if error is None:
            self.back.put((_OK, "", ()))
            return
        details = ((_DETAILS, status_of(error).SerializeToString()),)
        self.back.put((_GRPC_CODES[code_of(error)], error.message, details))

    def _stop_serving(self) -> None:
        self.is_left = True
        if self._serving:
            self._serving.cancel()

    # --- what goes wrong ----------------------------------------------------------------------------------------------

    def break_off(self, *, longest_seconds: float = KEEPALIVE_SECONDS) -> None:
        """The connection is gone. Each end learns of it in its own time, one of them perhaps late."""
        if self.is_broken:
            return
        self.is_broken = True
        random, loop = self.network.random, self.network.loop
        for pipe in (self.out, self.back):
            pipe.break_off(random)
        soon = random.random() < 0.7
        seconds = random.uniform(0, 0.2 if soon else longest_seconds)
        loop.call_later(seconds, self.end, (_UNAVAILABLE, "Connection reset", ()), context=ON_THE_WAY)
        seconds = random.uniform(0, 0.2 if random.random() < 0.7 else longest_seconds)
        loop.call_later(seconds, self._stop_serving, context=ON_THE_WAY)

    def breathe(self) -> None:
        """The way between the ends is open again."""
        for pipe in (self.out, self.back):
            pipe.release()


@dataclass(frozen=True)
class Acceptor:
    """Takes streams at a node that runs."""

    life: Life
    begin: Callable[[str, Stream], "asyncio.Task[None] | None"]  # None: it trusts nobody of that name


class Network:
    """Who can reach whom.

    Attributes:
        acceptors: of the nodes that run, by name
        blocked: directions in which nothing arrives: source and target
        streams: that are open, or were not long ago
        dialled: how many there were
    """

    def __init__(self, loop: VirtualLoop, random: Random, witness: Callable[[str, Message], None]) -> None:
        self.loop, self.random, self.witness = loop, random, witness
        self.acceptors: dict[str, Acceptor] = {}
        self.blocked: set[tuple[str, str]] = set()
        self.streams: list[Stream] = []
        self.dialled = 0
        self.longest_delay_seconds = LONGEST_DELAY_SECONDS
        self.loss = 0.0  # how likely it is that an answer to a back office is lost

    def delay(self) -> float:
        return self.random.uniform(0, self.longest_delay_seconds)

    def later(self, act: Callable[[], None]) -> None:
        self.loop.call_later(self.delay(), act, context=ON_THE_WAY)

    async def reach(self, source: str, target: str) -> None:
        """Connects, or hangs until it is cancelled; a process that stands still completes nothing.

        Raises:
            Unavailable: nobody listens.
        """
        await asyncio.sleep(self.delay())
        if self.is_blocked(source, target) or self.is_blocked(target, source) or self._stands_still(target):
            await asyncio.get_running_loop().create_future()
        if target not in self.acceptors:
            raise Unavailable("connection refused")

    def _stands_still(self, target: str) -> bool:
        acceptor = self.acceptors.get(target)
        return acceptor is not None and self.loop.stands_still(acceptor.life)

    def is_blocked(self, source: str, target: str) -> bool:
        return (source, target) in self.blocked

    def dial(self, method: Method, dialler: str, acceptor: str) -> Stream:
        life = LIFE.get()
        assert life
        life.require()
        stream = Stream(self, method, dialler, acceptor, life)
        self.streams = [each for each in self.streams if not each.status] + [stream]
        self.dialled += 1
        self.later(lambda: self._arrive(stream))
        return stream

    def _arrive(self, stream: Stream) -> None:
        if self.is_blocked(stream.dialler, stream.acceptor) or self.is_blocked(stream.acceptor, stream.dialler):
            return  # it hangs, until its dialler gives up
        acceptor = self.acceptors.get(stream.acceptor)
        if not acceptor:
            stream.end((_UNAVAILABLE, "Connection refused", ()))
        elif not stream.status and not stream.is_accepted:  # it did not arrive by two ways
            if serving := acceptor.begin(stream.dialler, stream):
                stream.accept(serving)
            else:
                stream.end((_UNAVAILABLE, "handshake failed", ()))

    # --- what goes wrong ----------------------------------------------------------------------------------------------

    def between(self, one: str, other: str) -> list[Stream]:
        return [each for each in self.streams if {each.dialler, each.acceptor} == {one, other}]

    def block(self, source: str, target: str) -> None:
        """Nothing arrives in this direction; streams break once they are silent for too long."""
        self.blocked.add((source, target))
        for stream in self.between(source, target):
            self.loop.call_later(KEEPALIVE_SECONDS + self.delay(), self._time_out, stream, context=ON_THE_WAY)

    def _time_out(self, stream: Stream) -> None:
        if self.is_blocked(stream.dialler, stream.acceptor) or self.is_blocked(stream.acceptor, stream.dialler):
            stream.break_off()

    def open(self) -> None:
        """Everything arrives again."""
        self.blocked.clear()
        for stream in self.streams:
            if stream.is_accepted:
                stream.breathe()
            else:
                self._arrive(stream)

    def vanish(self, name: str) -> None:
        """A node's process is gone, and its connections with it."""
        self.acceptors.pop(name, None)
        for stream in self.streams:
            if name in (stream.dialler, stream.acceptor):
                stream.break_off()
