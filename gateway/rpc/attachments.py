"""``AttachmentService``."""

from collections.abc import AsyncIterator
from typing import Any

from google.protobuf.empty_pb2 import Empty
from regulator.exchange.v1 import attachment_service_pb2 as pb
from regulator.exchange.v1.attachment_service_pb2_grpc import AttachmentServiceServicer

from gateway.commands.attachments.uploads import AttachmentCommands
from gateway.questions.attachments import AttachmentQuestions
from gateway.rpc.admission import CALLER


class AttachmentServicer(AttachmentServiceServicer):
    """Calls commands and questions."""

    def __init__(self, commands: AttachmentCommands, questions: AttachmentQuestions) -> None:
        self._commands, self._questions = commands, questions

    async def CreateAttachment(self, request: pb.CreateAttachmentRequest, context: Any) -> pb.StoredAttachment:
        """Keeps room for a file."""
        return await self._commands.create_attachment(CALLER.get(), request)

    async def UploadAttachment(
        self, request_iterator: AsyncIterator[pb.UploadAttachmentRequest], context: Any
    ) -> pb.StoredAttachment:
        """Takes the bytes of a file."""
        return await self._commands.upload_attachment(CALLER.get(), request_iterator)

    async def GetAttachment(self, request: pb.GetAttachmentRequest, context: Any) -> pb.StoredAttachment:
        """Tells how a file stands."""
        return await self._questions.get_attachment(CALLER.get(), request)

    async def DownloadAttachment(
        self, request: pb.DownloadAttachmentRequest, context: Any
    ) -> AsyncIterator[pb.DownloadAttachmentResponse]:
        """Gives the bytes of a file."""
        async for part in self._questions.download(CALLER.get(), request):
            yield part

    async def DeleteAttachment(self, request: pb.DeleteAttachmentRequest, context: Any) -> Empty:
        """Drops a file that nothing names."""
        await self._commands.delete_attachment(CALLER.get(), request)
        return Empty()
