"""The floor: a bare gRPC echo server, with the TLS of a node and nothing behind it. Runs as a process of its own."""

import sys
from pathlib import Path
from typing import Any

import uvloop

from gateway.rpc.tls import Material, server_credentials

import grpc  # isort: skip - after the TLS settings

METHOD = "/benchmark.Echo/Echo"


async def _echo(request: bytes, context: Any) -> bytes:
    return request


async def serve(address: str, key: bytes, certificate: bytes, root: bytes) -> None:
    server = grpc.aio.server(options=[("grpc.max_concurrent_streams", 100)])
    handler = grpc.unary_unary_rpc_method_handler(_echo)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("benchmark.Echo", {"Echo": handler}),))
    server.add_secure_port(address, server_credentials(lambda: Material(key, certificate, root)))
    await server.start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], *(Path(name).read_bytes() for name in sys.argv[2:5])))
