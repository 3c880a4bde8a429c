"""How the rules of two jurisdictions stand beside each other; nothing here changes anything."""

from collections.abc import Callable
from contextlib import aclosing

from regulator.exchange.v1 import framework_service_pb2 as pb
from regulator.exchange.v1.framework_pb2 import Comparison, FrameworkVersionContent

from gateway.errors import WrongState
from gateway.moments import date_of, day_at
from gateway.questions.filters import Filters
from gateway.questions.framework_views import known_at_of, newest_views
from gateway.questions.paging import MAX_ITEMS_BYTES, answerable
from gateway.questions.sealed_tokens import SealedTokens
from gateway.store.frameworks.newest import Wanted, read_last_cursor
from gateway.store.frameworks.queries import (
    read_assessments_between,
    read_published,
    read_published_bytes,
)
from gateway.store.readers import Readers
from gateway.supervision.acts.submissions import check_fields
from gateway.supervision.disclosure import EVERYTHING
from gateway.supervision.frameworks.comparison import KnownVersion, Side, compare
from gateway.supervision.frameworks.parts import divided
from gateway.supervision.frameworks.records import FrameworkVersionRecord, is_known
from gateway.supervision.messages.frameworks import standing_assessment
from gateway.threads import to_its_end

# Nothing bounds how many frameworks a peer publishes, and to compare them takes all of them at once.
MAX_SIDE_BYTES = 16 << 20  # of the rules of one jurisdiction
MAX_FIGURES = 200_000  # of both: each takes a kilobyte, and some ten microseconds
MAX_PIECE_BYTES = 1 << 20  # of an area, but for one rule or assessment at least; these have some kilobytes more


class ComparisonQuestions:
    """The questions of back offices about two jurisdictions at once.

    Args:
        readers: of the store
        tokens: for pages whose positions are those of events
        clock: microseconds since 1970
        filters: look at the two that are to be compared
    """

    def __init__(self, readers: Readers, tokens: SealedTokens, clock: Callable[[], int], filters: Filters) -> None:
        self._readers, self._tokens, self._clock, self._filters = readers, tokens, clock, filters

    async def compare_jurisdictions(self, request: pb.CompareJurisdictionsRequest) -> Comparison:
        """Sets the rules of two jurisdictions side by side, on a day and as they were known at a moment.

        All answers to one request are of the state, and of the day, that the first one was of.

        Raises:
            BadInput: it names what there is not.
            WrongState: there is too much to be compared.
        """
        check_fields(request)
        await self._filters.check(EVERYTHING, request)
        both, known_at = (request.first_jurisdiction, request.second_jurisdiction), known_at_of(request)
        last = await self._readers.run(read_last_cursor)
        assessed = await self._readers.run(read_assessments_between, *both)
        last = max([last, *(view.cursor for view in assessed)])
        begun = self._tokens.twice_pinned_position(request.page_token, request)
        position, pin, today = begun or (0, last, day_at(self._clock()))
        mine, theirs = [await self._side(Wanted("", each, pin, known_at)) for each in both]
        given = [
            standing_assessment(view.record, view.assessed)
            for view in assessed
            if view.cursor <= pin and is_known(view.record, known_at)
        ]
        day = request.as_of if request.HasField("as_of") else date_of(today)
        _require_few_figures(mine, theirs)
        whole = await to_its_end(compare, mine, theirs, day, given)
        answer, told = await to_its_end(_areas_from, whole, position)
        if told:
            answer.next_page_token = self._tokens.page_token(told, request, pin, today)
        return answer

    async def _side(self, wanted: Wanted) -> Side:
        records, left_bytes = list[FrameworkVersionRecord](), MAX_SIDE_BYTES
        async with aclosing(newest_views(self._readers, wanted)) as views:
            async for view in views:  # no further than that: a peer may publish any number
                left_bytes -= await self._readers.run(read_published_bytes, view.record)
                if left_bytes < 0:
                    words = f"the frameworks of {wanted.jurisdiction} have more than {MAX_SIDE_BYTES} bytes together"
                    raise WrongState(f"{words}, which is as much as is compared: ListProvisions gives them")
                records.append(view.record)
        known = [KnownVersion(each.framework_id, each.version, await self._content(each)) for each in records]
        return Side(wanted.jurisdiction, tuple(known))

    async def _content(self, record: FrameworkVersionRecord) -> FrameworkVersionContent:
        return (await self._readers.run(read_published, record)).framework_version_published.content


def _require_few_figures(*sides: Side) -> None:
    found = sum(len(each.parameters) for side in sides for of in side.versions for each in of.content.provisions[:])
    if found > MAX_FIGURES:
        words = f"the provisions of the two have {found} figures together, and at most {MAX_FIGURES} are compared"
        raise WrongState(f"{words}: ListProvisions gives them")


def _areas_from(whole: Comparison, position: int) -> tuple[Comparison, int]:
    """The comparison with as many of its areas as fit, from a place on, and the place of the next; 0: there is none."""
    pieces = [piece for cell in whole.cells for piece in divided(cell, MAX_PIECE_BYTES)]
    answer = Comparison()
    answer.CopyFrom(whole)
    answer.ClearField("cells")
    # At most so many that a piece fits, whatever stands beside it.
    used_bytes = min(answer.ByteSize(), MAX_ITEMS_BYTES - 2 * MAX_PIECE_BYTES)
    cells, more = answerable(pieces[position:], len(pieces), used_bytes)
    answer.cells.extend(cells)
    return answer, position + len(cells) if more else 0
