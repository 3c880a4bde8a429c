"""A node that answers as it is told: a real gRPC server with mutual TLS, and nothing behind it.

It keeps every request, fails the next calls of a method with the statuses it is given, and outlives its own
restarts: events and requests stay while the server is stopped and started on the same port.
"""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status
from regulator.exchange.v1 import admin_service_pb2 as admin
from regulator.exchange.v1 import assistance_service_pb2 as assistance
from regulator.exchange.v1 import audit_service_pb2 as audit
from regulator.exchange.v1 import evidence_service_pb2 as evidence
from regulator.exchange.v1 import notice_service_pb2 as notices
from regulator.exchange.v1.admin_service_pb2_grpc import AdminServiceServicer, add_AdminServiceServicer_to_server
from regulator.exchange.v1.assistance_service_pb2_grpc import (
    AssistanceServiceServicer,
    add_AssistanceServiceServicer_to_server,
)
from regulator.exchange.v1.audit_service_pb2_grpc import AuditServiceServicer, add_AuditServiceServicer_to_server
from regulator.exchange.v1.event_service_pb2 import Event, WatchEventsRequest, WatchEventsResponse
from regulator.exchange.v1.event_service_pb2_grpc import EventServiceServicer, add_EventServiceServicer_to_server
from regulator.exchange.v1.evidence_service_pb2_grpc import (
    EvidenceServiceServicer,
    add_EvidenceServiceServicer_to_server,
)
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.notice_service_pb2_grpc import NoticeServiceServicer, add_NoticeServiceServicer_to_server

from tests.support.ports import free_port

PATIENCE_SECONDS = 60.0  # more than anything here takes, whatever else the machine does


def status(code: grpc.StatusCode, message: str = "", *details: Message) -> Status:
    """A failure, with the details that google.rpc defines."""
    made = Status(code=code.value[0], message=message or code.name)
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        made.details.append(packed)
    return made


def _unary(name: str) -> Callable[..., Any]:
    def method(self: "FakeNode", request: Message, context: grpc.ServicerContext) -> Any:
        self.take(name, request, context)
        return self.answers[name](request)

    return method


