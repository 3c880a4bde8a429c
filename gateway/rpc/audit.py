"""``AuditService``."""

from collections.abc import AsyncIterator
from typing import Any

from regulator.exchange.v1 import audit_service_pb2 as pb
from regulator.exchange.v1.audit_service_pb2_grpc import AuditServiceServicer

from gateway.questions.auditing import Auditing


class AuditServicer(AuditServiceServicer):
    """Calls auditing."""

    def __init__(self, auditing: Auditing) -> None:
        self._auditing = auditing

    async def ListJournalEntries(
        self, request: pb.ListJournalEntriesRequest, context: Any
    ) -> pb.ListJournalEntriesResponse:
        """Gives a page of entries."""
        return await self._auditing.list_entries(request)

    def ExportJournal(self, request: pb.ExportJournalRequest, context: Any) -> AsyncIterator[pb.ExportJournalResponse]:
        """Streams the file of the journal."""
        return self._auditing.export(request)

    async def GetJournalCheckpoint(self, request: pb.GetJournalCheckpointRequest, context: Any) -> pb.JournalCheckpoint:
        """Gives a new checkpoint."""
        return await self._auditing.checkpoint()

    async def GetJournalProof(self, request: pb.GetJournalProofRequest, context: Any) -> pb.JournalProof:
        """Proves an entry, or a prefix."""
        return await self._auditing.prove(request)
