"""What services are added to, so that nothing is served that no rule speaks of."""

from collections.abc import Mapping, Sequence
from typing import Any

import grpc

from gateway.identity.access.access import require_rule


class Ruled:
    """A server as generated code sees it when it adds a service: both ways, of which one is passed on.

    Args:
        server: takes the services whose every method has a rule
    """

    def __init__(self, server: grpc.aio.Server) -> None:
        self._server = server

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """Adds the methods of a service.

        Raises:
            ConfigError: one of them has no rule.
        """
        for method in handlers:
            require_rule(f"/{service}/{method}")
        self._server.add_registered_method_handlers(service, handlers)

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """Adds nothing: what would find the same methods by their names, which gRPC then has to read."""
