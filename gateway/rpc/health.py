"""``grpc.health.v1.Health``: a node that answers serves everything it has; one that stops answers nothing."""

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Any

from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse
from grpc_health.v1.health_pb2_grpc import HealthServicer as GrpcHealthServicer

from gateway.errors import NotFound


class HealthServicer(GrpcHealthServicer):  # type: ignore[misc]
    """Tells that the services are served; the empty name stands for the node.

    gRPC's own servicer writes to the call by itself, past the guard, and has no List.
    """

    def __init__(self, services: Collection[str]) -> None:
        self._services = ("", *services)

    async def Check(self, request: HealthCheckRequest, context: Any) -> HealthCheckResponse:
        """Tells of one service."""
        if request.service not in self._services:
            raise NotFound("there is no such service")
        return HealthCheckResponse(status=HealthCheckResponse.SERVING)

    async def List(self, request: HealthListRequest, context: Any) -> HealthListResponse:
        """Tells of every service."""
        serving = HealthCheckResponse(status=HealthCheckResponse.SERVING)
        return HealthListResponse(statuses=dict.fromkeys(self._services, serving))

    async def Watch(self, request: HealthCheckRequest, context: Any) -> AsyncIterator[HealthCheckResponse]:
        """Tells of one service, and again whenever that changes: which it does only by the end of the call."""
        known = request.service in self._services
        yield HealthCheckResponse(status=HealthCheckResponse.SERVING if known else HealthCheckResponse.SERVICE_UNKNOWN)
        await asyncio.Event().wait()
