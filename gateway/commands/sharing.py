"""What can be done about onward sharing: ask for consent, grant and refuse it, mark what is passed on."""

from collections.abc import Callable
from dataclasses import replace

from regulator.exchange.v1 import sharing_service_pb2 as pb
from regulator.exchange.v1.envelope_pb2 import Envelope

from gateway.commands.acting import by
from gateway.commands.ids import ID_BYTES
from gateway.commands.notice_sealing import NoticeSealing
from gateway.commands.replays import IdempotentRequest
from gateway.identity.access.access import Caller
from gateway.moments import day_at
from gateway.questions.scopes import scope_of
from gateway.questions.sharing import SharingQuestions, whole_consent
from gateway.store.committer import Committer
from gateway.store.transaction import Transaction
from gateway.supervision.acts.sharing import (
    Known,
    check_grant,
    check_recipients,
    check_refusal,
    check_request,
    check_share,
)
from gateway.supervision.acts.submissions import check_fields
from gateway.supervision.disclosure import within
from gateway.supervision.envelopes import sharing as envelopes
from gateway.supervision.envelopes.envelopes import Seal
from gateway.supervision.messages.sharing import ConsentView, ShareView, consent_message, share_message
from gateway.supervision.notices.content import notice_id
from gateway.supervision.notices.records import NOWHERE, NoticeRecord
from gateway.supervision.projections.sharing import consent_in, decision_in, recipients_of, share_in
from gateway.supervision.sharing.coverage import Passing
from gateway.supervision.sharing.names import consent_name, share_name
from gateway.supervision.sharing.records import DecisionRecord


class SharingCommands:
    """The acts of back offices.

    Args:
        committer: the one writer
        sealing: seals
        questions: reads back what an act made
        random: gives so many random bytes
    """

    def __init__(
        self,
        committer: Committer,
        sealing: NoticeSealing,
        questions: SharingQuestions,
        random: Callable[[int], bytes],
    ) -> None:
        self._committer, self._sealing, self._questions, self._random = committer, sealing, questions, random

    # --- who received a notice --------------------------------------------------------------------------------------

    async def request_consent(self, caller: Caller, request: pb.RequestConsentRequest) -> pb.Consent:
        """Asks for consent. ``validate_only``: answers what it would be; its name is an example."""
        check_fields(request)
        check_recipients(request.consent.recipients, "consent.recipients")
        of_notice, asked, wanted = notice_id(request.parent), IdempotentRequest.of(caller, request), request.consent
        name = consent_name(of_notice, self._new_id())

        def build(seal: Seal) -> Envelope:
            return envelopes.requested(seal, name, wanted.recipients, wanted.use, wanted.purpose)

        def ask(tx: Transaction) -> str | pb.Consent:
            if known := asked.carried_out(tx):
                return known
            notice = check_request(of_notice, wanted.use, _known(tx, caller))
            self._sealing.require_paired(tx, notice.sender)
            if request.validate_only:
                envelope = build(_unsealed(tx, caller))
                return consent_message(ConsentView(consent_in(envelope, NOWHERE), envelope), day_at(tx.now))
            self._sealing.seal(tx, by(caller), notice.sender, build)
            return asked.remember(tx, name)

        done = await self._committer.submit(ask)
        return await self._questions.consent(caller, done) if isinstance(done, str) else done

    async def mark_shared(self, caller: Caller, request: pb.MarkSharedRequest) -> pb.Share:
        """Records that a notice is passed on. ``validate_only``: answers what it would be."""
        check_fields(request)
        check_recipients(request.share.recipients, "share.recipients")
        of_notice, asked, wanted = notice_id(request.parent), IdempotentRequest.of(caller, request), request.share
        name = share_name(of_notice, self._new_id())

        def mark(tx: Transaction) -> str | pb.Share:
            if known := asked.carried_out(tx):
                return known
            passing = Passing(caller.authority, recipients_of(wanted.recipients), wanted.use, day_at(tx.now))
            notice, decision = check_share(of_notice, wanted.consent, passing, _known(tx, caller))
            self._sealing.require_paired(tx, notice.sender)
            consent = consent_name(of_notice, decision.consent) if decision else ""
            number = decision.number if decision else 0

            def build(seal: Seal) -> Envelope:
                return envelopes.shared(seal, name, wanted.recipients, wanted.use, consent, number)

            if request.validate_only:
                envelope = build(_unsealed(tx, caller))
                return share_message(ShareView(share_in(envelope, NOWHERE, is_covered=True), envelope))
            self._sealing.seal(tx, by(caller), notice.sender, build)
            return asked.remember(tx, name)

        done = await self._committer.submit(mark)
        return await self._questions.share(caller, done) if isinstance(done, str) else done

    # --- who gave it ------------------------------------------------------------------------------------------------

    async def grant_consent(self, caller: Caller, request: pb.GrantConsentRequest) -> pb.Consent:
        """Grants a consent. ``validate_only``: answers what it would be."""
        check_fields(request)
        until = request.valid_until if request.HasField("valid_until") else None

        def check(known: Known) -> tuple[NoticeRecord, int]:
            return check_grant(request.name, caller.authority, until, known, request.etag)

        def build(seal: Seal, number: int) -> Envelope:
            return envelopes.granted(seal, request.name, number, request.reason, request.conditions, until)

        return await self._decide(caller, request, check, build)

    async def refuse_consent(self, caller: Caller, request: pb.RefuseConsentRequest) -> pb.Consent:
        """Refuses a consent, or revokes it. ``validate_only``: answers what it would be."""
        check_fields(request)

        def check(known: Known) -> tuple[NoticeRecord, int]:
            return check_refusal(request.name, caller.authority, known, request.etag)

        def build(seal: Seal, number: int) -> Envelope:
            return envelopes.refused(seal, request.name, number, request.reason)

        return await self._decide(caller, request, check, build)

    async def _decide(
        self,
        caller: Caller,
        request: pb.GrantConsentRequest | pb.RefuseConsentRequest,
        check: Callable[[Known], tuple[NoticeRecord, int]],
        build: Callable[[Seal, int], Envelope],
    ) -> pb.Consent:
        asked = IdempotentRequest.of(caller, request)

        def decide(tx: Transaction) -> str | tuple[DecisionRecord, Envelope]:
            if known := asked.carried_out(tx):
                return known
            notice, number = check(_known(tx, caller))
            self._sealing.require_paired(tx, notice.recipient)
            if request.validate_only:
                return decision_in(build(_unsealed(tx, caller), number), NOWHERE)
            self._sealing.seal(tx, by(caller), notice.recipient, lambda seal: build(seal, number))
            return asked.remember(tx, request.name)

        done = await self._committer.submit(decide)
        if isinstance(done, str):
            return await self._questions.consent(caller, done)
        view = await self._questions.view(caller, request.name)
        return whole_consent(replace(view, decisions=(*view.decisions, done)), self._questions.today())

    def _new_id(self) -> str:
        return self._random(ID_BYTES).hex()


def _known(tx: Transaction, caller: Caller) -> Known:
    return Known(within(scope_of(caller), tx.find_notice), tx.find_dossier, day_at(tx.now))


def _unsealed(tx: Transaction, caller: Caller) -> Seal:
    """For an envelope that is only tried out."""
    return Seal(b"", "", tx.now, caller)
