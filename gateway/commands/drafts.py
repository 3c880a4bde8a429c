"""What can be done with drafts: written by one identity, released by another.

An act is checked in full when it is written, and once more, in the transaction that seals it, when it is approved. So a
draft that waits for approval is no promise: a peer may go, a notice may be withdrawn, another version may be published
meanwhile. Then the approval is refused for that reason, and the draft waits on.
"""

from collections.abc import Callable

from regulator.exchange.v1 import draft_service_pb2 as pb
from regulator.exchange.v1.event_service_pb2 import Event

from gateway.commands.acting import approving, by
from gateway.commands.draft_acts import DraftActs, Proposal
from gateway.commands.ids import new_id
from gateway.commands.replays import IdempotentRequest
from gateway.errors import BadInput, Overloaded, Stale
from gateway.identity.access.access import Caller
from gateway.moments import DAY_MICROS
from gateway.questions.drafts import DraftQuestions, not_there
from gateway.questions.scopes import scope_of
from gateway.store.committer import Committer
from gateway.store.transaction import Transaction
from gateway.supervision import drafts
from gateway.supervision.acts.submissions import check_fields
from gateway.supervision.approval import require_another
from gateway.supervision.drafts import DraftRecord, Step, draft_id, draft_name
from gateway.supervision.messages.drafts import act_of, draft_message, made_id
from gateway.supervision.rules.values import text_fault

MAX_OPEN_DRAFTS = 1000  # of an authority
EXPIRED_AT_ONCE = 500  # in one transaction

Change = Callable[[Transaction, DraftRecord], tuple[DraftRecord, Event.Kind.ValueType]]
"""What is done to a draft: gives it as it is then, and what is told of it, 0 for nothing."""


