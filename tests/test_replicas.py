"""What one replica of a node makes of what it is told."""

import asyncio
import itertools
from types import SimpleNamespace

from gateway import replicas
from gateway.errors import Unavailable
from gateway.questions.links import Links
from gateway.replicas import Shared
from gateway.store.commits import COMMITS
from gateway.store.leases import Picture, Replica


class Away:
    """Stands for a database that does not answer."""

    def __init__(self, *_: object) -> None:
        pass

    async def beat(self, _held: object) -> Picture:
        raise Unavailable("no answer")

    def start(self) -> None:
        pass


class Silent:
    """Stands for a database that says nothing of other replicas."""

    def __init__(self, *_: object) -> None:
        pass

    async def beat(self, _held: object) -> Picture:
        return Picture()

    def start(self) -> None:
        pass


async def test_a_commit_that_could_not_be_read_is_read_later_though_none_follows(monkeypatch):
    monkeypatch.setattr(replicas, "LeaseKeeping", Silent)
    monkeypatch.setattr(replicas, "Listening", Silent)
    answers = iter([Unavailable("not now"), Unavailable("not now"), None])
    asked: list[int | None] = []
    known = asyncio.Event()

    async def follow(version: int | None = None) -> None:
        asked.append(version)
        if answer := next(answers):
            raise answer
        known.set()

    committer = SimpleNamespace(follow=follow, latest=lambda: SimpleNamespace(version=7))
    shared = Shared(None, Replica("a" * 32, "a", 0), "hk", {}, Links(), committer, lambda _: None)  # type: ignore[arg-type]
    shared._told(COMMITS, 7)
    running = asyncio.create_task(shared.run())
    async with asyncio.timeout(60):
        await known.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert asked == [7, 7, 7]


async def test_a_replica_that_nobody_asks_for_anything_finds_out_that_it_could_not_write(monkeypatch):
    """Its health tells of it, and a balancer sends nobody there."""
    monkeypatch.setattr(replicas, "LeaseKeeping", Away)
    monkeypatch.setattr(replicas, "Listening", Away)
    looks, often = itertools.count(1), asyncio.Event()

    async def look() -> None:
        if next(looks) == 2:
            often.set()
        raise Unavailable("no answer")

    committer = SimpleNamespace(look=look)
    shared = Shared(None, Replica("a" * 32, "a", 0), "hk", {}, Links(), committer, lambda _: None)  # type: ignore[arg-type]
    running = asyncio.create_task(shared.run())
    async with asyncio.timeout(60):
        await often.wait()
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_number_that_somebody_told_wrong_hides_no_commit_that_follows(monkeypatch):
    """Whoever may connect to the server may NOTIFY."""
    monkeypatch.setattr(replicas, "LeaseKeeping", Silent)
    monkeypatch.setattr(replicas, "Listening", Silent)
    monkeypatch.setattr(Silent, "beat", lambda *_: _picture())
    asked: list[int | None] = []
    known = asyncio.Event()

    async def follow(version: int | None = None) -> None:
        asked.append(version)
        if version == 8:
            known.set()

    async def _picture() -> Picture:
        return Picture(version=8 if asked else 0)

    committer = SimpleNamespace(follow=follow, latest=lambda: SimpleNamespace(version=7))
    shared = Shared(None, Replica("a" * 32, "a", 0), "hk", {}, Links(), committer, lambda _: None)  # type: ignore[arg-type]
    shared._told(COMMITS, 10**17)
    running = asyncio.create_task(shared.run())
    async with asyncio.timeout(60):
        await known.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert asked == [10**17, 8]
