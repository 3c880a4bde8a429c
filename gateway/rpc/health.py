"""``grpc.health.v1.Health``: tells of the names that ``questions.health`` knows."""

from collections.abc import AsyncIterator
from typing import Any

from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse
from grpc_health.v1.health_pb2_grpc import HealthServicer as GrpcHealthServicer

from gateway.errors import NotFound
from gateway.questions.health import Health
from gateway.rpc.admission import CALLER


class HealthServicer(GrpcHealthServicer):  # type: ignore[misc]
    """Calls the questions about health.

    gRPC's own servicer writes to the call by itself, past the guard, and has no List.
    """

    def __init__(self, health: Health) -> None:
        self._health = health

    async def Check(self, request: HealthCheckRequest, context: Any) -> HealthCheckResponse:
        """Tells of one name."""
        is_well = self._health.is_well(request.service, CALLER.get())
        if is_well is None:
            raise NotFound("there is no such service")
        return _told(is_well)

    async def List(self, request: HealthListRequest, context: Any) -> HealthListResponse:
        """Tells of every name."""
        found = self._health.of_all(CALLER.get())
        return HealthListResponse(statuses={name: _told(is_well) for name, is_well in found.items()})

    async def Watch(self, request: HealthCheckRequest, context: Any) -> AsyncIterator[HealthCheckResponse]:
        """Tells of one name, and again whenever that changes; ends when the node stops."""
        told = None
        while True:
            news, is_over = self._health.next(), self._health.is_over
            now = _told(self._health.is_well(request.service, CALLER.get()))
            if now != told:
                told = now
                yield now
            if is_over:
                return
            await news.wait()


def _told(is_well: bool | None) -> HealthCheckResponse:
    if is_well is None:
        return HealthCheckResponse(status=HealthCheckResponse.SERVICE_UNKNOWN)
    return HealthCheckResponse(status=HealthCheckResponse.SERVING if is_well else HealthCheckResponse.NOT_SERVING)
