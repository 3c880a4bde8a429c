"""What keeps a stream to a peer up, be it that of a channel or of files: when it dials, when it ends, what it tells."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_status import rpc_status
from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.errors import GatewayError, PairingEnded
from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.certificates.x509 import to_pem
from gateway.identity.names import NodeId
from gateway.link import dialler
from gateway.link.attachment_link import AttachmentLink
from gateway.link.dialler import DIALS_APART_SECONDS, LASTING_WAIT_SECONDS, LONGEST_WAIT_SECONDS, Dialler, Ended
from gateway.link.dialling import Credentials
from gateway.link.link import Link
from gateway.questions.attachment_standing import Transfers
from gateway.questions.links import Links, LinkStatus
from gateway.replicas import Alone, Hold
from gateway.rpc.status import status_of
from gateway.store.backlog import Backlog
from gateway.store.bulletin import Bulletin
from tests.store.exchanging import resources_of
from tests.store.stores import HK_TO_KR, Opened
from tests.support.certificates import authority, issued
from tests.support.ports import free_port

PATIENCE_SECONDS = 60  # one that has missed its end dials for ever
DIALS = 4
WAITS = 15
SOON_SECONDS = 0.01
WANTED = wire.SendAttachmentsResponse(sha256=bytes(32), size_bytes=1, offset=0, length=1)


class Dialling:
    """One to a peer that is away. What is in ``defects`` is raised, one after the other, where it begins to dial.

    Attributes:
        told: what it tells operators, as it does
        waits: from one dial to the next, once they are taken in place of waiting
    """

    def __init__(self, kind: type[Dialler], store: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
        self.defects: list[Exception] = []
        self.told: list[LinkStatus] = []
        self.waits: list[float] = []
        self.shown = 0  # how often it was asked what to present
        self._monkeypatch, self._news = monkeypatch, asyncio.Event()
        root = authority(AuthorityKind.NODE)
        node = issued(root, "node", NodeId("hk.test"))
        self._shown = Credentials(node.key_pem, node.pem, to_pem(root.certificate))
        self.peer = replace(store.parties.peers["KR"], addresses=(f"127.0.0.1:{free_port()}",))
        self.dialler = self._made(kind, store)
        self._note = self.dialler._note
        monkeypatch.setattr(self.dialler, "_note", self._noted)

    def _made(self, kind: type[Dialler], store: Opened) -> Dialler:
        resources = resources_of(store)
        if kind is AttachmentLink:
            transfers = Transfers(lambda: 0, lambda *_: None, lambda _: None)
            return AttachmentLink(self.peer, HK_TO_KR, self._credentials, resources.readers, Alone(), transfers)
        bulletin = Bulletin(store.committer.latest(), Backlog({}, lambda: 0, lambda *_: None))
        return Link(self.peer, store.parties, self._credentials, resources, bulletin, Links(), Alone())

    def _credentials(self) -> Credentials:
        self.shown += 1
        if self.defects:
            raise self.defects.pop(0)
        return self._shown

    def _noted(self, status: LinkStatus) -> None:
        self.told.append(status)
        self._news.set()
        self._note(status)

    async def failed(self, words: str = "", times: int = 1) -> None:
        """Returns once it has told so often that it failed, in such words."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while sum(words in each.last_error for each in self.told if each.last_error) < times:
                self._news.clear()
                await self._news.wait()

    async def take_waits(self) -> None:
        """Runs it without waiting from one dial to the next, until there were many."""
        enough = asyncio.Event()

        async def pause(seconds: float) -> None:
            self.waits.append(seconds)
            if len(self.waits) == WAITS:
                enough.set()
            await asyncio.sleep(0)

        self._monkeypatch.setattr(self.dialler, "_pause", pause)
        self._monkeypatch.setattr("random.uniform", lambda _, most: most)
        async with self.running(), asyncio.timeout(PATIENCE_SECONDS):
            await enough.wait()

    def fail(self, failure: Exception) -> None:
        """Has each stream fail so."""

        async def refuse(*_: object) -> None:
            raise failure

        self._monkeypatch.setattr(self.dialler, "_stream", refuse)

    def serve(self, call: object) -> None:
        """Has each stream be this call."""

        @asynccontextmanager
        async def dialled(*_: object) -> AsyncIterator[object]:
            yield call

        self._monkeypatch.setattr(self.dialler, "_dialled", dialled)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["asyncio.Task[None]"]:
        running = asyncio.create_task(self.dialler.run())
        try:
            yield running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@pytest.fixture(params=[Link, AttachmentLink])
