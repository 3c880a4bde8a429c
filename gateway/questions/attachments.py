"""What can be asked of a node about attachments, and their bytes."""

from collections.abc import AsyncIterator
from dataclasses import replace

from regulator.exchange.v1 import attachment_service_pb2 as pb

from gateway.errors import AttachmentMissing, BadInput, ContentDestroyed, NotFound
from gateway.identity.access.access import FILE_ROLES, Caller
from gateway.moments import MICROS, timestamp_of
from gateway.questions.scopes import scope_of
from gateway.store.attachments.queries import AttachmentView, read_attachment, read_bound, read_chunks, read_declared
from gateway.store.drafts.queries import DraftFilter, read_draft
from gateway.store.readers import Readers
from gateway.supervision.acts.submissions import check_fields
from gateway.supervision.attachments import (
    CHUNK_BYTES,
    NAME_PREFIX,
    AttachmentRecord,
    attached_in,
    bound_place,
)
from gateway.supervision.drafts import NAME_PREFIX as DRAFTS
from gateway.supervision.drafts import draft_id
from gateway.supervision.messages.drafts import content_of
from gateway.supervision.notices.content import notice_id, notice_name

IDLE_SECONDS = 24 * 60 * 60  # after which a file that nothing names is dropped
CHUNKS_AT_ONCE = 2  # that are read at once, of each download


class AttachmentQuestions:
    """The questions of back offices.

    Args:
        readers: of the store
    """

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def get_attachment(self, caller: Caller, request: pb.GetAttachmentRequest) -> pb.StoredAttachment:
        """Tells how a file stands."""
        check_fields(request)
        return stored_message(request.name, await self._view(caller, request.name))

    async def declared(self, caller: Caller, name: str) -> AttachmentRecord:
        """Gives a file of the caller's authority, by its own name.

        Raises:
            NotFound: there is none, or none for this caller: the same words.
        """
        view = await self._own(caller, name)
        assert view.record is not None, "what has a name of its own has a row"
        return view.record

    async def download(
        self, caller: Caller, request: pb.DownloadAttachmentRequest
    ) -> AsyncIterator[pb.DownloadAttachmentResponse]:
        """Gives the bytes of a file from an offset on."""
        check_fields(request)
        view = await self._view(caller, request.name)
        if view.record is None or not view.record.is_complete:
            raise AttachmentMissing(f"{request.name} is not whole here yet", name=request.name)
        number, offset, size = view.record.number, request.offset, view.file.size_bytes
        if offset > size:
            raise BadInput.of("offset", f"must be at most {size}, the size of the file")
        while offset < size:
            parts = await self._readers.run(read_chunks, number, offset // CHUNK_BYTES, CHUNKS_AT_ONCE)
            if not parts:
                await self._view(caller, request.name)  # what was deleted is not there
                raise ContentDestroyed(f"{request.name} was destroyed meanwhile")
            for part in parts:
                data = part[offset % CHUNK_BYTES :]
                offset += len(data)
                yield pb.DownloadAttachmentResponse(data=data)

    async def _view(self, caller: Caller, name: str) -> AttachmentView:
        place = bound_place(name)
        if place is None:
            return await self._own(caller, name)
        if caller.roles.isdisjoint(FILE_ROLES[name.partition("/")[0]]):  # an approver sees what it decides about alone
            raise not_there(name)
        if place[0].startswith(DRAFTS):
            return await self._drafted(caller, name, draft_id(place[0]), place[1])
        found = await self._readers.at_once(read_bound, notice_id(place[0]), place[1], scope_of(caller))
        if found and found.is_destroyed:
            raise ContentDestroyed(f"the content of {place[0]} is destroyed, as its retain_until asked")
        if found is None or found.view is None:
            raise not_there(name)
        return found.view

    async def _drafted(self, caller: Caller, name: str, wanted_id: str, ordinal: int) -> AttachmentView:
        authority, scope = caller.authority, scope_of(caller)
        draft = await self._readers.at_once(read_draft, wanted_id, DraftFilter(authority, scope))
        content = content_of(draft.request) if draft and draft.request is not None else None
        files = attached_in(content) if content else ()
        view = None
        if ordinal < len(files):
            view = await self._readers.at_once(read_declared, authority, files[ordinal], scope)
        if view is None:
            raise not_there(name)
        return replace(view, is_named=True)  # the draft holds it; whether a notice does too, of which copy, is not told

    async def _own(self, caller: Caller, name: str) -> AttachmentView:
        own_id = name.removeprefix(NAME_PREFIX)
        view = await self._readers.at_once(read_attachment, own_id, caller.authority, scope_of(caller))
        if view is None:
            raise not_there(name)
        return view


def stored_message(name: str, view: AttachmentView) -> pb.StoredAttachment:
    """A file as a back office sees it, under the name that it asked for."""
    record = view.record
    message = pb.StoredAttachment(
        name=name,
        sha256=view.file.sha256,
        size_bytes=view.file.size_bytes,
        durable_bytes=record.stored_bytes if record else 0,
        complete=record is not None and record.is_complete,
        notices=map(notice_name, view.notices),
    )
    if record and not view.is_named:
        message.expire_time.CopyFrom(timestamp_of(record.touched_at + IDLE_SECONDS * MICROS))
    return message


def attachment_name(record: AttachmentRecord) -> str:
    """``attachments/5c0e...``."""
    return f"{NAME_PREFIX}{record.id}"


def not_there(name: str) -> NotFound:
    """The one answer to whoever asks for a file that is not there, or not for it."""
    return NotFound(f"there is no attachment {name.removeprefix(NAME_PREFIX)}", name=name)
