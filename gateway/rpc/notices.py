"""``NoticeService``."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from typing import Any

from regulator.exchange.v1 import notice_service_pb2 as pb
from regulator.exchange.v1 import notice_service_pb2_grpc as rpc

from gateway.commands.notices import NoticeCommands
from gateway.errors import GatewayError
from gateway.questions.notices import NoticeQuestions
from gateway.questions.paging import MAX_ITEMS_BYTES, item_bytes
from gateway.rpc.admission import CALLER
from gateway.rpc.ahead import ahead
from gateway.rpc.status import status_of
from gateway.store.page_bounds import ByteBudget

MAX_REFUSALS = 1000  # told of one stream; then it ends


class _Refusals:
    """Those of one stream, as many of them as its answer tells."""

    def __init__(self) -> None:
        self.told: list[pb.SubmitNoticesResponse.Refusal] = []
        self.are_too_many = False
        self._budget = ByteBudget(MAX_ITEMS_BYTES)

    def add(self, index: int, request_id: str, error: GatewayError) -> None:
        """Adds that of the notice at an index of the stream, unless there are too many, as there are then."""
        refusal = pb.SubmitNoticesResponse.Refusal(index=index, request_id=request_id, status=status_of(error))
        if self.are_too_many or len(self.told) == MAX_REFUSALS or not self._budget.takes(item_bytes(refusal)):
            self.are_too_many = True
        else:
            self.told.append(refusal)


class NoticeServicer(rpc.NoticeServiceServicer):
    """Calls commands and questions."""

    def __init__(self, commands: NoticeCommands, questions: NoticeQuestions) -> None:
        self._commands, self._questions = commands, questions

    async def CreateNotice(self, request: pb.CreateNoticeRequest, context: Any) -> pb.Notice:
        """Gives a notice."""
        return await self._commands.create_notice(CALLER.get(), request)

    async def BatchCreateNotices(
        self, request: pb.BatchCreateNoticesRequest, context: Any
    ) -> pb.BatchCreateNoticesResponse:
        """Gives several notices, all or none."""
        notices = await self._commands.batch_create_notices(CALLER.get(), request)
        return pb.BatchCreateNoticesResponse(notices=notices)

    async def SubmitNotices(
        self, request_iterator: AsyncIterator[pb.SubmitNoticesRequest], context: Any
    ) -> pb.SubmitNoticesResponse:
        """Gives each notice of a stream on its own."""
        answer, refusals = pb.SubmitNoticesResponse(), _Refusals()
        submit = partial(self._commands.submit_notices, CALLER.get())
        async with aclosing(ahead(request_iterator, submit, lambda: refusals.are_too_many)) as submitted:
            async for outcomes in submitted:
                for index, (request_id, error) in enumerate(outcomes, answer.received_count):
                    if error:
                        refusals.add(index, request_id, error)
                    else:
                        answer.sealed_count += 1
                answer.received_count += len(outcomes)
        answer.refusals.extend(refusals.told)
        return answer

    async def GetNotice(self, request: pb.GetNoticeRequest, context: Any) -> pb.Notice:
        """Gives one notice."""
        return await self._questions.get_notice(CALLER.get(), request)

    async def ListNotices(self, request: pb.ListNoticesRequest, context: Any) -> pb.ListNoticesResponse:
        """Gives a page of notices."""
        return await self._questions.list_notices(CALLER.get(), request)

    async def AcknowledgeNotice(self, request: pb.AcknowledgeNoticeRequest, context: Any) -> pb.Notice:
        """Acknowledges a notice."""
        return await self._commands.acknowledge_notice(CALLER.get(), request)

    async def WithdrawNotice(self, request: pb.WithdrawNoticeRequest, context: Any) -> pb.Notice:
        """Takes a notice back."""
        return await self._commands.withdraw_notice(CALLER.get(), request)

    async def SupersedeNotice(self, request: pb.SupersedeNoticeRequest, context: Any) -> pb.Notice:
        """Gives a notice in place of another."""
        return await self._commands.supersede_notice(CALLER.get(), request)
