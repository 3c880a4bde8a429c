"""The dialling side of a channel: when it is told to end, it ends, whatever comes in the same moment."""

import asyncio
import gc
import weakref
from asyncio import InvalidStateError
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_status import rpc_status
from regulator.exchange.v1 import peer_service_pb2 as wire
from regulator.exchange.v1.peer_service_pb2_grpc import (
    PeerServiceServicer,
    PeerServiceStub,
    add_PeerServiceServicer_to_server,
)

from gateway.errors import GatewayError, Halted, PairingEnded, RemoteProtocolError
from gateway.link.dialling import Credentials, StreamOver, says_ended, why_over, words_logged, words_told
from gateway.link.link import Incoming, Link, _or_told
from gateway.questions.links import Links
from gateway.replicas import Alone
from gateway.rpc.status import status_of
from gateway.store.backlog import Backlog
from gateway.store.bulletin import Bulletin
from tests.store.exchanging import resources_of
from tests.store.stores import HK_TO_KR, Opened
from tests.support.ports import free_port

PATIENCE_SECONDS = 60  # a link that has missed its end dials for ever
DIALS = 9
NOBODY = Credentials(b"", b"", b"")


class Dialling:
    """A link to a peer that is away."""

    def __init__(self, store: Opened) -> None:
        self.links = Links()
        self.link = Link(
            replace(store.parties.peers["KR"], addresses=(f"127.0.0.1:{free_port()}",)),
            store.parties,
            lambda: NOBODY,
            resources_of(store),
            Bulletin(store.committer.latest(), Backlog({}, lambda: 0, lambda *_: None)),
            self.links,
            Alone(),
        )


@pytest.fixture
async def dialling(tmp_path: Path) -> AsyncIterator[Dialling]:
    store = Opened.create("HK", "sqlite:///node.db", tmp_path / "hk")
    yield Dialling(store)
    await store.close()


class Fallen:
    """A call that is over, as each part of the stream finds out for itself."""

    async def details(self) -> str:
        return ""

    async def trailing_metadata(self) -> grpc.aio.Metadata:
        return grpc.aio.Metadata()

    async def read(self) -> Any:
        raise InvalidStateError("it has ended")

    async def initial_metadata(self) -> Any:
        raise InvalidStateError("it has ended")

    async def write(self, _message: object) -> None:
        raise InvalidStateError("it has ended")

    async def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE

    def cancel(self) -> None:
        """Nothing is left to be cancelled."""


async def test_nothing_is_left_of_a_stream_of_which_two_parts_failed(dialling: Dialling, monkeypatch) -> None:
    call = Fallen()
    kept, calls = weakref.ref(call), [call]

    @asynccontextmanager
    async def dialled(*_: object) -> AsyncIterator[Fallen]:
        yield calls.pop()

    del call
    monkeypatch.setattr(Link, "_dialled", dialled)
    gc.disable()
    try:
        with suppress(InvalidStateError, GatewayError):
            await dialling.link._stream("127.0.0.1:1", await Alone().hold(HK_TO_KR))
        assert kept() is None
    finally:
        gc.enable()


async def test_whatever_ends_a_part_of_a_stream_ends_the_stream() -> None:
    async def falls() -> None:
        raise InvalidStateError("it has ended")

    inbox, over = asyncio.Queue[Incoming](), asyncio.Event()
    await _or_told(falls(), inbox, over)
    assert isinstance(inbox.get_nowait(), InvalidStateError)
    assert over.is_set()


async def test_a_stream_ends_when_the_link_is_cancelled_as_its_peer_speaks(dialling: Dialling) -> None:
    inbox = asyncio.Queue[Incoming]()
    waiting = asyncio.create_task(dialling.link._next(inbox))
    await asyncio.sleep(0)
    inbox.put_nowait(wire.Position())
    waiting.cancel()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(waiting, return_exceptions=True)
    assert waiting.cancelled()


@asynccontextmanager
async def serving(peer: PeerServiceServicer) -> AsyncIterator[int]:
    """Serves a peer; gives the port."""
    server, port = grpc.aio.server(), free_port()
    add_PeerServiceServicer_to_server(peer, server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(0)


class Ending(PeerServiceServicer):
    """A peer that ends each stream at once."""

    async def Exchange(self, request_iterator: object, context: Any) -> None:
        await context.abort(grpc.StatusCode.UNAVAILABLE, "the node is stopping")


async def test_a_stream_that_ended_while_something_was_committed_is_dialled_again_when_it_is_written_to(
    dialling: Dialling,
) -> None:
    """gRPC raises an ``InvalidStateError`` then, which would have ended the link for good."""
    async with serving(Ending()) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = PeerServiceStub(channel).Exchange()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await call.code()
        with pytest.raises(RemoteProtocolError, match="the peer ended the stream: UNAVAILABLE: the node is stopping"):
            await dialling.link._exchange(dialling.link._state(), call, asyncio.Queue(), asyncio.Event())


# --- a peer that breaks the protocol, each time ---------------------------------------------------------------------


class Answering(PeerServiceServicer):
    """A peer that answers each Hello with a Position, and ends the stream where that is to be taken."""

    def __init__(self, version: int) -> None:
        self._version = version

    async def Exchange(self, request_iterator: AsyncIterator[wire.ExchangeRequest], context: Any) -> Any:
        await anext(request_iterator)
        yield wire.ExchangeResponse(position=wire.Position(version=self._version))
        if self._version != 1:
            await anext(request_iterator, None)
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "BAD_PROOF: what\nthe peer says")


