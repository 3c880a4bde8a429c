"""What stands around every method of both listeners: each call is admitted, decoded, bounded, journaled and answered.

A handler behind it takes a message or messages and returns or yields messages; it raises the node's errors.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, nullcontext
from functools import partial
from typing import Any, Protocol

import grpc
from google.rpc.code_pb2 import Code
from grpc_status import rpc_status

from gateway.errors import BadInput, GatewayError, Unavailable
from gateway.journal.entries import CALL_RECORD, CallRecord
from gateway.logs import Log
from gateway.metrics.instruments import OK, Instruments, Measured, MethodCalls
from gateway.rpc.admission import Admitted, Call
from gateway.rpc.ahead import IN_HAND
from gateway.rpc.decoding import decode
from gateway.rpc.intake import AFTERWARDS
from gateway.rpc.journaling import UNTOLD, Journaling, admitted, asked, batches
from gateway.rpc.quotas import SMALL_BYTES, Quotas, calls_of
from gateway.rpc.rechecks import now_and_then, rechecked
from gateway.rpc.sending import send_to_its_end
from gateway.rpc.sizes import check_size, is_bulk, is_heavy
from gateway.rpc.status import code_of, reason_of, status_of
from gateway.telemetry.contexts import TRACEPARENT, parsed
from gateway.telemetry.tracing import OFF, Tracing, refused

_log = Log(__name__)

_FAULTS = frozenset({Code.INTERNAL, Code.UNAVAILABLE, Code.UNKNOWN, Code.DEADLINE_EXCEEDED})
"""Codes that say that the node, and not its caller, did not do its part."""

Context = Any
"""``grpc.aio.ServicerContext``, which takes type arguments only in its stubs."""


class Admission(Protocol):
    """Decides whether a call may be made."""

    def admit(self, call: Call, method: str) -> Admitted:
        """Gives who calls, or raises ``Unauthenticated`` or ``NotAllowed``; must not wait."""


class Guard:
    """Wraps every method of a listener.

    Args:
        admission: of this listener
        max_deadline_seconds: longest time of a call that answers once
        quotas: what each caller may take of the listener
        most_bytes: gives the bound of a message, by method
        journaling: makes entries of calls
        instruments: count them
        tracing: makes spans of calls that are answered once
    """

    def __init__(
        self,
        admission: Admission,
        max_deadline_seconds: float,
        quotas: Quotas,
        most_bytes: Callable[[str], int],
        journaling: Journaling,
        instruments: Instruments,
        tracing: Tracing = OFF,
    ) -> None:
        self._admission, self._max_deadline_seconds, self._quotas = admission, max_deadline_seconds, quotas
        self._most_bytes, self._journaling, self._instruments = most_bytes, journaling, instruments
        self._tracing = tracing

    def guarded(self, method: str, handler: Any) -> Any:
        """Gives a method's handler with the guard around it."""
        make, wrap, behaviour = _shape(handler)
        read = _reader(handler.request_deserializer, self._most_bytes(method))
        calls = self._instruments.calls_of(method, answers_once=not handler.response_streaming)
        call = getattr(self, wrap)(method, calls, behaviour, read, handler.response_serializer)
        if self._tracing.is_on and not handler.response_streaming and not method.startswith(UNTOLD):
            call = _traced(self._tracing, method, call)
        return make(call, None, None)

    # --- the four shapes of a method --------------------------------------------------------------------------------

    def _unary_unary(self, method: str, calls: MethodCalls, behaviour: Any, read: Any, write: Any) -> Any:
        async def call(_arriving: object, context: Context) -> Any:
            shown, measured = _shown(context), _measured(calls)
            record = self._journaling.begin(shown.session, method)
            try:
                first = self._admit(record, shown)
                ask = now_and_then(partial(self._ask_again, record, shown, first))
                answer = self._answer(record, first.identity, behaviour, read, write, ask, context)
                return measured.answered(await self._bounded(answer, context))
            except Exception as error:  # noqa: BLE001 - here and below: what a call ends with is told in one place
                await self._refuse(record, measured, context, error)

        return call

    def _stream_unary(self, method: str, calls: MethodCalls, behaviour: Any, read: Any, write: Any) -> Any:
        taken = self._bulk if is_bulk(method) else self._messages

        async def call(chunks: AsyncIterator[bytes], context: Context) -> Any:
            shown, measured = _shown(context), _measured(calls)
            record = self._journaling.begin(shown.session, method)
            try:
                async with (
                    self._open(record, shown) as (caller, ask),
                    aclosing(taken(caller, chunks, read, ask)) as messages,
                ):
                    answer = await behaviour(messages, context)
                    await self._journaling.answered(record, answer)
                    return measured.answered(write(answer))
            except Exception as error:  # noqa: BLE001
                await self._refuse(record, measured, context, error)

        return call

    def _unary_stream(self, method: str, calls: MethodCalls, behaviour: Any, read: Any, write: Any) -> Any:
        async def call(_arriving: object, context: Context) -> None:
            shown, measured = _shown(context), _measured(calls)
            record = self._journaling.begin(shown.session, method)
            try:
                async with self._open(record, shown) as (caller, ask):
                    data = await self._bounded(self._request(caller, context), context)
                    request = read(data)
                    asked(record, request)
                    await self._journaling.opened(record)
                    async with aclosing(batches(behaviour(request, context))) as parts:
                        async for part in parts:
                            await self._journaling.told(record, part)
                            for message in part:
                                ask()
                                await send_to_its_end(write(message), context)
                measured.code = OK
            except Exception as error:  # noqa: BLE001
                await self._refuse(record, measured, context, error)

        return call

    def _stream_stream(self, method: str, calls: MethodCalls, behaviour: Any, read: Any, write: Any) -> Any:
        taken = self._bulk if is_bulk(method) else self._messages

        async def call(chunks: AsyncIterator[bytes], context: Context) -> None:
            shown, measured = _shown(context), _measured(calls)
            record = self._journaling.begin(shown.session, method)
            try:
                async with (
                    self._open(record, shown) as (caller, ask),
                    aclosing(taken(caller, chunks, read, ask)) as messages,
                ):
                    await self._journaling.opened(record)
                    CALL_RECORD.set(None)  # what follows is the node's own work: a channel's logs tell of it
                    async with aclosing(behaviour(messages, context)) as answers:
                        async for message in answers:
                            await send_to_its_end(write(message), context)
                measured.code = OK
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if context.cancelled() or task is None:
                    raise  # the caller has gone
                task.uncancel()
                await self._refuse(record, measured, context, Unavailable("the stream was ended here; call again"))
            except Exception as error:  # noqa: BLE001
                await self._refuse(record, measured, context, error)

        return call

    # --- what is around them ------------------------------------------------------------------------------------------

    def _admit(self, record: CallRecord, shown: Call, *, stream: bool = False) -> Admitted:
        """Admits a call, and counts it until it is over; gives who calls."""
        who = self._admission.admit(shown, record.method)
        admitted(record, who)
        self._quotas.take(who.identity, stream=stream)
        AFTERWARDS.get().append(partial(self._quotas.give_back, who.identity, stream=stream))
        return who

    @asynccontextmanager
    async def _open(self, record: CallRecord, shown: Call) -> AsyncIterator[tuple[str, Callable[[], None]]]:
        """Admits a stream; gives its caller, and what asks for it again, which happens also when no message comes."""
        first = self._admit(record, shown, stream=True)
        ask = partial(self._ask_again, record, shown, first)
        async with rechecked(ask):
            yield first.identity, ask

    def _ask_again(self, record: CallRecord, shown: Call, first: Admitted) -> None:
        if self._admission.admit(shown, record.method) != first:
            raise Unavailable("what this caller may do has changed; call again")

    def _to_be_sent(self, caller: str, data: bytes) -> bytes:
        """Counts an answer until its caller has read it."""
        if self._quotas.take_answer(caller, len(data)):
            AFTERWARDS.get().append(partial(self._quotas.give_back_answer, caller))
        return data

    async def _request(self, caller: str, context: Context) -> bytes:
        """The one message of a request, however long it takes to arrive."""
        async with self._quotas.arriving(caller):
            data = await context.read()
        if data is grpc.aio.EOF:
            raise BadInput.of("request", "must be there, and the call ended without one")
        if more := calls_of(len(data)) - 1:
            self._quotas.charge(caller, more)
        return bytes(data)

    async def _answer(
        self,
        record: CallRecord,
        caller: str,
        behaviour: Any,
        read: Any,
        write: Any,
        ask: Callable[[], None],
        context: Context,
    ) -> bytes:
        """``ask``: for the caller again. A request may take a minute to arrive, and an answer as long to be found."""
        data = await self._request(caller, context)
        is_light = len(data) <= SMALL_BYTES and not is_heavy(record.method)
        async with nullcontext() if is_light else self._quotas.large(caller):
            ask()
            record.ask = ask  # when it is the turn of what it wants written, too
            request = read(data)
            asked(record, request)
            answer = await behaviour(request, context)
            if not record.is_journaled:  # else it is done, and told so
                ask()
            data = self._to_be_sent(caller, write(answer))  # before it is told: what is refused here is not answered
            await self._journaling.answered(record, answer)
            return data

    async def _messages(
        self, caller: str, chunks: AsyncIterator[bytes], read: Any, ask: Callable[[], None]
    ) -> AsyncGenerator[Any, None]:
        """The messages of a stream, as fast as its caller may send; who that is is asked for again with each.

        It must be closed: what is in hand is then given back, and not when the collector finds it.
        """
        async for data in chunks:
            if pause_seconds := self._quotas.charge(caller, calls_of(len(data))):
                await asyncio.sleep(pause_seconds)
            ask()
            async with AsyncExitStack() as in_hand:
                if len(data) > SMALL_BYTES:
                    await in_hand.enter_async_context(self._quotas.large(caller))
                IN_HAND.set(in_hand)
                yield read(data)
            del data  # its caller may take its time to send the next one

    async def _bulk(
        self, caller: str, chunks: AsyncIterator[bytes], read: Any, ask: Callable[[], None]
    ) -> AsyncGenerator[Any, None]:
        """Likewise, of messages that are bytes of files: each counts as one call, and few of all files are in hand."""
        async for data in chunks:
            if pause_seconds := self._quotas.charge(caller, 1):
                await asyncio.sleep(pause_seconds)
            ask()
            yield read(data)
            del data

    async def _bounded(self, answer: Awaitable[Any], context: Context) -> Any:
        """Bounds a call whose caller set no deadline, or one that is too far away; gRPC keeps to all others."""
        seconds = self._max_deadline_seconds
        if (left := context.time_remaining()) is not None and left <= seconds:
            return await answer
        try:
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError as error:
            raise Unavailable(f"the call took longer than {seconds:.3g} s; what became of it is unknown") from error

    async def _refuse(self, record: CallRecord, measured: Measured, context: Context, error: Exception) -> None:
        """Ends a call with the status of what was raised; what is no error of ours is told to the log alone."""
        if isinstance(error, grpc.aio.AbortError):  # its status is sent
            raise error
        if not isinstance(error, GatewayError):
            _log.defect("call_failed", error, method=record.method, client=record.requester.client)
            error = GatewayError(type(error).__name__)
        else:
            _tell(record, error)
        measured.code = Code.Name(code_of(error))
        refused(measured.code, reason_of(error), is_ours=code_of(error) in _FAULTS)
        # These hold the request, and the caller may take its time to read the answer.
        error.__traceback__ = error.__cause__ = error.__context__ = None
        await self._journaling.refused(record, error)
        await context.abort_with_status(rpc_status.to_status(status_of(error)))


