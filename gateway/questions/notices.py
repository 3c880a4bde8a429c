"""What can be asked of a node about its notices; nothing here changes anything."""

from regulator.exchange.v1.notice_service_pb2 import (
    GetNoticeRequest,
    ListNoticesRequest,
    ListNoticesResponse,
    Notice,
)

from gateway.errors import NotFound
from gateway.identity.access.access import Caller
from gateway.moments import micros_from
from gateway.questions.filters import Filters
from gateway.questions.notice_views import notice_of
from gateway.questions.paging import MAX_PAGE_BYTES, answerable, page_size
from gateway.questions.scopes import scope_of
from gateway.questions.sealed_tokens import SealedTokens
from gateway.store.notice_queries import NoticeFilter, list_notices, read_notice
from gateway.store.readers import Readers
from gateway.supervision.acts.submissions import check_fields
from gateway.supervision.notices.content import notice_id


class NoticeQuestions:
    """The questions of back offices.

    Args:
        readers: of the store
        tokens: for pages
        filters: look at those of a list that found nothing
    """

    def __init__(self, readers: Readers, tokens: SealedTokens, filters: Filters) -> None:
        self._readers, self._tokens, self._filters = readers, tokens, filters

    async def notice(self, caller: Caller, wanted_id: str) -> Notice:
        """Gives one notice by its id.

        Raises:
            NotFound: there is none, or none for this caller: the same words.
        """
        view = await self._readers.at_once(read_notice, scope_of(caller), wanted_id)
        if view is None:
            raise NotFound(f"there is no notice {wanted_id}", notice=wanted_id)
        return notice_of(view)

    async def get_notice(self, caller: Caller, request: GetNoticeRequest) -> Notice:
        """Gives one notice by its name."""
        check_fields(request)
        return await self.notice(caller, notice_id(request.name))

    async def list_notices(self, caller: Caller, request: ListNoticesRequest) -> ListNoticesResponse:
        """Gives a page, newest first: in the order in which they were committed here."""
        check_fields(request)
        before, size = self._tokens.page_position(request.page_token, request), page_size(request.page_size)
        wanted = (scope_of(caller), _filter(request))
        page, more = await self._readers.run(list_notices, *wanted, before, size, MAX_PAGE_BYTES)
        if not page and before is None:
            await self._filters.check(scope_of(caller), request)
        notices, cut = answerable(map(notice_of, page))
        token = self._tokens.page_token(page[len(notices) - 1].sequence, request) if more or cut else ""
        return ListNoticesResponse(notices=notices, next_page_token=token)


def _filter(request: ListNoticesRequest) -> NoticeFilter:
    return NoticeFilter(
        direction=request.direction,
        kind=request.kind,
        state=request.state,
        issuing_authority=request.issuing_authority,
        sector=request.sector,
        identifier=request.subject_identifier,
        peer=request.peer,
        released_from=micros_from(request.release_time_from) if request.HasField("release_time_from") else None,
        released_before=micros_from(request.release_time_before) if request.HasField("release_time_before") else None,
    )
