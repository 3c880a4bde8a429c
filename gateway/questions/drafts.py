"""What can be asked of a node about drafts: by their own authority, as far as the caller is cleared for them."""

from regulator.exchange.v1 import draft_service_pb2 as pb

from gateway.errors import NotFound
from gateway.identity.access.access import Caller
from gateway.questions.paging import MAX_PAGE_BYTES, answerable, page_size
from gateway.questions.scopes import scope_of
from gateway.questions.sealed_tokens import SealedTokens
from gateway.store.drafts.queries import DraftFilter, list_drafts, read_draft
from gateway.store.readers import Readers
from gateway.supervision.acts.submissions import check_fields
from gateway.supervision.drafts import DraftRecord, draft_id
from gateway.supervision.messages.drafts import draft_message


class DraftQuestions:
    """The questions of back offices.

    Args:
        readers: of the store
        tokens: for pages
    """

    def __init__(self, readers: Readers, tokens: SealedTokens) -> None:
        self._readers, self._tokens = readers, tokens

    async def draft(self, caller: Caller, wanted_id: str) -> DraftRecord:
        """Gives one draft by its id.

        Raises:
            NotFound: there is none, or none that the caller may see.
        """
        record = await self._readers.at_once(read_draft, wanted_id, DraftFilter(caller.authority, scope_of(caller)))
        if record is None:
            raise not_there(wanted_id)
        return record

    async def get_draft(self, caller: Caller, request: pb.GetDraftRequest) -> pb.Draft:
        """Gives one draft by its name."""
        check_fields(request)
        return draft_message(await self.draft(caller, draft_id(request.name)))

    async def list_drafts(self, caller: Caller, request: pb.ListDraftsRequest) -> pb.ListDraftsResponse:
        """Gives a page, newest first."""
        check_fields(request)
        before, size = self._tokens.page_position(request.page_token, request), page_size(request.page_size)
        wanted = DraftFilter(caller.authority, scope_of(caller), request.state)
        views, more = await self._readers.run(list_drafts, wanted, before, size, MAX_PAGE_BYTES)
        drafts, cut = answerable(draft_message(view.record, whole=False) for view in views)
        token = self._tokens.page_token(views[len(drafts) - 1].sequence, request) if more or cut else ""
        return pb.ListDraftsResponse(drafts=drafts, next_page_token=token)


def not_there(wanted_id: str) -> NotFound:
    """The one answer to whoever asks for a draft that is not there, or not for it."""
    return NotFound(f"there is no draft {wanted_id}", draft=wanted_id)
