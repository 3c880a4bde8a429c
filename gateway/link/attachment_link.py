"""The holding end of ``PeerService.SendAttachments``: keeps a stream up beside each channel that leads away from here.

It has a connection of its own, so that no envelope waits behind a file. The peer says what it wants.
"""

from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import grpc
from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.errors import RemoteProtocolError
from gateway.identity.pairing.parties import Party
from gateway.link.dialler import Dialler
from gateway.link.dialling import Credentials, until_one_ends, write
from gateway.logs import Log
from gateway.questions.attachment_standing import Transfers
from gateway.questions.links import LinkStatus
from gateway.replicas import Replicas
from gateway.store.attachments.queries import read_chunks, read_held
from gateway.store.readers import Readers
from gateway.supervision.attachments import CHUNK_BYTES, MAX_ATTACHMENT_BYTES, Attached

MAX_PART_BYTES = 8 * 1024 * 1024
CHUNK_COUNTS = 1  # message more, for a chunk that is read: 250 MB a second, twice what honest peers were seen to take
ABSENT_COUNTS = 10  # likewise, of what is not here: an honest peer asks for the same again after a minute

_log = Log(__name__)


class AttachmentLink(Dialler):
    """Serves one peer with files.

    Args:
        peer: where it leads
        origin: of the channel to it, whose replica keeps the stream
        credentials: gives what to present and whom to trust now, for TLS
        readers: of the store
        replicas: tell when this one is to dial
        transfers: are told what goes
    """

    method = "SendAttachments"

    def __init__(
        self,
        peer: Party,
        origin: str,
        credentials: Callable[[], Credentials],
        readers: Readers,
        replicas: Replicas,
        transfers: Transfers,
    ) -> None:
        super().__init__(peer, origin, credentials, replicas)
        self._readers, self._transfers = readers, transfers
        self._is_writing = False

    async def _serve(self, call: Any, watches: Iterable[Coroutine[Any, Any, None]]) -> None:
        self._is_writing = False
        await until_one_ends(self._answer(call), *watches)

    async def _answer(self, call: Any) -> None:
        await call.wait_for_connection()
        self._taken()
        while True:
            await self._send_part(call, await self._read(call))

    async def _send_part(self, call: Any, wanted: wire.SendAttachmentsResponse) -> None:
        """Sends the bytes that are wanted, as fast as the peer takes them and may; or that they are not here."""
        offset, end = wanted.offset, wanted.offset + wanted.length
        if not 0 < wanted.length <= MAX_PART_BYTES or not end <= wanted.size_bytes <= MAX_ATTACHMENT_BYTES:
            raise RemoteProtocolError("a part must have 1 byte to 8 MiB, and be within its file")
        number = await self._readers.run(read_held, self._peer.jurisdiction, Attached(wanted.sha256, wanted.size_bytes))
        while offset < end:
            found = await self._readers.run(read_chunks, number, offset // CHUNK_BYTES, 1) if number is not None else []
            await self._count(CHUNK_COUNTS if found else ABSENT_COUNTS)
            if not found:
                await self._write(call, wire.SendAttachmentsRequest(absent=wire.AttachmentAbsent()))
                return
            data = found[0][offset % CHUNK_BYTES :][: end - offset]
            offset += len(data)
            await self._write(call, wire.SendAttachmentsRequest(data=data))
            self._transfers.moved(self._origin, len(data))

    async def _write(self, call: Any, message: wire.SendAttachmentsRequest) -> None:
        """Waits until the peer takes a message; how long it may, the watch over its silence says."""
        self._is_writing = True
        await write(call, message)
        self._is_writing = False
        self._heard()

    def _is_awaited(self) -> bool:
        return self._is_writing

    def _lasts(self, failure: Exception) -> bool:
        """As is a peer of an earlier version, which takes no files."""
        unknown = isinstance(failure, grpc.aio.AioRpcError) and failure.code() == grpc.StatusCode.UNIMPLEMENTED
        return unknown or super()._lasts(failure)

    def _note(self, status: LinkStatus) -> None:
        self._transfers.note(self._origin, status.last_error)

    def _log_failure(self, words: str) -> None:
        _log.warning("attachment_stream_failed", channel=self._origin, error=words)

    def _log_defect(self, defect: Exception) -> None:
        _log.defect("attachment_link_failed", defect, channel=self._origin)
