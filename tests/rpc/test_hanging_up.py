"""Callers that hang up, at each point at which a call waits: nothing that it held is left behind, and others go on."""

import asyncio
import time
import types
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Sequence
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from prometheus_client import CollectorRegistry
from regulator.exchange.v1 import attachment_service_pb2 as files
from regulator.exchange.v1.audit_service_pb2 import ExportJournalRequest, ExportJournalResponse
from regulator.exchange.v1.event_service_pb2 import WatchEventsRequest, WatchEventsResponse
from regulator.exchange.v1.journal_pb2 import JournalEntry
from regulator.exchange.v1.notice_service_pb2 import (
    CreateNoticeRequest,
    Notice,
    SubmitNoticesRequest,
    SubmitNoticesResponse,
)
from regulator.exchange.v1.values_pb2 import Handling, LocalizedText

from gateway.commands.attachments.storage import CHUNKS_AT_ONCE
from gateway.commands.attachments.uploads import AttachmentCommands
from gateway.commands.notice_sealing import NoticeSealing
from gateway.commands.notices import NoticeCommands
from gateway.identity.access.access import Caller, Role
from gateway.metrics.instruments import Instruments
from gateway.questions.attachments import AttachmentQuestions
from gateway.questions.auditing import Auditing
from gateway.questions.events import EventQuestions
from gateway.questions.notices import NoticeQuestions
from gateway.questions.sealed_tokens import SealedTokens
from gateway.rates import Rate
from gateway.rpc.admission import CALLER, Admitted
from gateway.rpc.attachments import AttachmentServicer
from gateway.rpc.audit import AuditServicer
from gateway.rpc.events import EventServicer
from gateway.rpc.guard import Guard
from gateway.rpc.intake import AFTERWARDS
from gateway.rpc.journaling import Journaling
from gateway.rpc.notices import NoticeServicer
from gateway.rpc.quotas import ARRIVING_AT_ONCE, LARGE_AT_ONCE, Quota, Quotas
from gateway.store.tables import JOURNAL, leaves, notices
from tests.rpc.malformed_requests import creation
from tests.store.attaching import BYTES, FILE, storing
from tests.store.stores import NOW, RANDOM, Opened, check_verified
from tests.supervision.samples import content

OFFICE = Caller("spiffe://gateway.hk.example/SFC/office", "SFC", frozenset(Role), Handling.RED)
SECONDS = 60
LANGUAGES = ("en", "ko", "zh", "fr", "de")


class Context:
    """A call as gRPC shows it, whose caller may hang up."""

    def __init__(self, *messages: Message) -> None:
        self._messages = [each.SerializeToString() for each in messages]
        self.is_gone, self.told = False, None

    def auth_context(self) -> dict[str, Any]:
        return {}

    def invocation_metadata(self) -> tuple[()]:
        return ()

    def time_remaining(self) -> None:
        return None

    def cancelled(self) -> bool:
        return self.is_gone

    async def read(self) -> Any:
        await asyncio.sleep(0)
        return self._messages.pop(0) if self._messages else grpc.aio.EOF

    async def chunks(self) -> AsyncIterator[bytes]:
        while (data := await self.read()) is not grpc.aio.EOF:
            yield data

    async def write(self, _data: bytes) -> None:
        await asyncio.sleep(0)

    async def abort_with_status(self, status: Any) -> None:
        await asyncio.sleep(0)
        self.told = status
        raise grpc.aio.AbortError


@types.coroutine
def interrupted(work: Coroutine[Any, Any, None], at: int, interrupt: Callable[[], object]) -> Generator[Any, Any, None]:
    """Carries out a work, and interrupts it where it waits for the so many-th time."""
    go_on, what = work.send, None
    for times in range(1, 1000):
        try:
            awaited = go_on(what)
        except StopIteration:
            return
        if times == at:
            interrupt()
        try:
            go_on, what = work.send, (yield awaited)
        except BaseException as error:  # noqa: BLE001 - it is the work's
            go_on, what = work.throw, error
    raise AssertionError("it waits without end")


