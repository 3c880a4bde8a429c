"""The holding end of a stream of files."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.errors import RemoteProtocolError
from gateway.link import silence
from gateway.link.attachment_link import AttachmentLink
from gateway.link.dialler import Ended
from gateway.link.dialling import Credentials
from gateway.link.silence import SHOWS_NO_LIFE
from gateway.questions.attachment_standing import Transfers
from gateway.replicas import Alone, Hold
from tests.store.exchanging import resources_of
from tests.store.stores import HK_TO_KR, Opened

PATIENCE_SECONDS = 60
SOON_SECONDS = 0.01
NOBODY = Credentials(b"", b"", b"")
WANTED = wire.SendAttachmentsResponse(sha256=bytes(32), size_bytes=1, offset=0, length=1)


@pytest.fixture
async def link(tmp_path: Path) -> AsyncIterator[AttachmentLink]:
    store = Opened.create("HK", "sqlite:///node.db", tmp_path / "hk")
    transfers = Transfers(lambda: 0, lambda *_: None, lambda _: None)
    peer, readers = store.parties.peers["KR"], resources_of(store).readers
    yield AttachmentLink(peer, HK_TO_KR, lambda: NOBODY, readers, Alone(), transfers)
    await store.close()


class EndedCall:
    """A call that ended while a part was read from the store."""

    async def write(self, _message: wire.SendAttachmentsRequest) -> None:
        raise asyncio.InvalidStateError("RPC already finished.")

    async def details(self) -> str:
        return ""

    async def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE


async def test_a_stream_that_ends_while_a_part_is_written_is_no_defect(link: AttachmentLink) -> None:
    with pytest.raises(RemoteProtocolError, match="UNAVAILABLE"):
        await link._send_part(EndedCall(), WANTED)


class Standing:
    """A call whose peer asks, and then takes so many messages, and no more."""

    def __init__(self, takes: int, questions: int = 1000) -> None:
        self._takes, self._questions = takes, questions

    async def wait_for_connection(self) -> None:
        """It is there."""

    async def read(self) -> Any:
        self._questions -= 1
        return WANTED if self._questions >= 0 else await asyncio.Event().wait()

    async def write(self, _message: wire.SendAttachmentsRequest) -> None:
        self._takes -= 1
        if self._takes < 0:
            await asyncio.Event().wait()

    def cancel(self) -> None:
        """It is left as it is."""


def serve(link: AttachmentLink, call: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has each stream be this call, and a silence of a moment be too long."""

    @asynccontextmanager
    async def dialled(*_: object) -> AsyncIterator[Standing]:
        yield call

    monkeypatch.setattr(link, "_dialled", dialled)
    monkeypatch.setattr(silence, "LOOK_SECONDS", SOON_SECONDS)
    monkeypatch.setattr(silence, "LONGEST_SECONDS", 5 * SOON_SECONDS)


async def test_a_peer_that_takes_nothing_of_what_it_asked_for_is_left(
    link: AttachmentLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process runs, and answers pings: nothing else would end the stream before the connection is an hour old."""
    serve(link, Standing(takes=1), monkeypatch)
    async with asyncio.timeout(PATIENCE_SECONDS):
        with pytest.raises(RemoteProtocolError, match=SHOWS_NO_LIFE):
            await link._stream("127.0.0.1:1", Hold())


async def test_a_peer_that_asks_for_nothing_is_waited_for(
    link: AttachmentLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, hold = asyncio.Semaphore(0), Hold()
    serve(link, Standing(takes=2, questions=2), monkeypatch)
    is_awaited = link._is_awaited

    def looked() -> bool:
        looks.release()
        return is_awaited()

    monkeypatch.setattr(link, "_is_awaited", looked)
    streaming = asyncio.create_task(link._stream("127.0.0.1:1", hold))
    async with asyncio.timeout(PATIENCE_SECONDS):
        for _ in range(20):
            await looks.acquire()
        hold.lost.set()
        with pytest.raises(Ended):
            await streaming
