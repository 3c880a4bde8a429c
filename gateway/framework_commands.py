"""What can be done about frameworks, in the manner of ``commands``: publish a version, and assess.

What needs the whole of a version (field rules, change sets, diffs) is done on another thread before the decision; what
another writer could change meanwhile is asked again on the writer's thread, inside the transaction that seals.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from google.type.date_pb2 import Date
from regulator.exchange.v1 import framework_service_pb2 as pb
from regulator.exchange.v1.framework_pb2 import FrameworkVersionContent
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.commands import ID_BYTES, carried_out, remember
from gateway.errors import BadInput, NotFound
from gateway.framework_questions import FrameworkQuestions, with_provisions
from gateway.identity.access import Caller
from gateway.identity.parties import Parties
from gateway.store.committer import Committer
from gateway.store.transaction import Transaction
from gateway.supervision import framework_envelopes as envelopes
from gateway.supervision.envelopes import author_message
from gateway.supervision.fields import field_violations
from gateway.supervision.framework_acts import assessed_peer, check_assess, check_publish, check_publisher
from gateway.supervision.framework_changes import apply_changes
from gateway.supervision.framework_days import ordinal
from gateway.supervision.framework_diff import diff_versions
from gateway.supervision.framework_names import (
    assessment_id,
    assessment_name,
    framework_id,
    framework_name,
    provision_id,
    version_name,
    version_number,
)
from gateway.supervision.framework_projection import in_force_events
from gateway.supervision.frameworks import assessment_violations, change_violations, framework_violations
from gateway.supervision.notices import new_notice_id
from gateway.supervision.records import Place
from gateway.supervision.submissions import check_fields, digest_of
from gateway.supervision.values import MICROS

MAX_SHOWN_CHANGES = 1000  # provisions of a diff that is told of a version that is not sealed


@dataclass(frozen=True, slots=True)
class _Publication:
    """A version that somebody wants to publish.

    Attributes:
        framework_id: of its framework
        content: what it says; None if it is a change of what is not known
        same_as: number of the version that says the same; 0: none does
        base_version: that a change set was made for; 0: the version is told whole
        recipients: jurisdictions
        request: as it came
        digest: SHA-256 of the request
        path: of the header in the request
    """

    framework_id: str
    content: FrameworkVersionContent | None
    same_as: int
    base_version: int
    recipients: Sequence[str]
    request: pb.PublishVersionRequest
    digest: bytes
    path: str


class FrameworkCommands:
    """The acts of back offices on frameworks.

    Args:
        parties: who exchanges
        committer: the one writer
        questions: reads what there is, and what an act made
        clock: microseconds since 1970
        random: gives so many random bytes
    """

    def __init__(
        self,
        parties: Parties,
        committer: Committer,
        questions: FrameworkQuestions,
        clock: Callable[[], int],
        random: Callable[[int], bytes],
    ) -> None:
        self._parties, self._committer, self._questions = parties, committer, questions
        self._clock, self._random = clock, random

    # --- versions ---------------------------------------------------------------------------------------------------

    async def publish_version(self, caller: Caller, request: pb.PublishVersionRequest) -> pb.PublishVersionResponse:
        """Publishes a version to all its recipients, or to none.

        What the newest version says already is not published again: those who have it get nothing, and the answer is
        that version. ``validate_only``: answers what the version would be, and how it would differ.
        """
        publication = await self._prepared(request)
        if request.validate_only:
            return await self._preview(caller, publication)
        number = await self._committer.submit(
            lambda tx: self._publish(tx, caller, publication), weight=len(publication.recipients)
        )
        return pb.PublishVersionResponse(version=await self._questions.version(publication.framework_id, number))

    async def _prepared(self, request: pb.PublishVersionRequest) -> _Publication:
        await asyncio.to_thread(_check_publication, request)
        wanted_id, changes = framework_id(request.parent), request.change_set
        base = changes.base_version if request.HasField("change_set") else 0
        newest = await self._version_or_none(wanted_id, 0)
        content: FrameworkVersionContent | None = request.content
        if base:
            before = await self._version_or_none(wanted_id, base)
            content = await asyncio.to_thread(_changed, before.content, request) if before else None
        same = newest is not None and newest.content == content
        return _Publication(
            wanted_id,
            content,
            newest.version if newest and same else 0,
            base,
            self._recipients(request.recipients),
            request,
            digest_of(request),
            "change_set.header" if base else "content.header",
        )

    async def _version_or_none(self, wanted_id: str, number: int) -> pb.FrameworkVersion | None:
        try:
            number = number or (await self._questions.newest(wanted_id)).version
            return await self._questions.version(wanted_id, number, pb.FrameworkVersion.FULL)
        except NotFound:
            return None

    def _recipients(self, asked: Sequence[str]) -> Sequence[str]:
        peers = sorted(self._parties.peers)
        for place, each in enumerate(asked):
            if each not in peers:
                paired = ", ".join(peers) or "none yet"
                raise BadInput.of(f"recipients[{place}]", f"must be a paired jurisdiction: {paired}")
        if not peers:
            raise BadInput.of("recipients", "there is no paired jurisdiction yet")
        return list(asked) or peers

    def _publish(self, tx: Transaction, caller: Caller, wanted: _Publication) -> int:
        """Seals the version for each recipient that lacks it; gives its number."""
        if known := carried_out(tx, caller, wanted.request.request_id, wanted.digest):
            return version_number(known)
        number, base, content = self._checked(tx, caller, wanted)
        newest = tx.rules.newest(wanted.framework_id)
        told = tx.rules.recipients(newest) if newest and newest.version == number else set()
        for recipient in wanted.recipients:
            if recipient not in told:
                tx.seal(
                    self._parties.origin_to(recipient),
                    caller,
                    lambda seal: envelopes.published(seal, wanted.framework_id, number, base, content),
                )
        name = version_name(wanted.framework_id, number)
        remember(tx, caller, wanted.request.request_id, wanted.digest, name)
        return number

    def _checked(
        self, tx: Transaction, caller: Caller, wanted: _Publication
    ) -> tuple[int, int, FrameworkVersionContent]:
        """Number, base and content of the version that may be sealed now."""
        newest = tx.rules.newest(wanted.framework_id)
        own, etag = self._parties.jurisdiction, wanted.request.etag
        number = check_publish(wanted.framework_id, own, newest, wanted.base_version, etag)
        if wanted.content is None:
            raise NotFound(f"{framework_name(wanted.framework_id)} has changed just now", framework=wanted.framework_id)
        check_publisher(wanted.content.header, own, caller.authority, wanted.path)
        if newest and wanted.same_as == newest.version:
            return newest.version, newest.base_version, wanted.content
        return number, number - 1, wanted.content

    async def _preview(self, caller: Caller, wanted: _Publication) -> pb.PublishVersionResponse:
        """What the version would be; checks all that sealing it would, and writes nothing."""

        def check(tx: Transaction) -> tuple[int, int, FrameworkVersionContent]:
            carried_out(tx, caller, wanted.request.request_id, wanted.digest)
            return self._checked(tx, caller, wanted)

        number, base, content = await self._committer.submit(check)
        newest = await self._version_or_none(wanted.framework_id, 0)
        before = newest.content if newest else FrameworkVersionContent()
        diff = await asyncio.to_thread(diff_versions, before, content)
        version = pb.FrameworkVersion(
            name=version_name(wanted.framework_id, number),
            version=number,
            base_version=base,
            content=FrameworkVersionContent(header=content.header),
            provision_count=len(content.provisions),
            author=author_message(caller),
            direction=Notice.OUTGOING,
        )
        return pb.PublishVersionResponse(version=version, diff=with_provisions(diff, 0, MAX_SHOWN_CHANGES))

    # --- assessments ------------------------------------------------------------------------------------------------

    async def assess(self, caller: Caller, request: pb.AssessRequest) -> pb.Assessment:
        """Gives an assessment to the peer whose rules it is about."""
        content = request.assessment.content
        check_fields(request)
        if violations := assessment_violations(content):
            raise BadInput(violations)
        peer = assessed_peer(content, self._parties.jurisdiction)
        if peer not in self._parties.peers:
            side = "second" if peer == content.second_jurisdiction else "first"
            paired = ", ".join(sorted(self._parties.peers)) or "none yet"
            raise BadInput.of(f"assessment.content.{side}_jurisdiction", f"must be a paired jurisdiction: {paired}")
        made_id = request.assessment_id or self._new_id()
        done = await self._committer.submit(lambda tx: self._assess(tx, caller, request, made_id, peer))
        if request.validate_only:
            return pb.Assessment(name=assessment_name(made_id), assessor=self._parties.jurisdiction, content=content)
        return await self._questions.assessment(assessment_id(done))

    def _assess(self, tx: Transaction, caller: Caller, request: pb.AssessRequest, made_id: str, peer: str) -> str:
        """Seals the assessment, unless it is only to be validated; gives its name."""
        digest, content = digest_of(request), request.assessment.content
        if known := carried_out(tx, caller, request.request_id, digest):
            return known
        origin = self._parties.origin_to(peer)
        check_assess(
            made_id,
            content,
            tx.channel(origin).parties,
            tx.rules.assessment,
            lambda name: tx.rules.has_provision(framework_id(name), provision_id(name)),
        )
        if not request.validate_only:
            tx.seal(origin, caller, lambda seal: envelopes.assessed(seal, made_id, content))
            remember(tx, caller, request.request_id, digest, assessment_name(made_id))
        return assessment_name(made_id)

    def _new_id(self) -> str:
        year = datetime.fromtimestamp(self._clock() // MICROS, UTC).year
        return new_notice_id(self._parties.jurisdiction, year, self._random(ID_BYTES))

    # --- days -------------------------------------------------------------------------------------------------------

    async def tell_days(self) -> None:
        """Tells what came into force since it was told last, up to today (UTC): each provision once.

        The first time there is nothing to tell from: only the day is kept. What begins on or before the day on which
        its version comes is told by the event of that version.
        """
        today = datetime.fromtimestamp(self._clock() // MICROS, UTC).date()
        await self._committer.submit(
            lambda tx: _tell_until(tx, Date(year=today.year, month=today.month, day=today.day))
        )


def _check_publication(request: pb.PublishVersionRequest) -> None:
    """Passes if a request keeps to every rule that needs nothing but it; raises BadInput."""
    check_fields(request)
    whole = request.HasField("content")
    violations = framework_violations(request.content) if whole else change_violations(request.change_set)
    if violations:
        raise BadInput(violations)


def _changed(base: FrameworkVersionContent, request: pb.PublishVersionRequest) -> FrameworkVersionContent:
    """What a change set makes of its base; raises BadInput, also if that breaks a rule."""
    content = apply_changes(base, request.change_set)
    if violations := field_violations(content, "change_set") or framework_violations(content, "change_set"):
        raise BadInput(violations)
    return content


def _tell_until(tx: Transaction, today: Date) -> None:
    told = tx.rules.told_until()
    if told and ordinal(told) >= ordinal(today):
        return
    if told:
        for version in tx.rules.all_newest():
            for event in in_force_events(version, tx.rules.starting(version, told, today), told, today):
                tx.tell_starting(event, Place(version.origin, version.index))
    tx.tell_until(today)