class Office:
    """What a node serves an office, without sockets."""

    def __init__(self, store: Opened) -> None:
        self.store = store
        tokens = SealedTokens(bytes(32), RANDOM.randbytes)
        self.quotas = Quotas(lambda _: Quota(Rate(1e9, 10**9), 100, 100), time.monotonic_ns)
        admission: Any = SimpleNamespace(admit=self._admit)
        journaling = Journaling(store.committer, lambda *_: None)
        self.guard = Guard(
            admission, SECONDS, self.quotas, lambda _: 2**23, journaling, Instruments(CollectorRegistry())
        )
        self.bulletin = SimpleNamespace(commit=store.committer.latest(), next=asyncio.Event, closed=False)
        bulletin: Any = self.bulletin
        questions = NoticeQuestions(store.readers, tokens, store.filters)
        sealing = NoticeSealing(store.parties, ())
        commands = NoticeCommands(store.parties, store.committer, sealing, questions, lambda: NOW, RANDOM.randbytes)
        self.storing = storing(store)
        attachments = AttachmentQuestions(store.readers)
        self.notices = NoticeServicer(commands, questions)
        self.commands = AttachmentCommands(store.committer, self.storing, attachments)
        self.files = AttachmentServicer(self.commands, attachments)
        self.events = EventServicer(EventQuestions(store.readers, bulletin, tokens, lambda *_: "", store.filters))
        own: Any = lambda: store.parties.own_seals  # noqa: E731
        self.audit = AuditServicer(Auditing(own, store.readers, tokens, store.committer, store.filters))

    @staticmethod
    def _admit(*_: object) -> Admitted:
        CALLER.set(OFFICE)
        return Admitted(OFFICE.client, OFFICE)

    async def call(self, method: str, handler: Any, messages: Sequence[Message], at: int, *, gone: bool) -> bool:
        """Makes a call, and ends it where it waits for the so many-th time; tells whether it came so far.

        ``gone``: its caller hangs up; else the node ends it.
        """
        context, afterwards = Context(*messages), list[Callable[[], None]]()
        served = self.guard.guarded(f"/regulator.exchange.v1.{method}", handler)
        behaviour = served.stream_stream or served.stream_unary

        async def served_once() -> None:
            AFTERWARDS.set(afterwards)
            with suppress(asyncio.CancelledError, grpc.aio.AbortError):
                await interrupted(behaviour(context.chunks(), context), at, hang_up)

        def hang_up() -> None:
            nonlocal came
            came, context.is_gone = True, gone
            task.cancel()

        came = False
        task = asyncio.create_task(served_once())
        await task
        assert came or context.told is None
        for each in afterwards:
            each()
        return came

    def _is_busy(self, tasks: set[asyncio.Task[Any]]) -> bool:
        pool: Any = self.store.database.readers.pool
        return asyncio.all_tasks() != tasks or bool(pool.checkedout())

    async def require_idle(self, tasks: set[asyncio.Task[Any]]) -> None:
        """Passes if nothing is left of any call."""
        async with asyncio.timeout(SECONDS):
            while self._is_busy(tasks):  # noqa: ASYNC110 - no event tells that all have ended
                await asyncio.sleep(0.001)
        assert self.quotas.under_way() == (0, 0)
        assert self.quotas._unread.total() == 0
        assert {each._value for each in self.quotas._arriving.values()} <= {ARRIVING_AT_ONCE}
        assert {each._value for each in self.quotas._large.values()} <= {LARGE_AT_ONCE}
        assert self.storing._slots._value == CHUNKS_AT_ONCE
        assert self.store.committer.waiting_weight() == 0


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    store = Opened.create("HK", "sqlite:///node.db", tmp_path / "hk")
    yield Office(store)
    await store.close()
    check_verified(store)


