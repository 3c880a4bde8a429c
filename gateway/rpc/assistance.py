"""``AssistanceService``."""

from typing import Any

from regulator.exchange.v1 import assistance_service_pb2 as pb
from regulator.exchange.v1.assistance_service_pb2_grpc import AssistanceServiceServicer

from gateway.questions.assistance import AssistanceQuestions
from gateway.rpc.admission import CALLER


class AssistanceServicer(AssistanceServiceServicer):
    """Calls questions; requests and answers are given as notices."""

    def __init__(self, questions: AssistanceQuestions) -> None:
        self._questions = questions

    async def GetAssistanceCase(self, request: pb.GetAssistanceCaseRequest, context: Any) -> pb.AssistanceCase:
        """Gives one case."""
        return await self._questions.get_assistance_case(CALLER.get(), request)

    async def ListAssistanceCases(
        self, request: pb.ListAssistanceCasesRequest, context: Any
    ) -> pb.ListAssistanceCasesResponse:
        """Gives a page of cases."""
        return await self._questions.list_assistance_cases(CALLER.get(), request)
