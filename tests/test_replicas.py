"""What one replica of a node makes of what it is told."""

import asyncio
import itertools
from types import SimpleNamespace

from gateway import replicas
from gateway.errors import StoreError, Unavailable
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
    """Stands for a database that says nothing of other replicas, and is as far as this one knows."""

    def __init__(self, *_: object) -> None:
        pass

    async def beat(self, _held: object) -> Picture:
        return Picture(version=7)

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

    committer = SimpleNamespace(look=look, latest=lambda: SimpleNamespace(version=7))
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
        return Picture(version=8 if asked else 7)

    committer = SimpleNamespace(follow=follow, latest=lambda: SimpleNamespace(version=7))
    shared = Shared(None, Replica("a" * 32, "a", 0), "hk", {}, Links(), committer, lambda _: None)  # type: ignore[arg-type]
    shared._told(COMMITS, 10**17)
    running = asyncio.create_task(shared.run())
    async with asyncio.timeout(60):
        await known.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert asked == [10**17, 8]


async def test_a_replica_without_a_channel_of_which_nobody_asks_anything_finds_that_the_node_was_moved(monkeypatch):
    """It stood still as its operator stopped the others; else its watchers would hear of nothing any more."""
    monkeypatch.setattr(replicas, "LeaseKeeping", Silent)
    monkeypatch.setattr(replicas, "Listening", Silent)
    monkeypatch.setattr(Silent, "beat", lambda *_: _nobodys())
    fatal: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()

    async def _nobodys() -> Picture:
        return Picture()

    async def follow(_version: int | None = None) -> None:
        raise StoreError("the database is nobody's any more")

    committer = SimpleNamespace(follow=follow, latest=lambda: SimpleNamespace(version=7))
    shared = Shared(None, Replica("a" * 32, "a", 0), "hk", {}, Links(), committer, fatal.set_result)  # type: ignore[arg-type]
    async with asyncio.timeout(60):
        await shared.run()
    assert isinstance(fatal.result(), StoreError)
