"""What an answer to a request for assistance is to, inside the transaction that seals it."""

from regulator.exchange.v1.assistance_pb2 import AssistanceRequest
from regulator.exchange.v1.envelope_pb2 import Envelope

from gateway.store.transaction import Transaction
from gateway.supervision.acts.assistance import Asked, check_answer
from gateway.supervision.acts.submissions import Submission
from gateway.supervision.disclosure import Scope, within
from gateway.supervision.notices.assistance import question_keys
from gateway.supervision.notices.content import notice_id
from gateway.supervision.notices.records import NoticeRecord, Place


def check_assistance(tx: Transaction, scope: Scope, submission: Submission) -> None:
    """Passes if a notice answers no request for assistance, or can do so now.

    Raises:
        GatewayError: it cannot (``supervision.acts.assistance``).
    """
    content = submission.content
    if content.HasField("assistance_answer"):
        request = within(scope, tx.find_notice)(notice_id(content.assistance_answer.request))
        asked = _asked(tx, request) if request else None
        check_answer(content, submission.recipient, asked, submission.path)


def _asked(tx: Transaction, request: NoticeRecord) -> Asked:
    authority = tx.find_assistance(request.id).requested_authority
    said = _said(tx, request)
    return Asked(request, authority, question_keys(said) if said else None, tx.find_answers(request))


def _said(tx: Transaction, request: NoticeRecord) -> AssistanceRequest | None:
    """What a request says; None: its content is destroyed, or is committed only with this."""
    leaf = tx.leaf(Place(request.origin, request.index))
    if leaf is None or leaf.is_destroyed:
        return None
    return Envelope.FromString(leaf.data).notice_released.content.assistance_request
