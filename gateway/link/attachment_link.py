"""The holding end of ``PeerService.SendAttachments``: keeps a stream up beside each channel that leads away from here.

It has a connection of its own, so that no envelope waits behind a file. The peer says what it wants.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import cycle
from typing import Any

import grpc
from regulator.exchange.v1 import peer_service_pb2 as wire
from regulator.exchange.v1.peer_service_pb2_grpc import PeerServiceStub

from gateway.backoff import Backoff
from gateway.errors import GatewayError, RemoteProtocolError
from gateway.identity.parties import Party
from gateway.link.dialling import (
    FIRST_WAIT_SECONDS,
    LONGEST_WAIT_SECONDS,
    STEADY_SECONDS,
    Credentials,
    connection,
    first_of,
    renewal,
    says_ended,
    words_logged,
    write,
)
from gateway.logs import Log
from gateway.questions.attachment_standing import Transfers
from gateway.replicas import Hold, Replicas
from gateway.store.attachments.queries import read_chunks, read_held
from gateway.store.readers import Readers
from gateway.supervision.attachments import CHUNK_BYTES, MAX_ATTACHMENT_BYTES, Attached

MAX_PART_BYTES = 8 * 1024 * 1024
UNKNOWN_WAIT_SECONDS = 60.0  # before a peer is asked again of an earlier version, or that has ended the pairing

_log = Log(__name__)


class AttachmentLink:
    """Serves one peer with files.

    Args:
        peer: where it leads
        origin: of the channel to it, whose replica keeps the stream
        credentials: gives what to present and whom to trust now, for TLS
        readers: of the store
        replicas: tell when this one is to dial
        transfers: are told what goes
    """

    def __init__(
        self,
        peer: Party,
        origin: str,
        credentials: Callable[[], Credentials],
        readers: Readers,
        replicas: Replicas,
        transfers: Transfers,
    ) -> None:
        self._peer, self._origin, self._credentials = peer, origin, credentials
        self._readers, self._replicas, self._transfers = readers, replicas, transfers

    async def run(self) -> None:
        """Keeps the stream up until cancelled; waits longer after each failure, up to a bound, with jitter."""
        backoff, told = Backoff(FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS), ""
        for address in cycle(self._peer.addresses):
            began, failed, longest = time.monotonic(), "", LONGEST_WAIT_SECONDS
            try:
                await self._stream(address, await self._replicas.hold(self._origin))
            except grpc.aio.AioRpcError as error:
                failed = error.code().name
                if error.code() == grpc.StatusCode.UNIMPLEMENTED or says_ended(error):
                    longest = UNKNOWN_WAIT_SECONDS
            except GatewayError as error:
                failed, longest = words_logged(error), UNKNOWN_WAIT_SECONDS if says_ended(error) else longest
            except Exception as defect:  # noqa: BLE001 - files must not stand still for it until the node is started anew
                failed = type(defect).__name__
                if failed != told:
                    _log.defect("attachment_link_failed", defect, channel=self._origin)
            if failed and failed != told:
                _log.warning("attachment_stream_failed", channel=self._origin, error=failed)
            told = failed
            self._transfers.note(self._origin, failed)
            if time.monotonic() - began > STEADY_SECONDS:
                backoff.reset()
            await asyncio.sleep(backoff.next_seconds(longest))

    async def _stream(self, address: str, hold: Hold) -> None:
        """One connection, one stream, until it ends, or must."""
        used = self._credentials()
        async with self._dialled(address, used) as call:
            try:
                await first_of(self._serve(call), renewal(self._credentials, used), hold.lost.wait())
            finally:
                call.cancel()

    @asynccontextmanager
    async def _dialled(self, address: str, used: Credentials) -> AsyncIterator[Any]:
        """A stream over a connection of its own."""
        async with connection(self._peer.domain, address, used) as channel:
            yield PeerServiceStub(channel).SendAttachments()

    async def _serve(self, call: Any) -> None:
        await call.wait_for_connection()
        self._transfers.note(self._origin, "")
        while (wanted := await call.read()) is not grpc.aio.EOF:
            await self._send_part(call, wanted)
        raise RemoteProtocolError(f"the peer ended the stream of attachments: {(await call.code()).name}")

    async def _send_part(self, call: Any, wanted: wire.SendAttachmentsResponse) -> None:
        """Sends the bytes that are wanted, as fast as the peer takes them; or that they are not here."""
        offset, end = wanted.offset, wanted.offset + wanted.length
        if not 0 < wanted.length <= MAX_PART_BYTES or not end <= wanted.size_bytes <= MAX_ATTACHMENT_BYTES:
            raise RemoteProtocolError("a part must have 1 byte to 8 MiB, and be within its file")
        number = await self._readers.run(read_held, self._peer.jurisdiction, Attached(wanted.sha256, wanted.size_bytes))
        while offset < end:
            found = await self._readers.run(read_chunks, number, offset // CHUNK_BYTES, 1) if number is not None else []
            if not found:
                await write(call, wire.SendAttachmentsRequest(absent=wire.AttachmentAbsent()))
                return
            data = found[0][offset % CHUNK_BYTES :][: end - offset]
            offset += len(data)
            await write(call, wire.SendAttachmentsRequest(data=data))
            self._transfers.moved(self._origin, len(data))
