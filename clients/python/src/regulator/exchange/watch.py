"""The watch of the blocking client."""

import threading
from collections.abc import Callable, Iterator
from random import SystemRandom
from types import TracebackType
from typing import Protocol, Self

import grpc
from regulator.exchange.errors import from_rpc_error
from regulator.exchange.progress import Progress
from regulator.exchange.v1.event_service_pb2 import WatchEventsRequest, WatchEventsResponse


class Stream(Protocol):
    """The part of a gRPC call that a watch uses."""

    def __next__(self) -> WatchEventsResponse: ...

    def cancel(self) -> bool | None:
        """Ends the call."""


class Watch(Iterator[WatchEventsResponse]):
    """Every event after a cursor, in order, without gap or repeat; waits for the next one for as long as it takes.

    A stream that breaks is resumed after the last message given. A message without an event says that all events
    so far have been told; it comes again after each resumption. One thread reads; any thread may close, which ends
    the reader's loop.
    """

    def __init__(self, rpc: Callable[[WatchEventsRequest], Stream], progress: Progress) -> None:
        self._rpc = rpc
        self._progress = progress
        self._dice = SystemRandom().random
        self._stream: Stream | None = None  # set by the reader alone
        self._closed = threading.Event()
        self._lock = threading.Lock()  # a stream is either seen by close(), or not begun after it

    @property
    def cursor(self) -> str:
        """Where the last message stands. Kept by the caller, it is where a later watch goes on."""
        return self._progress.cursor

    def __next__(self) -> WatchEventsResponse:
        """The next message.

        Raises:
            ExchangeError: the node refuses the watch; it is closed then.
        """
        while stream := self._open():
            try:
                return self._progress.seen(next(stream))
            except StopIteration:
                self._pause(None)
            except grpc.RpcError as error:
                self._pause(error)
        raise StopIteration

    def close(self) -> None:
        """Ends the watch, from any thread; the reader's loop ends without an error."""
        with self._lock:
            self._closed.set()
            if self._stream:
                self._stream.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> Stream | None:
        """The stream in use, or a new one; None once the watch is closed."""
        with self._lock:
            if self._closed.is_set():
                return None
            self._stream = self._stream or self._rpc(self._progress.request())
            return self._stream

    def _pause(self, error: grpc.RpcError | None) -> None:
        self._stream = None
        if self._closed.is_set():
            return
        try:
            pause_seconds = self._progress.pause_seconds(from_rpc_error(error) if error else None, self._dice)
        except Exception:
            self._closed.set()
            raise
        self._closed.wait(pause_seconds)
