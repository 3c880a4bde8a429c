"""What a stream's caller is told where the node ends the stream: over a real connection, whatever is under way."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from prometheus_client import CollectorRegistry
from regulator.exchange.v1.event_service_pb2 import WatchEventsRequest, WatchEventsResponse
from regulator.exchange.v1.evidence_service_pb2 import Checkpoint, GetCheckpointRequest
from regulator.exchange.v1.journal_pb2 import JournalEntry
from regulator.exchange.v1.peer_service_pb2 import ExchangeRequest, ExchangeResponse, Hello, Position

from gateway.errors import NotAllowed
from gateway.journal.entries import CALL_RECORD, Entry
from gateway.metrics.instruments import Instruments
from gateway.rates import Rate
from gateway.rpc import rechecks
from gateway.rpc.guard import Guard
from gateway.rpc.intake import make_server
from gateway.rpc.journaling import Journaling
from gateway.rpc.quotas import SMALL_BYTES, UNREAD_AT_ONCE, Quota, Quotas

PEERS, EVENTS = "regulator.exchange.v1.PeerService", "regulator.exchange.v1.EventService"
EVIDENCE = "regulator.exchange.v1.EvidenceService"
SECONDS = 60
WATCHERS = 100  # of which some hang up in the moment in which an answer begins to be written
MORE_THAN_A_CONNECTION_TAKES = 4 * 2**20  # before its other end reads


class Writer:
    """Takes entries of the journal."""

    def __init__(self) -> None:
        self.steps: list[int] = []

    async def journal(self, *entries: Entry) -> None:
        self.steps += [each.step for each in entries]


class Caller:
    """Who calls, until it may no more."""

    def __init__(self) -> None:
        self.is_ended, self.is_admitted, self.is_refused = False, asyncio.Event(), asyncio.Event()
        self.asked = 0
        self._who = SimpleNamespace(identity="peer", caller=None)

    def admit(self, *_: object) -> SimpleNamespace:
        if self.is_ended:
            self.is_refused.set()
            raise NotAllowed("not any more")
        self.asked += 1
        self.is_admitted.set()
        return self._who


@pytest.fixture
def caller() -> Caller:
    return Caller()


@pytest.fixture
def writer() -> Writer:
    return Writer()


@pytest.fixture
def quotas() -> Quotas:
    return Quotas(lambda _: Quota(Rate(1e6, 1000), 10, 10), time.monotonic_ns)


@pytest.fixture
def guard(caller: Caller, writer: Any, quotas: Quotas) -> Guard:
    admission: Any = caller
    journaling = Journaling(writer, lambda *_: None)
    return Guard(admission, SECONDS, quotas, lambda _: 2**20, journaling, Instruments(CollectorRegistry()))


@asynccontextmanager
async def served(guard: Guard, service: str, method: str, handler: Any) -> AsyncIterator[grpc.aio.Channel]:
    """One method, served over a real connection."""
    server = make_server(guard.guarded, [], 10, lambda *_: None)
    server.add_registered_method_handlers(service, {method: handler})
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    options = [("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", -1)]
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options) as channel:
            yield channel
    finally:
        await server.stop(0)


async def test_a_stream_that_is_ended_while_an_answer_is_written_tells_so(guard: Guard):
    """Else its caller waits for ever: gRPC sends no status after a write that was broken off."""

    async def behaviour(_requests: object, _context: object) -> AsyncIterator[ExchangeResponse]:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().call_soon(task.cancel)
        yield ExchangeResponse(position=Position())
        await asyncio.Event().wait()

    handler = grpc.stream_stream_rpc_method_handler(
        behaviour, ExchangeRequest.FromString, ExchangeResponse.SerializeToString
    )
    async with served(guard, PEERS, "Exchange", handler) as channel:
        call = channel.stream_stream(f"/{PEERS}/Exchange")(timeout=SECONDS)
        assert ExchangeResponse.FromString(await call.read()).HasField("position")
        assert await call.code() == grpc.StatusCode.UNAVAILABLE


async def test_watchers_that_hang_up_while_answers_are_written_leave_no_error_behind(guard: Guard):
    """Else the log of a node tells of an error for some of them, and there is none."""
    errors: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    is_over = asyncio.Event()

    async def behaviour(_request: object, _context: object) -> AsyncIterator[WatchEventsResponse]:
        try:
            while True:
                yield WatchEventsResponse(cursor="1")
        finally:
            is_over.set()

    handler = grpc.unary_stream_rpc_method_handler(
        behaviour, WatchEventsRequest.FromString, WatchEventsResponse.SerializeToString
    )
    async with served(guard, EVENTS, "WatchEvents", handler) as channel, asyncio.timeout(SECONDS):
        for _ in range(WATCHERS):
            is_over.clear()
            call = channel.unary_stream(f"/{EVENTS}/WatchEvents")(b"")
            await call.read()
            call.cancel()
            await is_over.wait()
    gc.collect()  # what nobody asked a task for is told once it is gone
    assert errors == []


async def test_a_watcher_that_reads_late_and_may_no_more_is_told_so(guard: Guard, caller: Caller):
    """Likewise, of a stream of answers: an answer waits until there is room for it, and meanwhile the rights change."""
    large = WatchEventsResponse(cursor="x" * MORE_THAN_A_CONNECTION_TAKES)

    async def behaviour(_request: object, _context: object) -> AsyncIterator[WatchEventsResponse]:
        yield large
        await asyncio.Event().wait()

    def write(answer: WatchEventsResponse) -> bytes:
        caller.is_ended = True
        return answer.SerializeToString()

    handler = grpc.unary_stream_rpc_method_handler(behaviour, WatchEventsRequest.FromString, write)
    async with served(guard, EVENTS, "WatchEvents", handler) as channel:
        call = channel.unary_stream(f"/{EVENTS}/WatchEvents")(b"", timeout=SECONDS)
        async with asyncio.timeout(SECONDS):
            await caller.is_refused.wait()
        assert WatchEventsResponse.FromString(await call.read()) == large
        assert await call.code() == grpc.StatusCode.PERMISSION_DENIED


async def test_who_may_no_more_is_told_nothing_after_that_however_soon_it_comes(
    guard: Guard, caller: Caller, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rechecks, "RECHECK_SECONDS", 10 * SECONDS)  # it is asked with the message itself
    is_read = asyncio.Event()

    async def behaviour(_request: object, _context: object) -> AsyncIterator[WatchEventsResponse]:
        yield WatchEventsResponse(cursor="1")
        await is_read.wait()
        caller.is_ended = True
        yield WatchEventsResponse(cursor="2")

    handler = grpc.unary_stream_rpc_method_handler(
        behaviour, WatchEventsRequest.FromString, WatchEventsResponse.SerializeToString
    )
    async with served(guard, EVENTS, "WatchEvents", handler) as channel:
        call = channel.unary_stream(f"/{EVENTS}/WatchEvents")(b"", timeout=SECONDS)
        assert WatchEventsResponse.FromString(await call.read()).cursor == "1"
        is_read.set()
        assert await call.code() == grpc.StatusCode.PERMISSION_DENIED
        with pytest.raises(grpc.aio.AioRpcError):
            await call.read()


async def test_of_who_may_no_more_no_message_is_taken_however_soon_it_comes(
    guard: Guard, caller: Caller, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rechecks, "RECHECK_SECONDS", 10 * SECONDS)
    taken = []

    async def behaviour(requests: AsyncIterator[ExchangeRequest], _context: object) -> AsyncIterator[ExchangeResponse]:
        async for request in requests:
            taken.append(request.hello.size)
            yield ExchangeResponse(position=Position())

    handler = grpc.stream_stream_rpc_method_handler(
        behaviour, ExchangeRequest.FromString, ExchangeResponse.SerializeToString
    )
    async with served(guard, PEERS, "Exchange", handler) as channel:
        call = channel.stream_stream(f"/{PEERS}/Exchange")(timeout=SECONDS)
        await call.write(ExchangeRequest(hello=Hello(size=1)).SerializeToString())
        await call.read()
        caller.is_ended = True
        await call.write(ExchangeRequest(hello=Hello(size=2)).SerializeToString())
        assert await call.code() == grpc.StatusCode.PERMISSION_DENIED
    assert taken == [1]


async def checkpoint(_request: object, _context: object) -> Checkpoint:
    return Checkpoint()


@asynccontextmanager
async def asking(guard: Guard, behaviour: Any) -> AsyncIterator[Any]:
    """A call that is answered once, whose request comes when it is written: to gRPC it is a stream of one."""
    handler = grpc.unary_unary_rpc_method_handler(
        behaviour, GetCheckpointRequest.FromString, Checkpoint.SerializeToString
    )
    async with served(guard, EVIDENCE, "GetCheckpoint", handler) as channel:
        yield channel.stream_unary(f"/{EVIDENCE}/GetCheckpoint")(timeout=SECONDS)


async def test_a_request_that_comes_once_its_caller_may_no_more_is_not_carried_out(
    guard: Guard, caller: Caller, monkeypatch: pytest.MonkeyPatch
):
    """A caller that is about to lose its rights could begin as many as it likes, and send the rest when it likes."""
    monkeypatch.setattr(rechecks, "RECHECK_SECONDS", 0)
    carried_out = []

    async def behaviour(request: object, _context: object) -> Checkpoint:
        carried_out.append(request)
        return Checkpoint()

    async with asking(guard, behaviour) as call, asyncio.timeout(SECONDS):
        await caller.is_admitted.wait()
        caller.is_ended = True
        await call.write(b"")
        await call.done_writing()
        assert await call.code() == grpc.StatusCode.PERMISSION_DENIED
    assert carried_out == []


async def test_what_waits_for_the_writer_can_ask_for_its_caller_again(
    guard: Guard, caller: Caller, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rechecks, "RECHECK_SECONDS", 0)

    async def behaviour(_request: object, _context: object) -> Checkpoint:
        record = CALL_RECORD.get()
        assert record is not None
        assert record.ask is not None
        record.ask()
        caller.is_ended = True
        with pytest.raises(NotAllowed):
            record.ask()
        caller.is_ended = False
        return Checkpoint()

    async with asking(guard, behaviour) as call:
        await call.write(b"")
        await call.done_writing()
        assert await call.code() == grpc.StatusCode.OK


@pytest.mark.parametrize(("is_done", "code"), [(False, "PERMISSION_DENIED"), (True, "OK")])
async def test_who_may_no_more_is_told_no_answer_that_took_long_but_what_was_done(
    guard: Guard, caller: Caller, monkeypatch: pytest.MonkeyPatch, is_done, code
):
    monkeypatch.setattr(rechecks, "RECHECK_SECONDS", 0)

    async def behaviour(_request: object, _context: object) -> Checkpoint:
        record = CALL_RECORD.get()
        assert record is not None
        record.is_journaled = is_done  # as a commit does
        caller.is_ended = True
        return Checkpoint()

    async with asking(guard, behaviour) as call:
        await call.write(b"")
        await call.done_writing()
        assert await call.code() == getattr(grpc.StatusCode, code)


async def test_a_caller_is_asked_for_once_where_nothing_had_to_wait(
    guard: Guard, caller: Caller, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rechecks, "RECHECK_SECONDS", 10 * SECONDS)
    async with asking(guard, checkpoint) as call:
        await call.write(b"")
        await call.done_writing()
        assert await call.code() == grpc.StatusCode.OK
    assert caller.asked == 1


async def test_an_answer_for_which_there_is_no_room_is_not_told_as_answered(
    guard: Guard, writer: Writer, quotas: Quotas
):
    """So few large ones are there at once, also while the journal waits for a writer that stands still."""

    async def behaviour(_request: object, _context: object) -> Checkpoint:
        return Checkpoint(note=bytes(SMALL_BYTES + 1))

    for _ in range(UNREAD_AT_ONCE):
        quotas.take_answer("peer", SMALL_BYTES + 1)
    handler = grpc.unary_unary_rpc_method_handler(
        behaviour, GetCheckpointRequest.FromString, Checkpoint.SerializeToString
    )
    async with served(guard, EVIDENCE, "GetCheckpoint", handler) as channel:
        asking = channel.unary_unary(f"/{EVIDENCE}/GetCheckpoint")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await asking(b"", timeout=SECONDS)
        assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert writer.steps == [JournalEntry.REFUSED]
        quotas.give_back_answer("peer")
        await asking(b"", timeout=SECONDS)
        assert writer.steps == [JournalEntry.REFUSED, JournalEntry.ANSWERED]


@pytest.mark.parametrize("deadline", [None, SECONDS], ids=["no deadline", "one that is far away"])
@pytest.mark.parametrize("is_asked", [True, False], ids=["an answer that does not come", "a request that does not end"])
async def test_a_call_takes_no_longer_than_the_node_allows_whatever_its_caller_does(
    caller: Caller, writer: Any, quotas: Quotas, deadline: float | None, is_asked: bool
):
    """Else who never ends its request, or asks for what takes for ever, has a place of the listener for good."""
    admission: Any = caller
    journaling = Journaling(writer, lambda *_: None)
    guard = Guard(admission, 0.2, quotas, lambda _: 2**20, journaling, Instruments(CollectorRegistry()))
    is_over = asyncio.Event()

    async def behaviour(_request: GetCheckpointRequest, _context: object) -> Checkpoint:
        await is_over.wait()
        return Checkpoint()

    async def requests() -> AsyncIterator[bytes]:
        if is_asked:
            yield b""
        else:
            await is_over.wait()

    handler = grpc.unary_unary_rpc_method_handler(
        behaviour, GetCheckpointRequest.FromString, Checkpoint.SerializeToString
    )
    async with served(guard, EVIDENCE, "GetCheckpoint", handler) as channel, asyncio.timeout(SECONDS):
        call = channel.stream_unary(f"/{EVIDENCE}/GetCheckpoint")(requests(), timeout=deadline)
        assert await call.code() == grpc.StatusCode.UNAVAILABLE
        assert "the call took longer than 0.2 s" in await call.details()
        is_over.set()