@pytest.mark.parametrize(
    ("version", "told", "logged"),
    [
        (7, "REMOTE_PROTOCOL_ERROR: version 7 was not offered", "REMOTE_PROTOCOL_ERROR: version 7 was not offered"),
        (1, "FAILED_PRECONDITION: BAD_PROOF: what\nthe peer says", "FAILED_PRECONDITION"),
    ],
    ids=["by its Position", "after it"],
)
async def test_a_peer_that_answers_and_breaks_the_protocol_each_time_is_dialled_less_often_and_told_once(
    dialling: Dialling,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    version: int,
    told: str,
    logged: str,
) -> None:
    """An answer alone is no stream that does: it would be dialled twenty times a second, with a line each."""
    waits: list[float] = []
    enough = asyncio.Event()

    async def pause(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == DIALS:
            enough.set()
        await asyncio.sleep(0)

    async with serving(Answering(version)) as port:

        @asynccontextmanager
        async def dialled(*_: object) -> AsyncIterator[Any]:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield PeerServiceStub(channel).Exchange()

        monkeypatch.setattr(dialling.link, "_dialled", dialled)
        monkeypatch.setattr(dialling.link, "_pause", pause)
        monkeypatch.setattr("random.uniform", lambda _, most: most)
        gc.collect()
        gc.disable()
        try:
            running = asyncio.create_task(dialling.link.run())
            async with asyncio.timeout(PATIENCE_SECONDS):
                await enough.wait()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            assert not [each for each in gc.get_objects() if isinstance(each, grpc.aio.StreamStreamCall)]
        finally:
            gc.enable()
    assert waits[:4] == [0.05, 0.1, 0.2, 0.4]
    assert told in dialling.links.of(HK_TO_KR).last_error
    lines = [record.__dict__["fields"]["error"] for record in caplog.records if record.msg == "stream_failed"]
    assert lines == [logged]


def test_that_a_peer_does_not_bear_pings_is_told_in_the_log() -> None:
    """Else its stream ends every few seconds, and no line says why."""
    calm = "GOAWAY received; Error code: 11; Debug Text: too_many_pings"
    parts = grpc.aio.Metadata(), grpc.aio.Metadata()
    code, named = grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE: too_many_pings"
    assert words_logged(grpc.aio.AioRpcError(code, *parts, calm)) == named
    assert words_logged(grpc.aio.AioRpcError(code, *parts, "as it says")) == code.name
    assert words_logged(StreamOver.told(code, calm)) == named


# --- a peer that has ended the pairing ------------------------------------------------------------------------------


def trailing(error: GatewayError) -> grpc.aio.Metadata:
    return grpc.aio.Metadata(*rpc_status.to_status(status_of(error)).trailing_metadata)


class Over:
    """A call that is over, with a status."""

    def __init__(self, code: grpc.StatusCode, metadata: grpc.aio.Metadata) -> None:
        self._code, self._metadata = code, metadata

    async def code(self) -> grpc.StatusCode:
        return self._code

    async def details(self) -> str:
        return "what the peer says"

    async def trailing_metadata(self) -> grpc.aio.Metadata:
        return self._metadata


REFUSING = PairingEnded("the pairing with KR ended", peer="KR")


@pytest.mark.parametrize(
    ("metadata", "ended"),
    [
        (trailing(REFUSING), True),
        (trailing(Halted("it has halted")), False),
        (grpc.aio.Metadata(), False),
        (grpc.aio.Metadata(("grpc-status-details-bin", b"\xff\xff nonsense")), False),
        (grpc.aio.Metadata(("grpc-status-details-bin", "nonsense")), False),
    ],
)
async def test_a_peer_that_has_ended_the_pairing_is_known_by_the_reason_it_gives(
    metadata: grpc.aio.Metadata, ended: bool
) -> None:
    code = grpc.StatusCode.FAILED_PRECONDITION
    assert says_ended(grpc.aio.AioRpcError(code, grpc.aio.Metadata(), metadata, "")) is ended
    over = await why_over(Over(code, metadata))
    assert says_ended(over) is ended
    assert words_told(over) == "the peer ended the stream: FAILED_PRECONDITION: what the peer says"
    assert words_logged(over) == "FAILED_PRECONDITION", "the peer's words are not for the log"