class DraftCommands:
    """The acts of back offices on drafts.

    Args:
        jurisdiction: of this node, ISO 3166-1 alpha-2
        committer: the one writer
        acts: checks and seals what drafts hold
        questions: reads drafts
        lifetime_days: after which a draft expires that nobody does anything with
        clock: microseconds since 1970
        random: gives so many random bytes
    """

    def __init__(
        self,
        jurisdiction: str,
        committer: Committer,
        acts: DraftActs,
        questions: DraftQuestions,
        lifetime_days: int,
        clock: Callable[[], int],
        random: Callable[[int], bytes],
    ) -> None:
        self._jurisdiction, self._committer, self._acts, self._questions = jurisdiction, committer, acts, questions
        self._lifetime = lifetime_days * DAY_MICROS
        self._clock, self._random = clock, random

    # --- the author's side ------------------------------------------------------------------------------------------

    async def create_draft(self, caller: Caller, request: pb.CreateDraftRequest) -> pb.Draft:
        """Keeps an act as a draft. ``validate_only``: answers what it would be; its name is an example."""
        check_fields(request)
        act, kept = act_of(request.draft, self._new_id())
        proposal = await self._acts.proposal(act, kept, by(caller))
        asked, chosen_id = IdempotentRequest.of(caller, request), self._new_id()
        salt = self._random(drafts.SALT_BYTES)

        def create(tx: Transaction) -> DraftRecord | str:
            if known := asked.carried_out(tx):
                return draft_id(known)
            nature = self._acts.nature(proposal.propose(tx, by(caller)))
            record = drafts.new_draft(chosen_id, act, kept, caller, nature, tx.now, self._lifetime, salt=salt)
            if not request.validate_only:
                _require_room(tx, caller.authority)
                tx.keep_draft(record, digest=drafts.digest_of(record))
                asked.remember(tx, draft_name(chosen_id))
            return record

        return await self._answer(asked, await self._committer.submit(create, asked.needs))

    async def update_draft(self, caller: Caller, request: pb.UpdateDraftRequest) -> pb.Draft:
        """Writes a draft anew; what it makes keeps its id where the new act names none."""
        check_fields(request)
        act, kept = act_of(request.draft, "")
        if not made_id(kept):
            seen = await self._questions.draft(caller, draft_id(request.draft.name))
            act, kept = act_of(request.draft, made_id(seen.request) or self._new_id())
        proposal = await self._acts.proposal(act, kept, by(caller))
        salt = self._random(drafts.SALT_BYTES)

        def update(tx: Transaction, record: DraftRecord) -> tuple[DraftRecord, Event.Kind.ValueType]:
            drafts.require(record, Step.UPDATE, tx.now, request.etag)
            drafts.check_same_act(record, act)
            nature = self._acts.nature(proposal.propose(tx, by(caller)))
            written = drafts.updated(record, kept, caller, nature, tx.now, self._lifetime, salt=salt)
            return written, Event.KIND_UNSPECIFIED

        return await self._change(IdempotentRequest.of(caller, request), request.draft.name, update)

    async def submit_draft(self, caller: Caller, request: pb.SubmitDraftRequest) -> pb.Draft:
        """Asks for approval."""
        check_fields(request)

        def submit(tx: Transaction, record: DraftRecord) -> tuple[DraftRecord, Event.Kind.ValueType]:
            drafts.require(record, Step.SUBMIT, tx.now, request.etag)
            return drafts.submitted(record, tx.now, self._lifetime), Event.DRAFT_SUBMITTED

        return await self._change(IdempotentRequest.of(caller, request), request.name, submit)

    async def recall_draft(self, caller: Caller, request: pb.RecallDraftRequest) -> pb.Draft:
        """Takes back what was submitted."""
        check_fields(request)

        def recall(tx: Transaction, record: DraftRecord) -> tuple[DraftRecord, Event.Kind.ValueType]:
            drafts.require(record, Step.RECALL, tx.now, request.etag)
            return drafts.recalled(record, tx.now, self._lifetime), Event.DRAFT_RECALLED

        return await self._change(IdempotentRequest.of(caller, request), request.name, recall)

    # --- the reviewer's side ----------------------------------------------------------------------------------------

    async def approve_draft(self, caller: Caller, request: pb.ApproveDraftRequest) -> pb.Draft:
        """Releases a draft: what it holds is sealed, and the draft is RELEASED, in one commit."""
        check_fields(request)
        seen = await self._questions.draft(caller, draft_id(request.name))
        proposal = await self._proposal(caller, seen, request.etag)

        def approve(tx: Transaction, record: DraftRecord) -> tuple[DraftRecord, Event.Kind.ValueType]:
            drafts.require(record, Step.APPROVE, tx.now, request.etag)
            require_another(record.author, caller)
            if proposal is None:  # it was written between the two looks at it
                raise Stale(f"{request.name} has changed just now", draft=request.name)
            name = proposal.seal(tx, approving(caller, record.author))
            return drafts.released(record, caller, name, tx.now), Event.DRAFT_APPROVED

        weight = proposal.weight if proposal else 1
        return await self._change(IdempotentRequest.of(caller, request), request.name, approve, weight)

    async def reject_draft(self, caller: Caller, request: pb.RejectDraftRequest) -> pb.Draft:
        """Refuses a draft."""
        check_fields(request)
        if fault := text_fault(request.reason):
            raise BadInput.of("reason", fault)

        def reject(tx: Transaction, record: DraftRecord) -> tuple[DraftRecord, Event.Kind.ValueType]:
            drafts.require(record, Step.REJECT, tx.now, request.etag)
            require_another(record.author, caller)
            return drafts.rejected(record, caller, request.reason, tx.now, self._lifetime), Event.DRAFT_REJECTED

        return await self._change(IdempotentRequest.of(caller, request), request.name, reject)

    async def _proposal(self, caller: Caller, seen: DraftRecord, etag: str) -> Proposal | None:
        """What a draft holds, ready to be sealed; None: it was not, or is not any more, what is to be approved."""
        if seen.request is None or etag != drafts.etag_of(seen):
            return None
        return await self._acts.proposal(seen.act, seen.request, approving(caller, seen.author))

    # --- time ---------------------------------------------------------------------------------------------------------

    async def expire_drafts(self) -> None:
        """Ends the drafts whose time is over."""
        while await self._committer.submit(_expire, bounded=False) == EXPIRED_AT_ONCE:
            pass

    # --- how ----------------------------------------------------------------------------------------------------------

    async def _change(self, asked: IdempotentRequest, name: str, change: Change, weight: int = 1) -> pb.Draft:
        wanted_id = draft_id(name)

        def unit(tx: Transaction) -> DraftRecord | str:
            if known := asked.carried_out(tx):
                return draft_id(known)
            met = _found(tx, asked.caller, wanted_id)
            record, kind = change(tx, met)
            tx.keep_draft(record, kind, drafts.digest_of(record) or drafts.digest_of(met))
            asked.remember(tx, name)
            return record

        done = await self._committer.submit(unit, asked.needs, weight)
        return await self._answer(asked, done)

    async def _answer(self, asked: IdempotentRequest, done: DraftRecord | str) -> pb.Draft:
        """The draft as it was made; or, of a request that was carried out before, as it is now."""
        record = await self._questions.draft(asked.caller, done) if isinstance(done, str) else done
        return draft_message(record)

    def _new_id(self) -> str:
        return new_id(self._jurisdiction, self._clock(), self._random)


def _found(tx: Transaction, caller: Caller, wanted_id: str) -> DraftRecord:
    record = tx.drafts.find(wanted_id)
    own = record is not None and record.author.authority == caller.authority
    if record is None or not own or not drafts.may_see(record.nature, scope_of(caller)):
        raise not_there(wanted_id)
    return record


def _require_room(tx: Transaction, authority: str) -> None:
    if tx.drafts.open_count(authority) >= MAX_OPEN_DRAFTS:
        raise Overloaded(
            f"{authority} has {MAX_OPEN_DRAFTS} drafts that are not final: release some, or let them expire",
            limit="open_drafts",
        )


def _expire(tx: Transaction) -> int:
    """Ends some of the drafts whose time is over; gives how many."""
    over = tx.drafts.over(tx.now, EXPIRED_AT_ONCE)
    for each in over:
        record = tx.drafts.find(each)
        assert record is not None, "it is in the table"
        if record.state not in drafts.FINAL and tx.now >= record.expires_at:
            tx.keep_draft(drafts.expired(record, tx.now), Event.DRAFT_EXPIRED)
    return len(over)
