"""``FrameworkService``."""

from typing import Any

from regulator.exchange.v1 import framework_service_pb2 as pb
from regulator.exchange.v1.framework_pb2 import Comparison
from regulator.exchange.v1.framework_service_pb2_grpc import FrameworkServiceServicer

from gateway.commands.frameworks import FrameworkCommands
from gateway.questions.comparisons import ComparisonQuestions
from gateway.questions.frameworks import FrameworkQuestions
from gateway.rpc.admission import CALLER


class FrameworkServicer(FrameworkServiceServicer):
    """Calls commands and questions."""

    def __init__(
        self, commands: FrameworkCommands, questions: FrameworkQuestions, comparisons: ComparisonQuestions
    ) -> None:
        self._commands, self._questions, self._comparisons = commands, questions, comparisons

    async def PublishVersion(self, request: pb.PublishVersionRequest, context: Any) -> pb.PublishVersionResponse:
        """Publishes a version."""
        return await self._commands.publish_version(CALLER.get(), request)

    async def GetFramework(self, request: pb.GetFrameworkRequest, context: Any) -> pb.Framework:
        """Gives one framework."""
        return await self._questions.get_framework(request)

    async def ListFrameworks(self, request: pb.ListFrameworksRequest, context: Any) -> pb.ListFrameworksResponse:
        """Gives a page of frameworks."""
        return await self._questions.list_frameworks(request)

    async def GetVersion(self, request: pb.GetVersionRequest, context: Any) -> pb.FrameworkVersion:
        """Gives one version."""
        return await self._questions.get_version(request)

    async def ListProvisions(self, request: pb.ListProvisionsRequest, context: Any) -> pb.ListProvisionsResponse:
        """Gives a page of provisions."""
        return await self._questions.list_provisions(request)

    async def DiffVersions(self, request: pb.DiffVersionsRequest, context: Any) -> pb.DiffVersionsResponse:
        """Tells how two versions differ."""
        return await self._questions.diff_versions(request)

    async def CompareJurisdictions(self, request: pb.CompareJurisdictionsRequest, context: Any) -> Comparison:
        """Sets two jurisdictions side by side."""
        return await self._comparisons.compare_jurisdictions(request)

    async def Assess(self, request: pb.AssessRequest, context: Any) -> pb.Assessment:
        """Gives an assessment."""
        return await self._commands.assess(CALLER.get(), request)

    async def ListAssessments(self, request: pb.ListAssessmentsRequest, context: Any) -> pb.ListAssessmentsResponse:
        """Gives a page of assessments."""
        return await self._questions.list_assessments(request)
