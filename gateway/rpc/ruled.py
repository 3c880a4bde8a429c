"""What services are added to, so that nothing is served that no rule speaks of."""

from collections.abc import Mapping, Sequence
from typing import Any

import grpc

from gateway.identity.access import require_rule


class Ruled:
    """A server as generated code sees it when it adds a service: both ways, of which one is passed on.

    ``grpc.aio`` waits for the calls of each registered method apart, and goes through all that it waits for at every
    call: with thirty methods that took a tenth of a call's time. Found by their names, they are waited for together.

    Args:
        server: takes the services whose every method has a rule
    """

    def __init__(self, server: grpc.aio.Server) -> None:
        self._server = server

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """Looks at the methods of a service, which generated code has added just before.

        Raises:
            ConfigError: one of them has no rule.
        """
        for method in handlers:
            require_rule(f"/{service}/{method}")

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """Adds what finds the same methods by their names."""
        self._server.add_generic_rpc_handlers(handlers)