async def dialling(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Dialling]:
    store = Opened.create("HK", "sqlite:///node.db", tmp_path / "hk")
    yield Dialling(request.param, store, monkeypatch)
    await store.close()


of_files = pytest.mark.parametrize("dialling", [AttachmentLink], indirect=True)


@contextmanager
def uncollected() -> Iterator[None]:
    """The collector comes when much was made, and who dials a peer that is away makes little."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def is_cancelled(task: "asyncio.Task[None]") -> bool:
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(task, return_exceptions=True)
    return task.cancelled()


# --- when it dials --------------------------------------------------------------------------------------------------


async def test_a_pause_ends_when_it_is_cancelled_as_its_peer_dials(dialling: Dialling) -> None:
    async with dialling.running() as running:
        await dialling.failed()  # then it pauses before it dials again
        dialling.dialler.hurry()
        running.cancel()
        assert await is_cancelled(running)


async def test_a_peer_that_dials_again_and_again_hurries_it_only_so_often(dialling: Dialling) -> None:
    """Each dial hurries the other end: two nodes that refuse each other's streams would do nothing else."""
    clock = asyncio.get_running_loop().time
    dialling.dialler.hurry()
    began = clock()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await dialling.dialler._pause(10 * PATIENCE_SECONDS)
    assert clock() - began >= DIALS_APART_SECONDS


async def test_nothing_is_left_of_a_dial_that_failed(dialling: Dialling) -> None:
    """What is left of a call dials by itself, and is one more connection to the peer once that is back."""
    with uncollected():
        async with dialling.running():
            await dialling.failed(times=DIALS)
            left = sum(isinstance(each, grpc.aio.StreamStreamCall) for each in gc.get_objects())
        assert left <= 1, "of the dial that may be under way"


def trailing(error: GatewayError) -> grpc.aio.Metadata:
    return grpc.aio.Metadata(*rpc_status.to_status(status_of(error)).trailing_metadata)


def refusal(code: grpc.StatusCode, metadata: grpc.aio.Metadata | None = None) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), metadata or grpc.aio.Metadata(), "")


ENDED = refusal(grpc.StatusCode.FAILED_PRECONDITION, trailing(PairingEnded("the pairing with KR ended", peer="KR")))


async def test_a_peer_that_has_ended_the_pairing_is_asked_less_and_less_often(dialling: Dialling) -> None:
    """The wait grows beyond what it is for a peer that is away, up to a bound; as ever the peer's own dial ends it."""
    dialling.fail(ENDED)
    await dialling.take_waits()
    assert dialling.waits[:3] == [0.05, 0.1, 0.2]
    assert dialling.waits[WAITS - 1] == LASTING_WAIT_SECONDS
    assert dialling.told[-1].refused


@of_files
async def test_a_peer_of_an_earlier_version_that_takes_no_files_is_asked_less_and_less_often(
    dialling: Dialling,
) -> None:
    dialling.fail(refusal(grpc.StatusCode.UNIMPLEMENTED))
    await dialling.take_waits()
    assert dialling.waits[WAITS - 1] == LASTING_WAIT_SECONDS
    assert not dialling.told[-1].refused


async def test_a_peer_that_is_away_is_dialled_every_few_seconds(dialling: Dialling) -> None:
    dialling.fail(refusal(grpc.StatusCode.UNAVAILABLE))
    await dialling.take_waits()
    assert dialling.waits[WAITS - 1] == LONGEST_WAIT_SECONDS


