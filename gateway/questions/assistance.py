"""What can be asked of a node about requests for assistance: as far as the caller may see them."""

from collections.abc import Callable, Collection

from regulator.exchange.v1 import assistance_service_pb2 as pb

from gateway.errors import BadInput, NotFound
from gateway.identity.access.access import Caller
from gateway.moments import date_of, day_at, day_of, timestamp_of
from gateway.questions.filters import Filters
from gateway.questions.notice_views import notice_of
from gateway.questions.paging import MAX_PAGE_BYTES, answerable, page_size
from gateway.questions.scopes import scope_of
from gateway.questions.sealed_tokens import SealedTokens
from gateway.store.assistance.queries import AnswerView, CaseFilter, CaseView, list_cases, read_case
from gateway.store.readers import Readers
from gateway.supervision.acts.submissions import check_fields
from gateway.supervision.notices.assistance import case_id, case_name, is_overdue, state_by
from gateway.supervision.notices.content import notice_name


class AssistanceQuestions:
    """The questions of back offices.

    Args:
        readers: of the store
        tokens: for pages
        clock: microseconds since 1970
        authorities: codes of those that this node serves
        filters: look at those of a list that found nothing
    """

    def __init__(
        self,
        readers: Readers,
        tokens: SealedTokens,
        clock: Callable[[], int],
        authorities: Collection[str],
        filters: Filters,
    ) -> None:
        self._readers, self._tokens, self._clock = readers, tokens, clock
        self._authorities, self._filters = authorities, filters

    async def get_assistance_case(self, caller: Caller, request: pb.GetAssistanceCaseRequest) -> pb.AssistanceCase:
        """Gives one case by its name.

        Raises:
            NotFound: there is none, or none for this caller: the same words.
        """
        check_fields(request)
        view = await self._readers.at_once(read_case, scope_of(caller), case_id(request.name))
        if view is None:
            raise NotFound(f"there is no case {case_id(request.name)}", assistance_case=request.name)
        return _message(view, day_at(self._clock()))

    async def list_assistance_cases(
        self, caller: Caller, request: pb.ListAssistanceCasesRequest
    ) -> pb.ListAssistanceCasesResponse:
        """Gives a page, newest first: in the order in which the requests were committed here."""
        check_fields(request)
        self._check_authority(request.answerable_by)
        before, size = self._tokens.page_position(request.page_token, request), page_size(request.page_size)
        wanted = CaseFilter(
            scope_of(caller),
            day_at(self._clock()),
            request.direction,
            request.state,
            request.peer,
            request.requested_authority,
            request.overdue_only,
            day_of(request.due_by),
            request.answerable_by,
        )
        page, more = await self._readers.run(list_cases, wanted, before, size, MAX_PAGE_BYTES)
        if not page and before is None:
            await self._filters.check(wanted.scope, request)
        cases, cut = answerable(_message(view, wanted.today) for view in page)
        token = self._tokens.page_token(page[len(cases) - 1].request.sequence, request) if more or cut else ""
        return pb.ListAssistanceCasesResponse(assistance_cases=cases, next_page_token=token)

    def _check_authority(self, code: str) -> None:
        """Passes if an authority can answer at all: another one's list would hold what asks none by name."""
        if code and code not in self._authorities:
            raise BadInput.of("answerable_by", f"must be one of {', '.join(sorted(self._authorities))}")


def _message(view: CaseView, today: int) -> pb.AssistanceCase:
    record = view.request.record
    state = state_by(record.state, view.outcome)
    return pb.AssistanceCase(
        name=case_name(record.id),
        state=state,
        request=notice_of(view.request),
        respond_by=date_of(view.respond_by) if view.respond_by else None,
        overdue=is_overdue(state, view.respond_by, today),
        answers=map(_answer, view.answers),
    )


def _answer(view: AnswerView) -> pb.AssistanceCase.Answer:
    return pb.AssistanceCase.Answer(
        notice=notice_name(view.notice_id),
        outcome=view.outcome,
        issuing_authority=view.issuing_authority,
        release_time=timestamp_of(view.released_at),
        state=view.state,
    )
