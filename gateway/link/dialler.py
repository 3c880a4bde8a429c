"""Keeps a stream to a peer up, whatever it carries: at one address after the other, less often while it fails."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from functools import partial
from itertools import cycle
from typing import Any, ClassVar

import grpc

from gateway.backoff import Backoff
from gateway.errors import GatewayError, RemoteProtocolError
from gateway.identity.pairing.parties import Party
from gateway.link.dialling import Credentials, begin, connection, read, renewal, says_ended, words_logged, words_told
from gateway.link.silence import Silence
from gateway.news import wait_at_most
from gateway.questions.links import LinkStatus
from gateway.rates import SECOND, Rate, Rates
from gateway.replicas import Hold, Replicas
from gateway.store.leases import Lease

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.05, 3.0  # before it is dialled again
LASTING_WAIT_SECONDS = 60.0  # at most, where the peer must change first; once it has, it dials here, too
STEADY_SECONDS = 10.0  # a stream that lasted so long was no failure
ANSWER_SECONDS = 20.0  # that a peer has to take the stream
FIRST_ANSWER_SECONDS = 3.0  # where the peer has another address, too; twice as long after each failure
READ_RATE = Rate(500, 1000)  # of messages of one peer on one kind of stream; of honest ones some 200 a second were seen
READ_BYTES = 64 * 1024  # a message of more counts as more: of a log that is handed back, 32 MB a second are read
DIALS_APART_SECONDS = 0.25  # at least, where a peer that dials hurries this one: two that refuse each other

DEFECT = "a defect of this node, of which its log tells"


class Ended(Exception):
    """The stream is ended from here, and nothing is wrong: there are other certificates, or another replica dials."""


class Dialler(ABC):
    """One stream to one peer; a subclass says what it carries.

    Args:
        peer: where it leads
        origin: of the channel to it, whose replica keeps the stream
        credentials: gives what to present and whom to trust now, for TLS
        replicas: tell when this one is to dial
    """

    method: ClassVar[str]
    """Of ``PeerService``."""

    def __init__(self, peer: Party, origin: str, credentials: Callable[[], Credentials], replicas: Replicas) -> None:
        self._peer, self._origin, self._credentials, self._replicas = peer, origin, credentials, replicas
        self._seen, self._clock = asyncio.Event(), asyncio.get_running_loop().time
        self._logged = ""  # why the stream failed, as it was logged last
        self._up, self._up_since = asyncio.Event(), 0.0  # once the peer has taken the stream
        self._answer_seconds = self._first_answer()
        self._silence: Silence | None = None  # listens on the stream
        self._rates = Rates()  # of what is read, over all streams in turn: a new one is no new bucket
        self._lease: Lease | None = None  # without which nothing may be written for the channel

    async def run(self) -> None:
        """Keeps the stream up until cancelled; waits longer after each failure, up to a bound, with jitter."""
        backoff = Backoff(FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS)
        for address in cycle(self._peer.addresses):
            status, logged, longest = LinkStatus(), "", LONGEST_WAIT_SECONDS
            self._up = asyncio.Event()
            try:
                await self._until_wanted()
                await self._stream(address, await self._replicas.hold(self._origin))
            except Ended:
                backoff.reset()
            except (grpc.aio.AioRpcError, GatewayError, TimeoutError) as failure:
                status = LinkStatus(last_error=words_told(failure), refused=says_ended(failure))
                logged = words_logged(failure)
                longest = LASTING_WAIT_SECONDS if self._lasts(failure) else longest
            except Exception as defect:  # noqa: BLE001 - it must not stand still for it until the node is started anew
                status, logged = LinkStatus(last_error=DEFECT), DEFECT
                if self._logged != DEFECT:
                    self._log_defect(defect)
            self._answer_seconds = min(self._answer_seconds * 2, ANSWER_SECONDS)
            if self._up.is_set():
                self._answer_seconds = self._first_answer()
                if self._clock() - self._up_since > STEADY_SECONDS:  # an answer alone may come before each failure
                    backoff.reset()
                    self._logged = ""
            self._tell(status, logged)
            await self._pause(backoff.next_seconds(longest))

    def hurry(self) -> None:
        """Dials now if it waits: the peer is known to be up, since it has dialled here."""
        self._seen.set()

    # --- what a kind of stream says ---------------------------------------------------------------------------------

    async def _until_wanted(self) -> None:  # noqa: B027 - most streams always are
        """Waits while there is nothing to dial for."""

    @abstractmethod
    async def _serve(self, call: Any, watches: Iterable[Coroutine[Any, Any, None]]) -> None:
        """Serves a stream until it ends.

        Args:
            call: of gRPC; it is cancelled afterwards
            watches: run beside; what one of them raises ends the stream
        """

    @abstractmethod
    def _is_awaited(self) -> bool:
        """Whether the peer owes something, so that its silence means something."""

    @abstractmethod
    def _note(self, status: LinkStatus) -> None:
        """Tells operators how the stream does: once when the peer takes it, once when it has ended."""

    @abstractmethod
    def _log_failure(self, words: str) -> None:
        """Logs why it failed; is called once for each reason in turn."""

    @abstractmethod
    def _log_defect(self, defect: Exception) -> None:
        """Likewise, of what nobody expected."""

    def _lasts(self, failure: Exception) -> bool:
        """Whether a failure lasts until somebody has changed something at the peer."""
        return says_ended(failure)

    # --- what all of them have --------------------------------------------------------------------------------------

    def _taken(self) -> None:
        """Takes that the peer takes the stream; may be called again."""
        if not self._up.is_set():
            self._up.set()
            self._up_since = self._clock()
            self._note(LinkStatus(connected=True))

    def _heard(self) -> None:
        """Takes that the peer has shown that it lives: it said something, or took what it owes."""
        if self._silence:
            self._silence.heard()

    async def _read(self, call: Any) -> Any:
        """Gives the peer's next message; one that says too much waits, then, by the flow control of HTTP/2."""
        message = await read(call)
        self._heard()
        await self._count(max(1, -(-message.ByteSize() // READ_BYTES)))
        return message

    async def _count(self, messages: int) -> None:
        """Counts what the peer said, or what it costs, as so many messages; waits while that is too much."""
        if seconds := self._rates.charge(self._origin, READ_RATE, messages, int(self._clock() * SECOND)):
            await asyncio.sleep(seconds)

    def _tell(self, status: LinkStatus, logged: str = "") -> None:
        """Tells that the stream is not up; ``logged``: in other words than to operators."""
        words = logged or status.last_error
        if words and words != self._logged:
            self._log_failure(words)
            self._logged = words
        self._note(status)

    async def _stream(self, address: str, hold: Hold) -> None:
        """One connection, one stream, until it ends."""
        used, self._lease = self._credentials(), hold.lease
        async with self._dialled(address, used) as call:
            others = [each for each in self._peer.addresses if each != address]
            silence = self._silence = Silence(partial(self._reach, used), address, others)
            watches = self._watch_peer(silence), self._watch_credentials(used), _watch_hold(hold)
            try:
                await self._serve(call, watches)
            finally:
                call.cancel()

    @asynccontextmanager
    async def _dialled(self, address: str, used: Credentials) -> AsyncIterator[Any]:
        """A stream over a connection of its own."""
        async with connection(self._peer.domain, address, used) as channel:
            yield begin(channel, self.method)

    async def _reach(self, used: Credentials, address: str) -> None:
        async with connection(self._peer.domain, address, used) as channel:
            await channel.channel_ready()

    async def _watch_peer(self, silence: Silence) -> None:
        """Ends the stream if it is not taken in time, and if the replica that has it stands still afterwards."""
        async with asyncio.timeout(self._answer_seconds):
            await self._up.wait()
        raise RemoteProtocolError(await silence.wait(self._is_awaited))

    async def _watch_credentials(self, used: Credentials) -> None:
        """Ends the stream once there are others, so that none goes on under what is no longer trusted."""
        await renewal(self._credentials, used)
        raise Ended("there are new certificates")

    def _first_answer(self) -> float:
        """How long a peer has to answer, at first: behind an address may be a machine that is stopped."""
        return FIRST_ANSWER_SECONDS if len(self._peer.addresses) > 1 else ANSWER_SECONDS

    async def _pause(self, seconds: float) -> None:
        least = min(seconds, DIALS_APART_SECONDS)
        await asyncio.sleep(least)
        await wait_at_most(self._seen, seconds - least)
        self._seen.clear()


def hurry(diallers: Iterable[Dialler]) -> None:
    """Has all that keep a stream to one peer up dial now."""
    for dialler in diallers:
        dialler.hurry()


async def _watch_hold(hold: Hold) -> None:
    """Ends the stream once another replica may dial."""
    await hold.lost.wait()
    raise Ended("another replica moves the channel")
