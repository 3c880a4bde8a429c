"""A bare listener whose TLS material is new at each handshake, for some seconds. Runs as a process of its own.

Arguments: the address, the root, the seconds, the calm before each change in seconds; then a key and a certificate, and
another key and certificate, which take turns. It writes a line once it listens, and one when the seconds are over.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path

from gateway.rpc.tls import Material, server_credentials

import grpc  # isort: skip - after the TLS settings


class Turns:
    """Gives one material, then the other, for so long; then always the same."""

    def __init__(self, materials: list[Material], seconds: float) -> None:
        self._materials, self._turn, self._still = materials, 0, False
        self._end = time.monotonic() + seconds

    def __call__(self) -> Material:
        if time.monotonic() < self._end:
            self._turn += 1
        elif not self._still:
            self._still = True
            tell("still")
        return self._materials[self._turn % 2]


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def serve(address: str, materials: Callable[[], Material], calm_seconds: float) -> None:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_secure_port(address, server_credentials(materials, calm_seconds))
    await server.start()
    tell("listens")
    await server.wait_for_termination()


if __name__ == "__main__":
    _, address, root, seconds, calm, *files = sys.argv
    read = [Path(name).read_bytes() for name in (root, *files)]
    materials = [Material(key, certificate, read[0]) for key, certificate in zip(read[1::2], read[2::2], strict=True)]
    asyncio.run(serve(address, Turns(materials, float(seconds)), float(calm)))
