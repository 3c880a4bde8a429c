"""A line between two nodes that can be made bad: a TCP proxy that delays, throttles, stalls, cuts and refuses.

It reads nothing of what passes but the lengths of TLS records, so that a connection can be cut within one.
"""

import asyncio
import math
import socket
import struct
import threading
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Self

from tests.support.nodes import Site, pair
from tests.support.ports import free_port

HEADER = struct.Struct("!BHH")  # of a TLS record: type, version, length (RFC 8446, section 5.1)
CHUNK_BYTES = 16 * 1024
CHUNKS_HELD = 4096  # on their way in one direction; beyond, who sends must wait
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing discards what waits, and tells so


Held = asyncio.Queue[tuple[float, bytes | OSError]]
"""What is on its way, and when it is due; last, that there is no more, or why."""


class Way(Enum):
    """Of bytes on a connection."""

    THERE = "from who dialled"
    BACK = "to who dialled"


@dataclass(frozen=True, slots=True)
class Line:
    """How the line is.

    Attributes:
        delay_seconds: that each byte is on its way
        bytes_per_second: that pass in each way
        stalled: ways in which nothing passes, not even that a connection is closed; what is sent waits
        refuses: whether new connections are reset at once
    """

    delay_seconds: float = 0.0
    bytes_per_second: float = math.inf
    stalled: frozenset[Way] = frozenset()
    refuses: bool = False


GOOD = Line()
DEAD = Line(stalled=frozenset(Way), refuses=False)


class Records:
    """Follows the records of a stream; finds where to cut."""

    def __init__(self) -> None:
        self._passed = 0  # bytes of the stream
        self._next = 0  # where the next record begins
        self._header = b""

    def pass_on(self, chunk: bytes, at_least: int | None) -> int | None:
        """Gives the place in the stream amid the first record that begins in the chunk and is so long, if any is."""
        found, end = None, self._passed + len(chunk)
        while self._next < end:
            wanted = HEADER.size - len(self._header)
            start = self._next + len(self._header) - self._passed
            self._header += chunk[start : start + wanted]
            if len(self._header) < HEADER.size:
                break
            length = HEADER.unpack(self._header)[2]
            if found is None and at_least is not None and length >= at_least:
                found = self._next + HEADER.size + length // 2
            self._next += HEADER.size + length
            self._header = b""
        self._passed = end
        return found


