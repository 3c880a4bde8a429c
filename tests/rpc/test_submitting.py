"""What is told of a stream of notices that are refused, many and at length."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from regulator.exchange.v1.notice_service_pb2 import SubmitNoticesRequest, SubmitNoticesResponse

from gateway.errors import BadInput, GatewayError, Violation
from gateway.identity.access.access import Caller, Role
from gateway.rpc.admission import CALLER
from gateway.rpc.ahead import IN_HAND
from gateway.rpc.notices import MAX_REFUSALS, NoticeServicer

CLIENTS_TAKE = 4 * 1024 * 1024  # bytes of an answer, by gRPC's own default
AT_ONCE = 100


class Refusing:
    """Refuses each notice of a message."""

    def __init__(self, error: GatewayError) -> None:
        self._error, self.messages = error, 0

    async def submit_notices(self, _caller: Caller, _message: object, turn: Any) -> list[tuple[str, GatewayError]]:
        self.messages += 1
        await turn()
        return [(f"{self.messages}-{number}", self._error) for number in range(AT_ONCE)]


async def _messages(count: int) -> AsyncIterator[SubmitNoticesRequest]:
    for _ in range(count):
        async with AsyncExitStack() as in_hand:
            IN_HAND.set(in_hand)
            yield SubmitNoticesRequest()


async def submitted(refusing: Refusing, count: int) -> SubmitNoticesResponse:
    CALLER.set(Caller("spiffe://gateway.hk.example/SFC/office", "SFC", frozenset({Role.AUTHOR})))
    servicer = NoticeServicer(refusing, None)
    answer = await servicer.SubmitNotices(_messages(count), None)
    assert answer.ByteSize() <= CLIENTS_TAKE
    assert (answer.received_count, answer.sealed_count) == (refusing.messages * AT_ONCE, 0)
    assert [each.index for each in answer.refusals] == list(range(len(answer.refusals)))
    return answer


@pytest.mark.parametrize(("count", "read"), [(3, 3), (10, 10), (20, 12)])
async def test_a_stream_ends_once_more_are_refused_than_are_told(count, read):
    refusing = Refusing(BadInput.of("recipient", "must be a peer"))
    answer = await submitted(refusing, count)
    assert (refusing.messages, len(answer.refusals)) == (read, min(count * AT_ONCE, MAX_REFUSALS))


async def test_a_stream_ends_once_its_refusals_are_more_than_every_client_takes():
    wrong = [Violation(f"requests[{number}].notice.content.{'x' * 80}", "한" * 200) for number in range(50)]
    refusing = Refusing(BadInput(wrong))
    answer = await submitted(refusing, 20)
    assert 500 < len(answer.refusals) < MAX_REFUSALS
    assert refusing.messages < 11
    assert answer.ByteSize() > CLIENTS_TAKE - 20_000
