"""What can be done about attachments: declare them, send their bytes; and what becomes of those that nothing names."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from functools import partial

from regulator.exchange.v1 import attachment_service_pb2 as pb

from gateway.commands.attachment_sight import visible
from gateway.commands.storing import Filling, Storing, sweep
from gateway.errors import BadInput
from gateway.identity.access import Caller
from gateway.moments import MICROS
from gateway.questions.attachments import IDLE_SECONDS, AttachmentQuestions, attachment_name
from gateway.questions.scopes import scope_of
from gateway.store.attachment_queries import read_idle
from gateway.store.committer import Committer
from gateway.store.readers import Readers
from gateway.store.transaction import Transaction
from gateway.supervision.attachments import (
    CHUNK_BYTES,
    Attached,
    AttachmentRecord,
    Cutter,
    Owner,
    attached_in,
    check_offset,
)
from gateway.supervision.draft_messages import content_of
from gateway.supervision.submissions import check_fields

AT_ONCE = 100  # files in one commit


class AttachmentCommands:
    """The acts of back offices.

    Args:
        committer: the one writer
        storing: makes bytes durable
        questions: reads back what an act made
    """

    def __init__(self, committer: Committer, storing: Storing, questions: AttachmentQuestions) -> None:
        self._committer, self._storing, self._questions = committer, storing, questions

    async def create_attachment(self, caller: Caller, request: pb.CreateAttachmentRequest) -> pb.StoredAttachment:
        """Keeps room for a file, or tells how it stands."""
        check_fields(request)
        file, owner = Attached(request.sha256, request.size_bytes), Owner(authority=caller.authority)

        def declare(tx: Transaction) -> AttachmentRecord:
            known = visible(tx, owner, file, scope_of(caller))
            return known or self._storing.declare(tx, owner, file)

        return await self._told(caller, await self._committer.submit(declare))

    async def upload_attachment(
        self, caller: Caller, messages: AsyncIterator[pb.UploadAttachmentRequest]
    ) -> pb.StoredAttachment:
        """Takes the bytes of a file, and verifies it once all are here."""
        first = await anext(messages, None)
        if first is None or not first.name:
            raise BadInput.of("name", "must be in the first message")
        check_fields(first)
        record = await self._questions.declared(caller, first.name)
        check_offset(record, first.offset)
        record = await self._committer.submit(lambda tx: _touched(tx, record))
        cutter = Cutter(record.size_bytes, first.offset)
        async with Filling(self._storing, record, -(-first.offset // CHUNK_BYTES)) as filling:
            message: pb.UploadAttachmentRequest | None = first
            while message is not None:
                for data in cutter.add(message.data):
                    await filling.add(data)
                message = await anext(messages, None)
                if message is not None:
                    _check_following(message, first)
            record = await filling.finish()
        if record.stored_bytes == record.size_bytes:
            record = await self._storing.complete(record)
        return await self._told(caller, record)

    async def _told(self, caller: Caller, record: AttachmentRecord) -> pb.StoredAttachment:
        return await self._questions.get_attachment(caller, pb.GetAttachmentRequest(name=attachment_name(record)))


class Clearing:
    """Drops files that nothing names, and deletes what is dropped.

    Args:
        committer: the one writer
        readers: of the store; they look through all files, so that the writer does not
        clock: microseconds since 1970
        dropped: set where a file is dropped
    """

    def __init__(
        self, committer: Committer, readers: Readers, clock: Callable[[], int], dropped: asyncio.Event
    ) -> None:
        self._committer, self._readers, self._clock, self._dropped = committer, readers, clock, dropped

    async def clear(self) -> None:
        """Drops what nobody named in a day."""
        before, last = self._clock() - IDLE_SECONDS * MICROS, 0
        while numbers := await self._readers.run(read_idle, before, last, AT_ONCE):
            await self._committer.submit(partial(_drop_idle, before=before, numbers=numbers), bounded=False)
            last = numbers[-1]
            self._dropped.set()

    async def sweep(self) -> None:
        """Deletes what is dropped, some chunks a commit: its room is nobody's until then."""
        self._dropped.clear()
        await sweep(self._committer)

    async def until_dropped(self, seconds: float) -> None:
        """Waits until a file is dropped, or so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._dropped.wait()


def _drop_idle(tx: Transaction, before: int, numbers: Sequence[int]) -> None:
    """Drops those of some files that are idle still, and that no draft names."""
    idle = tx.files.idle(before, numbers)
    drafted = {authority: _in_drafts(tx, authority) for authority in {each.owner.authority for each in idle}}
    for each in idle:
        if Attached(each.sha256, each.size_bytes) not in drafted[each.owner.authority]:
            tx.files.keep(each._replace(is_dropped=True))


def _in_drafts(tx: Transaction, authority: str) -> set[Attached]:
    contents = filter(None, map(content_of, tx.drafts.open_requests(authority)))
    return {file for content in contents for file in attached_in(content)}


def _touched(tx: Transaction, record: AttachmentRecord) -> AttachmentRecord:
    known = tx.files.find(record.number) or record
    return tx.files.keep(known._replace(touched_at=tx.now))


def _check_following(message: pb.UploadAttachmentRequest, first: pb.UploadAttachmentRequest) -> None:
    check_fields(message)
    if message.name not in ("", first.name):
        raise BadInput.of("name", "must be empty, or the first message's")
    if message.offset:
        raise BadInput.of("offset", "must be in the first message alone: bytes follow on each other")
