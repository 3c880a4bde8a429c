"""What is done to frameworks inside the transaction that seals, in the manner of ``notice_sealing``, and before it.

What needs the whole of a version (field rules, change sets) is done on another thread before the decision; what
another writer could change meanwhile is asked again on the writer's thread, inside the transaction that seals.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from regulator.exchange.v1 import framework_service_pb2 as pb
from regulator.exchange.v1.framework_pb2 import AssessmentContent, FrameworkVersionContent

from gateway.commands.acting import Acting
from gateway.errors import BadInput, NotFound
from gateway.identity.pairing.parties import Parties
from gateway.questions.frameworks import FrameworkQuestions
from gateway.store.pairings import not_paired
from gateway.store.transaction import Transaction
from gateway.supervision.acts.frameworks import assessed_peer, check_assess, check_publish, check_publisher
from gateway.supervision.acts.submissions import check_fields
from gateway.supervision.approval import (
    ApprovalRule,
    Proposed,
    proposed_assessment,
    proposed_version,
    require_approval,
)
from gateway.supervision.envelopes import frameworks as envelopes
from gateway.supervision.frameworks.changes import apply_changes
from gateway.supervision.frameworks.content import (
    ASSESSMENT_CONTENT,
    CHANGE_SET,
    assessment_violations,
    change_violations,
    framework_violations,
)
from gateway.supervision.frameworks.names import framework_id, framework_name, provision_id
from gateway.supervision.rules.fields import field_violations
from gateway.threads import to_its_end


@dataclass(frozen=True, slots=True)
class Publication:
    """A version that somebody wants to publish.

    Attributes:
        framework_id: of its framework
        content: what it says; None if it is a change of what is not known
        same_as: number of the version that says the same; 0: none does
        base_version: that a change set was made for; 0: the version is told whole
        recipients: jurisdictions; where none is named, all peers
        names_them: whether the request names them
        etag: of the framework, as the author saw it; empty: any
        path: of the header in the request
    """

    framework_id: str
    content: FrameworkVersionContent | None
    same_as: int
    base_version: int
    recipients: Sequence[str]
    names_them: bool
    etag: str
    path: str


@dataclass(frozen=True, slots=True)
class Version:
    """A version that may be sealed now: a new one, or the newest for those who lack it."""

    number: int
    base: int
    content: FrameworkVersionContent


@dataclass(frozen=True, slots=True)
class Assessing:
    """An assessment that somebody wants to give, under this id, to this peer (a jurisdiction)."""

    assessment_id: str
    content: AssessmentContent
    peer: str


class FrameworkSealing:
    """Seals versions and assessments.

    Args:
        parties: who exchanges
        rules: which acts need an approver
        questions: reads what there is
    """

    def __init__(self, parties: Parties, rules: Sequence[ApprovalRule], questions: FrameworkQuestions) -> None:
        self._parties, self._rules, self._questions = parties, rules, questions

    # --- versions ---------------------------------------------------------------------------------------------------

    async def prepare(self, request: pb.PublishVersionRequest) -> Publication:
        """Checks a request to publish by all that does not depend on other writers.

        Raises:
            BadInput: it breaks a rule.
        """
        await to_its_end(_check_publication, request)
        wanted_id, changes = framework_id(request.parent), request.change_set
        base = changes.base_version if request.HasField("change_set") else 0
        newest = await self.version_or_none(wanted_id, 0)
        content: FrameworkVersionContent | None = request.content
        if base:
            before = await self.version_or_none(wanted_id, base)
            content = await to_its_end(_changed, before.content, request) if before else None
        same = newest is not None and newest.content == content
        return Publication(
            wanted_id,
            content,
            newest.version if newest and same else 0,
            base,
            self._recipients(request.recipients),
            bool(request.recipients),
            request.etag,
            f"{CHANGE_SET}.header" if base else "content.header",
        )

    async def version_or_none(self, wanted_id: str, number: int) -> pb.FrameworkVersion | None:
        """A version with all it says, the newest for 0; None: it is not there."""
        try:
            number = number or (await self._questions.newest(wanted_id)).version
            return await self._questions.version(wanted_id, number, pb.FrameworkVersion.FULL)
        except NotFound:
            return None

    def propose_version(self, tx: Transaction, acting: Acting, wanted: Publication) -> Iterator[Proposed]:
        """Passes if a version could be published now, but for approval; tells what that would be."""
        return self._proposed(tx, wanted, self._checked(tx, acting, wanted))

    def check_version(self, tx: Transaction, acting: Acting, wanted: Publication) -> Version:
        """The version that a direct call could publish now; raises ApprovalRequired too."""
        version = self._checked(tx, acting, wanted)
        require_approval(self._rules, self._proposed(tx, wanted, version), None)
        return version

    def publish(self, tx: Transaction, acting: Acting, wanted: Publication) -> tuple[int, int]:
        """Seals a version for each recipient that lacks it; gives its number, and how many lacked it."""
        version = self._checked(tx, acting, wanted)
        require_approval(self._rules, self._proposed(tx, wanted, version), acting.approver)
        number, base, content = version.number, version.base, version.content
        newest = tx.frameworks.newest(wanted.framework_id)
        told = tx.frameworks.recipients(newest) if newest and newest.version == number else set()
        lacking = [recipient for recipient in self._paired(tx, wanted) if recipient not in told]
        for recipient in lacking:
            tx.seal(
                self._parties.origin_to(recipient),
                acting.author,
                lambda seal: envelopes.published(seal, wanted.framework_id, number, base, content),
                acting.approver,
            )
        return number, len(lacking)

    def _proposed(self, tx: Transaction, wanted: Publication, version: Version) -> Iterator[Proposed]:
        """What publishing a version is: it takes the place of the newest, and of the newest that each recipient has."""
        origins = map(self._parties.origin_to, self._paired(tx, wanted))
        before = [tx.frameworks.newest(wanted.framework_id)]
        before += (tx.frameworks.newest_in(origin, wanted.framework_id) for origin in origins)
        replaced = (sector for each in before if each for sector in tx.frameworks.sectors(each))
        yield from proposed_version(version.content, replaced)

    def _checked(self, tx: Transaction, acting: Acting, wanted: Publication) -> Version:
        """The version that may be sealed now, but for approval."""
        self._paired(tx, wanted)
        newest = tx.frameworks.newest(wanted.framework_id)
        own = self._parties.jurisdiction
        number = check_publish(wanted.framework_id, own, newest, wanted.base_version, wanted.etag)
        if wanted.content is None:
            raise NotFound(f"{framework_name(wanted.framework_id)} has changed just now", framework=wanted.framework_id)
        check_publisher(wanted.content.header, own, acting.author.authority, wanted.path)
        if newest and wanted.same_as == newest.version:
            return Version(newest.version, newest.base_version, wanted.content)
        return Version(number, number - 1, wanted.content)

    def _paired(self, tx: Transaction, wanted: Publication) -> Sequence[str]:
        """The recipients, without those whose pairing has ended; who is named must be paired."""
        ended = {each: tx.channel(self._parties.origin_to(each)).ended for each in wanted.recipients}
        for place, each in enumerate(wanted.recipients):
            if wanted.names_them and (end := ended[each]):
                raise BadInput.of(f"recipients[{place}]", not_paired(each, end))
        paired = [each for each in wanted.recipients if not ended[each]]
        if not paired:
            raise BadInput.of("recipients", "there is no paired jurisdiction any more")
        return paired

    def _recipients(self, asked: Sequence[str]) -> Sequence[str]:
        peers = sorted(self._parties.peers)
        for place, each in enumerate(asked):
            if each not in peers:
                paired = ", ".join(peers) or "none yet"
                raise BadInput.of(f"recipients[{place}]", f"must be a paired jurisdiction: {paired}")
        if not peers:
            raise BadInput.of("recipients", "there is no paired jurisdiction yet")
        return list(asked) or peers

    # --- assessments ------------------------------------------------------------------------------------------------

    def assessing(self, request: pb.AssessRequest, made_id: str) -> Assessing:
        """Checks a request to assess by all that does not depend on other writers; ``made_id``: if it names none.

        Raises:
            BadInput: it breaks a rule.
        """
        content = request.assessment.content
        check_fields(request)
        if violations := assessment_violations(content):
            raise BadInput(violations)
        peer = assessed_peer(content, self._parties.jurisdiction)
        if peer not in self._parties.peers:
            paired = ", ".join(sorted(self._parties.peers)) or "none yet"
            raise BadInput.of(_peer_field(content, peer), f"must be a paired jurisdiction: {paired}")
        return Assessing(request.assessment_id or made_id, content, peer)

    def propose_assessment(self, tx: Transaction, wanted: Assessing) -> Iterator[Proposed]:
        """Passes if an assessment could be given now, but for approval; tells what that would be."""
        state = tx.channel(self._parties.origin_to(wanted.peer))
        if state.ended:
            raise BadInput.of(_peer_field(wanted.content, wanted.peer), not_paired(wanted.peer, state.ended))
        check_assess(
            wanted.assessment_id,
            wanted.content,
            state.ends,
            tx.frameworks.assessment,
            lambda name: tx.frameworks.has_provision(framework_id(name), provision_id(name)),
        )
        return proposed_assessment(wanted.content)

    def check_assessment(self, tx: Transaction, wanted: Assessing) -> None:
        """Passes if a direct call could give an assessment now; raises ApprovalRequired too."""
        require_approval(self._rules, self.propose_assessment(tx, wanted), None)

    def assess(self, tx: Transaction, acting: Acting, wanted: Assessing) -> None:
        """Seals an assessment."""
        require_approval(self._rules, self.propose_assessment(tx, wanted), acting.approver)
        tx.seal(
            self._parties.origin_to(wanted.peer),
            acting.author,
            lambda seal: envelopes.assessed(seal, wanted.assessment_id, wanted.content),
            acting.approver,
        )


def _peer_field(content: AssessmentContent, peer: str) -> str:
    side = "second" if peer == content.second_jurisdiction else "first"
    return f"{ASSESSMENT_CONTENT}.{side}_jurisdiction"


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
    if violations := field_violations(content, CHANGE_SET) or framework_violations(content, CHANGE_SET):
        raise BadInput(violations)
    return content
