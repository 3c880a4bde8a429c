"""What a watch tells: every event that its caller may see, as it is committed."""

from collections.abc import AsyncIterator, Callable, Sequence
from collections.abc import Set as AbstractSet

from regulator.exchange.v1.event_service_pb2 import Event, WatchEventsRequest, WatchEventsResponse

from gateway.errors import BadInput, Unavailable
from gateway.identity.access.access import LOOKING_AFTER, READING, REVIEWING, Caller, Role
from gateway.moments import timestamp_of
from gateway.questions.filters import Filters
from gateway.questions.scopes import scope_of
from gateway.questions.sealed_tokens import SealedTokens
from gateway.store.bulletin import Bulletin
from gateway.store.event_queries import EventFilter, EventView, read_events
from gateway.store.readers import Readers
from gateway.store.sharing.rows import SHARING_EVENTS
from gateway.supervision.acts.submissions import check_fields
from gateway.supervision.drafts import draft_name
from gateway.supervision.frameworks.names import assessment_name, framework_name, provision_name
from gateway.supervision.notices.content import notice_name
from gateway.supervision.sharing.names import consent_name, share_name

EVENTS_AT_ONCE = 500
FEW_EVENTS = 64  # since the last look: of a commit or two

_OF_THE_NODE = frozenset({Event.CERTIFICATE_EXPIRING, Event.ALARM, Event.PAIRING_ENDED, Event.PAIRING_RESUMED})
_OF_DRAFTS = frozenset(
    {Event.DRAFT_SUBMITTED, Event.DRAFT_APPROVED, Event.DRAFT_REJECTED, Event.DRAFT_RECALLED, Event.DRAFT_EXPIRED}
)
_OF_CHANNELS = frozenset({Event.CHANNEL_HALTED, Event.PEER_ROLLED_BACK, Event.CHANNEL_RECOVERED, Event.SEAL_ROTATED})


class EventQuestions:
    """The watches of back offices.

    Args:
        readers: of the store
        bulletin: tells of commits
        tokens: for cursors
        traceparent_at: gives the trace of the envelope at an origin and index; empty: it has none
        filters: look at those of a watch
    """

    def __init__(
        self,
        readers: Readers,
        bulletin: Bulletin,
        tokens: SealedTokens,
        traceparent_at: Callable[[str, int], str],
        filters: Filters,
    ) -> None:
        self._readers, self._bulletin, self._tokens, self._filters = readers, bulletin, tokens, filters
        self._traceparent_at = traceparent_at

    async def watch_events(self, caller: Caller, request: WatchEventsRequest) -> AsyncIterator[WatchEventsResponse]:
        """Gives every event after a cursor, then each new one; says whenever there are no more for now.

        What the caller's roles, clearance or sectors do not let it see is passed over in silence: neither a message nor
        a cursor tells of it.
        """
        check_fields(request)
        scope = scope_of(caller)
        await self._filters.check(scope, request)
        cursor = await self._first_cursor(request)
        hidden = tuple(hidden_kinds(caller.roles))
        wanted = EventFilter(
            tuple(request.kinds), hidden, request.jurisdiction, request.sector, request.topic, caller.authority
        )
        told = True
        while True:
            committed = self._bulletin.next()
            if self._bulletin.closed:
                raise Unavailable("the node is stopping; resume from the last cursor")
            newest = self._bulletin.commit.counters.cursor
            page: Sequence[EventView] = ()
            if newest > cursor:  # of many commits there is nothing to tell
                read = self._readers.at_once if newest - cursor <= FEW_EVENTS else self._readers.run
                page = await read(read_events, scope, cursor, EVENTS_AT_ONCE, wanted)
            for view in page:
                cursor = view.cursor
                event = event_message(view, self._traceparent_at(view.origin, view.index))
                yield WatchEventsResponse(event=event, cursor=self._tokens.cursor(cursor))
            told = told or bool(page)
            if len(page) == EVENTS_AT_ONCE:
                continue
            cursor = max(cursor, newest)
            if told:
                yield WatchEventsResponse(cursor=self._tokens.cursor(cursor))
                told = False
            await committed.wait()

    async def _first_cursor(self, request: WatchEventsRequest) -> int:
        cursor = self._tokens.cursor_position(request.cursor) if request.cursor else 0
        if request.from_now or cursor > self._bulletin.commit.counters.cursor:
            await self._bulletin.catch_up()
        newest = self._bulletin.commit.counters.cursor
        if not request.cursor:
            return newest if request.from_now else 0
        if cursor > newest:
            raise BadInput.of("cursor", "must be a cursor that this node gave since its database was last restored")
        return cursor


def hidden_kinds(roles: AbstractSet[Role]) -> AbstractSet[int]:
    """The kinds of event that a caller is not told, by its roles.

    What happens to the node itself is for operators and auditors, drafts are for those who may read them; an operator
    alone sees nothing of what travels, an approver nothing but what it decides about.
    """
    seen: set[int] = set()
    if Role.APPROVER in roles:
        seen |= set(SHARING_EVENTS)
    if roles & READING:
        seen |= set(Event.Kind.values()) - _OF_THE_NODE - _OF_DRAFTS
    if roles & REVIEWING:
        seen |= _OF_DRAFTS
    if Role.OPERATOR in roles:
        seen |= _OF_CHANNELS
    if roles & LOOKING_AFTER:
        seen |= _OF_THE_NODE
    return set(Event.Kind.values()) - seen


def event_message(view: EventView, traceparent: str) -> Event:
    """An event as back offices are told it."""
    return Event(
        kind=view.kind,
        time=timestamp_of(view.committed_at),
        notice=notice_name(view.notice) if view.notice else "",
        origin=view.origin,
        index=view.index,
        detail=view.detail,
        notice_kind=view.notice_kind,
        framework=framework_name(view.framework) if view.framework else "",
        jurisdiction=view.jurisdiction,
        sectors=view.sectors,
        topics=view.topics,
        framework_version=view.version,
        provision=provision_name(view.framework, view.provision) if view.provision else "",
        assessment=assessment_name(view.assessment) if view.assessment else "",
        consent=consent_name(view.notice, view.consent) if view.consent else "",
        share=share_name(view.notice, view.share) if view.share else "",
        draft=draft_name(view.draft) if view.draft else "",
        traceparent=traceparent,
    )