class Proxy:
    """Passes on what comes to ``port``. How the line is may be changed at any time, from any thread.

    Attributes:
        port: to dial
        dialled: connections so far
        passed: bytes so far, by way
        cuts: connections that were cut within a record
    """

    def __init__(self, upstream_port: int) -> None:
        self.port, self.dialled, self.cuts = free_port(), 0, 0
        self.passed: Counter[Way] = Counter()
        self._upstream_port = upstream_port
        self._line = GOOD
        self._cut: dict[Way, int] = {}  # the next record in this way that is at least so long is cut
        self._open: list[tuple[asyncio.StreamWriter, ...]] = []  # the ends of each connection
        self._running: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy of {upstream_port}")

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def connected(self) -> int:
        """How many connections pass through now."""
        return len(self._open)

    def become(self, line: Line) -> None:
        """Makes the line so, for open connections too."""
        self._do(self._change(line))

    def heal(self) -> None:
        """Makes the line good; what waited goes on."""
        self.become(GOOD)

    def reset(self) -> None:
        """Resets all open connections."""
        self._do(self._reset_all())

    def cut_within(self, way: Way, at_least: int) -> None:
        """Resets the connection that next sends a record of at least so many bytes, once half of it has passed."""
        self._cut[way] = at_least

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    # --- on the proxy's own loop ------------------------------------------------------------------------------------

    async def _start(self) -> None:
        self._changed = asyncio.Event()
        self._server = await asyncio.start_server(self._take, "127.0.0.1", self.port)

    async def _stop(self) -> None:
        self._server.close()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._reset_all()

    async def _change(self, line: Line) -> None:
        self._line = line
        self._changed.set()
        self._changed = asyncio.Event()

    async def _reset_all(self) -> None:
        for ends in list(self._open):
            self._reset(*ends)

    def _reset(self, *ends: asyncio.StreamWriter) -> None:
        self._open = [each for each in self._open if each != ends]
        for writer in ends:
            with suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        self.dialled += 1
        try:
            if self._line.refuses:
                self._reset(writer)
            else:
                await self._connect(reader, writer)
        except asyncio.CancelledError:
            pass  # the proxy stops
        finally:
            self._running.discard(task)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Dials on once the first bytes would have arrived, and passes on both ways until an end has gone."""
        self._open.append((writer,))
        try:
            async with asyncio.TaskGroup() as tasks:
                sent = Held(CHUNKS_HELD)
                tasks.create_task(self._read(reader, sent))
                await asyncio.sleep(self._line.delay_seconds)
                up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._upstream_port)
                self._open[self._open.index((writer,))] = (writer, up_writer)
                answered = Held(CHUNKS_HELD)
                tasks.create_task(self._read(up_reader, answered))
                tasks.create_task(self._write(Way.THERE, up_writer, sent))
                tasks.create_task(self._write(Way.BACK, writer, answered))
        except* OSError:
            pass  # an end has gone, or a cut: both go
        finally:
            for ends in [each for each in self._open if each[0] is writer]:
                self._reset(*ends)

    async def _read(self, reader: asyncio.StreamReader, held: Held) -> None:
        chunk: bytes | OSError = b"."
        while chunk and isinstance(chunk, bytes):
            try:
                chunk = await reader.read(CHUNK_BYTES)
            except OSError as error:
                chunk = error
            await held.put((self._loop.time() + self._line.delay_seconds, chunk))

    async def _write(self, way: Way, writer: asyncio.StreamWriter, held: Held) -> None:
        records, written, cut_at = Records(), 0, None
        while True:
            due, chunk = await held.get()
            await asyncio.sleep(max(0.0, due - self._loop.time()))
            while way in self._line.stalled:
                await self._changed.wait()
            if isinstance(chunk, OSError):
                raise chunk
            if not chunk:
                writer.write_eof()
                return
            if cut_at is None:
                cut_at = records.pass_on(chunk, self._cut.get(way))
                if cut_at is not None:
                    del self._cut[way]
            rest = chunk if cut_at is None else chunk[: cut_at - written]
            writer.write(rest)
            await writer.drain()
            written += len(chunk)
            self.passed[way] += len(rest)
            if cut_at is not None and written >= cut_at:
                self.cuts += 1
                await asyncio.sleep(0.01)  # for the half to arrive before the reset
                raise ConnectionResetError
            await asyncio.sleep(len(chunk) / self._line.bytes_per_second)


@dataclass(frozen=True, slots=True)
class Between:
    """Two sites, and the lines on which each is dialled by the other."""

    one: Site
    other: Site
    to_one: Proxy
    to_other: Proxy

    @property
    def lines(self) -> tuple[Proxy, Proxy]:
        return self.to_one, self.to_other


@contextmanager
def founded_behind_proxies(path: Path, **changes: str) -> Iterator[Between]:
    """Hong Kong and Korea, founded and paired, not started; each dials the other through a proxy."""
    sites = [Site("HK", path / "hk").found(**changes), Site("KR", path / "kr").found(**changes)]
    with ExitStack() as stack:
        lines = [stack.enter_context(Proxy(site.peer_port)) for site in sites]
        for site, line in zip(sites, lines, strict=True):
            text = site.home.config_file.read_text()
            site.home.config_file.write_text(
                text.replace("[peer]\n", f'[peer]\nadvertise = ["127.0.0.1:{line.port}"]\n')
            )
        pair(*sites)
        yield Between(*sites, *lines)
