"""The wanting end of ``PeerService.SendAttachments``: asks a peer's node for parts of files, and makes them durable."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.alarms import Alarms
from gateway.commands.attachments.from_peers import FromPeers
from gateway.commands.attachments.storage import Filling
from gateway.errors import BadInput, GatewayError, NoRoom, RemoteProtocolError, Stale
from gateway.news import wait_at_most
from gateway.questions.attachment_standing import Transfers
from gateway.rpc.turns import Turns
from gateway.store.attachments.queries import Wanted
from gateway.store.bulletin import Bulletin
from gateway.supervision.attachments import CHUNK_BYTES, Cutter
from gateway.threads import awaited_to_its_end

PART_BYTES = 16 * CHUNK_BYTES  # that are wanted at once: 8 MiB
MAX_DATA_BYTES = 1024 * 1024  # of one message
SHORT_LOOK_SECONDS = 0.05  # after which the next look waits as long as one took
LOOK_SECONDS = 5.0  # after which it is looked for something that is wanted, whatever is told
CHUNK_SECONDS = 300.0  # that the next chunk of what was asked for has to come
PAUSE_SECONDS = 0.5  # from one look to the next, however many notices come
NO_ROOM_SECONDS = 5.0  # before it is looked again whether there is room: nobody else is asked for it
PATIENCE_SECONDS = 60.0  # before a file is wanted again that the peer lacks, or that came wrong
LONGEST_PATIENCE_SECONDS = 3600.0  # before one is that came wrong again and again

Requests = AsyncIterator[wire.SendAttachmentsRequest]
Responses = AsyncGenerator[wire.SendAttachmentsResponse, None]
Chunks = AsyncGenerator[bytes, None]


@dataclass(frozen=True, slots=True)
class Postponed:
    """A file that could not be had. ``until``: by the monotonic clock; ``wait_seconds``: since it was asked for."""

    until: float
    wait_seconds: float


@dataclass(slots=True)
class Looks:
    """Looks for what is wanted of a peer: whose turn it is, and when the next may begin, by the monotonic clock."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    next_at: float = 0.0


