"""Health by name, as streams come and go and channels halt, and to whom it is told; and a watch of it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from gateway.identity.access.access import Caller, Role
from gateway.identity.pairing.end import Ending
from gateway.ledger.steps import FORKED, Halt
from gateway.questions.health import Health
from gateway.questions.links import Links, LinkStatus
from gateway.rpc.admission import CALLER
from gateway.rpc.health import HealthServicer
from gateway.store.state import ChannelState
from gateway.supervision.notices.records import ChannelEnds
from tests.store.stores import HK_TO_KR, KR_TO_HK

OPERATOR = Caller("spiffe://gateway.hk.example/SFC/desk", "SFC", frozenset({Role.OPERATOR}))
APPROVER = replace(OPERATOR, roles=frozenset({Role.APPROVER}))
SERVICE = "regulator.exchange.v1.NoticeService"
NOBODY: Any = None  # seals, which are not looked at
OUT = ChannelState(1, HK_TO_KR, ChannelEnds("HK", "KR", outgoing=True), NOBODY)
IN = ChannelState(2, KR_TO_HK, ChannelEnds("KR", "HK", outgoing=False), NOBODY)


class Node:
    """What a node knows of its channels."""

    def __init__(self) -> None:
        self.links = Links()
        self.bulletin = SimpleNamespace(commit=SimpleNamespace(states={}), closed=False)
        self.health = Health([SERVICE], self.bulletin, self.links)  # type: ignore[arg-type]
        self.commit(OUT, IN)

    def commit(self, *states: ChannelState) -> None:
        self.bulletin.commit.states |= {each.origin: each for each in states}
        self.links.follow(self.bulletin.commit.states)

    def connect(self, *origins: str, connected: bool = True) -> None:
        for origin in origins:
            self.links.note(origin, LinkStatus(connected=connected))

    def halt(self) -> None:
        self.commit(replace(OUT, halt=Halt(FORKED, "two histories")))

    def stop(self) -> None:
        self.bulletin.closed = True
        self.links.wake()

    def ill(self) -> set[str]:
        return {name for name, is_well in self.health.of_all(OPERATOR).items() if not is_well}


@pytest.fixture
async def node() -> Node:
    return Node()


async def test_all_is_well_while_all_channels_move(node):
    node.connect(HK_TO_KR, KR_TO_HK)
    assert node.ill() == set()


async def test_a_peer_that_is_away_is_told_from_a_channel_that_has_halted(node):
    node.connect(KR_TO_HK)
    assert node.ill() == {"channels", "channels/hk-to-kr", "channels/hk-to-kr/connected"}
    node.connect(HK_TO_KR)
    node.halt()
    assert node.ill() == {"channels", "channels/hk-to-kr", "channels/hk-to-kr/open"}


async def test_a_channel_that_ended_with_its_pairing_is_not_well_and_all_others_are_asked_for_without_it(node):
    ending = Ending(1_770_000_000, "Chan", "it is over")
    node.commit(replace(OUT, ending=ending), replace(IN, ending=ending))
    parts = ("", "/connected", "/open")
    assert node.ill() == {f"channels/{each}{part}" for each in ("hk-to-kr", "kr-to-hk") for part in parts}
    assert node.health.is_well("channels", OPERATOR) is True
    node.commit(replace(OUT, ending=ending.resumed(1_770_000_001)), IN)
    assert node.health.is_well("channels", OPERATOR) is False, "it is to move again, and does not yet"


async def test_a_node_that_stops_is_not_well_in_any_way(node):
    node.connect(HK_TO_KR, KR_TO_HK)
    node.stop()
    assert node.ill() == set(node.health.of_all(OPERATOR))


async def test_a_node_that_cannot_write_serves_nobody_until_it_can(node):
    node.connect(HK_TO_KR, KR_TO_HK)
    watching = Watching(node, "")
    assert await watching.next() == "SERVING"
    node.health.note_commit(is_durable=False)
    assert await watching.next() == "NOT_SERVING"
    assert "" in node.ill()
    node.health.note_commit(is_durable=True)
    assert await watching.next() == "SERVING"
    assert node.ill() == set()


async def test_who_may_not_look_at_channels_is_told_of_services_alone(node):
    assert set(node.health.of_all(APPROVER)) == {"", SERVICE}
    assert node.health.is_well("channels/hk-to-kr", APPROVER) is None
    assert node.health.is_well("channels/hk-to-kr", OPERATOR) is False


class Watching:
    """A watch, as the listener serves it."""

    def __init__(self, node: Node, name: str) -> None:
        CALLER.set(OPERATOR)
        request = HealthCheckRequest(service=name)
        self._told: AsyncIterator[HealthCheckResponse] = HealthServicer(node.health).Watch(request, None)

    async def next(self) -> str:
        async with asyncio.timeout(60):
            return str(HealthCheckResponse.ServingStatus.Name((await anext(self._told)).status))


async def test_a_watch_tells_each_change_and_no_change_twice(node):
    watching = Watching(node, "channels/hk-to-kr")
    assert await watching.next() == "NOT_SERVING"
    node.connect(HK_TO_KR)
    assert await watching.next() == "SERVING"
    waiting = asyncio.create_task(watching.next())
    node.connect(KR_TO_HK)  # another one
    node.commit(replace(OUT))  # nothing new
    await asyncio.sleep(0)
    assert not waiting.done()
    node.halt()
    assert await waiting == "NOT_SERVING"
    node.commit(OUT)
    assert await watching.next() == "SERVING"
    node.connect(HK_TO_KR, connected=False)
    assert await watching.next() == "NOT_SERVING"


async def test_a_watch_of_a_node_that_stops_says_so_and_ends(node):
    watching = Watching(node, "")
    assert await watching.next() == "SERVING"
    node.stop()
    assert await watching.next() == "NOT_SERVING"
    with pytest.raises(StopAsyncIteration):
        await watching.next()
