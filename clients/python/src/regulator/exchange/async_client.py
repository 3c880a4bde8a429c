"""The asyncio client."""

import asyncio
import copy
import time
import weakref
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from random import SystemRandom
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, Unpack

from grpc import StatusCode, aio
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
from regulator.exchange.async_watch import AsyncStream, AsyncWatch
from regulator.exchange.connection import AsyncStubs, Rpc
from regulator.exchange.errors import Cancelled, ClientClosed, ExchangeError, from_rpc_error
from regulator.exchange.methods import described_as
from regulator.exchange.pages import AsyncListing, ItemT, PageRequest, PageT
from regulator.exchange.profile import Profile
from regulator.exchange.progress import Progress, RuleFilters
from regulator.exchange.requests import request_id_of, with_request_id
from regulator.exchange.retry import Attempts
from regulator.exchange.submission import AsyncChunks
from regulator.exchange.tasks import is_cancelled
from regulator.exchange.tokens import AsyncToken, Metadata, bearer, token_of
from regulator.exchange.transfers import Messages, PartialFile, Patience, Upload, keeping_nothing_destroyed
from regulator.exchange.v1.attachment_service_pb2 import DownloadAttachmentRequest, StoredAttachment
from regulator.exchange.v1.audit_service_pb2 import ExportJournalRequest
from regulator.exchange.v1.event_service_pb2 import Event, WatchEventsRequest
from regulator.exchange.v1.notice_service_pb2 import CreateNoticeRequest, SubmitNoticesResponse

P = ParamSpec("P")
RequestT = TypeVar("RequestT")
PageRequestT = TypeVar("PageRequestT", bound=PageRequest)
ResponseT = TypeVar("ResponseT")


