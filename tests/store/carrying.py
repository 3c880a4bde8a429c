"""Both ends of a stream of files between two stores, without a socket."""

from collections.abc import AsyncIterator, Callable

from regulator.exchange.v1 import peer_service_pb2 as wire
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.alarms import Alarms
from gateway.commands.attachments.from_peers import FromPeers
from gateway.errors import GatewayError
from gateway.questions.attachment_standing import Transfers
from gateway.rpc.peer_attachments import Wanting
from gateway.store.attachments.queries import read_chunks, read_held
from gateway.store.backlog import Backlog
from gateway.store.bulletin import Bulletin
from gateway.store.tables import events, notices
from gateway.supervision.attachments import CHUNK_BYTES, Attached
from tests.store.attaching import named, stored, storing
from tests.store.exchanging import settle
from tests.store.stores import NOW, Opened

SMALL = b"A small one."
Answer = Callable[[wire.SendAttachmentsResponse], AsyncIterator[wire.SendAttachmentsRequest]]


class Ends:
    """The wanting end of a stream; and who answers it, in its place."""

    def __init__(self, store: Opened, peer: str, **room: int) -> None:
        self.store, self.peer = store, peer
        latest = store.committer.latest()
        self.bulletin = Bulletin(latest, Backlog({}, lambda: NOW, lambda *_: None), store.committer.follow)
        self.alarms = Alarms(store.committer, lambda: NOW)
        receiving = FromPeers(
            store.parties, store.committer, store.readers, storing(store, **room), lambda: next(store.clock)
        )
        self.moved: list[int] = []
        self.refusals: list[GatewayError] = []
        self.transfers = Transfers(lambda: NOW, lambda _origin, count: self.moved.append(count), self.refusals.append)
        self.receiving = receiving
        self.wanting = Wanting(receiving, self.bulletin, self.alarms, self.transfers)

    async def take(self, answer: Answer, parts: int = 1000) -> list[wire.SendAttachmentsResponse]:
        """Wants until nothing is, or so many parts were asked for; gives these."""
        asked: list[wire.SendAttachmentsResponse] = []
        sent: list[wire.SendAttachmentsRequest] = []

        async def requests() -> AsyncIterator[wire.SendAttachmentsRequest]:
            while sent:
                yield sent.pop(0)

        while len(asked) < parts and (found := await self.wanting._next(self.peer)):
            incoming = requests()
            async for wanted in self.wanting._take(self.peer, found, incoming):
                asked.append(wanted)
                sent += [each async for each in answer(wanted)]
        return asked


def held_by(store: Opened, peer: str, sent: list[int] | None = None) -> Answer:
    """Answers as a node does that holds files."""

    async def answer(wanted: wire.SendAttachmentsResponse) -> AsyncIterator[wire.SendAttachmentsRequest]:
        number = await store.read(read_held, peer, Attached(wanted.sha256, wanted.size_bytes))
        if number is None:
            yield wire.SendAttachmentsRequest(absent=wire.AttachmentAbsent())
            return
        whole = b"".join(await store.read(read_chunks, number, 0, 10_000))
        for start in range(wanted.offset, wanted.offset + wanted.length, CHUNK_BYTES):
            data = whole[start : min(start + CHUNK_BYTES, wanted.offset + wanted.length)]
            if sent is not None:
                sent.append(len(data))
            yield wire.SendAttachmentsRequest(data=data)

    return answer


def giving(*pieces: bytes) -> Answer:
    async def answer(_wanted: wire.SendAttachmentsResponse) -> AsyncIterator[wire.SendAttachmentsRequest]:
        for each in pieces:
            yield wire.SendAttachmentsRequest(data=each)

    return answer


async def give(hk: Opened, kr: Opened, *files: bytes, notice_id: str = "hk-1", **changes) -> None:
    for data in files:
        await stored(hk, data=data)
    listed = [named(data, f"{place}.pdf") for place, data in enumerate(files)]
    await hk.release(notice_id, attachments=listed, **changes)
    await settle(hk, kr)


async def state_of(store: Opened, notice_id: str = "hk-1") -> Notice.State.ValueType:
    return next(row["state"] for row in await store.rows(notices) if row["id"] == notice_id)


async def told_of(store: Opened, notice_id: str = "hk-1") -> list[int]:
    return [row["kind"] for row in await store.rows(events) if row["notice"] == notice_id]