class FakeNode(
    NoticeServiceServicer,
    AssistanceServiceServicer,
    EventServiceServicer,
    EvidenceServiceServicer,
    AdminServiceServicer,
    AuditServiceServicer,
):
    """Answers every method. ``answers`` can be replaced, ``failures`` are used up first."""

    def __init__(self, credentials: grpc.ServerCredentials) -> None:
        self.requests: list[tuple[str, Any]] = []
        self.authorizations: list[str | bytes] = []  # of all calls that had one
        self.traceparents: list[str | bytes] = []  # the same
        self.failures: dict[str, deque[Status]] = defaultdict(deque)
        self.events: list[Event] = []
        self.cuts: deque[int] = deque()  # after how many messages each next watch breaks
        self.cut_by = status(grpc.StatusCode.UNAVAILABLE, "cut")
        self.watching = threading.Event()  # a watch has been told all there is
        self.expects_cancelled = False  # of the streams of notices: they are not complete
        self.not_cancelled: list[grpc.ServicerContext] = []  # of these, as far as is known
        self.flowing = threading.Event()  # an export goes on in its middle
        self.flowing.set()
        self.port = free_port()  # which nobody takes while the node is down
        self._credentials = credentials
        self._news = threading.Condition()
        self.answers: dict[str, Callable[[Any], Any]] = {
            "GetServerInfo": lambda _: admin.ServerInfo(jurisdiction="HK", domain="gateway.hk.example"),
            "GetPeer": lambda request: admin.Peer(name=request.name),
            "ListPeers": lambda _: admin.ListPeersResponse(peers=[admin.Peer(name="peers/kr")]),
            "GetChannel": lambda request: admin.Channel(name=request.name),
            "ListChannels": lambda _: admin.ListChannelsResponse(channels=[admin.Channel(name="channels/hk-to-kr")]),
            "ListCertificates": lambda _: admin.ListCertificatesResponse(
                certificates=[admin.Certificate(purpose="TLS of this node")]
            ),
            "CreateNotice": lambda request: Notice(name=f"notices/{request.notice_id}", state=Notice.RELEASED),
            "BatchCreateNotices": lambda request: notices.BatchCreateNoticesResponse(
                notices=[Notice(name=f"notices/{each.notice_id}") for each in request.requests]
            ),
            "GetNotice": lambda request: Notice(name=request.name),
            "ListNotices": lambda _: notices.ListNoticesResponse(),
            "AcknowledgeNotice": lambda request: Notice(name=request.name, state=Notice.ACKNOWLEDGED),
            "WithdrawNotice": lambda request: Notice(name=request.name, state=Notice.WITHDRAWN),
            "SupersedeNotice": lambda request: Notice(name=f"notices/{request.notice_id}"),
            "GetAssistanceCase": lambda request: assistance.AssistanceCase(name=request.name),
            "ListAssistanceCases": lambda _: assistance.ListAssistanceCasesResponse(),
            "GetEvidence": lambda request: evidence.Evidence(file_name=request.notice or request.origin),
            "GetCheckpoint": lambda request: evidence.Checkpoint(note=request.origin.encode()),
            "GetConsistencyProof": lambda _: evidence.ConsistencyProof(hashes=[bytes(32)]),
            "GetForkProof": lambda request: evidence.ForkProof(number=request.number or 1),
            "ListJournalEntries": lambda _: audit.ListJournalEntriesResponse(items=[{"index": 7}]),
            "GetJournalCheckpoint": lambda _: audit.JournalCheckpoint(size=8),
            "GetJournalProof": lambda request: audit.JournalProof(size=request.size),
        }

    GetServerInfo = _unary("GetServerInfo")
    GetPeer = _unary("GetPeer")
    ListPeers = _unary("ListPeers")
    GetChannel = _unary("GetChannel")
    ListChannels = _unary("ListChannels")
    ListCertificates = _unary("ListCertificates")
    CreateNotice = _unary("CreateNotice")
    BatchCreateNotices = _unary("BatchCreateNotices")
    GetNotice = _unary("GetNotice")
    ListNotices = _unary("ListNotices")
    AcknowledgeNotice = _unary("AcknowledgeNotice")
    WithdrawNotice = _unary("WithdrawNotice")
    SupersedeNotice = _unary("SupersedeNotice")
    GetAssistanceCase = _unary("GetAssistanceCase")
    ListAssistanceCases = _unary("ListAssistanceCases")
    GetEvidence = _unary("GetEvidence")
    GetCheckpoint = _unary("GetCheckpoint")
    GetConsistencyProof = _unary("GetConsistencyProof")
    GetForkProof = _unary("GetForkProof")
    ListJournalEntries = _unary("ListJournalEntries")
    GetJournalCheckpoint = _unary("GetJournalCheckpoint")
    GetJournalProof = _unary("GetJournalProof")

    def SubmitNotices(
        self, request_iterator: Iterator[notices.SubmitNoticesRequest], context: grpc.ServicerContext
    ) -> notices.SubmitNoticesResponse:
        messages = list(request_iterator)
        # gRPC ends the iterator of a call that was cancelled as if it were complete, and may say so only afterwards.
        if self.expects_cancelled:
            self.not_cancelled.append(context)
            until(lambda: not context.is_active())
            self.not_cancelled.remove(context)
        if not context.is_active():
            return notices.SubmitNoticesResponse()
        self.take("SubmitNotices", messages, context)
        count = sum(len(message.requests) for message in messages)
        return notices.SubmitNoticesResponse(received_count=count, sealed_count=count)

    def ExportJournal(
        self, request: audit.ExportJournalRequest, context: grpc.ServicerContext
    ) -> Iterator[audit.ExportJournalResponse]:
        """Breaks off in the middle if there is a failure left, or stands still there until ``flowing`` is set."""
        self.requests.append(("ExportJournal", request))
        yield audit.ExportJournalResponse(data=b"first, ")
        self.flowing.wait(PATIENCE_SECONDS)
        if failures := self.failures["ExportJournal"]:
            context.abort_with_status(rpc_status.to_status(failures.popleft()))
        yield audit.ExportJournalResponse(data=b"last")

    def WatchEvents(self, request: WatchEventsRequest, context: grpc.ServicerContext) -> Iterator[WatchEventsResponse]:
        """Cursors are the number of events told so far, in decimal."""
        self.take("WatchEvents", request, context)
        cut = self.cuts.popleft() if self.cuts else None
        for sent, response in enumerate(self._told(request, context)):
            if sent == cut:
                context.abort_with_status(rpc_status.to_status(self.cut_by))
            yield response

    def _told(self, request: WatchEventsRequest, context: grpc.ServicerContext) -> Iterator[WatchEventsResponse]:
        place = int(request.cursor or (len(self.events) if request.from_now else 0))
        told_all = False
        while context.is_active():
            if place < len(self.events):
                event, place, told_all = self.events[place], place + 1, False
                if not request.kinds or event.kind in request.kinds:
                    yield WatchEventsResponse(event=event, cursor=str(place))
            elif not told_all:
                told_all = True
                yield WatchEventsResponse(cursor=str(place))
                self.watching.set()
            else:
                with self._news:
                    self._news.wait_for(lambda at=place: len(self.events) > at, timeout=0.05)

    def happen(self, *names: str, kind: Event.Kind.ValueType = Event.NOTICE_RECEIVED) -> None:
        """Adds an event for each notice."""
        with self._news:
            self.events += [Event(kind=kind, notice=f"notices/{name}") for name in names]
            self._news.notify_all()

    def take(self, name: str, request: Any, context: grpc.ServicerContext) -> None:
        """Keeps a request, then fails if there is a failure left for the method."""
        self.requests.append((name, request))
        self.authorizations += [value for key, value in context.invocation_metadata() if key == "authorization"]
        self.traceparents += [value for key, value in context.invocation_metadata() if key == "traceparent"]
        if failures := self.failures[name]:
            context.abort_with_status(rpc_status.to_status(failures.popleft()))

    def fail(self, name: str, *statuses: Status) -> None:
        self.failures[name].extend(statuses)

    def requests_of(self, name: str) -> list[Any]:
        return [request for each, request in self.requests if each == name]

    def start(self) -> None:
        """Serves, on the same port as before."""
        self._server = grpc.server(ThreadPoolExecutor(max_workers=8))
        add_NoticeServiceServicer_to_server(self, self._server)
        add_AssistanceServiceServicer_to_server(self, self._server)
        add_EventServiceServicer_to_server(self, self._server)
        add_EvidenceServiceServicer_to_server(self, self._server)
        add_AdminServiceServicer_to_server(self, self._server)
        add_AuditServiceServicer_to_server(self, self._server)
        self._server.add_secure_port(f"127.0.0.1:{self.port}", self._credentials)
        self._server.start()

    def stop(self) -> None:
        """Ends all calls at once, as a process that is killed would."""
        self.watching.clear()
        assert self._server.stop(None).wait(PATIENCE_SECONDS)


def until(condition: Callable[[], bool]) -> None:
    """Waits for what another thread does; fails after a while."""
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < ends_at, "it never came true"
        time.sleep(0.005)
