"""The dialling end of a stream of files."""

import asyncio
import gc
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.errors import RemoteProtocolError
from gateway.identity.certificates import to_pem
from gateway.identity.names import NodeId
from gateway.identity.profiles import AuthorityKind
from gateway.link.attachment_link import AttachmentLink
from gateway.link.dialling import Credentials
from gateway.questions.attachment_standing import Transfers
from gateway.replicas import Alone
from tests.store.exchanging import shared_store
from tests.store.stores import HK_TO_KR, Opened
from tests.support.certificates import authority, issued
from tests.support.ports import free_port

PATIENCE_SECONDS = 60
DIALS = 4
EMPTY = Credentials(b"", b"", b"")


async def test_nothing_is_left_of_a_dial_that_failed(tmp_path: Path) -> None:
    """What is left of a call dials by itself, and is one more connection to the peer once that is back."""
    root = authority(AuthorityKind.NODE)
    node = issued(root, "node", NodeId("hk.test"))
    shown = Credentials(node.key_pem, node.pem, to_pem(root.certificate))
    dialled = asyncio.Semaphore(0)

    def credentials() -> Credentials:
        dialled.release()
        return shown

    store = Opened.create("HK", "sqlite:///node.db", tmp_path / "hk")
    peer = replace(store.parties.peers["KR"], addresses=(f"127.0.0.1:{free_port()}",))
    transfers = Transfers(lambda: 0, lambda *_: None, lambda _: None)
    link = AttachmentLink(peer, HK_TO_KR, credentials, shared_store(store).readers, Alone(), transfers)
    gc.disable()  # it comes when much was made, and a link whose peer is away makes little
    try:
        running = asyncio.create_task(link.run())
        async with asyncio.timeout(PATIENCE_SECONDS):
            for _ in range(DIALS):
                await dialled.acquire()
        left = sum(isinstance(each, grpc.aio.StreamStreamCall) for each in gc.get_objects())
        assert left <= 1, "of the dial that may be under way"
    finally:
        gc.enable()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await store.close()


class EndedCall:
    """A call that ended while a part was read from the store."""

    async def write(self, _message: wire.SendAttachmentsRequest) -> None:
        raise asyncio.InvalidStateError("RPC already finished.")

    async def details(self) -> str:
        return ""

    async def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE


async def test_a_stream_that_ends_while_a_part_is_written_is_no_defect(tmp_path: Path) -> None:
    store = Opened.create("HK", "sqlite:///node.db", tmp_path / "hk")
    transfers = Transfers(lambda: 0, lambda *_: None, lambda _: None)
    readers = shared_store(store).readers
    link = AttachmentLink(store.parties.peers["KR"], HK_TO_KR, lambda: EMPTY, readers, Alone(), transfers)
    wanted = wire.SendAttachmentsResponse(sha256=bytes(32), size_bytes=1, offset=0, length=1)
    with pytest.raises(RemoteProtocolError, match="UNAVAILABLE"):
        await link._send_part(EndedCall(), wanted)
    await store.close()