class Wanting:
    """Asks peers for files.

    Args:
        from_peers: knows what is wanted, and keeps it
        bulletin: tells of commits
        alarms: are told what cannot be had
        transfers: are told what comes
    """

    def __init__(self, from_peers: FromPeers, bulletin: Bulletin, alarms: Alarms, transfers: Transfers) -> None:
        self._from_peers, self._bulletin = from_peers, bulletin
        self._alarms, self._transfers = alarms, transfers
        self._later: dict[tuple[str, bytes], Postponed] = {}  # by peer and digest
        self._turns, self._looks = Turns(), dict[str, Looks]()

    async def serve(self, peer: str, requests: Requests) -> Responses:
        """One stream, until its caller ends it or the node stops."""
        while not self._bulletin.closed:
            seen, woken = self._bulletin.commit.counters.sequence, self._bulletin.next()
            if found := await self._next(peer):
                async for response in self._take(peer, found, requests):
                    yield response
            else:
                await self._news(seen, woken)

    async def certify(self) -> None:
        """Tells senders what is here, at the start and whenever more is, until it is cancelled."""
        while not self._bulletin.closed:
            woken = self._bulletin.next()
            with suppress(GatewayError):  # the next look finds it again
                await self._from_peers.certify()
            await asyncio.sleep(PAUSE_SECONDS)
            await wait_at_most(woken, LOOK_SECONDS)

    async def _news(self, sequence: int, woken: asyncio.Event) -> None:
        """Waits until there may be another notice, or a while."""
        await asyncio.sleep(PAUSE_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                while self._bulletin.commit.counters.sequence == sequence and not self._bulletin.closed:
                    await woken.wait()
                    woken = self._bulletin.next()

    async def _next(self, peer: str) -> Wanted | None:
        """What is wanted next, and would have room now; what is all here is verified by the way."""
        wanted = await self._look(peer)
        now, refusal = time.monotonic(), ""
        for each in self._turns.ordered(peer, wanted):
            known = self._later.get((peer, each.file.sha256))
            if known and known.until > now:
                continue
            try:
                if each.stored_bytes < each.file.size_bytes:
                    await self._from_peers.require_room(each)
                    return each
                await self._from_peers.complete(each)
            except Stale:
                continue
            except (NoRoom, BadInput) as error:
                refusal = self._not_taken(peer, each, error)
        await self._tell(peer, refusal, wanted)
        return None

    async def _look(self, peer: str) -> Sequence[Wanted]:
        """What is wanted of a peer: of one that names files without end, on any number of streams, it takes long.

        So one stream looks at a time, and then as long a time passes before the next: readers are there for others.
        """
        looks = self._looks.setdefault(peer, Looks())
        async with looks.turn:
            if (rest_seconds := looks.next_at - time.monotonic()) > 0:
                await asyncio.sleep(rest_seconds)
            began = time.monotonic()
            postponed = sum(of_peer == peer for of_peer, _ in self._later)  # they may all come before what can be had
            looking = self._from_peers.wanted(peer, postponed + self._turns.waiting(peer))
            try:
                return await awaited_to_its_end(looking)  # who hangs up, and dials again, looks no more often
            finally:
                if (took := time.monotonic() - began) > SHORT_LOOK_SECONDS:
                    looks.next_at = began + 2 * took

    def _not_taken(self, peer: str, wanted: Wanted, error: NoRoom | BadInput) -> str:
        """Wants a file later that cannot be taken now; says why, for an alarm."""
        self._transfers.on_refused(error)
        self._postpone(peer, wanted, NO_ROOM_SECONDS if isinstance(error, NoRoom) else self._longer(peer, wanted))
        return f"a file of {wanted.file.size_bytes} bytes is not taken: {error.message}"

    async def _tell(self, peer: str, refusal: str, wanted: Sequence[Wanted]) -> None:
        """Raises an alarm for what cannot be had; ends it once that is not wanted, or was not refused again."""
        files, now = {each.file.sha256 for each in wanted}, time.monotonic()
        for of_peer, digest in [key for key in self._later if key[0] == peer and key[1] not in files]:
            del self._later[of_peer, digest]
        if refusal:
            await self._refuse(peer, refusal)
        elif not any(of_peer == peer and each.until > now for (of_peer, _), each in self._later.items()):
            self._transfers.note(self._from_peers.origin(peer), "")
            await self._alarms.end(files_of(peer))

    async def _refuse(self, peer: str, why: str) -> None:
        self._transfers.note(self._from_peers.origin(peer), why)
        await self._alarms.begin(files_of(peer), why)

    def _longer(self, peer: str, wanted: Wanted) -> float:
        """The wait for a file of which all comes before it is refused: longer each time, up to a bound."""
        known = self._later.get((peer, wanted.file.sha256))
        if known and known.until > time.monotonic():
            return known.wait_seconds  # another stream of the peer was refused the same
        before = known.wait_seconds if known else 0.0
        return min(max(2 * before, PATIENCE_SECONDS), LONGEST_PATIENCE_SECONDS)

    def _postpone(self, peer: str, wanted: Wanted, seconds: float) -> None:
        self._later[peer, wanted.file.sha256] = Postponed(time.monotonic() + seconds, seconds)

    async def _take(self, peer: str, wanted: Wanted, requests: Requests) -> Responses:
        """Asks for a part, and makes it durable chunk by chunk."""
        offset, file = wanted.stored_bytes, wanted.file
        length = min(PART_BYTES, file.size_bytes - offset)
        self._turns.asks(peer, wanted)
        yield wire.SendAttachmentsResponse(sha256=file.sha256, size_bytes=file.size_bytes, offset=offset, length=length)
        async with aclosing(self._chunks(peer, wanted, length, requests)) as chunks:
            try:
                await self._keep(wanted, chunks)
            except Stale:
                pass  # it was dropped meanwhile; if it is wanted still, the next look finds it
            except (NoRoom, BadInput) as error:
                await self._refuse(peer, self._not_taken(peer, wanted, error))
            async for _ in chunks:
                pass  # the rest of the answer, of which nothing is kept: the next one is of another file

    async def _keep(self, wanted: Wanted, chunks: Chunks) -> None:
        """Makes chunks durable as they come; room is kept for all of the file once the first is here."""
        first = await anext(chunks, None)
        if first is None:
            return
        record = await self._from_peers.begin(wanted)
        async with Filling(self._from_peers.storage, record, wanted.stored_bytes // CHUNK_BYTES) as filling:
            await filling.add(first)
            async for data in chunks:
                await filling.add(data)
            await filling.finish()

    async def _chunks(self, peer: str, wanted: Wanted, left: int, requests: Requests) -> Chunks:
        """Cuts the answer to a question, as it comes; ends where the peer does not have the rest."""
        cutter, clock = Cutter(wanted.file.size_bytes, wanted.stored_bytes), asyncio.get_running_loop().time
        until = clock() + CHUNK_SECONDS
        while left:
            request = await _by(until, requests)
            if request is None:
                raise RemoteProtocolError("the stream ended within a part")
            if request.HasField("absent"):
                self._postpone(peer, wanted, PATIENCE_SECONDS)
                await self._refuse(peer, f"{peer} does not hold a file of {wanted.file.size_bytes} bytes that it sent")
                return
            if not 0 < len(request.data) <= min(MAX_DATA_BYTES, left):
                raise RemoteProtocolError("data must have 1 byte to 1 MiB, and no more than is wanted")
            left -= len(request.data)
            self._transfers.moved(self._from_peers.origin(peer), len(request.data))
            for data in cutter.add(request.data):
                yield data
                until = clock() + CHUNK_SECONDS  # whoever keeps it may have taken long


async def _by(until: float, requests: Requests) -> wire.SendAttachmentsRequest | None:
    """The next message, if it comes in time: one byte now and then is no more than none."""
    try:
        async with asyncio.timeout_at(until):
            return await anext(requests, None)
    except TimeoutError as error:
        raise RemoteProtocolError("no chunk of what was asked for came for minutes") from error


def files_of(peer: str) -> str:
    """What an alarm about the files of a peer is about; it names no notice, which not every operator may see."""
    return f"attachments from {peer}"
