"""What back offices do about files: send them, part by part and on from where they stood, and give notices of them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from hashlib import sha256
from random import Random
from typing import Any

from regulator.exchange.v1 import attachment_service_pb2 as pb

from gateway.errors import GatewayError
from gateway.supervision import attachments
from tests.simulation.nodes.asking import AGAIN, SERVICE, Asking
from tests.simulation.nodes.noticing import Notices
from tests.store.attaching import named

MOST_CHUNKS = 5.5  # of a file
TRIES, UPLOADS = 3, 12
PIECE_SECONDS = 0.1  # from one message of an upload to the next, at most


class Files:
    """Those of one office."""

    def __init__(self, office: Asking, notices: Notices) -> None:
        self._office, self._random, self._notices = office, office.random, notices
        self._sent: list[bytes] = []
        self.acts = {"attach": self._attach}

    async def _attach(self) -> None:
        """Gives a notice with one or two files; some are those of an earlier notice."""
        recipient = self._office.recipient()
        files = [self._file() for _ in range(self._random.randint(1, 2))]
        for _ in range(TRIES):
            if all([await self._upload(data) for data in files]) and await self._give(recipient, files):
                return

    def _file(self) -> bytes:
        if self._sent and self._random.random() < 0.25:
            return self._random.choice(self._sent)
        most = int(MOST_CHUNKS * attachments.CHUNK_BYTES)
        return self._random.randbytes(self._random.randint(1, most))

    async def _give(self, recipient: str, files: Sequence[bytes]) -> bool:
        mark = self._office.mark()
        named_files = [named(data, f"{place}.pdf") for place, data in enumerate(files)]
        request = self._notices.request(recipient, mark, attachments=named_files)
        given = await self._notices.give(self._office.new(recipient, mark=mark), request)
        if given:
            self._sent += files
        return bool(given)

    async def _upload(self, data: bytes) -> bool:
        """Sends a file, from the last durable chunk on after each break; False: it has to be declared again."""
        office = self._office
        declare = pb.CreateAttachmentRequest(sha256=sha256(data).digest(), size_bytes=len(data))
        stored = await office.until_known(
            "AttachmentService/CreateAttachment",
            lambda node: node.files.commands.create_attachment(office.caller, declare),
        )
        for _ in range(UPLOADS):
            if stored is None or stored.complete:
                break
            stored = await self._send(stored, data)
        return stored is not None and bool(stored.complete)

    async def _send(self, stored: pb.StoredAttachment, data: bytes) -> Any:
        office = self._office
        messages = _messages(stored, data, Random(self._random.random()))
        try:
            return await office.site.call(
                f"{SERVICE}AttachmentService/UploadAttachment",
                lambda node: node.files.commands.upload_attachment(office.caller, messages),
                self._random.uniform(0.05, 5),
            )
        except AGAIN:
            get = pb.GetAttachmentRequest(name=stored.name)
            return await office.until_known(
                "AttachmentService/GetAttachment",
                lambda node: node.files.questions.get_attachment(office.caller, get),
            )
        except GatewayError as error:
            office.site.refused("UploadAttachment", error)
            return None


async def _messages(
    stored: pb.StoredAttachment, data: bytes, random: Random
) -> AsyncIterator[pb.UploadAttachmentRequest]:
    offset, longest = stored.durable_bytes, 2 * attachments.CHUNK_BYTES
    while True:
        end = min(len(data), offset + random.randint(1, longest))
        first = offset == stored.durable_bytes
        name, start = (stored.name, offset) if first else ("", 0)
        yield pb.UploadAttachmentRequest(name=name, offset=start, data=data[offset:end])
        offset = end
        if offset == len(data):
            return
        await asyncio.sleep(random.uniform(0, PIECE_SECONDS))
