"""What can be done about notices: give them, acknowledge, withdraw, supersede."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence

from regulator.exchange.v1.notice_service_pb2 import (
    AcknowledgeNoticeRequest,
    BatchCreateNoticesRequest,
    CreateNoticeRequest,
    Notice,
    SubmitNoticesRequest,
    SupersedeNoticeRequest,
    WithdrawNoticeRequest,
)

from gateway.commands.acting import by
from gateway.commands.batch_answers import BatchAnswer
from gateway.commands.ids import new_id
from gateway.commands.notice_sealing import NoticeSealing
from gateway.commands.replays import IdempotentRequest
from gateway.errors import BadInput, GatewayError
from gateway.identity.access.access import Caller
from gateway.identity.pairing.parties import Parties
from gateway.questions.notices import NoticeQuestions
from gateway.questions.scopes import scope_of
from gateway.store.committer import Committer
from gateway.store.reading import Needs
from gateway.store.transaction import Sealed, Transaction
from gateway.supervision.acts.notices import check_acknowledge
from gateway.supervision.acts.submissions import (
    Submission,
    check_fields,
    check_own_fields,
    new_notice,
    superseding_notice,
)
from gateway.supervision.disclosure import within
from gateway.supervision.envelopes import envelopes
from gateway.supervision.messages.notices import notice_message
from gateway.supervision.notices.content import notice_id, notice_name

CHECKED_AT_ONCE = 20  # requests of a large call that are checked before others get their turn

Done = Sealed | str
"""What a unit of work did: the envelope it sealed, or the id of a notice that is to be read once it is durable."""


class NoticeCommands:
    """The acts of back offices.

    Args:
        parties: who exchanges
        committer: the one writer
        sealing: seals
        questions: reads back what an act made
        clock: microseconds since 1970
        random: gives so many random bytes
    """

    def __init__(
        self,
        parties: Parties,
        committer: Committer,
        sealing: NoticeSealing,
        questions: NoticeQuestions,
        clock: Callable[[], int],
        random: Callable[[int], bytes],
    ) -> None:
        self._parties, self._committer, self._sealing, self._questions = parties, committer, sealing, questions
        self._clock, self._random = clock, random

    async def create_notice(self, caller: Caller, request: CreateNoticeRequest) -> Notice:
        """Gives a notice. ``validate_only``: answers what it would be; a name of the node's making is an example."""
        submission = self._checked(caller, request)
        if request.validate_only:
            return (await self._previews(caller, [submission]))[0]
        return await self._finished(caller, await self._release_one(caller, submission))

    async def batch_create_notices(self, caller: Caller, request: BatchCreateNoticesRequest) -> list[Notice]:
        """Gives several notices, all or none."""
        submissions = await self._checked_batch(caller, request)
        if request.requests[0].validate_only:
            return await self._batch_preview(caller, submissions)
        done = await self._committer.submit(
            lambda tx: self._release_all(tx, caller, submissions), _needs(caller, submissions), len(submissions)
        )
        answer = BatchAnswer()
        for each in done:
            answer.add(await self._finished(caller, each))
        return answer.notices

    async def submit_notices(
        self, caller: Caller, message: SubmitNoticesRequest, turn: Callable[[], Awaitable[None]]
    ) -> list[tuple[str, GatewayError | None]]:
        """Gives each of several notices on its own; answers, for each, its request id, and None or why it was refused.

        Between the checks and what is submitted it waits for its turn, so that the notices are sealed in the order of
        the stream.
        """
        check_own_fields(message)
        requests = message.requests
        outcomes: list[GatewayError | None] = [None] * len(requests)
        submissions: dict[int, Submission] = {}
        for place, request in enumerate(requests):
            try:
                submissions[place] = self._checked_single(caller, request)
            except GatewayError as error:
                outcomes[place] = error
            if place % CHECKED_AT_ONCE == 0:
                await asyncio.sleep(0)
        units = [self._unit(caller, submission) for submission in submissions.values()]
        needs = _needs(caller, submissions.values())
        await turn()
        results = await self._committer.submit_all(units, needs)
        for place, result in zip(submissions, results, strict=True):
            outcomes[place] = result if isinstance(result, GatewayError) else None
        return [(request.request_id, error) for request, error in zip(requests, outcomes, strict=True)]

    async def acknowledge_notice(self, caller: Caller, request: AcknowledgeNoticeRequest) -> Notice:
        """Acknowledges a notice of a peer."""
        check_fields(request)
        acted_id, asked = notice_id(request.name), IdempotentRequest.of(caller, request)

        def acknowledge(tx: Transaction) -> str:
            if known := asked.carried_out(tx):
                return known
            seen = within(scope_of(caller), tx.find_notice)
            record = check_acknowledge(acted_id, seen, request.etag)
            self._sealing.seal(
                tx,
                by(caller),
                record.sender,
                lambda seal: envelopes.acknowledged(seal, acted_id, request.comment, request.case_reference),
            )
            return asked.remember(tx, acted_id)

        return await self._finished(caller, await self._committer.submit(acknowledge))

    async def withdraw_notice(self, caller: Caller, request: WithdrawNoticeRequest) -> Notice:
        """Takes back a notice of the caller's authority."""
        check_fields(request)
        acted_id, asked = notice_id(request.name), IdempotentRequest.of(caller, request)

        def withdraw(tx: Transaction) -> str:
            if known := asked.carried_out(tx):
                return known
            self._sealing.withdraw(tx, by(caller), request)
            return asked.remember(tx, acted_id)

        return await self._finished(caller, await self._committer.submit(withdraw))

    async def supersede_notice(self, caller: Caller, request: SupersedeNoticeRequest) -> Notice:
        """Gives a notice that takes the place of an earlier one of the caller's authority."""
        submission = superseding_notice(request, caller.authority, scope_of(caller), self._new_id())
        return await self._finished(caller, await self._release_one(caller, submission))

    # --- before the commit ----------------------------------------------------------------------------------------

    async def _checked_batch(self, caller: Caller, request: BatchCreateNoticesRequest) -> list[Submission]:
        check_own_fields(request)
        if len({each.validate_only for each in request.requests}) > 1:
            raise BadInput.of("requests", "must have the same validate_only in all")
        _check_apart(request.requests)
        submissions = []
        for place, each in enumerate(request.requests):
            submissions.append(self._checked(caller, each, f"requests[{place}]"))
            if place % CHECKED_AT_ONCE == 0:
                await asyncio.sleep(0)
        return submissions

    def _checked_single(self, caller: Caller, request: CreateNoticeRequest) -> Submission:
        if request.validate_only:
            raise BadInput.of("validate_only", "must not be set in a stream of notices")
        return self._checked(caller, request)

    def _checked(self, caller: Caller, request: CreateNoticeRequest, path: str = "") -> Submission:
        return new_notice(request, self._parties.peers, caller.authority, scope_of(caller), self._new_id(), path)

    def _new_id(self) -> str:
        return new_id(self._parties.jurisdiction, self._clock(), self._random)

    # --- on the writer's thread -----------------------------------------------------------------------------------

    async def _release_one(self, caller: Caller, submission: Submission) -> Done:
        return await self._committer.submit(self._unit(caller, submission), _needs(caller, [submission]))

    def _unit(self, caller: Caller, submission: Submission) -> Callable[[Transaction], Done]:
        return lambda tx: self._release(tx, caller, submission)

    def _release(self, tx: Transaction, caller: Caller, submission: Submission) -> Done:
        asked = IdempotentRequest(caller, submission.request_id, submission.digest)
        if known := asked.carried_out(tx):
            return known
        sealed = self._sealing.release(tx, by(caller), submission)
        asked.remember(tx, submission.notice_id)
        return sealed

    def _release_all(self, tx: Transaction, caller: Caller, submissions: Sequence[Submission]) -> list[Done]:
        return [self._release(tx, caller, each) for each in submissions]

    # --- after the commit -----------------------------------------------------------------------------------------

    async def _previews(self, caller: Caller, submissions: Sequence[Submission]) -> list[Notice]:
        """What the notices would be; of a request that was carried out before, what it made. Writes nothing."""
        done = await self._committer.submit(
            lambda tx: tx.rehearsed(lambda: self._release_all(tx, caller, submissions)), _needs(caller, submissions)
        )
        made = {notice.name: notice for each in done if isinstance(each, Sealed) for notice in (_preview(each),)}
        names = [notice_name(each if isinstance(each, str) else each.projection.records[0].id) for each in done]
        return [made.get(name) or await self._questions.notice(caller, notice_id(name)) for name in names]

    async def _batch_preview(self, caller: Caller, submissions: Sequence[Submission]) -> list[Notice]:
        answer = BatchAnswer()
        for each in await self._previews(caller, submissions):
            answer.add(each)
        return answer.notices

    async def _finished(self, caller: Caller, done: Done) -> Notice:
        if isinstance(done, str):
            return await self._questions.notice(caller, done)
        return notice_message(done.projection.records[0], done.envelope)


