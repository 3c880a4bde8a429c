"""A gRPC server whose calls are taken from gRPC's core by a loop of our own, one a method.

grpc.aio (1.85.3, ``AioServer._server_main_loop``) takes all calls in one loop. It decodes the name of a method that is
not registered as UTF-8, and ends, and with it the listener, where that fails: one byte, from anybody whose handshake
succeeds. It also goes through all that it waits for at every call, which costs more with each method. Here every method
is registered and waited for apart, and a call of any other one is refused without a look at its name.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Any, cast

import grpc
from grpc._cython import cygrpc
from grpc.aio import _server
from grpc_status import rpc_status

from gateway.errors import GatewayError, NotServed, Overloaded
from gateway.logs import Log
from gateway.rpc.status import status_of

Around = Callable[[str, Any], Any]
"""Takes the full path of a method and its handler, and gives the handler that serves it, whose requests are a stream.
An interceptor of gRPC, which could do the same, is asked at every call."""

Refused = Callable[[Mapping[str, Any], GatewayError], None]
"""Takes gRPC's ``auth_context()`` and why a call is refused."""

# ruff: noqa: SLF001 - there is no public place where a call can be taken out of gRPC's loop

_log = Log(__name__)

AFTERWARDS: ContextVar[list[Callable[[], None]]] = ContextVar("afterwards")
"""What is done once the call that is served now is over, and its answer sent. gRPC's own list holds each call in a
cycle, which only the garbage collector finds."""


class _Core(cygrpc.AioServer):  # type: ignore[misc]
    """gRPC's loop, which is left to wait for tasks that end only when the server stops."""

    def __init__(
        self,
        around: Around,
        options: list[tuple[str, int]],
        max_calls: int,
        on_refused: Refused,
    ) -> None:
        self._working_loop = cygrpc.get_working_loop()
        super().__init__(self._working_loop, None, (), (), options, None)
        self._around, self._max_calls, self._on_refused = around, max_calls, on_refused
        self._handlers: dict[bytes, Any] = {}  # by method
        self._under_way = set[asyncio.Task[None]]()

    def add_registered_method_handlers(self, handlers: dict[str, Any]) -> None:
        self._handlers |= {method.encode(): self._around(method, handler) for method, handler in handlers.items()}
        super().add_registered_method_handlers(handlers)

    def _make_request_call_future(self, method: bytes | None) -> asyncio.Task[None]:
        """A task that takes the calls of a method; None: those of every method that is not served."""
        task: asyncio.Task[None] = self._working_loop.create_task(self._take(method) if method else self._take_strays())
        return task

    async def _take(self, method: bytes) -> None:
        name, handler = method.decode(), self._handlers[method]
        # gRPC's way there, _handle_rpc, looks for the handler at every call, and decodes all metadata for that.
        serve = cygrpc._handle_stream_stream_rpc if handler.response_streaming else cygrpc._handle_stream_unary_rpc
        while True:
            state = await self._request_registered_call(method)
            if len(self._under_way) < self._max_calls:
                self._begin(serve(handler, state, self._working_loop), state, name)
            else:
                full = f"at most {self._max_calls} calls may be under way at once"
                self._refuse(state, Overloaded(full, limit="max_concurrent_calls"))

    async def _take_strays(self) -> None:
        while True:
            self._refuse(await self._request_call(), NotServed("there is no such method here"))

    def _refuse(self, state: Any, error: GatewayError) -> None:
        context = cygrpc._ServicerContext(state, None, None, self._working_loop)
        try:
            self._on_refused(context.auth_context(), error)
        except Exception as defect:  # noqa: BLE001 - whatever it is, it must not end the loop that takes calls
            _log.defect("refusal_not_told", defect)
        self._begin(context.abort_with_status(rpc_status.to_status(status_of(error))), state, "")

    def _begin(self, handled: Coroutine[Any, Any, None], state: Any, name: str) -> None:
        """Carries out a call as gRPC does: who hangs up is noticed, and what is raised goes no further."""
        afterwards: list[Callable[[], None]] = []
        context = copy_context()
        context.run(AFTERWARDS.set, afterwards)
        carried_out = cygrpc._schedule_rpc_coro(handled, state, self._working_loop, name)
        task = self._working_loop.create_task(carried_out, context=context)
        self._under_way.add(task)
        task.add_done_callback(partial(self._ended, afterwards))

    def _ended(self, afterwards: list[Callable[[], None]], task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        for each in afterwards:
            each()


class _Server(_server.Server):
    """``grpc.aio.server`` with that core."""

    def __init__(self, core: _Core) -> None:
        self._loop, self._server = core._working_loop, core


def make_server(
    around: Around,
    options: list[tuple[str, int]],
    max_calls: int,
    on_refused: Refused,
) -> grpc.aio.Server:
    """Makes a server, to which methods can be added by registering them alone.

    Args:
        around: what is put around every method
        options: of gRPC
        max_calls: under way at once; more are refused as ``Overloaded``
        on_refused: is told of each call that is refused here; must not wait
    """
    return cast("grpc.aio.Server", _Server(_Core(around, options, max_calls, on_refused)))
