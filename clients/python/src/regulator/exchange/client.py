"""The blocking client: for threads and scripts."""

import copy
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from random import SystemRandom
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar, Unpack

import grpc
from regulator.exchange import (
    assistance_requests,
    attachment_requests,
    audit_requests,
    connection,
    draft_requests,
    framework_requests,
    pages,
    requests,
    sharing_requests,
    traces,
)
from regulator.exchange.connection import Rpc, Stubs
from regulator.exchange.errors import ClientClosed, ExchangeError, from_rpc_error
from regulator.exchange.methods import described_as
from regulator.exchange.pages import ItemT, Listing, PageRequest, PageT
from regulator.exchange.profile import Profile
from regulator.exchange.progress import Progress, RuleFilters
from regulator.exchange.requests import request_id_of, with_request_id
from regulator.exchange.retry import Attempts
from regulator.exchange.submission import Chunks
from regulator.exchange.tokens import Metadata, Token, bearer, token_of
from regulator.exchange.transfers import Messages, PartialFile, Patience, Upload, keeping_nothing_destroyed
from regulator.exchange.v1.attachment_service_pb2 import DownloadAttachmentRequest, StoredAttachment
from regulator.exchange.v1.audit_service_pb2 import ExportJournalRequest
from regulator.exchange.v1.event_service_pb2 import Event, WatchEventsRequest
from regulator.exchange.v1.notice_service_pb2 import CreateNoticeRequest, SubmitNoticesResponse
from regulator.exchange.watch import Stream, Watch

P = ParamSpec("P")
RequestT = TypeVar("RequestT")
PageRequestT = TypeVar("PageRequestT", bound=PageRequest)
ResponseT = TypeVar("ResponseT")