def _tell(record: CallRecord, error: GatewayError) -> None:
    fields = {"method": record.method, "client": record.requester.client, "reason": error.reason}
    if (code := code_of(error)) == Code.INTERNAL:
        _log.error("call_failed", **fields, error=error.message)
    else:
        _log.info("call_refused", **fields, code=Code.Name(code))


def _measured(calls: MethodCalls) -> Measured:
    """Begins to measure a call; it ends once its answer is sent."""
    measured = calls.begin()
    AFTERWARDS.get().append(measured.end)
    return measured


def _traced(tracing: Tracing, method: str, call: Any) -> Any:
    async def traced(arriving: object, context: Context) -> Any:
        sent = [value for key, value in context.invocation_metadata() or () if key == TRACEPARENT]
        with tracing.call(method, parsed(sent[-1]) if sent else None):
            return await call(arriving, context)

    return traced


def _shown(context: Context) -> Call:
    return Call(context.auth_context(), context.invocation_metadata() or ())


def _shape(handler: Any) -> tuple[Any, str, Any]:
    """How gRPC is to make a handler, what goes around the method, and the method itself.

    On the wire a request of one message is a stream of one. It is taken as such: gRPC would wait for all of it, without
    any bound, before it shows the call to anybody.
    """
    if handler.request_streaming and handler.response_streaming:
        return grpc.stream_stream_rpc_method_handler, "_stream_stream", handler.stream_stream
    if handler.request_streaming:
        return grpc.stream_unary_rpc_method_handler, "_stream_unary", handler.stream_unary
    if handler.response_streaming:
        return grpc.stream_stream_rpc_method_handler, "_unary_stream", handler.unary_stream
    return grpc.stream_unary_rpc_method_handler, "_unary_unary", handler.unary_unary


def _reader(deserializer: Any, most_bytes: int) -> Callable[[bytes], Any]:
    """Reads a request. gRPC's own answer to bytes that are none is INTERNAL, so the bytes come here unread."""
    kind = deserializer.__self__

    def read(data: bytes) -> Any:
        check_size(data, most_bytes)
        return decode(kind, data)

    return read
