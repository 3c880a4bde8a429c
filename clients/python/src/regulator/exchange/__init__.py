"""What a back office needs to talk to its node.

``Client`` and ``AsyncClient`` call it, as a ``Profile`` says; ``notice_request`` makes the requests of their batches
and streams, and ``attachment_of`` what a notice says of a file. Messages are those of ``regulator.exchange.v1``;
``regulator.exchange.errors`` has the tree of errors.
"""

from regulator.exchange.assistance_requests import AssistanceFilters
from regulator.exchange.async_client import AsyncClient
from regulator.exchange.async_watch import AsyncWatch
from regulator.exchange.attachment_requests import attachment_of
from regulator.exchange.audit_requests import JournalFilters
from regulator.exchange.client import Client
from regulator.exchange.errors import (
    AlreadyExists,
    Cancelled,
    ClientClosed,
    DeadlineExceeded,
    ExchangeError,
    InvalidRequest,
    NodeFailure,
    NotAllowed,
    NotFound,
    Overloaded,
    ProfileError,
    Stale,
    Unauthenticated,
    Unavailable,
    Unsupported,
    Violation,
    WrongState,
    error_of,
)
from regulator.exchange.framework_requests import AssessmentFilters, ProvisionFilters
from regulator.exchange.media_types import media_type_of
from regulator.exchange.pages import AsyncListing, Listing
from regulator.exchange.profile import Profile
from regulator.exchange.progress import RuleFilters
from regulator.exchange.requests import NoticeFilters
from regulator.exchange.requests import create_notice as notice_request
from regulator.exchange.watch import Watch

__all__ = [
    "AlreadyExists",
    "AssessmentFilters",
    "AssistanceFilters",
    "AsyncClient",
    "AsyncListing",
    "AsyncWatch",
    "Cancelled",
    "Client",
    "ClientClosed",
    "DeadlineExceeded",
    "ExchangeError",
    "InvalidRequest",
    "JournalFilters",
    "Listing",
    "NodeFailure",
    "NotAllowed",
    "NotFound",
    "NoticeFilters",
    "Overloaded",
    "Profile",
    "ProfileError",
    "ProvisionFilters",
    "RuleFilters",
    "Stale",
    "Unauthenticated",
    "Unavailable",
    "Unsupported",
    "Violation",
    "Watch",
    "WrongState",
    "attachment_of",
    "error_of",
    "media_type_of",
    "notice_request",
]
