"""What drafts hold, made ready to be checked or sealed: one way for each kind of act, through the sealing modules."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from google.protobuf.message import Message
from regulator.exchange.v1.framework_service_pb2 import AssessRequest, PublishVersionRequest
from regulator.exchange.v1.notice_service_pb2 import (
    CreateNoticeRequest,
    SupersedeNoticeRequest,
    WithdrawNoticeRequest,
)

from gateway.commands.acting import Acting
from gateway.commands.attachments.sight import attachment_missing
from gateway.commands.framework_sealing import FrameworkSealing, Publication
from gateway.commands.notice_sealing import NoticeSealing
from gateway.errors import AlreadyExists, AttachmentMissing, BadInput, Violation
from gateway.identity.pairing.parties import Parties
from gateway.store.transaction import Transaction
from gateway.supervision.acts.submissions import Submission, check_fields, new_notice, superseding_notice
from gateway.supervision.approval import ActKind, ApprovalRule, Proposed
from gateway.supervision.drafts import Nature, nature_of
from gateway.supervision.frameworks.names import assessment_name, framework_name, version_name
from gateway.supervision.notices.content import notice_name


@dataclass(frozen=True, slots=True)
class Proposal:
    """An act that keeps to every rule that needs nothing but itself.

    Attributes:
        weight: number of envelopes it may append, about
        propose: passes if it could be done now, but for approval; tells what it would be
        seal: seals it; gives the name of what it became
    """

    weight: int
    propose: Callable[[Transaction, Acting], Iterator[Proposed]]
    seal: Callable[[Transaction, Acting], str]


class DraftActs:
    """Makes proposals.

    Args:
        parties: who exchanges
        notices: seals notices
        frameworks: seals versions and assessments
        rules: which acts need an approver
    """

    def __init__(
        self, parties: Parties, notices: NoticeSealing, frameworks: FrameworkSealing, rules: Sequence[ApprovalRule]
    ) -> None:
        self._parties, self._notices, self._frameworks, self._rules = parties, notices, frameworks, rules

    def nature(self, proposed: Iterable[Proposed]) -> Nature:
        """What an act is, and which rule asks for its approval."""
        return nature_of(proposed, self._rules)

    async def proposal(self, act: ActKind, request: Message, acting: Acting) -> Proposal:
        """Checks what a draft holds; what it makes has its id already.

        Args:
            act: which it is
            request: of the act's method
            acting: who wrote it, and who asks now

        Raises:
            BadInput: it breaks a rule; paths are those of the draft.
            NotAllowed: it speaks for another authority.
        """
        path = f"draft.{act}"
        with _within(path):
            found = await self._proposal(request, acting)

        def propose(tx: Transaction, who: Acting) -> Iterator[Proposed]:
            with _within(path):
                return found.propose(tx, who)

        def seal(tx: Transaction, who: Acting) -> str:
            with _within(path):
                return found.seal(tx, who)

        return Proposal(found.weight, propose, seal)

    async def _proposal(self, request: Message, acting: Acting) -> Proposal:
        if isinstance(request, PublishVersionRequest):
            return self._publication(await self._frameworks.prepare(request))
        if isinstance(request, AssessRequest):
            return self._assessment(request)
        if isinstance(request, WithdrawNoticeRequest):
            check_fields(request)
            return self._withdrawal(request)
        return self._release(self._submission(request, acting))

    def _submission(self, request: Message, acting: Acting) -> Submission:
        if isinstance(request, SupersedeNoticeRequest):
            return superseding_notice(request, acting.author.authority, acting.scope, request.notice_id)
        assert isinstance(request, CreateNoticeRequest), "one of the acts of drafts"
        return new_notice(request, self._parties.peers, acting.author.authority, acting.scope, request.notice_id)

    def _release(self, submission: Submission) -> Proposal:
        def propose(tx: Transaction, acting: Acting) -> Iterator[Proposed]:
            return self._notices.propose(tx, acting, submission)

        def seal(tx: Transaction, acting: Acting) -> str:
            self._notices.release(tx, acting, submission)
            return notice_name(submission.notice_id)

        return Proposal(1, propose, seal)

    def _withdrawal(self, request: WithdrawNoticeRequest) -> Proposal:
        def propose(tx: Transaction, acting: Acting) -> Iterator[Proposed]:
            return self._notices.propose_withdrawal(tx, acting, request)

        def seal(tx: Transaction, acting: Acting) -> str:
            self._notices.withdraw(tx, acting, request)
            return request.name

        return Proposal(1, propose, seal)

    def _publication(self, publication: Publication) -> Proposal:
        def propose(tx: Transaction, acting: Acting) -> Iterator[Proposed]:
            return self._frameworks.propose_version(tx, acting, publication)

        def seal(tx: Transaction, acting: Acting) -> str:
            number, sealed = self._frameworks.publish(tx, acting, publication)
            if not sealed:
                name = framework_name(publication.framework_id)
                raise AlreadyExists(f"version {number} of {name} says the same, and all recipients have it")
            return version_name(publication.framework_id, number)

        return Proposal(len(publication.recipients), propose, seal)

    def _assessment(self, request: AssessRequest) -> Proposal:
        wanted = self._frameworks.assessing(request, request.assessment_id)

        def propose(tx: Transaction, _: Acting) -> Iterator[Proposed]:
            return self._frameworks.propose_assessment(tx, wanted)

        def seal(tx: Transaction, acting: Acting) -> str:
            self._frameworks.assess(tx, acting, wanted)
            return assessment_name(wanted.assessment_id)

        return Proposal(1, propose, seal)


@contextmanager
def _within(path: str) -> Iterator[None]:
    """Puts a path before those of violations: the act's own method names its fields from the request."""
    try:
        yield
    except BadInput as error:
        found = (Violation(f"{path}.{each.field}", each.description) for each in error.violations)
        raise BadInput(found, **error.metadata) from error
    except AttachmentMissing as error:
        raise attachment_missing(f"{path}.{error.metadata['field']}") from error
