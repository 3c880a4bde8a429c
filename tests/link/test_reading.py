"""How fast a peer is read on the streams that this node dialled: no faster than its rate, whatever it says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from regulator.exchange.v1 import peer_service_pb2 as wire
from regulator.exchange.v1.peer_service_pb2_grpc import PeerServiceServicer, add_PeerServiceServicer_to_server

from gateway.link import dialler
from gateway.link.attachment_link import ABSENT_COUNTS, CHUNK_COUNTS, AttachmentLink
from gateway.link.dialler import READ_BYTES, Dialler
from gateway.link.dialling import Credentials, StreamOver, begin
from gateway.link.link import Incoming, Link
from gateway.questions.attachment_standing import Transfers
from gateway.questions.links import Links
from gateway.rates import Rate
from gateway.replicas import Alone
from gateway.store.backlog import Backlog
from gateway.store.bulletin import Bulletin
from gateway.supervision.attachments import Attached
from tests.store.attaching import FILE, named, stored
from tests.store.exchanging import resources_of
from tests.store.stores import HK_TO_KR, Opened
from tests.support.ports import free_port

RATE = Rate(10, 20)
SAID = 100
WAITED_SECONDS = (SAID - RATE.burst) / RATE.per_second
PATIENCE_SECONDS = 60
NOBODYS = Attached(bytes(32), 1)
NOBODY = Credentials(b"", b"", b"")


class Flooding(PeerServiceServicer):
    """A peer that says one thing again and again, as fast as it is taken, and then ends the stream.

    Of a file it asks for the first byte.
    """

    def __init__(self, said: int, padding: int = 0, file: Attached = NOBODYS) -> None:
        self._said, self._padding, self._file = said, padding, file
        self.answers: list[wire.SendAttachmentsRequest] = []

    async def Exchange(self, request_iterator: object, context: object) -> Any:
        for _ in range(self._said):
            yield wire.ExchangeResponse(receipt=wire.Receipt(note=bytes(self._padding)))

    async def SendAttachments(self, request_iterator: AsyncIterator[wire.SendAttachmentsRequest], context: Any) -> Any:
        for _ in range(self._said):
            yield wire.SendAttachmentsResponse(sha256=self._file.sha256, size_bytes=self._file.size_bytes, length=1)
        async for answer in request_iterator:
            self.answers.append(answer)
            if len(self.answers) == self._said:
                return


@asynccontextmanager
async def streaming(peer: Flooding, method: str) -> AsyncIterator[Any]:
    """A real stream to a peer."""
    server, port = grpc.aio.server(), free_port()
    add_PeerServiceServicer_to_server(peer, server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield begin(channel, method)
    finally:
        await server.stop(0)


@dataclass
class Time:
    """Moves by what is slept, and by nothing else."""

    seconds: float = 0.0

    def keep(self, reading: Dialler, monkeypatch: pytest.MonkeyPatch) -> None:
        """Has a dialler live by this time, and under a bound that a few messages reach."""
        at_once = asyncio.sleep

        async def sleep(seconds: float) -> None:
            self.seconds += seconds
            await at_once(0)

        monkeypatch.setattr(reading, "_clock", lambda: self.seconds)
        monkeypatch.setattr(dialler, "READ_RATE", RATE)
        monkeypatch.setattr(asyncio, "sleep", sleep)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Opened]:
    opened = Opened.create("HK", "sqlite:///node.db", tmp_path / "hk")
    yield opened
    await opened.close()


@pytest.fixture
async def link(store: Opened) -> Link:
    bulletin = Bulletin(store.committer.latest(), Backlog({}, lambda: 0, lambda *_: None))
    peer, resources = store.parties.peers["KR"], resources_of(store)
    return Link(peer, store.parties, lambda: NOBODY, resources, bulletin, Links(), Alone())


@pytest.fixture
async def attachment_link(store: Opened) -> AttachmentLink:
    transfers = Transfers(lambda: 0, lambda *_: None, lambda _: None)
    readers = resources_of(store).readers
    return AttachmentLink(store.parties.peers["KR"], HK_TO_KR, lambda: NOBODY, readers, Alone(), transfers)


async def test_receipts_without_end_are_read_no_faster_than_the_rate_and_all_are_read(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox, time = asyncio.Queue[Incoming](), Time()
    async with streaming(Flooding(SAID), "Exchange") as call:
        time.keep(link, monkeypatch)
        with pytest.raises(StreamOver, match="OK"):
            await link._hear(call, inbox)
    assert inbox.qsize() == SAID, "no stream is ended for it"
    assert time.seconds == pytest.approx(WAITED_SECONDS)


@pytest.mark.parametrize(("file", "counts"), [(NOBODYS, ABSENT_COUNTS), (FILE, CHUNK_COUNTS)], ids=["absent", "held"])
async def test_files_are_asked_for_without_end_and_answered_no_faster_than_the_rate(
    store: Opened, attachment_link: AttachmentLink, monkeypatch: pytest.MonkeyPatch, file: Attached, counts: int
) -> None:
    """For a byte a whole chunk is read, and to find that there is none takes longer than to read the question."""
    await stored(store)
    await store.release("hk-1", attachments=[named()])
    peer, time = Flooding(SAID, file=file), Time()
    async with streaming(peer, "SendAttachments") as call:
        time.keep(attachment_link, monkeypatch)
        with pytest.raises(StreamOver, match="OK"):
            await attachment_link._answer(call)
    assert [each.HasField("absent") for each in peer.answers] == [file is NOBODYS] * SAID
    assert time.seconds == pytest.approx((SAID * (1 + counts) - RATE.burst) / RATE.per_second)


async def test_a_peer_that_ends_each_stream_has_no_more_for_it(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    time = Time()
    async with streaming(Flooding(RATE.burst), "Exchange") as call:
        time.keep(link, monkeypatch)
        with pytest.raises(StreamOver):
            await link._hear(call, asyncio.Queue())
        assert time.seconds == 0
    async with streaming(Flooding(SAID - RATE.burst), "Exchange") as call:
        with pytest.raises(StreamOver):
            await link._hear(call, asyncio.Queue())
    assert time.seconds == pytest.approx(WAITED_SECONDS)


async def test_a_large_message_counts_as_several(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    time = Time()
    async with streaming(Flooding(RATE.burst, padding=READ_BYTES), "Exchange") as call:
        time.keep(link, monkeypatch)
        with pytest.raises(StreamOver):
            await link._hear(call, asyncio.Queue())
    assert time.seconds == pytest.approx(RATE.burst / RATE.per_second)
