"""What can be done about frameworks: publish a version, and assess."""

from collections.abc import Callable

from regulator.exchange.v1 import framework_service_pb2 as pb
from regulator.exchange.v1.framework_pb2 import FrameworkVersionContent
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.commands.acting import by
from gateway.commands.framework_sealing import Assessing, FrameworkSealing, Publication, Version
from gateway.commands.ids import new_id
from gateway.commands.replays import IdempotentRequest
from gateway.identity.access.access import Caller
from gateway.identity.pairing.parties import Parties
from gateway.questions.frameworks import FrameworkQuestions, part_of
from gateway.store.committer import Committer
from gateway.store.transaction import Transaction
from gateway.supervision.envelopes.envelopes import author_message
from gateway.supervision.frameworks.diff import diff_versions
from gateway.supervision.frameworks.names import assessment_id, assessment_name, version_name, version_number
from gateway.threads import to_its_end

MAX_SHOWN_CHANGES = 1000  # provisions at most of a diff that is told of a version that is not sealed


class FrameworkCommands:
    """The acts of back offices on frameworks.

    Args:
        parties: who exchanges
        committer: the one writer
        sealing: seals
        questions: reads what an act made
        clock: microseconds since 1970
        random: gives so many random bytes
    """

    def __init__(
        self,
        parties: Parties,
        committer: Committer,
        sealing: FrameworkSealing,
        questions: FrameworkQuestions,
        clock: Callable[[], int],
        random: Callable[[int], bytes],
    ) -> None:
        self._parties, self._committer, self._sealing, self._questions = parties, committer, sealing, questions
        self._clock, self._random = clock, random

    # --- versions ---------------------------------------------------------------------------------------------------

    async def publish_version(self, caller: Caller, request: pb.PublishVersionRequest) -> pb.PublishVersionResponse:
        """Publishes a version to all its recipients, or to none.

        What the newest version says already is not published again: those who have it get nothing, and the answer is
        that version. ``validate_only``: answers what the version would be, and how it would differ.
        """
        publication, asked = await self._sealing.prepare(request), IdempotentRequest.of(caller, request)
        if request.validate_only:
            return await self._preview(publication, asked)
        number = await self._committer.submit(
            lambda tx: self._publish(tx, publication, asked), weight=len(publication.recipients)
        )
        return pb.PublishVersionResponse(version=await self._questions.version(publication.framework_id, number))

    def _publish(self, tx: Transaction, wanted: Publication, asked: IdempotentRequest) -> int:
        """Seals the version for each recipient that lacks it; gives its number."""
        if known := asked.carried_out(tx):
            return version_number(known)
        number, _ = self._sealing.publish(tx, by(asked.caller), wanted)
        asked.remember(tx, version_name(wanted.framework_id, number))
        return number

    async def _preview(self, wanted: Publication, asked: IdempotentRequest) -> pb.PublishVersionResponse:
        """What the version would be; checks all that sealing it would, and writes nothing."""

        def check(tx: Transaction) -> Version | int:
            if known := asked.carried_out(tx):
                return version_number(known)
            return self._sealing.check_version(tx, by(asked.caller), wanted)

        checked = await self._committer.submit(check)
        if isinstance(checked, int):
            return pb.PublishVersionResponse(version=await self._questions.version(wanted.framework_id, checked))
        newest = await self._sealing.version_or_none(wanted.framework_id, 0)
        before = newest.content if newest else FrameworkVersionContent()
        diff = await to_its_end(diff_versions, before, checked.content)
        version = pb.FrameworkVersion(
            name=version_name(wanted.framework_id, checked.number),
            version=checked.number,
            base_version=checked.base,
            content=FrameworkVersionContent(header=checked.content.header),
            provision_count=len(checked.content.provisions),
            author=author_message(asked.caller),
            direction=Notice.OUTGOING,
        )
        told, _ = part_of(diff, 0, MAX_SHOWN_CHANGES, used_bytes=version.ByteSize())
        return pb.PublishVersionResponse(version=version, diff=told)

    # --- assessments ------------------------------------------------------------------------------------------------

    async def assess(self, caller: Caller, request: pb.AssessRequest) -> pb.Assessment:
        """Gives an assessment to the peer whose rules it is about."""
        wanted = self._sealing.assessing(request, self._new_id())
        done = await self._committer.submit(lambda tx: self._assess(tx, caller, wanted, request))
        if not done:
            name = assessment_name(wanted.assessment_id)
            return pb.Assessment(name=name, assessor=self._parties.jurisdiction, content=wanted.content)
        return await self._questions.assessment(assessment_id(done))

    def _assess(self, tx: Transaction, caller: Caller, wanted: Assessing, request: pb.AssessRequest) -> str:
        """Seals the assessment, and gives its name; empty: it is only to be validated, and may be sealed."""
        asked, name = IdempotentRequest.of(caller, request), assessment_name(wanted.assessment_id)
        if known := asked.carried_out(tx):
            return known
        if request.validate_only:
            self._sealing.check_assessment(tx, wanted)
            return ""
        self._sealing.assess(tx, by(caller), wanted)
        return asked.remember(tx, name)

    def _new_id(self) -> str:
        return new_id(self._parties.jurisdiction, self._clock(), self._random)