def large() -> CreateNoticeRequest:
    """A notice whose request is a large one."""
    text = "x" * 16_000
    return creation(content(summary=[LocalizedText(language_tag=tag, text=text) for tag in LANGUAGES]))


async def sweep(office: Office, method: str, handler: Any, *messages: Message, most: int = 1000) -> int:
    """Ends a call at each point at which it waits, in both ways; gives how many there are.

    One that is not ended is answered: a stream of answers without end is looked at up to a point alone.
    """
    tasks, points = asyncio.all_tasks(), 0
    for gone in (True, False):
        for at in range(1, most + 1):
            came = await office.call(method, handler, messages, at, gone=gone)
            await office.require_idle(tasks)
            if not came:
                break
            points = max(points, at)
    return points


async def entries(store: Opened, method: str) -> list[JournalEntry]:
    """Those of the journal that tell of an act."""
    rows = [row for row in await store.rows(leaves) if row["channel"] == JOURNAL]
    found = [JournalEntry.FromString(row["data"]) for row in rows]
    return [each for each in found if each.method.endswith(method) and each.step == JournalEntry.COMMITTED]


def unary(behaviour: Any, asked: type[Message], told: type[Message]) -> Any:
    return grpc.unary_unary_rpc_method_handler(behaviour, asked.FromString, told.SerializeToString)


def incoming(behaviour: Any, asked: type[Message], told: type[Message]) -> Any:
    return grpc.stream_unary_rpc_method_handler(behaviour, asked.FromString, told.SerializeToString)


def outgoing(behaviour: Any, asked: type[Message], told: type[Message]) -> Any:
    return grpc.unary_stream_rpc_method_handler(behaviour, asked.FromString, told.SerializeToString)


async def test_a_notice_is_given_and_told_or_neither(office: Office):
    handler = unary(office.notices.CreateNotice, CreateNoticeRequest, Notice)
    await sweep(office, "NoticeService/CreateNotice", handler, large())
    given = await office.store.rows(notices)
    told = await entries(office.store, "CreateNotice")
    assert [f"notices/{row['id']}" for row in given] == [each.resources[0] for each in told]


async def test_a_stream_of_large_notices_gives_its_turns_back(office: Office):
    handler = incoming(office.notices.SubmitNotices, SubmitNoticesRequest, SubmitNoticesResponse)
    message = SubmitNoticesRequest(requests=[large(), creation()])
    assert await sweep(office, "NoticeService/SubmitNotices", handler, *[message] * 3) > 4


async def test_a_file_is_sent_and_fetched_after_any_number_of_attempts(office: Office):
    asked = files.CreateAttachmentRequest(sha256=FILE.sha256, size_bytes=FILE.size_bytes)
    declared = await office.commands.create_attachment(OFFICE, asked)
    sent = files.UploadAttachmentRequest(name=declared.name, data=BYTES[:700_000])
    rest = files.UploadAttachmentRequest(data=BYTES[700_000:])
    handler = incoming(office.files.UploadAttachment, files.UploadAttachmentRequest, files.StoredAttachment)
    assert await sweep(office, "AttachmentService/UploadAttachment", handler, sent, rest) > 4
    wanted = files.DownloadAttachmentRequest(name=declared.name)
    handler = outgoing(office.files.DownloadAttachment, type(wanted), files.DownloadAttachmentResponse)
    assert await sweep(office, "AttachmentService/DownloadAttachment", handler, wanted) > 4


async def test_watches_and_exports_leave_nothing_open(office: Office):
    await office.store.release("hk-1", "hk-2")
    office.bulletin.commit = office.store.committer.latest()
    handler = outgoing(office.events.WatchEvents, WatchEventsRequest, WatchEventsResponse)
    assert await sweep(office, "EventService/WatchEvents", handler, WatchEventsRequest(), most=10) == 10
    handler = outgoing(office.audit.ExportJournal, ExportJournalRequest, ExportJournalResponse)
    assert await sweep(office, "AuditService/ExportJournal", handler, ExportJournalRequest()) > 4
