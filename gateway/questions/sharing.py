"""What can be asked of a node about onward sharing: as far as the caller may see the notice."""

from collections.abc import Callable
from dataclasses import replace

from regulator.exchange.v1 import sharing_service_pb2 as pb

from gateway.errors import NotFound
from gateway.identity.access.access import Caller
from gateway.moments import day_at
from gateway.questions.paging import MAX_PAGE_BYTES, answerable, page_size
from gateway.questions.scopes import scope_of
from gateway.questions.sealed_tokens import SealedTokens
from gateway.store.notice_queries import read_notice
from gateway.store.readers import Readers
from gateway.store.sharing.queries import ConsentFilter, list_consents, list_shares, read_consent, read_share
from gateway.supervision.acts.sharing import no_consent
from gateway.supervision.acts.submissions import check_fields
from gateway.supervision.messages.sharing import ConsentView, consent_message, share_message
from gateway.supervision.notices.content import notice_id
from gateway.supervision.sharing.names import consent_ids, share_ids

_ALL = "-"  # in place of an id, AIP-159


class SharingQuestions:
    """The questions of back offices.

    Args:
        readers: of the store
        tokens: for pages
        clock: microseconds since 1970
    """

    def __init__(self, readers: Readers, tokens: SealedTokens, clock: Callable[[], int]) -> None:
        self._readers, self._tokens, self._clock = readers, tokens, clock

    async def view(self, caller: Caller, name: str) -> ConsentView:
        """Gives what is known of a consent by its name.

        Raises:
            NotFound: there is none, or none for this caller: the same words.
        """
        view = await self._readers.at_once(read_consent, scope_of(caller), *consent_ids(name))
        if view is None:
            raise no_consent(name)
        return view

    async def consent(self, caller: Caller, name: str) -> pb.Consent:
        """Gives one consent by its name; raises as ``view``."""
        return whole_consent(await self.view(caller, name), self.today())

    async def share(self, caller: Caller, name: str) -> pb.Share:
        """Gives one share by its name.

        Raises:
            NotFound: there is none, or none for this caller: the same words.
        """
        view = await self._readers.at_once(read_share, scope_of(caller), *share_ids(name))
        if view is None:
            raise NotFound(f"there is no share {name}", share=name)
        return share_message(view)

    async def get_consent(self, caller: Caller, request: pb.GetConsentRequest) -> pb.Consent:
        """Gives one consent."""
        check_fields(request)
        return await self.consent(caller, request.name)

    async def list_consents(self, caller: Caller, request: pb.ListConsentsRequest) -> pb.ListConsentsResponse:
        """Gives a page, newest first."""
        check_fields(request)
        before, size = self._tokens.page_position(request.page_token, request), page_size(request.page_size)
        wanted = ConsentFilter(scope_of(caller), self.today(), _parent(request.parent), request.state)
        page, more = await self._readers.run(list_consents, wanted, before, size, MAX_PAGE_BYTES)
        if not page:
            await self._check_parent(caller, wanted.notice)
        consents, cut = answerable(consent_message(view, wanted.today) for _, view in page)
        token = self._tokens.page_token(page[len(consents) - 1][0], request) if more or cut else ""
        return pb.ListConsentsResponse(consents=consents, next_page_token=token)

    async def get_share(self, caller: Caller, request: pb.GetShareRequest) -> pb.Share:
        """Gives one share."""
        check_fields(request)
        return await self.share(caller, request.name)

    async def list_shares(self, caller: Caller, request: pb.ListSharesRequest) -> pb.ListSharesResponse:
        """Gives a page, newest first."""
        check_fields(request)
        before, size = self._tokens.page_position(request.page_token, request), page_size(request.page_size)
        wanted = (scope_of(caller), _parent(request.parent))
        page, more = await self._readers.run(list_shares, *wanted, before, size, MAX_PAGE_BYTES)
        if not page:
            await self._check_parent(caller, _parent(request.parent))
        shares, cut = answerable(share_message(view) for _, view in page)
        token = self._tokens.page_token(page[len(shares) - 1][0], request) if more or cut else ""
        return pb.ListSharesResponse(shares=shares, next_page_token=token)

    async def _check_parent(self, caller: Caller, notice: str) -> None:
        """Passes if nothing is listed of a notice that is there; raises NotFound in the words for one that is not."""
        if notice and await self._readers.at_once(read_notice, scope_of(caller), notice) is None:
            raise NotFound(f"there is no notice {notice}", notice=notice)

    def today(self) -> int:
        """The day (UTC), 20260131."""
        return day_at(self._clock())


def whole_consent(view: ConsentView, today: int) -> pb.Consent:
    """The message with all decisions; where it would be more than every client takes, earlier ones lose their words.

    Field rules let all of them be 32 MiB. The newest, which counts, fits beside the request by the same rules.
    """
    consent = consent_message(view, today)
    decisions = consent.decisions[::-1]
    beside = consent_message(replace(view, decisions=()), today).ByteSize()
    told, _ = answerable(decisions, used_bytes=beside)
    for each in decisions[max(len(told), 1) :]:
        each.ClearField("reason")
        each.ClearField("conditions")
    return consent


def _parent(name: str) -> str:
    """The id of the notice that a list is of; empty: of all."""
    wanted = notice_id(name)
    return "" if wanted == _ALL else wanted
