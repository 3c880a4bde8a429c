"""``NoticeService``."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from typing import Any

from regulator.exchange.v1 import notice_service_pb2 as pb
from regulator.exchange.v1 import notice_service_pb2_grpc as rpc

from gateway.commands.notices import NoticeCommands
from gateway.questions.notices import NoticeQuestions
from gateway.rpc.admission import CALLER
from gateway.rpc.ahead import ahead
from gateway.rpc.status import status_of

MAX_REFUSALS = 1000  # told of one stream; then it ends


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
        answer = pb.SubmitNoticesResponse()
        submit = partial(self._commands.submit_notices, CALLER.get())
        async with aclosing(ahead(request_iterator, submit, lambda: len(answer.refusals) > MAX_REFUSALS)) as submitted:
            async for outcomes in submitted:
                for offset, (request_id, error) in enumerate(outcomes):
                    if error:
                        refusal = answer.refusals.add(index=answer.received_count + offset, request_id=request_id)
                        refusal.status.CopyFrom(status_of(error))
                    else:
                        answer.sealed_count += 1
                answer.received_count += len(outcomes)
        del answer.refusals[MAX_REFUSALS:]
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