def _unary(
    rpc: Callable[[AsyncStubs], Rpc[RequestT, Awaitable[ResponseT]]], build: Callable[P, RequestT]
) -> Callable[Concatenate["AsyncClient", P], Coroutine[Any, Any, ResponseT]]:
    """A method that builds a request and gives its answer."""

    async def method(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> ResponseT:
        return await self._call(rpc(self._stubs), build(*args, **kwargs))

    return described_as(build, method)


def _listing(
    rpc: Callable[[AsyncStubs], Rpc[PageRequestT, Awaitable[PageT]]],
    build: Callable[P, PageRequestT],
    items: Callable[[PageT], Iterable[ItemT]],
) -> Callable[Concatenate["AsyncClient", P], AsyncListing[PageRequestT, PageT, ItemT]]:
    """A method that builds a request and gives an iterator over all it asks for."""

    def method(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> AsyncListing[PageRequestT, PageT, ItemT]:
        return AsyncListing(build(*args, **kwargs), lambda request: self._call(rpc(self._stubs), request), items)

    return described_as(build, method)


class AsyncClient:
    """``Client`` for asyncio: the same methods, awaited; listings and watches are read with ``async for``.

    To be made within a running event loop, and used by any number of its tasks.
    """

    def __init__(self, profile: Profile, token: AsyncToken | None = None) -> None:
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
        self._channel = aio.secure_channel(
            profile.address, connection.credentials(profile), connection.options(profile)
        )
        self._stubs = AsyncStubs(self._channel)
        self._dice = SystemRandom().random
        self._closed = asyncio.Event()
        self._watches: weakref.WeakSet[AsyncWatch] = weakref.WeakSet()

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

    async def submit_notices(
        self,
        requests: Iterable[CreateNoticeRequest] | AsyncIterable[CreateNoticeRequest],
        *,
        chunk: int = 100,
        deadline_seconds: float | None = None,
    ) -> SubmitNoticesResponse:
        """Gives any number of notices, as ``Client.submit_notices`` does; they may come from an async iterable."""
        replayable = isinstance(requests, Sequence)
        source = [with_request_id(each) for each in requests] if isinstance(requests, Sequence) else requests

        async def attempt(timeout_seconds: float) -> SubmitNoticesResponse:
            metadata, chunks = await self._metadata(), AsyncChunks(source, chunk)
            try:
                return await self._stubs.notices.SubmitNotices(
                    aiter(chunks), timeout=timeout_seconds, metadata=metadata
                )
            except asyncio.CancelledError:
                if chunks.failure:
                    raise chunks.failure from None
                raise

        return await self._attempts(attempt, deadline_seconds, max_attempts=None if replayable else 1)

    def watch_events(
        self,
        cursor: str = "",
        kinds: Iterable[Event.Kind.ValueType] = (),
        *,
        from_now: bool = False,
        **filters: Unpack[RuleFilters],
    ) -> AsyncWatch:
        """Gives every event after ``cursor`` as it happens, as ``Client.watch_events`` does."""
        self._check_open()
        watch = AsyncWatch(self._watch, Progress(cursor, kinds, from_now=from_now, **filters))
        self._watches.add(watch)
        return watch

    async def export_journal(self, first_index: int = 0) -> AsyncIterator[bytes]:
        """Gives the file of the access journal, piece by piece, as ``Client.export_journal`` does."""
        self._check_open()
        try:
            with self._until_closed():
                request, metadata = ExportJournalRequest(first_index=first_index), await self._metadata()
                async for part in self._stubs.audit.ExportJournal(request, metadata=metadata):
                    yield part.data
        except aio.AioRpcError as error:
            raise from_rpc_error(error) from error

    async def upload_attachment(self, path: Path) -> StoredAttachment:
        """Sends a file to the node, as ``Client.upload_attachment`` does."""
        upload = await asyncio.to_thread(Upload, path)
        while True:
            try:
                stored = await self.create_attachment(upload.file.sha256, upload.file.size_bytes)
                if not stored.complete:
                    stored = await self._send(upload.messages(stored))
                return upload.whole(stored)
            except ExchangeError as failure:
                pause_seconds = await asyncio.to_thread(upload.pause_seconds, failure, self._dice)
            await self._pause(pause_seconds)

    async def download_attachment(self, name: str, path: Path) -> StoredAttachment:
        """Fetches a file into ``path``, as ``Client.download_attachment`` does."""
        with keeping_nothing_destroyed(path):
            stored, patience = await self.get_attachment(name), Patience()
            with PartialFile(path, stored) as part:
                while True:
                    try:
                        patience.reached(part.offset)
                        if part.offset < stored.size_bytes or not stored.complete:
                            await self._fetch(DownloadAttachmentRequest(name=stored.name, offset=part.offset), part)
                        if await asyncio.to_thread(part.finish):
                            return stored
                        continue
                    except ExchangeError as failure:
                        pause_seconds = patience.pause_seconds(failure, self._dice)
                    await self._pause(pause_seconds)

    def acting_for(self, token: AsyncToken) -> Self:
        """Gives the same client with the token of an officer; both share one connection, and are closed together."""
        other = copy.copy(self)
        other._token = token  # noqa: SLF001 - its own
        return other

    def within(self, traceparent: str) -> Self:
        """Gives the same client with calls that belong to a trace, as ``Client.within`` does."""
        other = copy.copy(self)
        other._traceparent = traces.checked(traceparent)  # noqa: SLF001 - its own
        return other

    async def close(self) -> None:
        """Ends the watches and the connection; calls under way raise ``Cancelled``."""
        self._closed.set()
        for watch in self._watches:
            await watch.close()
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _call(self, rpc: Rpc[RequestT, Awaitable[ResponseT]], request: RequestT) -> ResponseT:
        async def attempt(timeout_seconds: float) -> ResponseT:
            return await rpc(request, timeout=timeout_seconds, metadata=await self._metadata())

        try:
            return await self._attempts(attempt)
        except ExchangeError as failure:
            failure.request_id = request_id_of(request)
            raise

    async def _send(self, messages: Messages) -> StoredAttachment:
        self._check_open()
        try:
            with self._until_closed():
                metadata = await self._metadata()
                return await self._stubs.attachments.UploadAttachment(iter(messages), metadata=metadata)
        except aio.AioRpcError as error:
            raise from_rpc_error(error) from error
        except asyncio.CancelledError:
            if messages.failure:
                raise messages.failure from None
            raise

    async def _fetch(self, request: DownloadAttachmentRequest, into: PartialFile) -> None:
        self._check_open()
        try:
            with self._until_closed():
                async for part in self._stubs.attachments.DownloadAttachment(request, metadata=await self._metadata()):
                    into.write(part.data)
        except aio.AioRpcError as error:
            raise from_rpc_error(error) from error

    async def _watch(self, request: WatchEventsRequest) -> AsyncStream:
        return self._stubs.events.WatchEvents(request, metadata=await self._metadata())

    async def _metadata(self) -> Metadata | None:
        sent = traces.sent_as(self._traceparent or traces.traceparent_of_now())
        if self._token is None:
            return sent or None
        token = self._token()
        return (*sent, *bearer(token if isinstance(token, str) else await token))

    async def _attempts(
        self,
        attempt: Callable[[float], Awaitable[ResponseT]],
        deadline_seconds: float | None = None,
        max_attempts: int | None = None,
    ) -> ResponseT:
        """Carries out a call, again if need be; ``attempt`` is given the seconds that are left."""
        ends_at = time.monotonic() + (deadline_seconds or self._profile.deadline_seconds)
        attempts = Attempts(max_attempts or self._profile.max_attempts, ends_at)
        while True:
            self._check_open()
            try:
                with self._until_closed():
                    return await attempt(attempts.remaining_seconds(time.monotonic()))
            except aio.AioRpcError as error:
                failure = from_rpc_error(error)
                wait_seconds = attempts.wait_seconds(failure, time.monotonic(), self._dice)
                if wait_seconds is None:
                    raise failure from error
            await self._pause(wait_seconds)

    @contextmanager
    def _until_closed(self) -> Iterator[None]:
        """Raises ``Cancelled`` for a call that ends because the client is closed."""
        try:
            yield
        except asyncio.CancelledError:
            if self._closed.is_set() and not is_cancelled():
                raise Cancelled("the client was closed during the call", StatusCode.CANCELLED) from None
            raise

    async def _pause(self, seconds: float) -> None:
        """Waits, but not once the client is closed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closed.wait()

    def _check_open(self) -> None:
        if self._closed.is_set():
            raise ClientClosed("this client is closed")