def _check_apart(requests: Sequence[CreateNoticeRequest]) -> None:
    """Passes unless two of a batch ask for one id: the later would be told that there is such a notice.

    The same request twice, by its ``request_id``, is done once.
    """
    first: dict[str, int] = {}
    for place, each in enumerate(requests):
        if not each.notice_id or (earlier := first.setdefault(each.notice_id, place)) == place:
            continue
        if not each.request_id or each.request_id.lower() != requests[earlier].request_id.lower():
            raise BadInput.of(f"requests[{place}].notice_id", f"must be another than that of requests[{earlier}]")


def _preview(sealed: Sealed) -> Notice:
    """A notice that would be, without what only sealing makes true."""
    record = sealed.projection.records[0]
    return Notice(
        name=notice_name(record.id),
        sender=record.sender,
        recipient=record.recipient,
        content=sealed.envelope.notice_released.content,
        kind=record.kind,
        direction=record.direction,
        author=sealed.envelope.author,
    )


def _needs(caller: Caller, submissions: Collection[Submission]) -> Needs:
    notices = (
        wanted
        for each in submissions
        for wanted in (each.notice_id, each.supersedes, *(notice_id(ref.notice) for ref in each.content.references[:]))
    )
    requests = ((caller.client, each.request_id) for each in submissions if each.request_id)
    return Needs(frozenset(filter(None, notices)), frozenset(requests))
