"""The wanting end of ``PeerService.SendAttachments``: asks a peer's node for parts of files, and makes them durable."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress

from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.alarms import Alarms
from gateway.commands.receiving import Receiving
from gateway.commands.storing import Filling
from gateway.errors import BadInput, GatewayError, NoRoom, RemoteProtocolError, Stale
from gateway.store.attachment_queries import Wanted
from gateway.store.bulletin import Bulletin
from gateway.supervision.attachments import CHUNK_BYTES, Attached, AttachmentRecord, Cutter

PART_BYTES = 16 * CHUNK_BYTES  # that are wanted at once: 8 MiB
MAX_DATA_BYTES = 1024 * 1024  # of one message
LOOK_SECONDS = 5.0  # after which it is looked for something that is wanted, whatever is told
PAUSE_SECONDS = 0.5  # from one look to the next, however many notices come
PATIENCE_SECONDS = 60.0  # before a file is wanted again that the peer lacks, or there was no room for

Requests = AsyncIterator[wire.SendAttachmentsRequest]
Responses = AsyncGenerator[wire.SendAttachmentsResponse, None]


class Wanting:
    """Asks peers for files.

    Args:
        receiving: knows what is wanted, and keeps it
        bulletin: tells of commits
        alarms: are told what cannot be taken
    """

    def __init__(self, receiving: Receiving, bulletin: Bulletin, alarms: Alarms) -> None:
        self._receiving, self._bulletin, self._alarms = receiving, bulletin, alarms
        self._later: dict[tuple[str, bytes], float] = {}  # by peer and digest: when it is wanted again

    async def serve(self, peer: str, requests: Requests) -> Responses:
        """One stream, until its caller ends it or the node stops."""
        while not self._bulletin.closed:
            seen, woken = self._bulletin.commit.counters.sequence, self._bulletin.next()
            if found := await self._next(peer):
                async for response in self._take(peer, *found, requests):
                    yield response
            else:
                await self._news(seen, woken)

    async def certify(self) -> None:
        """Tells senders what is here, at the start and whenever more is, until it is cancelled."""
        while not self._bulletin.closed:
            woken = self._bulletin.next()
            with suppress(GatewayError):  # the next look finds it again
                await self._receiving.certify()
            await asyncio.sleep(PAUSE_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await woken.wait()

    async def _news(self, sequence: int, woken: asyncio.Event) -> None:
        """Waits until there may be another notice, or a while."""
        await asyncio.sleep(PAUSE_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                while self._bulletin.commit.counters.sequence == sequence and not self._bulletin.closed:
                    await woken.wait()
                    woken = self._bulletin.next()

    async def _next(self, peer: str) -> tuple[Wanted, AttachmentRecord] | None:
        """What is wanted next, with room kept for it; whole files are verified by the way."""
        about, now = f"attachments from {peer}", time.monotonic()
        refusal = ""
        for each in await self._receiving.wanted(peer):
            if self._later.get((peer, each.file.sha256), 0) > now:
                continue
            try:
                record = await self._receiving.begin(each)
                if record.stored_bytes < record.size_bytes:
                    return each, record
                await self._receiving.storing.complete(record)
            except Stale:
                continue
            except (NoRoom, BadInput) as error:
                refusal = error.message
                self._later[peer, each.file.sha256] = now + PATIENCE_SECONDS
        if refusal:
            await self._alarms.begin(about, refusal)
        elif not any(of_peer == peer and until > now for (of_peer, _), until in self._later.items()):
            await self._alarms.end(about)
        return None

    async def _take(self, peer: str, wanted: Wanted, record: AttachmentRecord, requests: Requests) -> Responses:
        """Asks for a part, and makes it durable chunk by chunk."""
        offset, file = record.stored_bytes, wanted.file
        length = min(PART_BYTES, file.size_bytes - offset)
        yield wire.SendAttachmentsResponse(sha256=file.sha256, size_bytes=file.size_bytes, offset=offset, length=length)
        async with Filling(self._receiving.storing, record, offset // CHUNK_BYTES) as filling:
            await self._fill(filling, Cutter(file.size_bytes, offset), length, peer, file, requests)

    async def _fill(
        self, filling: Filling, cutter: Cutter, left: int, peer: str, file: Attached, requests: Requests
    ) -> None:
        while left:
            request = await anext(requests, None)
            if request is None:
                raise RemoteProtocolError("the stream ended within a part")
            if request.HasField("absent"):
                self._later[peer, file.sha256] = time.monotonic() + PATIENCE_SECONDS
                break
            if not 0 < len(request.data) <= min(MAX_DATA_BYTES, left):
                raise RemoteProtocolError("data must have 1 byte to 1 MiB, and no more than is wanted")
            left -= len(request.data)
            for data in cutter.add(request.data):
                await filling.add(data)
        await filling.finish()
