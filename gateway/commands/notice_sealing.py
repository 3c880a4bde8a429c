"""What is done to notices inside the transaction that seals: the last checks, the rules of four eyes, the envelope.

Both ways lead here, a direct call (``notices``) and an approved draft (``drafts``): the one has no approver,
and is stopped where a rule asks for one. Which request it was, and what is answered, is not this module's matter.
"""

from collections.abc import Callable, Iterator, Sequence

from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.notice_service_pb2 import WithdrawNoticeRequest

from gateway.commands.acting import Acting
from gateway.commands.assistance_sight import check_assistance
from gateway.commands.attachments.sight import attachment_missing, to_be_named
from gateway.errors import BadInput
from gateway.identity.pairing.parties import Parties
from gateway.moments import day_at
from gateway.store.pairings import not_paired, require_paired
from gateway.store.state import ChannelState
from gateway.store.transaction import Sealed, Transaction
from gateway.supervision.acts.assistance import check_asked
from gateway.supervision.acts.notices import (
    check_days,
    check_own,
    check_past,
    check_release,
    check_supersede,
    check_withdraw,
)
from gateway.supervision.acts.submissions import Submission, addressed
from gateway.supervision.approval import (
    ApprovalRule,
    Proposed,
    proposed_notice,
    proposed_withdrawal,
    require_approval,
)
from gateway.supervision.attachments import AttachmentRecord, Owner, attached_in
from gateway.supervision.disclosure import Scope, within
from gateway.supervision.envelopes import envelopes
from gateway.supervision.notices.content import notice_id
from gateway.supervision.notices.records import NoticeRecord


class NoticeSealing:
    """Seals notices and their withdrawals.

    Args:
        parties: who exchanges
        rules: which acts need an approver
    """

    def __init__(self, parties: Parties, rules: Sequence[ApprovalRule]) -> None:
        self._parties, self._rules = parties, rules

    def propose(self, tx: Transaction, acting: Acting, submission: Submission) -> Iterator[Proposed]:
        """Passes if a notice could be released now, but for approval; tells what that would be.

        Raises:
            GatewayError: it could not.
        """
        return self._examined(tx, acting, submission)[1]

    def release(self, tx: Transaction, acting: Acting, submission: Submission) -> Sealed:
        """Releases a notice; raises as ``propose``, and ApprovalRequired."""
        submission, proposed = self._examined(tx, acting, submission)
        require_approval(self._rules, proposed, acting.approver)
        new_id, content = submission.notice_id, submission.content
        if content.attachments:
            tx.files.choose(new_id, _attachments(tx, acting, submission))
        return self.seal(tx, acting, submission.recipient, lambda seal: envelopes.released(seal, new_id, content))

    def propose_withdrawal(self, tx: Transaction, acting: Acting, request: WithdrawNoticeRequest) -> Iterator[Proposed]:
        """Passes if a notice could be taken back now, but for approval; tells what that would be."""
        record = _withdrawable(tx, acting, request)
        self.require_paired(tx, record.recipient)
        return proposed_withdrawal(record)

    def withdraw(self, tx: Transaction, acting: Acting, request: WithdrawNoticeRequest) -> Sealed:
        """Takes a notice back."""
        record = _withdrawable(tx, acting, request)
        require_approval(self._rules, proposed_withdrawal(record), acting.approver)
        return self.seal(
            tx, acting, record.recipient, lambda seal: envelopes.withdrawn(seal, record.id, request.explanation)
        )

    def seal(
        self, tx: Transaction, acting: Acting, recipient: str, build: Callable[[envelopes.Seal], Envelope]
    ) -> Sealed:
        """Seals an envelope for a recipient; everything was checked but whether the two are paired still."""
        self.require_paired(tx, recipient)
        return tx.seal(self._parties.origin_to(recipient), acting.author, build, acting.approver)

    def require_paired(self, tx: Transaction, peer: str) -> None:
        """Passes if something may be sealed for a peer; raises ``PairingEnded``."""
        require_paired(tx.channel(self._parties.origin_to(peer)))

    def _examined(
        self, tx: Transaction, acting: Acting, submission: Submission
    ) -> tuple[Submission, Iterator[Proposed]]:
        """The notice with its recipient, and what giving it is."""
        submission = _with_recipient(tx, acting, submission)
        check_days(submission.content, day_at(tx.now), submission.path)
        check_past(submission.content, tx.now, submission.path)
        state = tx.channel(self._parties.origin_to(submission.recipient))
        _check_recipient(state, submission)
        check_asked(submission.content, self._parties.peers[submission.recipient].authorities, submission.path)
        release = submission.notice_id, submission.content, state.ends
        check_release(*release, tx.find_notice, acting.scope, submission.path)
        check_assistance(tx, acting.scope, submission)
        _attachments(tx, acting, submission)
        return submission, proposed_notice(submission.content, tx.find_notice)


def _check_recipient(state: ChannelState, submission: Submission) -> None:
    """Passes if the two are paired still; of a notice that supersedes one, the request names no recipient."""
    if state.ended and not submission.supersedes:
        field = f"{submission.path.removesuffix('content')}recipient"
        raise BadInput.of(field, not_paired(state.ends.recipient, state.ended))
    require_paired(state)


def _attachments(tx: Transaction, acting: Acting, submission: Submission) -> list[AttachmentRecord]:
    """The files that a notice names; raises unless each is whole here, of its authority and for who acts."""
    content, files = submission.content, list[AttachmentRecord]()
    owner, readers = Owner(authority=content.issuing_authority), Scope(content.handling.tlp, frozenset(content.sectors))
    for place, file in enumerate(attached_in(content)):
        found = to_be_named(tx, owner, file, acting.scope, readers)
        if found is None:
            raise attachment_missing(f"{submission.path}.attachments[{place}]")
        files.append(found)
    return files


def _withdrawable(tx: Transaction, acting: Acting, request: WithdrawNoticeRequest) -> NoticeRecord:
    record = check_withdraw(notice_id(request.name), within(acting.scope, tx.find_notice), request.etag)
    check_own(record, acting.author.authority)
    return record


def _with_recipient(tx: Transaction, acting: Acting, submission: Submission) -> Submission:
    """Of a notice that supersedes another one: to the earlier one's recipient, by the earlier one's authority."""
    if not submission.supersedes:
        return submission
    record = check_supersede(submission.supersedes, within(acting.scope, tx.find_notice), submission.etag)
    check_own(record, acting.author.authority)
    return addressed(submission, record.recipient)
