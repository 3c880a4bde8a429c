"""``SharingService``."""

from typing import Any

from regulator.exchange.v1 import sharing_service_pb2 as pb
from regulator.exchange.v1.sharing_service_pb2_grpc import SharingServiceServicer

from gateway.commands.sharing import SharingCommands
from gateway.questions.sharing import SharingQuestions
from gateway.rpc.admission import CALLER


class SharingServicer(SharingServiceServicer):
    """Calls commands and questions."""

    def __init__(self, commands: SharingCommands, questions: SharingQuestions) -> None:
        self._commands, self._questions = commands, questions

    async def RequestConsent(self, request: pb.RequestConsentRequest, context: Any) -> pb.Consent:
        """Asks for consent."""
        return await self._commands.request_consent(CALLER.get(), request)

    async def GetConsent(self, request: pb.GetConsentRequest, context: Any) -> pb.Consent:
        """Gives one consent."""
        return await self._questions.get_consent(CALLER.get(), request)

    async def ListConsents(self, request: pb.ListConsentsRequest, context: Any) -> pb.ListConsentsResponse:
        """Gives a page of consents."""
        return await self._questions.list_consents(CALLER.get(), request)

    async def GrantConsent(self, request: pb.GrantConsentRequest, context: Any) -> pb.Consent:
        """Grants a consent."""
        return await self._commands.grant_consent(CALLER.get(), request)

    async def RefuseConsent(self, request: pb.RefuseConsentRequest, context: Any) -> pb.Consent:
        """Refuses a consent, or revokes it."""
        return await self._commands.refuse_consent(CALLER.get(), request)

    async def MarkShared(self, request: pb.MarkSharedRequest, context: Any) -> pb.Share:
        """Records that a notice is passed on."""
        return await self._commands.mark_shared(CALLER.get(), request)

    async def GetShare(self, request: pb.GetShareRequest, context: Any) -> pb.Share:
        """Gives one share."""
        return await self._questions.get_share(CALLER.get(), request)

    async def ListShares(self, request: pb.ListSharesRequest, context: Any) -> pb.ListSharesResponse:
        """Gives a page of shares."""
        return await self._questions.list_shares(CALLER.get(), request)
