"""Builds the requests about the access journal, as ``requests`` does the others."""

from datetime import datetime
from typing import TypedDict, Unpack

from regulator.exchange.requests import fields_of
from regulator.exchange.v1 import audit_service_pb2 as audit


class JournalFilters(TypedDict, total=False):
    """What ``list_journal_entries`` may be asked for; what is set must all hold."""

    page_size: int  # entries fetched at once: 0 is 50, more than 1,000 is 1,000
    page_token: str  # where to begin: ``next_page_token`` of a page read before, with the same filters
    client: str  # a SPIFFE ID
    officer: str  # issuer#subject
    method: str  # /package.Service/Method, or Method
    outcome: str  # OK, or the reason of a refusal
    resource: str  # a resource name, notices/hk-2026-001
    time_from: datetime  # written then or later; with a time zone
    time_before: datetime  # written before; with a time zone


def list_journal_entries(**filters: Unpack[JournalFilters]) -> audit.ListJournalEntriesRequest:
    """Lists entries of the access journal, newest first; pages are fetched as they are needed."""
    return audit.ListJournalEntriesRequest(**fields_of(**filters))


def get_journal_checkpoint() -> audit.GetJournalCheckpointRequest:
    """Gives a new checkpoint of the access journal; its ``file``, kept elsewhere, shows later whether it was cut."""
    return audit.GetJournalCheckpointRequest()


def get_journal_proof(*, index: int | None = None, first_size: int = 0, size: int = 0) -> audit.GetJournalProofRequest:
    """Proves that an entry is in the access journal, or that it continues what it was.

    Args:
        index: of the entry; None: the journal's past is asked for.
        first_size: of the journal as it was.
        size: of the later journal; 0: that of its newest checkpoint.
    """
    if index is not None:
        return audit.GetJournalProofRequest(index=index, size=size)
    return audit.GetJournalProofRequest(first_size=first_size, size=size)
