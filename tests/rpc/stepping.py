"""An act with a fault at one of its steps, and what must hold then."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from google.rpc.code_pb2 import Code

from gateway.errors import GatewayError, Unavailable
from gateway.rpc.status import code_of
from gateway.store.commits import read_commit
from gateway.store.state import ChannelState
from gateway.store.tables import JOURNAL, metadata
from tests.rpc.each_act import Act
from tests.rpc.worlds import World
from tests.support.faulty import Fault, Steps

PATIENCE_SECONDS = 60.0
TOLD = {Code.UNAVAILABLE, Code.ABORTED, Code.RESOURCE_EXHAUSTED}


@dataclass(frozen=True)
class Tried:
    """The steps of an act, whether the fault came to pass in it, and what stands in the store at last."""

    taken: list[str]
    happened: bool
    found: dict[str, Any]


async def tried(world: World, steps: Steps, act: Act, step: int, fault: Fault, what: str = "") -> Tried:
    """Does an act with a fault at a step, if it is not below 0; then again, and again.

    Args:
        world: open
        steps: of its databases
        act: that is done
        step: of the act; of those alone that begin with ``what``
        fault: what happens there
        what: see ``step``
    """
    if step >= 0:
        steps.arm(step, fault, what=what)
    begun = len(steps.taken)
    first = await outcome(act(world))
    taken, happened = steps.taken[begun:], steps.happened
    if isinstance(first, GatewayError):
        assert step >= 0, first
        assert code_of(first) in TOLD, first
    assert not world.hk.failures
    again = await insisted(world, act)
    assert not isinstance(again, GatewayError), (again, again.__cause__)
    assert await outcome(act(world)) == again
    if not isinstance(first, GatewayError):
        assert first == again
    with world.hk.database.readers.connect() as connection:
        stored, known = read_commit(connection), world.hk.committer.latest()
    assert _stored(stored.states) == _stored(known.states)
    assert (stored.counters, stored.journal) == (known.counters, known.journal)
    return Tried(taken, happened, await counted(world))


async def outcome(act: Awaitable[Any]) -> Any:
    try:
        return await act
    except GatewayError as error:
        return error


async def insisted(world: World, act: Act) -> Any:
    """Does it; where a server is waited for, until it is back: on a busy machine that may take longer than soon."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        found = await outcome(act(world))
        while isinstance(found, Unavailable) and not world.hk.database.is_local:
            await asyncio.sleep(0.02)
            found = await outcome(act(world))
    return found


async def counted(world: World) -> dict[str, Any]:
    """What stands in the store: how much of everything, and what was told in which order.

    But for the access journal, which tells of each call: of one that was said again, once more.
    """
    found: dict[str, Any] = {}
    for table in metadata.sorted_tables:
        found[table.name] = sum(row.get("channel") != JOURNAL for row in await world.hk.rows(table))
    for name, column in (("events", "kind"), ("notices", "state"), ("drafts", "state")):
        found[f"{name} {column}"] = sorted((row[column] for row in await world.hk.rows(metadata.tables[name])), key=int)
    return found


def _stored(states: Mapping[str, ChannelState]) -> list[ChannelState]:
    """But for what is in memory alone."""
    return [replace(each, least_told=0, early=None) for each in states.values()]
