"""What auditors ask: entries of the access journal, the journal itself, and proofs of it."""

from collections.abc import AsyncIterator, Callable
from typing import Protocol

from regulator.exchange.v1 import audit_service_pb2 as audit

from gateway.errors import BadInput, Unavailable
from gateway.ledger.checkpoint import SignedCheckpoint
from gateway.ledger.journal import JournalHead, encode_entry
from gateway.ledger.note import Note
from gateway.ledger.seals import SealHistory
from gateway.moments import micros_from
from gateway.questions.filters import Filters
from gateway.questions.paging import MAX_PAGE_BYTES, answerable, page_size
from gateway.questions.sealed_tokens import SealedTokens
from gateway.store.commits import Commit
from gateway.store.journal.queries import (
    EntryFilter,
    list_entries,
    prove_entry,
    prove_prefix,
    read_edge,
    read_entries,
)
from gateway.store.readers import Readers
from gateway.store.transaction import Transaction
from gateway.supervision.acts.submissions import check_fields
from gateway.supervision.disclosure import EVERYTHING

MAX_PART_BYTES = 512 * 1024  # of entries in one message of an export, about


class Signing(Protocol):
    """What has the journal signed: the committer; or nothing, where no node writes any more."""

    def latest(self) -> Commit:
        """The state as of the last commit."""

    async def follow(self) -> None:
        """Takes what other replicas committed."""

    async def submit(self, unit: Callable[[Transaction], None], /) -> None:
        """Commits what a unit of work does."""


class Auditing:
    """Reads the journal.

    Args:
        own: gives the seals of this node, whose certificates go into an export
        readers: of the store
        tokens: makes page tokens
        committer: has the journal signed
        filters: look at those of a list that found nothing
    """

    def __init__(
        self,
        own: Callable[[], SealHistory],
        readers: Readers,
        tokens: SealedTokens,
        committer: Signing,
        filters: Filters,
    ) -> None:
        self._own, self._readers, self._tokens, self._committer = own, readers, tokens, committer
        self._filters = filters

    async def list_entries(self, request: audit.ListJournalEntriesRequest) -> audit.ListJournalEntriesResponse:
        """Gives a page, newest first."""
        check_fields(request)
        before, size = self._tokens.page_position(request.page_token, request), page_size(request.page_size)
        page = await self._readers.run(list_entries, _filter(request), before, size, MAX_PAGE_BYTES)
        if not page.entries and not page.before:
            await self._filters.check(EVERYTHING, request)
        item = audit.ListJournalEntriesResponse.Item
        items, cut = answerable(item(index=index, entry=entry) for index, entry in page.entries)
        before = items[-1].index if cut else page.before
        token = self._tokens.page_token(before, request) if before else ""
        return audit.ListJournalEntriesResponse(items=items, next_page_token=token)

    async def export(self, request: audit.ExportJournalRequest) -> AsyncIterator[audit.ExportJournalResponse]:
        """Gives the file of the journal from an entry on, up to a new checkpoint."""
        signed = await self._signed()
        index, size = request.first_index, signed.checkpoint.size
        yield audit.ExportJournalResponse(data=(await self._head(index, signed)).encode())
        while index < size:
            entries = await self._readers.run(read_entries, index, size, MAX_PART_BYTES)
            yield audit.ExportJournalResponse(data=b"".join(map(encode_entry, entries)))
            index += len(entries)

    async def checkpoint(self) -> audit.JournalCheckpoint:
        """Gives a new checkpoint."""
        signed = await self._signed()
        size = signed.checkpoint.size
        file = (await self._head(size, signed)).encode()
        return audit.JournalCheckpoint(file=file, note=signed.note, size=size)

    async def prove(self, request: audit.GetJournalProofRequest) -> audit.JournalProof:
        """Proves that an entry is in the journal, or that a shorter journal is its prefix."""
        check_fields(request)
        await self._committer.follow()
        head, log = self._committer.latest().journal.head, self._committer.latest().journal.log
        size = request.size or (head.checkpoint.size if head else 0)
        if size > log.size:
            raise BadInput.of("size", f"must be at most the size of the journal, {log.size}")
        if request.HasField("index"):
            entry = await self._readers.run(prove_entry, request.index, size)
            return audit.JournalProof(hashes=entry.hashes, size=size, root=entry.root, leaf=entry.leaf)
        prefix = await self._readers.run(prove_prefix, request.first_size, size)
        hashes, first_root = prefix.hashes, prefix.first_root
        return audit.JournalProof(hashes=hashes, size=size, root=prefix.second_root, first_root=first_root)

    async def _signed(self) -> SignedCheckpoint:
        """The newest checkpoint, which covers all that was durable when it was asked for.

        Raises:
            Unavailable: the seal cannot sign.
        """
        await self._committer.follow()
        size = self._committer.latest().journal.log.size
        await self._committer.submit(Transaction.sign_journal)
        head = self._committer.latest().journal.head
        if head is None or head.checkpoint.size < size:
            raise Unavailable("the journal cannot be signed now; the node's log tells why")
        return head

    async def _head(self, first: int, signed: SignedCheckpoint) -> JournalHead:
        """What stands before the entries of a file.

        Raises:
            BadInput: the journal is not so long.
        """
        if first > signed.checkpoint.size:
            raise BadInput.of("first_index", f"must be at most the size of the journal, {signed.checkpoint.size}")
        edge = await self._readers.run(read_edge, first)
        checkpoint = signed.checkpoint
        seal = self._own().signing(Note.parse(signed.note), checkpoint.origin, checkpoint.size)
        return JournalHead(edge, seal.certificates, signed.note)


def _filter(request: audit.ListJournalEntriesRequest) -> EntryFilter:
    return EntryFilter(
        client=request.client,
        officer=request.officer,
        method=request.method,
        outcome=request.outcome,
        resource=request.resource,
        time_from=micros_from(request.time_from) if request.HasField("time_from") else None,
        time_before=micros_from(request.time_before) if request.HasField("time_before") else None,
    )
