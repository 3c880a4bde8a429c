"""The floor: a bare gRPC server, with the TLS of a node and nothing behind it. Runs as a process of its own."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvloop

from gateway.rpc.server import MAX_STREAMS_A_CONNECTION, MAX_WAITING_CALLS
from gateway.rpc.tls import Material, server_credentials

import grpc  # isort: skip - after the TLS settings

SERVICE = "benchmark.Echo"
ECHO, TAKE = f"/{SERVICE}/Echo", f"/{SERVICE}/Take"
MAX_MESSAGE_BYTES = 8 * 1024 * 1024


async def _echo(request: bytes, context: Any) -> bytes:
    return request


async def _take(requests: AsyncIterator[bytes], context: Any) -> bytes:
    """A stream of messages, and one answer to all of them."""
    async for _ in requests:
        pass
    return b""


async def serve(address: str, key: bytes, certificate: bytes, root: bytes) -> None:
    options = [
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_concurrent_streams", MAX_STREAMS_A_CONNECTION),
        ("grpc.server.max_pending_requests", MAX_WAITING_CALLS),
        ("grpc.server.max_pending_requests_hard_limit", 2 * MAX_WAITING_CALLS),
        ("grpc.http2.bdp_probe", 0),
    ]  # as a node's listener has them
    server = grpc.aio.server(options=options)
    handlers = {
        "Echo": grpc.unary_unary_rpc_method_handler(_echo),
        "Take": grpc.stream_unary_rpc_method_handler(_take),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    server.add_secure_port(address, server_credentials(lambda: Material(key, certificate, root)))
    await server.start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], *(Path(name).read_bytes() for name in sys.argv[2:5])))
