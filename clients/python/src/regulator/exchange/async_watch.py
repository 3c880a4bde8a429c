"""The watch of the asyncio client."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from random import SystemRandom
from types import TracebackType
from typing import Protocol, Self

from grpc import aio
from regulator.exchange.errors import from_rpc_error
from regulator.exchange.progress import Progress
from regulator.exchange.tasks import is_cancelled, wait_at_most
from regulator.exchange.v1.event_service_pb2 import WatchEventsRequest, WatchEventsResponse


class AsyncStream(Protocol):
    """The part of a gRPC call that a watch uses."""

    async def read(self) -> object:
        """The next message, or ``aio.EOF``."""

    def cancel(self) -> bool:
        """Ends the call."""


class AsyncWatch(AsyncIterator[WatchEventsResponse]):
    """Every event after a cursor, in order, without gap or repeat; waits for the next one for as long as it takes.

    A stream that breaks is resumed after the last message given. A message without an event says that all events
    so far have been told; it comes again after each resumption. One task reads; any task of the loop may close,
    which ends the reader's loop. A reader that is cancelled while it waits (``asyncio.timeout``) may read on later.
    """

    def __init__(self, rpc: Callable[[WatchEventsRequest], Awaitable[AsyncStream]], progress: Progress) -> None:
        self._rpc = rpc
        self._progress = progress
        self._dice = SystemRandom().random
        self._stream: AsyncStream | None = None
        self._closed = asyncio.Event()

    @property
    def cursor(self) -> str:
        """Where the last message stands. Kept by the caller, it is where a later watch goes on."""
        return self._progress.cursor

    async def __anext__(self) -> WatchEventsResponse:
        """The next message.

        Raises:
            ExchangeError: the node refuses the watch; it is closed then.
        """
        while not self._closed.is_set():
            try:
                response = await self._read()
                if isinstance(response, WatchEventsResponse):
                    return self._progress.seen(response)
                await self._pause(None)
            except aio.AioRpcError as error:
                await self._pause(error)
        raise StopAsyncIteration

    async def close(self) -> None:
        """Ends the watch; the reader's loop ends without an error."""
        self._closed.set()
        if self._stream:
            self._stream.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _read(self) -> object:
        """What the stream in use, or a new one, gives: a message, or ``aio.EOF``."""
        if self._stream is None:
            self._stream = await self._rpc(self._progress.request())
        if self._closed.is_set():  # while the stream was begun
            self._stream.cancel()
        try:
            return await self._stream.read()
        except asyncio.CancelledError:
            self._stream = None  # gRPC ends a stream whose reader is cancelled
            if self._closed.is_set() and not is_cancelled():
                return aio.EOF
            raise

    async def _pause(self, error: aio.AioRpcError | None) -> None:
        self._stream = None
        if self._closed.is_set():
            return
        try:
            pause_seconds = self._progress.pause_seconds(from_rpc_error(error) if error else None, self._dice)
        except Exception:
            self._closed.set()
            raise
        await wait_at_most(self._closed, pause_seconds)
