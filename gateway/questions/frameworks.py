"""What can be asked of a node about frameworks and assessments; nothing here changes anything."""

from collections.abc import Sequence
from contextlib import aclosing

from regulator.exchange.v1 import framework_service_pb2 as pb
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.framework_pb2 import FrameworkDiff, FrameworkVersionContent

from gateway.errors import BadInput, NotFound
from gateway.questions.filters import Filters
from gateway.questions.framework_views import known_at_of, newest_views
from gateway.questions.paging import (
    MAX_ITEMS_BYTES,
    MAX_PAGE_BYTES,
    WRONG_TOKEN,
    answerable,
    item_bytes,
    page_size,
    page_token,
    pinned_position,
)
from gateway.questions.sealed_tokens import SealedTokens
from gateway.store.frameworks.newest import Wanted, read_last_cursor, read_newest, read_version_at
from gateway.store.frameworks.queries import (
    VersionView,
    list_assessments,
    read_assessment,
    read_provisions,
    read_published,
    read_version,
)
from gateway.store.page_bounds import ByteBudget
from gateway.store.readers import Readers
from gateway.supervision.acts.submissions import check_fields
from gateway.supervision.disclosure import EVERYTHING
from gateway.supervision.frameworks.diff import diff_versions
from gateway.supervision.frameworks.names import FRAMEWORKS, framework_id, version_name, version_number
from gateway.supervision.frameworks.records import FrameworkVersionRecord
from gateway.supervision.messages.frameworks import (
    assessment_message,
    framework_message,
    provision_message,
    version_message,
)
from gateway.threads import to_its_end

ALL = "-"  # as the id of a framework
MAX_KEPT_DIFFS = 8  # of versions, which never change: for the pages after the first


