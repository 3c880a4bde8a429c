"""``DraftService``."""

from typing import Any

from regulator.exchange.v1 import draft_service_pb2 as pb
from regulator.exchange.v1.draft_service_pb2_grpc import DraftServiceServicer

from gateway.commands.drafts import DraftCommands
from gateway.questions.drafts import DraftQuestions
from gateway.rpc.admission import CALLER


class DraftServicer(DraftServiceServicer):
    """Calls commands and questions."""

    def __init__(self, commands: DraftCommands, questions: DraftQuestions) -> None:
        self._commands, self._questions = commands, questions

    async def CreateDraft(self, request: pb.CreateDraftRequest, context: Any) -> pb.Draft:
        """Keeps an act as a draft."""
        return await self._commands.create_draft(CALLER.get(), request)

    async def UpdateDraft(self, request: pb.UpdateDraftRequest, context: Any) -> pb.Draft:
        """Writes a draft anew."""
        return await self._commands.update_draft(CALLER.get(), request)

    async def SubmitDraft(self, request: pb.SubmitDraftRequest, context: Any) -> pb.Draft:
        """Asks for approval."""
        return await self._commands.submit_draft(CALLER.get(), request)

    async def ApproveDraft(self, request: pb.ApproveDraftRequest, context: Any) -> pb.Draft:
        """Releases a draft."""
        return await self._commands.approve_draft(CALLER.get(), request)

    async def RejectDraft(self, request: pb.RejectDraftRequest, context: Any) -> pb.Draft:
        """Refuses a draft."""
        return await self._commands.reject_draft(CALLER.get(), request)

    async def RecallDraft(self, request: pb.RecallDraftRequest, context: Any) -> pb.Draft:
        """Takes back what was submitted."""
        return await self._commands.recall_draft(CALLER.get(), request)

    async def GetDraft(self, request: pb.GetDraftRequest, context: Any) -> pb.Draft:
        """Gives one draft."""
        return await self._questions.get_draft(CALLER.get(), request)

    async def ListDrafts(self, request: pb.ListDraftsRequest, context: Any) -> pb.ListDraftsResponse:
        """Gives a page of drafts."""
        return await self._questions.list_drafts(CALLER.get(), request)