def _unary(
    rpc: Callable[[Stubs], Rpc[RequestT, ResponseT]], build: Callable[P, RequestT]
) -> Callable[Concatenate["Client", P], ResponseT]:
    """A method that builds a request and gives its answer."""

    def method(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> ResponseT:
        return self._call(rpc(self._stubs), build(*args, **kwargs))

    return described_as(build, method)


def _listing(
    rpc: Callable[[Stubs], Rpc[PageRequestT, PageT]],
    build: Callable[P, PageRequestT],
    items: Callable[[PageT], Iterable[ItemT]],
) -> Callable[Concatenate["Client", P], Listing[PageRequestT, PageT, ItemT]]:
    """A method that builds a request and gives an iterator over all it asks for."""

    def method(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> Listing[PageRequestT, PageT, ItemT]:
        return Listing(build(*args, **kwargs), lambda request: self._call(rpc(self._stubs), request), items)

    return described_as(build, method)


class Client:
    """A back office's connection to its node, over mutual TLS; safe for any number of threads.

    Each call has one deadline, the profile's, for all its attempts. ``Unavailable``, and ``Overloaded`` if the node
    says when to come back, are tried again within it, writes too: each carries a ``request_id``. What a call raises
    is an ``ExchangeError``. The files of the profile are read once: after a new certificate, make a new client.
    """

    def __init__(self, profile: Profile, token: Token | None = None) -> None:
        """Connects with the first call.

        Args:
            profile: where the node is, and who calls.
            token: gives the token of the officer for whom the system acts; None: as the profile says.

        Raises:
            ProfileError: a file of the profile does not fit.
        """
        self._profile = profile
        self._token = token or (token_of(profile.token) if profile.token else None)
        self._traceparent = ""
        self._channel = grpc.secure_channel(
            profile.address, connection.credentials(profile), connection.options(profile)
        )
        self._stubs = Stubs(self._channel)
        self._dice = SystemRandom().random
        self._closed = threading.Event()
        self._watches: weakref.WeakSet[Watch] = weakref.WeakSet()
        self._lock = threading.Lock()  # a watch is either seen by close(), or not begun after it

    server_info = _unary(lambda node: node.admin.GetServerInfo, requests.server_info)
    get_peer = _unary(lambda node: node.admin.GetPeer, requests.get_peer)
    list_peers = _listing(lambda node: node.admin.ListPeers, requests.list_peers, pages.peers)
    get_channel = _unary(lambda node: node.admin.GetChannel, requests.get_channel)
    rotate_seal = _unary(lambda node: node.admin.RotateSeal, requests.rotate_seal)
    list_channels = _listing(lambda node: node.admin.ListChannels, requests.list_channels, pages.channels)
    list_certificates = _listing(
        lambda node: node.admin.ListCertificates, requests.list_certificates, pages.certificates
    )

    create_notice = _unary(lambda node: node.notices.CreateNotice, requests.create_notice)
    batch_create_notices = _unary(lambda node: node.notices.BatchCreateNotices, requests.batch_create_notices)
    get_notice = _unary(lambda node: node.notices.GetNotice, requests.get_notice)
    list_notices = _listing(lambda node: node.notices.ListNotices, requests.list_notices, pages.notices)
    acknowledge_notice = _unary(lambda node: node.notices.AcknowledgeNotice, requests.acknowledge_notice)
    withdraw_notice = _unary(lambda node: node.notices.WithdrawNotice, requests.withdraw_notice)
    supersede_notice = _unary(lambda node: node.notices.SupersedeNotice, requests.supersede_notice)

    publish_version = _unary(lambda node: node.frameworks.PublishVersion, framework_requests.publish_version)
    get_framework = _unary(lambda node: node.frameworks.GetFramework, framework_requests.get_framework)
    list_frameworks = _listing(
        lambda node: node.frameworks.ListFrameworks, framework_requests.list_frameworks, pages.frameworks
    )
    get_version = _unary(lambda node: node.frameworks.GetVersion, framework_requests.get_version)
    list_provisions = _listing(
        lambda node: node.frameworks.ListProvisions, framework_requests.list_provisions, pages.provisions
    )
    diff_versions = _unary(lambda node: node.frameworks.DiffVersions, framework_requests.diff_versions)
    compare_jurisdictions = _unary(
        lambda node: node.frameworks.CompareJurisdictions, framework_requests.compare_jurisdictions
    )
    assess = _unary(lambda node: node.frameworks.Assess, framework_requests.assess)
    list_assessments = _listing(
        lambda node: node.frameworks.ListAssessments, framework_requests.list_assessments, pages.assessments
    )

    create_draft = _unary(lambda node: node.drafts.CreateDraft, draft_requests.create_draft)
    update_draft = _unary(lambda node: node.drafts.UpdateDraft, draft_requests.update_draft)
    submit_draft = _unary(lambda node: node.drafts.SubmitDraft, draft_requests.submit_draft)
    approve_draft = _unary(lambda node: node.drafts.ApproveDraft, draft_requests.approve_draft)
    reject_draft = _unary(lambda node: node.drafts.RejectDraft, draft_requests.reject_draft)
    recall_draft = _unary(lambda node: node.drafts.RecallDraft, draft_requests.recall_draft)
    get_draft = _unary(lambda node: node.drafts.GetDraft, draft_requests.get_draft)
    list_drafts = _listing(lambda node: node.drafts.ListDrafts, draft_requests.list_drafts, pages.drafts)

    request_consent = _unary(lambda node: node.sharing.RequestConsent, sharing_requests.request_consent)
    get_consent = _unary(lambda node: node.sharing.GetConsent, sharing_requests.get_consent)
    list_consents = _listing(lambda node: node.sharing.ListConsents, sharing_requests.list_consents, pages.consents)
    grant_consent = _unary(lambda node: node.sharing.GrantConsent, sharing_requests.grant_consent)
    refuse_consent = _unary(lambda node: node.sharing.RefuseConsent, sharing_requests.refuse_consent)
    mark_shared = _unary(lambda node: node.sharing.MarkShared, sharing_requests.mark_shared)
    get_share = _unary(lambda node: node.sharing.GetShare, sharing_requests.get_share)
    list_shares = _listing(lambda node: node.sharing.ListShares, sharing_requests.list_shares, pages.shares)

    get_assistance_case = _unary(
        lambda node: node.assistance.GetAssistanceCase, assistance_requests.get_assistance_case
    )
    list_assistance_cases = _listing(
        lambda node: node.assistance.ListAssistanceCases,
        assistance_requests.list_assistance_cases,
        pages.assistance_cases,
    )

    get_evidence = _unary(lambda node: node.evidence.GetEvidence, requests.get_evidence)
    get_checkpoint = _unary(lambda node: node.evidence.GetCheckpoint, requests.get_checkpoint)
    get_consistency_proof = _unary(lambda node: node.evidence.GetConsistencyProof, requests.get_consistency_proof)
    get_fork_proof = _unary(lambda node: node.evidence.GetForkProof, requests.get_fork_proof)

    create_attachment = _unary(lambda node: node.attachments.CreateAttachment, attachment_requests.create_attachment)
    get_attachment = _unary(lambda node: node.attachments.GetAttachment, attachment_requests.get_attachment)
    delete_attachment = _unary(lambda node: node.attachments.DeleteAttachment, attachment_requests.delete_attachment)

    list_journal_entries = _listing(
        lambda node: node.audit.ListJournalEntries, audit_requests.list_journal_entries, pages.journal_entries
    )
    get_journal_checkpoint = _unary(lambda node: node.audit.GetJournalCheckpoint, audit_requests.get_journal_checkpoint)
    get_journal_proof = _unary(lambda node: node.audit.GetJournalProof, audit_requests.get_journal_proof)

    def submit_notices(
        self, requests: Iterable[CreateNoticeRequest], *, chunk: int = 100, deadline_seconds: float | None = None
    ) -> SubmitNoticesResponse:
        """Gives any number of notices, each on its own: a refused one does not hold up the others.

        A list or tuple is sent again from its beginning after ``Unavailable``; what is sealed already is counted,
        not sealed twice. Another iterable is read once and sent once, without being held in memory; after an error
        it is for the caller to send it again, and that is safe only if its requests bear their own ``request_id``.

        Args:
            requests: what ``notice_request`` makes; those without a ``request_id`` get one.
            chunk: how many travel in one message, 1 to 1,000.
            deadline_seconds: of the whole; None: the profile's.

        Returns:
            How many are sealed, and which are refused and why.
        """
        replayable = isinstance(requests, Sequence)
        source = [with_request_id(each) for each in requests] if replayable else requests

        def attempt(timeout_seconds: float) -> SubmitNoticesResponse:
            chunks = Chunks(source, chunk)
            try:
                return self._stubs.notices.SubmitNotices(
                    iter(chunks), timeout=timeout_seconds, metadata=self._metadata()
                )
            except grpc.RpcError:
                if chunks.failure:
                    raise chunks.failure from None
                raise

        return self._attempts(attempt, deadline_seconds, max_attempts=None if replayable else 1)

    def watch_events(
        self,
        cursor: str = "",
        kinds: Iterable[Event.Kind.ValueType] = (),
        *,
        from_now: bool = False,
        **filters: Unpack[RuleFilters],
    ) -> Watch:
        """Gives every event after ``cursor`` as it happens; see ``Watch``, which is to be closed after use.

        Args:
            cursor: of the last message seen; empty: from the first event of all, or as ``from_now`` says.
            kinds: only these; empty: all.
            from_now: without a cursor: only what happens after the watch has reached the node.
            filters: ``RuleFilters``: only events about these rules.
        """
        with self._lock:
            self._check_open()
            watch = Watch(self._watch, Progress(cursor, kinds, from_now=from_now, **filters))
            self._watches.add(watch)
            return watch

    def export_journal(self, first_index: int = 0) -> Iterator[bytes]:
        """Gives the file of the access journal, piece by piece, from an entry on up to a new checkpoint.

        It is not tried again: a file that breaks off proves nothing, and another one ends with another checkpoint.
        """
        self._check_open()
        try:
            request = ExportJournalRequest(first_index=first_index)
            for part in self._stubs.audit.ExportJournal(request, metadata=self._metadata()):
                yield part.data
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error

    def upload_attachment(self, path: Path) -> StoredAttachment:
        """Sends a file to the node, so that a notice can name it; goes on by itself after breaks.

        It has no deadline: it goes on for as long as bytes become durable. What the node has of the file already, from
        this upload or an earlier one, is not sent again.

        Raises:
            OSError: the file cannot be read.
            Overloaded: ``NO_ROOM``: the authority's quota, or the node's disk, does not suffice.
            ExchangeError: it is no regular file, is empty or too large, or has changed while it was sent.
        """
        upload = Upload(path)
        while True:
            try:
                stored = self.create_attachment(upload.file.sha256, upload.file.size_bytes)
                if not stored.complete:
                    stored = self._send(upload.messages(stored))
                return upload.whole(stored)
            except ExchangeError as failure:
                pause_seconds = upload.pause_seconds(failure, self._dice)
            self._closed.wait(pause_seconds)

    def download_attachment(self, name: str, path: Path) -> StoredAttachment:
        """Fetches a file into ``path``; goes on by itself after breaks, and verifies the digest.

        Until it is whole it is beside its place, as ``<name>.part``: what an earlier call fetched of it is kept,
        unless its content is destroyed meanwhile.

        Args:
            name: ``hk-2026-017/attachments/1``, its place in the notice's attachments; or ``attachments/...``.
            path: where it is to be; what is there is replaced.

        Raises:
            OSError: it cannot be written.
            WrongState: ``ATTACHMENT_MISSING``: it is not whole at the node yet.
            ExchangeError: another call fetches into the same place; or that is no regular file.
        """
        with keeping_nothing_destroyed(path):
            stored, patience = self.get_attachment(name), Patience()
            with PartialFile(path, stored) as part:
                while True:
                    try:
                        patience.reached(part.offset)
                        if part.offset < stored.size_bytes or not stored.complete:
                            self._fetch(DownloadAttachmentRequest(name=stored.name, offset=part.offset), part)
                        if part.finish():
                            return stored
                        continue
                    except ExchangeError as failure:
                        pause_seconds = patience.pause_seconds(failure, self._dice)
                    self._closed.wait(pause_seconds)

    def acting_for(self, token: Token) -> Self:
        """Gives the same client with the token of an officer; both share one connection, and are closed together."""
        other = copy.copy(self)
        other._token = token  # noqa: SLF001 - its own
        return other

    def within(self, traceparent: str) -> Self:
        """Gives the same client with calls that belong to a trace; both share one connection, and are closed together.

        Without it, calls belong to the OpenTelemetry span within which they are made, if there is one.

        Args:
            traceparent: of the span that calls, as W3C Trace Context writes it.

        Raises:
            ValueError: it is not as it writes it.
        """
        other = copy.copy(self)
        other._traceparent = traces.checked(traceparent)  # noqa: SLF001 - its own
        return other

    def close(self) -> None:
        """Ends the watches and the connection; calls under way raise ``Cancelled``."""
        with self._lock:
            self._closed.set()
            for watch in self._watches:
                watch.close()
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, rpc: Rpc[RequestT, ResponseT], request: RequestT) -> ResponseT:
        try:
            return self._attempts(
                lambda timeout_seconds: rpc(request, timeout=timeout_seconds, metadata=self._metadata())
            )
        except ExchangeError as failure:
            failure.request_id = request_id_of(request)
            raise

    def _send(self, messages: Messages) -> StoredAttachment:
        self._check_open()
        try:
            return self._stubs.attachments.UploadAttachment(iter(messages), metadata=self._metadata())
        except grpc.RpcError as error:
            if messages.failure:
                raise messages.failure from None
            raise from_rpc_error(error) from error

    def _fetch(self, request: DownloadAttachmentRequest, into: PartialFile) -> None:
        self._check_open()
        try:
            for part in self._stubs.attachments.DownloadAttachment(request, metadata=self._metadata()):
                into.write(part.data)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error

    def _watch(self, request: WatchEventsRequest) -> Stream:
        return self._stubs.events.WatchEvents(request, metadata=self._metadata())

    def _metadata(self) -> Metadata | None:
        sent = traces.sent_as(self._traceparent or traces.traceparent_of_now())
        return (*sent, *bearer(self._token())) if self._token else sent or None

    def _attempts(
        self,
        attempt: Callable[[float], ResponseT],
        deadline_seconds: float | None = None,
        max_attempts: int | None = None,
    ) -> ResponseT:
        """Carries out a call, again if need be; ``attempt`` is given the seconds that are left."""
        ends_at = time.monotonic() + (deadline_seconds or self._profile.deadline_seconds)
        attempts = Attempts(max_attempts or self._profile.max_attempts, ends_at)
        while True:
            self._check_open()
            try:
                return attempt(attempts.remaining_seconds(time.monotonic()))
            except grpc.RpcError as error:
                failure = from_rpc_error(error)
                wait_seconds = attempts.wait_seconds(failure, time.monotonic(), self._dice)
                if wait_seconds is None:
                    raise failure from error
            except ValueError:  # what gRPC says to a call on a channel that was closed just now
                self._check_open()
                raise
            self._closed.wait(wait_seconds)

    def _check_open(self) -> None:
        if self._closed.is_set():
            raise ClientClosed("this client is closed")
