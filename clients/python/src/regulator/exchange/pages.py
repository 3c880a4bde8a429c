"""Listings: every item, or page by page; a page is fetched when it is needed, and with the client's retries."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Generic, Protocol, TypeVar

from regulator.exchange.v1.admin_service_pb2 import (
    Certificate,
    Channel,
    ListCertificatesResponse,
    ListChannelsResponse,
    ListPeersResponse,
    Peer,
)
from regulator.exchange.v1.assistance_service_pb2 import AssistanceCase, ListAssistanceCasesResponse
from regulator.exchange.v1.audit_service_pb2 import ListJournalEntriesResponse
from regulator.exchange.v1.draft_service_pb2 import Draft, ListDraftsResponse
from regulator.exchange.v1.framework_service_pb2 import (
    Assessment,
    Framework,
    FrameworkProvision,
    ListAssessmentsResponse,
    ListFrameworksResponse,
    ListProvisionsResponse,
)
from regulator.exchange.v1.notice_service_pb2 import ListNoticesResponse, Notice
from regulator.exchange.v1.sharing_service_pb2 import Consent, ListConsentsResponse, ListSharesResponse, Share


class PageRequest(Protocol):
    """A request for a page."""

    page_token: str


class Page(Protocol):
    """A page of a listing."""

    next_page_token: str


RequestT = TypeVar("RequestT", bound=PageRequest)
PageT = TypeVar("PageT", bound=Page)
ItemT = TypeVar("ItemT")


class Listing(Iterator[ItemT], Generic[RequestT, PageT, ItemT]):
    """An iterator over all items. Its errors are those of a call, raised where the page would begin.

    Attributes:
        next_page_token: of the page that was read last; empty: none follows it
    """

    def __init__(
        self, request: RequestT, fetch: Callable[[RequestT], PageT], items: Callable[[PageT], Iterable[ItemT]]
    ) -> None:
        self._request = request
        self._fetch = fetch
        self._first_token = request.page_token
        self.next_page_token = ""
        self._items = (item for page in self.pages() for item in items(page))

    def __next__(self) -> ItemT:
        return next(self._items)

    def pages(self) -> Iterator[PageT]:
        """The pages as the node gives them, from the first one; read a listing either so or item by item."""
        token: str | None = self._first_token
        while token is not None:
            self._request.page_token = token
            page = self._fetch(self._request)
            self.next_page_token = page.next_page_token
            yield page
            token = page.next_page_token or None


class AsyncListing(AsyncIterator[ItemT], Generic[RequestT, PageT, ItemT]):
    """``Listing`` for asyncio."""

    def __init__(
        self,
        request: RequestT,
        fetch: Callable[[RequestT], Awaitable[PageT]],
        items: Callable[[PageT], Iterable[ItemT]],
    ) -> None:
        self._request = request
        self._fetch = fetch
        self._first_token = request.page_token
        self.next_page_token = ""
        self._items = (item async for page in self.pages() for item in items(page))

    async def __anext__(self) -> ItemT:
        return await anext(self._items)

    async def pages(self) -> AsyncIterator[PageT]:
        """The pages as the node gives them, from the first one; read a listing either so or item by item."""
        token: str | None = self._first_token
        while token is not None:
            self._request.page_token = token
            page = await self._fetch(self._request)
            self.next_page_token = page.next_page_token
            yield page
            token = page.next_page_token or None


def peers(page: ListPeersResponse) -> Iterable[Peer]:
    """The items of a page of peers."""
    return page.peers


def channels(page: ListChannelsResponse) -> Iterable[Channel]:
    """The items of a page of channels."""
    return page.channels


def certificates(page: ListCertificatesResponse) -> Iterable[Certificate]:
    """The items of a page of certificates."""
    return page.certificates


def notices(page: ListNoticesResponse) -> Iterable[Notice]:
    """The items of a page of notices."""
    return page.notices


def drafts(page: ListDraftsResponse) -> Iterable[Draft]:
    """The items of a page of drafts."""
    return page.drafts


def consents(page: ListConsentsResponse) -> Iterable[Consent]:
    """The items of a page of consents."""
    return page.consents


def shares(page: ListSharesResponse) -> Iterable[Share]:
    """The items of a page of shares."""
    return page.shares


def assistance_cases(page: ListAssistanceCasesResponse) -> Iterable[AssistanceCase]:
    """The items of a page of cases of assistance."""
    return page.assistance_cases


def frameworks(page: ListFrameworksResponse) -> Iterable[Framework]:
    """The items of a page of frameworks."""
    return page.frameworks


def provisions(page: ListProvisionsResponse) -> Iterable[FrameworkProvision]:
    """The items of a page of provisions."""
    return page.provisions


def journal_entries(page: ListJournalEntriesResponse) -> Iterable[ListJournalEntriesResponse.Item]:
    """The items of a page of the access journal."""
    return page.items


def assessments(page: ListAssessmentsResponse) -> Iterable[Assessment]:
    """The items of a page of assessments."""
    return page.assessments
