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
from regulator.exchange.v1 import peer_service_pb2 as wire
from regulator.exchange.v1.peer_service_pb2_grpc import (
    PeerServiceServicer,
    PeerServiceStub,
    add_PeerServiceServicer_to_server,
)

from gateway.errors import GatewayError, RemoteProtocolError
from gateway.identity.certificates import to_pem
from gateway.identity.names import NodeId
from gateway.identity.profiles import AuthorityKind
from gateway.link import Credentials, Incoming, Link, _or_told
from gateway.questions import links
from gateway.replicas import Alone
from gateway.store.backlog import Backlog
from gateway.store.bulletin import Bulletin
from tests.store.exchanging import shared_store
from tests.store.stores import HK_TO_KR, Opened
from tests.support.certificates import authority, issued
from tests.support.nodes import free_port

PATIENCE_SECONDS = 60  # a link that has missed its end dials for ever
DIALS = 3


class Links(links.Links):
    """How the links do; tells when one has failed."""

    def __init__(self) -> None:
        super().__init__()
        self.failed = asyncio.Event()

    def note(self, origin: str, status: links.LinkStatus) -> None:
        super().note(origin, status)
        if status.last_error:
            self.failed.set()


class Dialling:
    """A link to a peer that is away. What is in ``defects`` is raised, one after the other, where it begins to dial."""

    def __init__(self, store: Opened) -> None:
        self.links = Links()
        self.defects: list[Exception] = []
        root = authority(AuthorityKind.NODE)
        node = issued(root, "node", NodeId("hk.test"))
        self._shown = Credentials(node.key_pem, node.pem, to_pem(root.certificate))
        parties = store.parties
        self.link = Link(
            replace(parties.peers["KR"], addresses=(f"127.0.0.1:{free_port()}",)),
            parties,
            self._credentials,
            shared_store(store),
            Bulletin(store.committer.latest(), Backlog({}, lambda: 0, lambda *_: None)),
            self.links,
            Alone(),
        )

    def _credentials(self) -> Credentials:
        if self.defects:
            raise self.defects.pop(0)
        return self._shown


@pytest.fixture
async def dialling(tmp_path: Path) -> AsyncIterator[Dialling]:
    store = Opened.create("HK", "sqlite:///node.db", tmp_path / "hk")
    yield Dialling(store)
    await store.close()


async def is_cancelled(task: "asyncio.Task[object]") -> bool:
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(task, return_exceptions=True)
    return task.cancelled()


async def test_a_pause_ends_when_the_link_is_cancelled_as_its_peer_dials(dialling: Dialling) -> None:
    running = asyncio.create_task(dialling.link.run())
    await dialling.links.failed.wait()  # then it pauses before it dials again
    dialling.link.hurry()
    running.cancel()
    assert await is_cancelled(running)


async def test_nothing_is_left_of_a_dial_that_failed(dialling: Dialling) -> None:
    """What is left of a call dials by itself, and is one more connection to the peer once that is back."""
    gc.disable()  # it comes when much was made, and a link whose peer is away makes little
    try:
        running = asyncio.create_task(dialling.link.run())
        async with asyncio.timeout(PATIENCE_SECONDS):
            for _ in range(DIALS):
                await dialling.links.failed.wait()
                dialling.links.failed.clear()
        left = sum(isinstance(each, grpc.aio.StreamStreamCall) for each in gc.get_objects())
        assert left <= 1, "of the dial that may be under way"
    finally:
        gc.enable()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


class Fallen:
    """A call that is over, as each part of the stream finds out for itself."""

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


async def test_a_defect_is_told_once_and_does_not_end_the_link(dialling: Dialling, caplog) -> None:
    """A link that ended for it would leave its channel to stand still until the node is started again."""
    dialling.defects += [RuntimeError("nobody expected it"), KeyError("nor this")]
    running = asyncio.create_task(dialling.link.run())
    async with asyncio.timeout(PATIENCE_SECONDS):
        while "UNAVAILABLE" not in dialling.links.of(HK_TO_KR).last_error:
            await dialling.links.next().wait()
    running.cancel()
    assert await is_cancelled(running)
    told = [record for record in caplog.records if record.msg == "link_failed"]
    assert [record.exc_info[0] for record in told] == [RuntimeError]


async def test_whatever_ends_a_part_of_a_stream_ends_the_stream() -> None:
    async def falls() -> None:
        raise InvalidStateError("it has ended")

    inbox = asyncio.Queue[Incoming]()
    await _or_told(falls(), inbox)
    assert isinstance(inbox.get_nowait(), InvalidStateError)


async def test_a_stream_ends_when_the_link_is_cancelled_as_its_peer_speaks(dialling: Dialling) -> None:
    inbox = asyncio.Queue[Incoming]()
    waiting = asyncio.create_task(dialling.link._next(inbox))
    await asyncio.sleep(0)
    inbox.put_nowait(wire.Position())
    waiting.cancel()
    assert await is_cancelled(waiting)


class Ending(PeerServiceServicer):
    """A peer that ends each stream at once."""

    async def Exchange(self, request_iterator: object, context: Any) -> None:
        await context.abort(grpc.StatusCode.UNAVAILABLE, "the node is stopping")


async def test_a_stream_that_ended_while_something_was_committed_is_dialled_again_when_it_is_written_to(
    dialling: Dialling,
) -> None:
    """gRPC raises an ``InvalidStateError`` then, which would have ended the link for good."""
    server, port = grpc.aio.server(), free_port()
    add_PeerServiceServicer_to_server(Ending(), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            call = PeerServiceStub(channel).Exchange()
            async with asyncio.timeout(PATIENCE_SECONDS):
                await call.code()
            with pytest.raises(RemoteProtocolError, match="the peer ended the stream: UNAVAILABLE"):
                await dialling.link._exchange(dialling.link._state(), call, asyncio.Queue(), None)
    finally:
        await server.stop(0)
