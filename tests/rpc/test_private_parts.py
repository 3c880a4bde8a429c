"""The private parts of grpcio that ``gateway.rpc.intake`` is built upon (docs/adr/0009): here breaks what changed."""

import inspect
from typing import Any

import grpc
import pytest
from grpc._cython import cygrpc
from grpc.aio import _server

PARTS = {
    "AioServer._make_request_call_future": "self, method_bytes",
    "AioServer._request_call": "self",
    "AioServer._request_registered_call": "self, method",
    "AioServer._server_main_loop": "self, server_started",
    "AioServer.add_registered_method_handlers": "self, method_handlers",
    "_handle_stream_stream_rpc": "method_handler, rpc_state, loop",
    "_handle_stream_unary_rpc": "method_handler, rpc_state, loop",
    "_schedule_rpc_coro": "rpc_coro, rpc_state, loop, method_name",
    "_ServicerContext.abort_with_status": "self, status",
    "_ServicerContext.auth_context": "self",
    "get_working_loop": "",
}
CHANGED = "gateway/rpc/intake.py must be compared with this version of grpcio"


@pytest.mark.parametrize("name", PARTS)
def test_each_is_called_as_before(name):
    part: Any = cygrpc
    for step in name.split("."):
        part = getattr(part, step, None)
    assert part is not None, f"grpcio {grpc.__version__} has no {name}: {CHANGED}"
    assert ", ".join(inspect.signature(part).parameters) == PARTS[name], f"{name} of {grpc.__version__}: {CHANGED}"


async def test_a_server_holds_its_loop_and_its_core_and_nothing_else():
    assert vars(grpc.aio.server()).keys() == {"_loop", "_server"}, CHANGED
    assert issubclass(_server.Server, grpc.aio.Server)


async def test_a_core_is_made_as_before():
    cygrpc.AioServer(cygrpc.get_working_loop(), None, (), (), [], None)
