"""What back offices can do about attachments: declare them, send their bytes, drop them again."""

from collections.abc import AsyncIterator

from regulator.exchange.v1 import attachment_service_pb2 as pb

from gateway.commands.attachments.sight import unnamed, visible
from gateway.commands.attachments.storage import Filling, Storage, there
from gateway.commands.replays import IdempotentRequest
from gateway.errors import BadInput
from gateway.identity.access.access import Caller
from gateway.questions.attachments import AttachmentQuestions, attachment_name, not_there
from gateway.questions.scopes import scope_of
from gateway.store.committer import Committer
from gateway.store.transaction import Transaction
from gateway.supervision.acts.submissions import check_fields
from gateway.supervision.attachments import (
    CHUNK_BYTES,
    NAME_PREFIX,
    Attached,
    AttachmentRecord,
    Cutter,
    Owner,
    check_offset,
)


class AttachmentCommands:
    """The acts of back offices.

    Args:
        committer: the one writer
        storage: makes bytes durable
        questions: reads back what an act made
    """

    def __init__(self, committer: Committer, storage: Storage, questions: AttachmentQuestions) -> None:
        self._committer, self._storage, self._questions = committer, storage, questions

    async def create_attachment(self, caller: Caller, request: pb.CreateAttachmentRequest) -> pb.StoredAttachment:
        """Keeps room for a file, or tells how it stands."""
        check_fields(request)
        file, owner = Attached(request.sha256, request.size_bytes), Owner(authority=caller.authority)

        def declare(tx: Transaction) -> AttachmentRecord:
            known = visible(tx, owner, file, scope_of(caller))
            return known or self._storage.declare(tx, owner, file)

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
        number = record.number
        record = await self._committer.submit(lambda tx: tx.files.keep(there(tx, number)._replace(touched_at=tx.now)))
        cutter = Cutter(record.size_bytes, first.offset)
        async with Filling(self._storage, record, -(-first.offset // CHUNK_BYTES)) as filling:
            message: pb.UploadAttachmentRequest | None = first
            while message is not None:
                for data in cutter.add(message.data):
                    await filling.add(data)
                message = await anext(messages, None)
                if message is not None:
                    _check_following(message, first)
            record = await filling.finish()
        if record.stored_bytes == record.size_bytes:
            record = await self._storage.complete(record)
        return await self._told(caller, record)

    async def delete_attachment(self, caller: Caller, request: pb.DeleteAttachmentRequest) -> None:
        """Drops a file that nothing names; its chunks are deleted soon after."""
        check_fields(request)
        name, asked = request.name, IdempotentRequest.of(caller, request)

        def delete(tx: Transaction) -> None:
            if asked.carried_out(tx):
                return
            record = unnamed(tx, caller, name.removeprefix(NAME_PREFIX))
            if record is not None:
                tx.files.keep(record._replace(is_dropped=True))
                asked.remember(tx, name)
            elif not request.allow_missing:
                raise not_there(name)

        await self._committer.submit(delete, asked.needs)
        self._storage.dropped.set()

    async def _told(self, caller: Caller, record: AttachmentRecord) -> pb.StoredAttachment:
        return await self._questions.get_attachment(caller, pb.GetAttachmentRequest(name=attachment_name(record)))


def _check_following(message: pb.UploadAttachmentRequest, first: pb.UploadAttachmentRequest) -> None:
    check_fields(message)
    if message.name not in ("", first.name):
        raise BadInput.of("name", "must be empty, or the first message's")
    if message.offset:
        raise BadInput.of("offset", "must be in the first message alone: bytes follow on each other")
