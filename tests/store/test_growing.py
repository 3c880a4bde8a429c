"""What a read costs does not grow with what is stored: in steps of SQLite's machine, which no clock disturbs."""

from collections.abc import Callable
from typing import Any

import pytest
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.store.destroying import read_past
from gateway.store.event_queries import read_events
from gateway.store.notice_queries import NoticeFilter, list_notices, read_notice
from gateway.store.state import read_channels, read_counters
from gateway.supervision.disclosure import EVERYTHING
from tests.store.exchanging import settle
from tests.store.growing import MORE, Read, steps
from tests.store.stores import HK_TO_KR, Opened

PAGE = 10
FEW, MANY = 40, 1500  # notices


def listed(before: int | None = None, **wanted: Any) -> Read:
    return lambda connection: list_notices(connection, EVERYTHING, NoticeFilter(**wanted), before, PAGE, 1 << 20)


READS: dict[str, Read] = {
    "the newest": listed(),
    "a page far from the newest": listed(before=FEW // 2),
    "outgoing": listed(direction=Notice.OUTGOING),
    "incoming, of which there is one": listed(direction=Notice.INCOMING),
    "of a state": listed(state=Notice.DELIVERED),
    "of a state that none is in": listed(state=Notice.WITHDRAWN),
    "incoming, of a state that none is in": listed(direction=Notice.INCOMING, state=Notice.WITHDRAWN),
    "of a kind that none is of": listed(kind=Notice.POLICY_STATEMENT),
    "with a peer": listed(peer="KR"),
    "with a peer with whom there are none": listed(peer="SG"),
    "about an identifier that none names": listed(identifier="NOBODY"),
    "by its id": lambda connection: read_notice(connection, EVERYTHING, "hk-7"),
    "by an id that is not there": lambda connection: read_notice(connection, EVERYTHING, "hk-no"),
    "the newest events": lambda connection: read_events(
        connection, EVERYTHING, read_counters(connection).cursor - 5, 100
    ),
    "what may not be kept": lambda connection: read_past(connection, 20270101, 0, 100),
    "what the writer begins with": lambda connection: (read_channels(connection), read_counters(connection)),
}


@pytest.fixture
def kind() -> str:
    return "sqlite"


@pytest.fixture
async def grown(hk: Opened, kr: Opened) -> Callable[[int], Any]:
    """Hong Kong's store: one notice of Korea's, and then as many of its own as are asked for."""
    await kr.release("kr-1", issuing_authority="FSC")

    async def grow(count: int) -> Opened:
        have = hk.state(HK_TO_KR).log.size
        await hk.release(*(f"hk-{number}" for number in range(have, count)))
        await settle(hk, kr)
        return hk

    return grow


async def test_a_read_takes_as_many_steps_of_few_notices_as_of_many(grown):
    few = {name: steps(await grown(FEW), read) for name, read in READS.items()}
    many = {name: steps(await grown(MANY), read) for name, read in READS.items()}
    assert all(few.values())
    assert {name: (few[name], many[name]) for name in READS if many[name] > MORE * few[name] + 10} == {}
