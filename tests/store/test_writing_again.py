"""A node whose commit failed finds out by itself when it can write again: a balancer keeps all callers away."""

import asyncio
import logging
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest

from gateway.errors import Unavailable
from gateway.identity.access.access import Caller
from gateway.node import chores
from gateway.questions.health import Health
from gateway.questions.links import Links
from gateway.store.engines import postgresql, sqlite
from gateway.store.tables import node
from tests.store.failing import fail_commit
from tests.store.stores import Opened, refused

NOBODY = Caller("", "SFC", frozenset())


@pytest.fixture
async def health(hk: Opened, monkeypatch, caplog) -> AsyncIterator[Health]:
    """As ``gateway.node.node`` puts it together."""
    caplog.set_level(logging.CRITICAL, logger="gateway.store.committer")
    monkeypatch.setattr(chores, "FIRST_TRY_SECONDS", 0.01)
    monkeypatch.setattr(chores, "LONGEST_TRY_SECONDS", 0.05)
    health = Health([], SimpleNamespace(commit=SimpleNamespace(states={}), closed=False), Links())  # type: ignore[arg-type]
    hk.committer.on_measured = lambda _weight, _seconds, is_durable: health.note_commit(is_durable=is_durable)
    trying = asyncio.create_task(chores.try_to_write(hk.committer, health))
    yield health
    assert not trying.done()
    trying.cancel()
    await asyncio.gather(trying, return_exceptions=True)


async def told(health: Health, *, is_well: bool) -> None:
    async with asyncio.timeout(60):
        while health.is_well("", NOBODY) is not is_well:
            await health.next().wait()


async def test_a_node_that_nobody_calls_is_well_again_after_a_commit_that_failed(hk: Opened, health: Health):
    for _ in range(2):
        fail_commit(hk)
        assert isinstance(await refused(hk.release("hk-1")), Unavailable)
        assert not health.is_well("", NOBODY)
        await told(health, is_well=True)
    assert hk.failures == []
    assert hk.state().log.size == 0, "nothing is sealed to find it out"
    assert hk.committer.latest().journal.log.size == 0


async def test_a_node_is_not_well_while_its_store_takes_no_writes(hk: Opened, health: Health, monkeypatch):
    tried = asyncio.Semaphore(0)
    hk.committer.on_measured = lambda _weight, _seconds, is_durable: (
        health.note_commit(is_durable=is_durable),
        tried.release(),
    )[0]
    with monkeypatch.context() as patch:
        forbid_writes(hk, patch)
        fail_commit(hk)
        assert isinstance(await refused(hk.release("hk-1")), Unavailable)
        if hk.url.startswith("sqlite"):  # with PostgreSQL the writer itself waits until the server takes writes
            async with asyncio.timeout(60):
                for _ in range(4):
                    await tried.acquire()
        assert not health.is_well("", NOBODY)
    await told(health, is_well=True)
    assert (await hk.release("hk-2"))[0].place.index == 0


def forbid_writes(hk: Opened, patch: pytest.MonkeyPatch) -> None:
    """Connections that are made from now on take none."""
    if hk.url.startswith("sqlite"):
        patch.setattr(sqlite, "WRITER_PRAGMAS", (*sqlite.WRITER_PRAGMAS, "query_only=ON"))
    else:
        patch.setitem(postgresql.TIMEOUTS, "default_transaction_read_only", "on")


async def test_what_is_tried_is_a_write(hk: Opened):
    before = (await hk.rows(node))[0]["version"]
    await hk.committer.submit(lambda tx: tx.try_to_write())
    assert (await hk.rows(node))[0]["version"] == before + 1
