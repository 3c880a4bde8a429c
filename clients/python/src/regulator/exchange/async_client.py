"""The asyncio client."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from pathlib import Path
from typing import Unpack

from grpc import aio
from regulator.exchange import (
    assistance_requests,
    attachment_requests,
    audit_requests,
    draft_requests,
    framework_requests,
    pages,
    requests,
    sharing_requests,
)
from regulator.exchange.async_calling import AsyncCalling, listing, unary
from regulator.exchange.async_watch import AsyncStream, AsyncWatch
from regulator.exchange.errors import ExchangeError, from_rpc_error
from regulator.exchange.progress import Progress, RuleFilters
from regulator.exchange.requests import with_request_id
from regulator.exchange.submission import AsyncChunks
from regulator.exchange.tasks import wait_at_most
from regulator.exchange.transfers import Messages, PartialFile, Patience, Upload, keeping_nothing_destroyed
from regulator.exchange.v1.attachment_service_pb2 import DownloadAttachmentRequest, StoredAttachment
from regulator.exchange.v1.audit_service_pb2 import ExportJournalRequest
from regulator.exchange.v1.event_service_pb2 import Event, WatchEventsRequest
from regulator.exchange.v1.notice_service_pb2 import CreateNoticeRequest, SubmitNoticesResponse


class AsyncClient(AsyncCalling):
    """``Client`` for asyncio: the same methods, awaited; listings and watches are read with ``async for``.

    To be made within a running event loop, and used by any number of its tasks.
    """

    server_info = unary(lambda node: node.admin.GetServerInfo, requests.server_info)
    get_peer = unary(lambda node: node.admin.GetPeer, requests.get_peer)
    list_peers = listing(lambda node: node.admin.ListPeers, requests.list_peers, pages.peers)
    get_channel = unary(lambda node: node.admin.GetChannel, requests.get_channel)
    rotate_seal = unary(lambda node: node.admin.RotateSeal, requests.rotate_seal)
    list_channels = listing(lambda node: node.admin.ListChannels, requests.list_channels, pages.channels)
    list_certificates = listing(
        lambda node: node.admin.ListCertificates, requests.list_certificates, pages.certificates
    )

    create_notice = unary(lambda node: node.notices.CreateNotice, requests.create_notice)
    batch_create_notices = unary(lambda node: node.notices.BatchCreateNotices, requests.batch_create_notices)
    get_notice = unary(lambda node: node.notices.GetNotice, requests.get_notice)
    list_notices = listing(lambda node: node.notices.ListNotices, requests.list_notices, pages.notices)
    acknowledge_notice = unary(lambda node: node.notices.AcknowledgeNotice, requests.acknowledge_notice)
    withdraw_notice = unary(lambda node: node.notices.WithdrawNotice, requests.withdraw_notice)
    supersede_notice = unary(lambda node: node.notices.SupersedeNotice, requests.supersede_notice)

    publish_version = unary(lambda node: node.frameworks.PublishVersion, framework_requests.publish_version)
    get_framework = unary(lambda node: node.frameworks.GetFramework, framework_requests.get_framework)
    list_frameworks = listing(
        lambda node: node.frameworks.ListFrameworks, framework_requests.list_frameworks, pages.frameworks
    )
    get_version = unary(lambda node: node.frameworks.GetVersion, framework_requests.get_version)
    list_provisions = listing(
        lambda node: node.frameworks.ListProvisions, framework_requests.list_provisions, pages.provisions
    )
    diff_versions = unary(lambda node: node.frameworks.DiffVersions, framework_requests.diff_versions)
    compare_jurisdictions = unary(
        lambda node: node.frameworks.CompareJurisdictions, framework_requests.compare_jurisdictions
    )
    assess = unary(lambda node: node.frameworks.Assess, framework_requests.assess)
    list_assessments = listing(
        lambda node: node.frameworks.ListAssessments, framework_requests.list_assessments, pages.assessments
    )

    create_draft = unary(lambda node: node.drafts.CreateDraft, draft_requests.create_draft)
    update_draft = unary(lambda node: node.drafts.UpdateDraft, draft_requests.update_draft)
    submit_draft = unary(lambda node: node.drafts.SubmitDraft, draft_requests.submit_draft)
    approve_draft = unary(lambda node: node.drafts.ApproveDraft, draft_requests.approve_draft)
    reject_draft = unary(lambda node: node.drafts.RejectDraft, draft_requests.reject_draft)
    recall_draft = unary(lambda node: node.drafts.RecallDraft, draft_requests.recall_draft)
    get_draft = unary(lambda node: node.drafts.GetDraft, draft_requests.get_draft)
    list_drafts = listing(lambda node: node.drafts.ListDrafts, draft_requests.list_drafts, pages.drafts)

    request_consent = unary(lambda node: node.sharing.RequestConsent, sharing_requests.request_consent)
    get_consent = unary(lambda node: node.sharing.GetConsent, sharing_requests.get_consent)
    list_consents = listing(lambda node: node.sharing.ListConsents, sharing_requests.list_consents, pages.consents)
    grant_consent = unary(lambda node: node.sharing.GrantConsent, sharing_requests.grant_consent)
    refuse_consent = unary(lambda node: node.sharing.RefuseConsent, sharing_requests.refuse_consent)
    mark_shared = unary(lambda node: node.sharing.MarkShared, sharing_requests.mark_shared)
    get_share = unary(lambda node: node.sharing.GetShare, sharing_requests.get_share)
    list_shares = listing(lambda node: node.sharing.ListShares, sharing_requests.list_shares, pages.shares)

    get_assistance_case = unary(lambda node: node.assistance.GetAssistanceCase, assistance_requests.get_assistance_case)
    list_assistance_cases = listing(
        lambda node: node.assistance.ListAssistanceCases,
        assistance_requests.list_assistance_cases,
        pages.assistance_cases,
    )

    get_evidence = unary(lambda node: node.evidence.GetEvidence, requests.get_evidence)
    get_checkpoint = unary(lambda node: node.evidence.GetCheckpoint, requests.get_checkpoint)
    get_consistency_proof = unary(lambda node: node.evidence.GetConsistencyProof, requests.get_consistency_proof)
    get_fork_proof = unary(lambda node: node.evidence.GetForkProof, requests.get_fork_proof)

    create_attachment = unary(lambda node: node.attachments.CreateAttachment, attachment_requests.create_attachment)
    get_attachment = unary(lambda node: node.attachments.GetAttachment, attachment_requests.get_attachment)
    delete_attachment = unary(lambda node: node.attachments.DeleteAttachment, attachment_requests.delete_attachment)

    list_journal_entries = listing(
        lambda node: node.audit.ListJournalEntries, audit_requests.list_journal_entries, pages.journal_entries
    )
    get_journal_checkpoint = unary(lambda node: node.audit.GetJournalCheckpoint, audit_requests.get_journal_checkpoint)
    get_journal_proof = unary(lambda node: node.audit.GetJournalProof, audit_requests.get_journal_proof)

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

    async def upload_attachment(self, path: str | Path) -> StoredAttachment:
        """Sends a file to the node, as ``Client.upload_attachment`` does."""
        upload = await asyncio.to_thread(Upload, Path(path))
        while True:
            try:
                stored = await self.create_attachment(upload.file.sha256, upload.file.size_bytes)
                if not stored.complete:
                    stored = await self._send(upload.messages(stored))
                return upload.whole(stored)
            except ExchangeError as failure:
                pause_seconds = await asyncio.to_thread(upload.pause_seconds, failure, self._dice)
            await wait_at_most(self._closed, pause_seconds)

    async def download_attachment(self, name: str, path: str | Path) -> StoredAttachment:
        """Fetches a file into ``path``, as ``Client.download_attachment`` does."""
        path = Path(path)
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
                    await wait_at_most(self._closed, pause_seconds)

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
