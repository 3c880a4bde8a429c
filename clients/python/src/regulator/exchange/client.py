"""The blocking client: for threads and scripts."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Unpack

import grpc
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
from regulator.exchange.calling import Calling, listing, unary
from regulator.exchange.errors import ExchangeError, from_rpc_error
from regulator.exchange.progress import Progress, RuleFilters
from regulator.exchange.requests import with_request_id
from regulator.exchange.submission import Chunks
from regulator.exchange.transfers import Messages, PartialFile, Patience, Upload, keeping_nothing_destroyed
from regulator.exchange.v1.attachment_service_pb2 import DownloadAttachmentRequest, StoredAttachment
from regulator.exchange.v1.audit_service_pb2 import ExportJournalRequest
from regulator.exchange.v1.event_service_pb2 import Event, WatchEventsRequest
from regulator.exchange.v1.notice_service_pb2 import CreateNoticeRequest, SubmitNoticesResponse
from regulator.exchange.watch import Stream, Watch


class Client(Calling):
    """A back office's connection to its node, over mutual TLS; safe for any number of threads.

    Each call has one deadline, the profile's, for all its attempts. ``Unavailable``, and ``Overloaded`` if the node
    says when to come back, are tried again within it, writes too: each carries a ``request_id``. What a call raises
    is an ``ExchangeError``. The files of the profile are read once: after a new certificate, make a new client.
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
            How many are sealed, and which are refused; ``error_of(refusal.status)`` is the error that says why.
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

    def upload_attachment(self, path: str | Path) -> StoredAttachment:
        """Sends a file to the node, so that a notice can name it; goes on by itself after breaks.

        It has no deadline: it goes on for as long as bytes become durable. What the node has of the file already, from
        this upload or an earlier one, is not sent again.

        Raises:
            OSError: the file cannot be read.
            Overloaded: ``NO_ROOM``: the authority's quota, or the node's disk, does not suffice.
            ExchangeError: it is no regular file, is empty or too large, or has changed while it was sent.
        """
        upload = Upload(Path(path))
        while True:
            try:
                stored = self.create_attachment(upload.file.sha256, upload.file.size_bytes)
                if not stored.complete:
                    stored = self._send(upload.messages(stored))
                return upload.whole(stored)
            except ExchangeError as failure:
                pause_seconds = upload.pause_seconds(failure, self._dice)
            self._closed.wait(pause_seconds)

    def download_attachment(self, name: str, path: str | Path) -> StoredAttachment:
        """Fetches a file into ``path``; goes on by itself after breaks, and verifies the digest.

        Until it is whole it is beside its place, as ``<name>.part``: what an earlier call fetched of it is kept,
        unless its content is destroyed meanwhile.

        Args:
            name: ``hk-2026-017/attachments/1``, its place in the notice's attachments; or as ``get_attachment`` has it.
            path: where it is to be; what is there is replaced.

        Raises:
            OSError: it cannot be written.
            WrongState: ``ATTACHMENT_MISSING``: it is not whole at the node yet.
            ExchangeError: another call fetches into the same place; or that is no regular file.
        """
        path = Path(path)
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