async def test_an_address_that_takes_connections_and_says_nothing_is_left_for_the_next(
    dialling: Dialling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that is stopped does so: its kernel connects."""
    monkeypatch.setattr(dialler, "FIRST_ANSWER_SECONDS", SOON_SECONDS)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        addresses = (f"127.0.0.1:{silent.getsockname()[1]}", *dialling.peer.addresses)
        dialling.dialler._peer = replace(dialling.peer, addresses=addresses)
        dialling.dialler._answer_seconds = dialling.dialler._first_answer()
        async with dialling.running():
            await dialling.failed("the peer did not answer in time")
            await dialling.failed("UNAVAILABLE")


# --- what it tells --------------------------------------------------------------------------------------------------


async def test_a_defect_is_told_once_and_does_not_end_it(dialling: Dialling, caplog: pytest.LogCaptureFixture) -> None:
    """One that ended for it would leave its stream to stand still until the node is started again."""
    dialling.defects += [RuntimeError("nobody expected it"), KeyError("nor this")]
    async with dialling.running() as running:
        await dialling.failed("UNAVAILABLE")
        running.cancel()
        assert await is_cancelled(running)
    told = [record for record in caplog.records if record.msg in ("link_failed", "attachment_link_failed")]
    assert [record.exc_info[0] for record in told if record.exc_info] == [RuntimeError]


async def test_each_reason_is_logged_once_in_turn(dialling: Dialling, caplog: pytest.LogCaptureFixture) -> None:
    dialling.fail(refusal(grpc.StatusCode.UNAVAILABLE))
    await dialling.take_waits()
    dialling.waits.clear()
    dialling.fail(ENDED)
    await dialling.take_waits()
    told = [record for record in caplog.records if record.msg in ("stream_failed", "attachment_stream_failed")]
    assert [record.__dict__["fields"]["error"] for record in told] == ["UNAVAILABLE", "FAILED_PRECONDITION"]


# --- a peer that answers garbage ------------------------------------------------------------------------------------


class Answering(grpc.GenericRpcHandler):
    """Answers whatever it is asked with these bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def service(self, handler_call_details: object) -> Any:
        return grpc.stream_stream_rpc_method_handler(self._answer)

    async def _answer(self, requests: AsyncIterator[bytes], context: Any) -> None:
        await context.write(self._data)
        async for _ in requests:
            pass


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\xff" * 64, "a message that cannot be read"),
        (b"\x0a\x04\x12\x02\xff", "a message that cannot be read"),
        (b"", ("a message without content", "a part must have 1 byte")),
        (b"\xfa\x3f\x00", ("a message without content", "a part must have 1 byte")),
    ],
    ids=["no message", "one cut short", "nothing", "a member nobody knows"],
)
async def test_a_peer_that_answers_garbage_breaks_the_protocol_and_shows_no_defect_of_this_node(
    dialling: Dialling,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    data: bytes,
    why: str | tuple[str, str],
) -> None:
    server, port = grpc.aio.server(), free_port()
    server.add_generic_rpc_handlers([Answering(data)])
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    monkeypatch.setattr(dialler, "connection", lambda *_: grpc.aio.insecure_channel(f"127.0.0.1:{port}"))
    try:
        async with dialling.running():
            await dialling.failed(why if isinstance(why, str) else why[isinstance(dialling.dialler, AttachmentLink)])
    finally:
        await server.stop(0)
    # Not asyncio's: gRPC may tell a loop that an earlier test has closed of what was under way there.
    told = [record for record in caplog.records if record.name.startswith(("gateway", "grpc"))]
    assert told
    assert not [record for record in told if record.levelname == "ERROR"]


# --- a peer that reads nothing --------------------------------------------------------------------------------------


class Deaf:
    """A call whose peer reads nothing: as a process that is paused, whose machine answers for it.

    Of files it asked for one, and of a channel it says nothing at all.
    """

    def __init__(self, *, asks: bool) -> None:
        self.is_written_to, self.is_over = asyncio.Event(), False
        self._asks = asks

    async def wait_for_connection(self) -> None:
        """It is there."""

    async def read(self) -> Any:
        if self._asks:
            self._asks = False
            return WANTED
        return await asyncio.Event().wait()

    async def initial_metadata(self) -> tuple[()]:
        return ()

    async def write(self, _message: object) -> None:
        self.is_written_to.set()
        await asyncio.Event().wait()

    def cancel(self) -> None:
        self.is_over = True


async def test_a_stream_ends_from_here_also_while_its_peer_reads_nothing(dialling: Dialling) -> None:
    """Else another replica of the peer is not dialled, and old certificates are used on, until a ping is given up."""
    call, hold = Deaf(asks=isinstance(dialling.dialler, AttachmentLink)), Hold()
    dialling.serve(call)
    streaming = asyncio.create_task(dialling.dialler._stream("127.0.0.1:1", hold))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await call.is_written_to.wait()
        hold.lost.set()
        with pytest.raises(Ended, match="another replica"):
            await streaming
    assert call.is_over