class FrameworkQuestions:
    """The questions of back offices.

    Args:
        readers: of the store
        tokens: for pages whose positions are those of events
        filters: look at those of a list that found nothing
    """

    def __init__(self, readers: Readers, tokens: SealedTokens, filters: Filters) -> None:
        self._readers, self._tokens, self._filters = readers, tokens, filters
        self._diffs: dict[tuple[str, int, int], FrameworkDiff] = {}

    # --- frameworks and versions ------------------------------------------------------------------------------------

    async def get_framework(self, request: pb.GetFrameworkRequest) -> pb.Framework:
        """Gives one framework as its newest version has it."""
        check_fields(request)
        return await self._framework(await self.newest(framework_id(request.name)))

    async def list_frameworks(self, request: pb.ListFrameworksRequest) -> pb.ListFrameworksResponse:
        """Gives a page, by name."""
        check_fields(request)
        position, size = self._tokens.page_position(request.page_token, request), page_size(request.page_size)
        after = (await self._listed(position)).record.framework_id if position is not None else ""
        views = await self._readers.run(read_newest, Wanted(jurisdiction=request.jurisdiction), after, size + 1)
        if not views and not after:
            await self._filters.check(EVERYTHING, request)
        read, budget = list[pb.Framework](), ByteBudget(MAX_ITEMS_BYTES)
        for view in views[:size]:
            framework = await self._framework(view.record)
            if not budget.takes(item_bytes(framework)):
                break
            read.append(framework)
        more = self._tokens.page_token(views[len(read) - 1].cursor, request) if len(views) > len(read) else ""
        return pb.ListFrameworksResponse(frameworks=read, next_page_token=more)

    async def _listed(self, cursor: int) -> VersionView:
        """The version with which a page ended; raises BadInput if it is not there any more."""
        if view := await self._readers.run(read_version_at, cursor):
            return view
        raise BadInput.of("page_token", WRONG_TOKEN)

    async def get_version(self, request: pb.GetVersionRequest) -> pb.FrameworkVersion:
        """Gives one version."""
        check_fields(request)
        return await self.version(framework_id(request.name), version_number(request.name), request.view)

    async def version(
        self,
        wanted_id: str,
        number: int,
        view: pb.FrameworkVersion.View.ValueType = pb.FrameworkVersion.VIEW_UNSPECIFIED,
    ) -> pb.FrameworkVersion:
        """Gives one version by its framework's id and its number; raises NotFound."""
        records = await self._records(wanted_id, number)
        return version_message(records, await self.published(records[0]), view)

    async def _records(self, wanted_id: str, number: int) -> Sequence[FrameworkVersionRecord]:
        """One version, in each channel that has it; raises NotFound."""
        views = await self._readers.run(read_version, wanted_id, number)
        if not views:
            raise NotFound(f"there is no version {number} of {wanted_id}", framework=wanted_id, version=number)
        return [each.record for each in views]

    async def newest(self, wanted_id: str) -> FrameworkVersionRecord:
        """Gives the newest version of a framework; raises NotFound."""
        found = await self._readers.run(read_newest, Wanted(wanted_id), "", 1)
        if not found:
            raise NotFound(f"there is no framework {wanted_id}", framework=wanted_id)
        return found[0].record

    async def published(self, record: FrameworkVersionRecord) -> Envelope:
        """Gives the envelope that published a version."""
        return await self._readers.run(read_published, record)

    async def content(self, wanted_id: str, number: int) -> FrameworkVersionContent:
        """Gives what a version says; raises NotFound."""
        return (await self.version(wanted_id, number, pb.FrameworkVersion.FULL)).content

    async def _framework(self, record: FrameworkVersionRecord) -> pb.Framework:
        return framework_message(record, await self.published(record))

    # --- provisions -------------------------------------------------------------------------------------------------

    async def list_provisions(self, request: pb.ListProvisionsRequest) -> pb.ListProvisionsResponse:
        """Gives a page of the provisions of the newest versions, as they were known when the first page was read."""
        check_fields(request)
        size, wanted_id = page_size(request.page_size), framework_id(request.parent)
        begun = self._tokens.twice_pinned_position(request.page_token, request)
        last, pin, ordinal = begun or (0, await self._readers.run(read_last_cursor), -1)
        only = "" if wanted_id == ALL else wanted_id
        wanted = Wanted(only, request.jurisdiction, pin, known_at_of(request))
        found, found_bytes = list[tuple[int, int, pb.FrameworkProvision]](), 0
        async with aclosing(newest_views(self._readers, wanted, await self._listed(last) if begun else None)) as views:
            async for view in views:
                after = ordinal if view.cursor == last else -1
                read = await self._readers.run(read_provisions, view.cursor, after, size + 1 - len(found), request)
                told = [(view.cursor, at, provision_message(view.record, each)) for at, each in read]
                found_bytes += sum(item_bytes(each) for _, _, each in told)
                found += told
                if len(found) > size or found_bytes > MAX_ITEMS_BYTES:
                    break
        if not found and not begun:
            await self._check_found_nothing(request)
        page, cut = answerable((each for _, _, each in found), size)
        more = ""
        if cut:
            last, ordinal, _ = found[len(page) - 1]
            more = self._tokens.page_token(last, request, pin, ordinal)
        return pb.ListProvisionsResponse(provisions=page, next_page_token=more)

    async def _check_found_nothing(self, request: pb.ListProvisionsRequest) -> None:
        """Passes if there are no provisions of a framework that there is, with filters that can be right."""
        if request.parent != FRAMEWORKS + ALL:
            jurisdiction = (await self.newest(framework_id(request.parent))).jurisdiction
            if request.jurisdiction not in ("", jurisdiction):
                raise BadInput.of("jurisdiction", f"must be {jurisdiction}, whose framework it is")
        await self._filters.check(EVERYTHING, request)

    # --- how they differ --------------------------------------------------------------------------------------------

    async def diff_versions(self, request: pb.DiffVersionsRequest) -> pb.DiffVersionsResponse:
        """Tells how one version differs from another, a page of the provisions at a time; the first with the rest."""
        check_fields(request)
        wanted_id, size = framework_id(request.name), page_size(request.page_size)
        begun = pinned_position(request.page_token, request)
        first, number = begun or (0, request.new_version)
        record = (await self._records(wanted_id, number))[0] if number else await self.newest(wanted_id)
        base = request.old_version or record.base_version
        diff = await self._diff(wanted_id, base, record.version)
        page, cut = part_of(diff, first, size, is_first=not begun)
        more = page_token(first + len(page.provisions), request, record.version) if cut else ""
        return pb.DiffVersionsResponse(
            old_version=version_name(wanted_id, base) if base else "",
            new_version=version_name(wanted_id, record.version),
            diff=page,
            next_page_token=more,
        )

    async def _diff(self, wanted_id: str, old: int, new: int) -> FrameworkDiff:
        key = (wanted_id, old, new)
        if key not in self._diffs:
            before = await self.content(wanted_id, old) if old else FrameworkVersionContent()
            after = await self.content(wanted_id, new)
            diff = await to_its_end(diff_versions, before, after)
            if len(self._diffs) >= MAX_KEPT_DIFFS:
                self._diffs.clear()
            self._diffs[key] = diff
        return self._diffs[key]

    # --- assessments ------------------------------------------------------------------------------------------------

    async def assessment(self, wanted_id: str) -> pb.Assessment:
        """Gives one assessment by its id; raises NotFound."""
        view = await self._readers.at_once(read_assessment, wanted_id)
        if view is None:
            raise NotFound(f"there is no assessment {wanted_id}", assessment=wanted_id)
        return assessment_message(view.record, view.assessed)

    async def list_assessments(self, request: pb.ListAssessmentsRequest) -> pb.ListAssessmentsResponse:
        """Gives a page, newest first: in the order in which they were committed here."""
        check_fields(request)
        before, size = self._tokens.page_position(request.page_token, request), page_size(request.page_size)
        page, more = await self._readers.run(list_assessments, request, before, size, MAX_PAGE_BYTES)
        if not page and before is None:
            await self._filters.check(EVERYTHING, request)
        found, cut = answerable(assessment_message(view.record, view.assessed) for view in page)
        token = self._tokens.page_token(page[len(found) - 1].cursor, request) if more or cut else ""
        return pb.ListAssessmentsResponse(assessments=found, next_page_token=token)


def part_of(
    diff: FrameworkDiff, first: int, count: int, *, is_first: bool = True, used_bytes: int = 0
) -> tuple[FrameworkDiff, bool]:
    """A part of a diff, and whether provisions follow; the counts stay those of all.

    Args:
        diff: the whole
        first: place of the part's first provision
        count: at most so many provisions; fewer, or none, where they do not fit beside the rest
        is_first: whether it tells of the header and the order, as one part does
        used_bytes: by what the answer tells beside the diff
    """
    part = FrameworkDiff(
        added_count=diff.added_count, removed_count=diff.removed_count, changed_count=diff.changed_count
    )
    if is_first:
        beside = FrameworkDiff(provision_order=diff.provision_order)
        if diff.HasField("header"):
            beside.header.CopyFrom(diff.header)
        part.MergeFrom(beside)
        used_bytes += beside.ByteSize()
    provisions, more = answerable(diff.provisions[first : first + count + 1], count, used_bytes)
    part.provisions.extend(provisions)
    return part, more
