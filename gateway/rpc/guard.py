"""The interceptor of both listeners: every call is admitted, decoded, bounded in time, and answered with a status.

A handler behind it takes a message or messages and returns or yields messages; it raises the node's errors.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Protocol

import grpc
from grpc_status import rpc_status

from gateway.errors import GatewayError, Unavailable
from gateway.rpc.admission import Admitted, Call
from gateway.rpc.decoding import decode
from gateway.rpc.rechecks import rechecked
from gateway.rpc.shares import Shares
from gateway.rpc.status import code_of, status_of

_log = logging.getLogger(__name__)

Context = Any
"""``grpc.aio.ServicerContext``, which takes type arguments only in its stubs."""


class Admission(Protocol):
    """Decides whether a call may be made."""

    def admit(self, call: Call, method: str) -> Admitted:
        """Gives who calls, or raises ``Unauthenticated`` or ``NotAllowed``; must not wait."""


class Guard(grpc.aio.ServerInterceptor):
    """Wraps every method of a listener.

    Args:
        admission: of this listener
        max_deadline_seconds: longest time of a call that answers once
        shares: what each caller may take of the listener
    """

    def __init__(self, admission: Admission, max_deadline_seconds: float, shares: Shares) -> None:
        self._admission, self._max_deadline_seconds, self._shares = admission, max_deadline_seconds, shares
        self._handlers: dict[str, Any] = {}  # by method, of those that exist

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Gives the method's handler with the guard around it."""
        method = str(handler_call_details.method)
        known = self._handlers.get(method)
        if known is None and (handler := await continuation(handler_call_details)):
            known = self._handlers[method] = self._guarded(method, handler)
        return known  # for None, gRPC answers UNIMPLEMENTED

    def _guarded(self, method: str, handler: Any) -> Any:
        make, wrap, behaviour = _shape(handler)
        read = _reader(handler.request_deserializer)
        return make(getattr(self, wrap)(method, behaviour, read), None, handler.response_serializer)

    # --- the four shapes of a method --------------------------------------------------------------------------------

    def _unary_unary(self, method: str, behaviour: Any, read: Any) -> Any:
        async def call(data: bytes, context: Context) -> Any:
            try:
                with self._admitted(method, context):
                    return await self._bounded(behaviour(read(data), context), context)
            except Exception as error:  # noqa: BLE001 - here and below: what a call ends with is told in one place
                await _refuse(method, context, error)

        return call

    def _stream_unary(self, method: str, behaviour: Any, read: Any) -> Any:
        async def call(chunks: AsyncIterator[bytes], context: Context) -> Any:
            try:
                async with self._open(method, context) as ask:
                    return await behaviour(_messages(chunks, read, ask), context)
            except Exception as error:  # noqa: BLE001
                await _refuse(method, context, error)

        return call

    def _unary_stream(self, method: str, behaviour: Any, read: Any) -> Any:
        async def call(data: bytes, context: Context) -> AsyncIterator[Any]:
            try:
                async with self._open(method, context) as ask:
                    async for message in behaviour(read(data), context):
                        ask()
                        yield message
            except Exception as error:  # noqa: BLE001
                await _refuse(method, context, error)

        return call

    def _stream_stream(self, method: str, behaviour: Any, read: Any) -> Any:
        async def call(chunks: AsyncIterator[bytes], context: Context) -> AsyncIterator[Any]:
            try:
                async with self._open(method, context) as ask:
                    async for message in behaviour(_messages(chunks, read, ask), context):
                        yield message
            except Exception as error:  # noqa: BLE001
                await _refuse(method, context, error)

        return call

    # --- what is around them ------------------------------------------------------------------------------------------

    @contextmanager
    def _admitted(self, method: str, context: Context) -> Iterator[Admitted]:
        """Admits a call, and counts it as long as it lasts."""
        admitted = self._admission.admit(context, method)
        self._shares.take(admitted.identity)
        try:
            yield admitted
        finally:
            self._shares.give_back(admitted.identity)

    @asynccontextmanager
    async def _open(self, method: str, context: Context) -> AsyncIterator[Callable[[], None]]:
        """Admits a stream; gives what asks for its caller again, which it does by itself when no message comes."""
        with self._admitted(method, context) as first:

            def ask() -> None:
                if self._admission.admit(context, method) != first:
                    raise Unavailable("what this caller may do has changed; call again")

            async with rechecked(ask):
                yield ask

    async def _bounded(self, answer: Awaitable[Any], context: Context) -> Any:
        """Bounds a call whose caller set no deadline, or one that is too far away; gRPC keeps to all others."""
        seconds = self._max_deadline_seconds
        if (asked := context.time_remaining()) is not None and asked <= seconds:
            return await answer
        try:
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError as error:
            raise Unavailable(f"the call took longer than {seconds:.3g} s; what became of it is unknown") from error


def _shape(handler: Any) -> tuple[Any, str, Any]:
    if handler.request_streaming and handler.response_streaming:
        return grpc.stream_stream_rpc_method_handler, "_stream_stream", handler.stream_stream
    if handler.request_streaming:
        return grpc.stream_unary_rpc_method_handler, "_stream_unary", handler.stream_unary
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler, "_unary_stream", handler.unary_stream
    return grpc.unary_unary_rpc_method_handler, "_unary_unary", handler.unary_unary


def _reader(deserializer: Any) -> Callable[[bytes], Any]:
    """Reads a request. gRPC's own answer to bytes that are none is INTERNAL, so the bytes come here unread."""
    kind = getattr(deserializer, "__self__", None)
    return (lambda data: decode(kind, data)) if isinstance(kind, type) else deserializer  # type: ignore[no-any-return]


async def _messages(chunks: AsyncIterator[bytes], read: Any, ask: Callable[[], None]) -> AsyncIterator[Any]:
    """The messages of a stream; whoever sends them is asked for again with each."""
    async for data in chunks:
        ask()
        yield read(data)


async def _refuse(method: str, context: Context, error: Exception) -> None:
    """Ends a call with the status of what was raised; what is no error of ours is told to the log alone."""
    if isinstance(error, grpc.aio.AbortError):  # its status is sent
        raise error
    if not isinstance(error, GatewayError):
        _log.error("%s failed", method, exc_info=error)
        error = GatewayError(type(error).__name__)
    _log.info("%s refused: %s (%s)", method, error.reason, code_of(error))
    await context.abort_with_status(rpc_status.to_status(status_of(error)))
