"""What handing a call to another process costs: ``python -m tests.benchmarks.handover``, for docs/adr/0010.

The cheapest form that such a thing could have: a local socket, frames with a length and a number, all that is ready in
one write, and at the other end a parse of the message. Microseconds of the processor a call, of both processes.
"""

import asyncio
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uvloop
from regulator.exchange.v1.notice_service_pb2 import CreateNoticeRequest

from tests.benchmarks import load
from tests.benchmarks.forms import CALLERS, MESSAGE_BYTES
from tests.benchmarks.samples import content, request

CALLS, ROUNDS = 20_000, 5
HEAD = struct.Struct(">II")  # length, number of the call
SPENT = struct.Struct(">Q")  # nanoseconds of the processor that the other process has used


class Frames(asyncio.Protocol):
    """One end: cuts what comes into frames, and writes what is to be sent once in each turn of the loop."""

    def __init__(self) -> None:
        self._received, self._to_send = bytearray(), list[bytes]()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        position = 0
        while len(self._received) - position >= HEAD.size:
            length, number = HEAD.unpack_from(self._received, position)
            end = position + HEAD.size + length
            if end > len(self._received):
                break
            self.take(number, bytes(self._received[position + HEAD.size : end]))
            position = end
        del self._received[:position]

    def take(self, number: int, frame: bytes) -> None:
        raise NotImplementedError

    def send(self, number: int, frame: bytes) -> None:
        if not self._to_send:
            asyncio.get_running_loop().call_soon(self._flush)
        self._to_send += (HEAD.pack(len(frame), number), frame)

    def _flush(self) -> None:
        self._transport.write(b"".join(self._to_send))
        self._to_send.clear()


class Behind(Frames):
    """The process that would write: reads the request and answers as many bytes; an empty one asks what it has used."""

    def take(self, number: int, frame: bytes) -> None:
        answer = frame and CreateNoticeRequest.FromString(frame).SerializeToString()
        self.send(number, answer or SPENT.pack(time.process_time_ns()))


class Before(Frames):
    """The process that would listen."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: dict[int, asyncio.Future[bytes]] = {}

    async def call(self, number: int, frame: bytes) -> bytes:
        answered = self._waiting[number] = asyncio.get_running_loop().create_future()
        self.send(number, frame)
        return await answered

    def take(self, number: int, frame: bytes) -> None:
        self._waiting.pop(number).set_result(frame)


async def measure(path: str, callers: int) -> float:
    """Microseconds a call, both processes."""
    _, before = await asyncio.get_running_loop().create_unix_connection(Before, path)
    message = request(content(MESSAGE_BYTES))

    async def call(number: int) -> None:
        CreateNoticeRequest.FromString(await before.call(number, message.SerializeToString()))

    async def used() -> int:
        return int(SPENT.unpack(await before.call(0, b""))[0]) + time.process_time_ns()

    await load.run(CALLS // 10, callers, call)
    began = await used()
    await load.run(CALLS, callers, call)
    return (await used() - began) / CALLS / 1000


async def behind(path: str) -> None:
    server = await asyncio.get_running_loop().create_unix_server(Behind, path)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await server.serve_forever()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "socket")
        command = [sys.executable, "-m", "tests.benchmarks.handover", path]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            for callers in (1, 8, CALLERS):
                micros = min(uvloop.run(measure(path, callers)) for _ in range(ROUNDS))
                sys.stdout.write(f"{callers:>4} callers: {micros:.1f} us a call\n")
            process.terminate()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        uvloop.run(behind(sys.argv[1]))
    else:
        main()
