"""Plays both ends of a stream of files: this node's own code over a store, and the transcript in place of the peer."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc
from regulator.exchange.v1 import peer_service_pb2 as wire
from regulator.exchange.v1.values_pb2 import Attachment

from gateway.errors import RemoteProtocolError
from gateway.link.attachment_link import AttachmentLink
from gateway.link.dialling import Credentials
from gateway.moments import MICROS
from gateway.questions.attachment_standing import Transfers
from gateway.replicas import Alone
from gateway.rpc.peer_attachments import MAX_DATA_BYTES
from gateway.store.tables import notices
from gateway.supervision.attachments import CHUNK_BYTES, Attached, AttachmentRecord, Owner
from tests.conformance.contents import SIZES, content
from tests.store.appending import append, envelope
from tests.store.attaching import SFC, declared, named, storing
from tests.store.carrying import Ends
from tests.store.destruction import LAST_DAY, NEXT_DAY, kept_until
from tests.store.exchanging import settle
from tests.store.stores import NOW, Opened

Values = Mapping[str, Any]
Played = tuple[dict[str, Any], str]
"""What was found, with the steps as they came; and the reason of a refusal."""


def play_files(end: str, given: Values, case: Values) -> Played:
    """Plays a case of ``holding`` or ``wanting``."""
    return asyncio.run((_hold if end == "holding" else _want)(given, case))


# --- who holds files --------------------------------------------------------------------------------------------


class _Asking:
    """A call on which the questions of a transcript arrive."""

    def __init__(self, steps: Sequence[Values]) -> None:
        self._steps: Iterator[Values] = iter(steps)
        self.came: list[dict[str, Any]] = []
        self.is_over = False
        self._sent = bytearray()

    async def wait_for_connection(self) -> None:
        """It is there."""

    async def read(self) -> Any:
        self._settle()
        step = next(self._steps, None)
        if step is None:
            self.is_over = True
            return grpc.aio.EOF
        self.came.append({"receive": step["receive"], "send": []})
        asked = step["receive"]
        return wire.SendAttachmentsResponse(
            sha256=bytes.fromhex(asked["sha256"]),
            size_bytes=int(asked["size_bytes"]),
            offset=int(asked["offset"]),
            length=int(asked["length"]),
        )

    async def write(self, message: wire.SendAttachmentsRequest) -> None:
        if message.HasField("absent"):
            self._settle()
            self.came[-1]["send"].append({"message": "absent"})
        else:
            assert 0 < len(message.data) <= MAX_DATA_BYTES, "a message has 1 byte to 1 MiB"
            self._sent += message.data

    async def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.OK

    async def details(self) -> str:
        return ""

    def _settle(self) -> None:
        """Tells the bytes that were sent for a question, however they were cut."""
        if self._sent:
            asked = self.came[-1]["receive"]
            self.came[-1]["send"].append(_found(bytes(self._sent), int(asked["offset"])))
            self._sent.clear()


def _found(sent: bytes, offset: int) -> dict[str, str]:
    """In which file bytes stand where they were asked for."""
    for name, size in SIZES.items():
        if content(name, size)[offset : offset + len(sent)] == sent:
            return {"message": "data", "file": name, "offset": str(offset), "length": str(len(sent))}
    return {"message": "data", "file": "none", "offset": str(offset), "length": str(len(sent))}


async def _hold(_: Values, case: Values) -> Played:
    files = case["state"]["files"]
    is_receiver = any(file["named"] == "peer" for file in files)
    async with _store("KR" if is_receiver else "HK") as store:
        for salt, file in enumerate(files):
            owner = Owner(peer="HK") if is_receiver else SFC
            await _put(store, owner, file["file"], int(file["stored_bytes"]))
            await _name(store, salt, file)
        peer = next(iter(store.parties.peers.values()))
        transfers = Transfers(lambda: NOW, lambda *_: None, lambda _: None)
        nobody = Credentials(b"", b"", b"")
        link = AttachmentLink(peer, store.outgoing, lambda: nobody, store.readers, Alone(), transfers)
        call = _Asking(case["steps"])
        ends: str | None = None
        try:
            await link._answer(call)
        except RemoteProtocolError as error:
            ends = None if call.is_over else error.reason
    return {"ends": ends, "steps": call.came}, ends or ""


async def _name(store: Opened, salt: int, file: Values) -> None:
    """Has a notice name a file, as ``named`` tells."""
    notice_id = f"hk-{salt}"
    attachments = [_attachment(file["file"])]
    if file["named"] == "own":
        await store.release(notice_id, attachments=attachments)
    elif file["named"] == "peer":
        await append(store, [envelope(notice_id, salt, attachments=attachments).SerializeToString()])
    elif file["named"]:
        await store.release(notice_id, attachments=attachments, **kept_until(LAST_DAY))
        async with _store("KR") as peer:
            await _destroyed(store, peer, store if file["named"] == "destroyed" else peer)


async def _destroyed(sender: Opened, receiver: Opened, by: Opened) -> None:
    """One of two nodes destroys what the one has sent to the other; they tell each other."""
    await settle(sender, receiver)
    await by.destroy(NEXT_DAY)
    await settle(sender, receiver)


# --- who wants them ---------------------------------------------------------------------------------------------


class _Over(Exception):
    """The transcript tells no more."""


async def _want(given: Values, case: Values) -> Played:
    state = case["state"]
    assert given["today"] == datetime.fromtimestamp(NOW // MICROS, UTC).date().isoformat()
    room = {_ROOM[name]: int(value) for name, value in state.get("room", {}).items()}
    async with _store("KR") as kr:
        await _tell(kr, state["notices"])
        for name, size in state["here"].items():
            await _put(kr, Owner(peer="HK"), name, int(size), "wrong" if name in state.get("wrong", ()) else name)
        ends = Ends(kr, "HK", **room)
        came: list[dict[str, Any]] = []
        requests, error = _requests(case["steps"], came), None
        try:
            while found := await ends.wanting._next("HK"):
                async for asked in ends.wanting._take("HK", found, requests):
                    came[-1]["send"].append(_told(asked))
        except _Over:
            pass
        except RemoteProtocolError as broken:
            error = broken.reason
        await ends.receiving.certify()
        found = {"ends": error, "steps": came, "after": await _after(kr)}
    return found, error or next((each.reason for each in ends.refusals), "")


_ROOM = {"largest_bytes": "max_bytes", "peer_bytes": "peer_bytes"}


async def _tell(kr: Opened, given: Sequence[Values]) -> None:
    """Notices that were given before, by the peer or by this node."""
    for salt, notice in enumerate(given):
        notice_id, files = notice["notice"].removeprefix("notices/"), [_attachment(name) for name in notice["files"]]
        if notice_id.startswith("kr-"):
            await kr.release(notice_id, attachments=files)
        elif by := notice.get("destroyed_by"):
            async with _store("HK") as peer:
                await peer.release(notice_id, attachments=files, **kept_until(LAST_DAY))
                await _destroyed(peer, kr, kr if by == "own" else peer)
        else:
            until = kept_until(date.fromisoformat(notice["kept_until"])) if "kept_until" in notice else {}
            await append(kr, [envelope(notice_id, salt, attachments=files, **until).SerializeToString()])


def _requests(steps: Sequence[Values], came: list[dict[str, Any]]) -> AsyncIterator[wire.SendAttachmentsRequest]:
    """The messages of the transcript, as they are read; what is sent before each is told with the one before."""
    script = iter(steps)
    came.append({"receive": next(script)["receive"], "send": []})

    async def requests() -> AsyncIterator[wire.SendAttachmentsRequest]:
        for step in script:
            received = step["receive"]
            came.append({"receive": received, "send": []})
            if received["message"] == "end":
                return
            yield _message(received)
        raise _Over

    return requests()


def _message(received: Values) -> wire.SendAttachmentsRequest:
    if received["message"] == "absent":
        return wire.SendAttachmentsRequest(absent=wire.AttachmentAbsent())
    if received["message"] == "nothing":
        return wire.SendAttachmentsRequest()
    offset, name = int(received["offset"]), received["file"]
    return wire.SendAttachmentsRequest(data=content(name, SIZES[name])[offset:][: int(received["length"])])


def _told(asked: wire.SendAttachmentsResponse) -> dict[str, str]:
    return {
        "message": "wanted",
        "size_bytes": str(asked.size_bytes),
        "sha256": asked.sha256.hex(),
        "offset": str(asked.offset),
        "length": str(asked.length),
    }


async def _after(kr: Opened) -> dict[str, list[str]]:
    held = []
    for name in SIZES:
        owners = (Owner(peer="HK"), SFC)
        records = [record for owner in owners for record in await _records(kr, owner, name)]
        held += [name for record in records if record.is_complete]
    told = [f"notices/{row['id']}" for row in await kr.rows(notices) if row["attached_index"] is not None]
    return {"whole": sorted(held), "told": told}


# --- both -------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _store(jurisdiction: str) -> AsyncIterator[Opened]:
    with TemporaryDirectory() as folder:
        store = Opened.create(jurisdiction, "sqlite:///node.db", Path(folder) / "home")
        try:
            yield store
        finally:
            await store.close()


async def _put(store: Opened, owner: Owner, name: str, size: int, bytes_of: str = "") -> None:
    """Makes the first bytes of a file durable; of all of it, verified."""
    record = await declared(store, owner, _attached(name))
    data = content(bytes_of or name, SIZES[name])[:size]
    for index in range(-(-size // CHUNK_BYTES)):
        record = await storing(store).add(record.number, index, data[index * CHUNK_BYTES :][:CHUNK_BYTES])
    if size == SIZES[name]:
        await storing(store).complete(record)


async def _records(store: Opened, owner: Owner, name: str) -> list[AttachmentRecord]:
    return await store.committer.submit(lambda tx: tx.files.declared(owner, _attached(name)))


def _attached(name: str) -> Attached:
    attachment = _attachment(name)
    return Attached(attachment.sha256, attachment.size_bytes)


def _attachment(name: str) -> Attachment:
    return named(content(name, SIZES[name]), f"{name}.pdf")
