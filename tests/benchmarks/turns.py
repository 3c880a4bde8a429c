"""What it costs that replicas take turns: ``python -m tests.benchmarks.turns [COMMITS]``.

One notice a commit, on one PostgreSQL database: by one replica; by two in turn, so that each commit first reads what
the other one changed; and what following a commit costs a replica that writes nothing. In milliseconds of this
process's processor time, which the load of the machine changes little; the server's own is not in it.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path

from tests.store.stores import Opened
from tests.support.postgresql import server

_NUMBERS = count()


async def _measure(folder: Path, url: str, commits: int) -> None:
    (folder / "b").mkdir()
    a, b = Opened.create("HK", url, folder / "a"), Opened.open("HK", url, folder / "b")

    async def one(store: Opened) -> None:
        await store.release(f"hk-{next(_NUMBERS)}")

    async def in_turn() -> None:
        await one(a)
        await one(b)

    async def followed() -> None:
        await one(a)
        await b.committer.follow(a.committer.latest().version)

    alone = await _cost(lambda: one(a), commits)
    turns = await _cost(in_turn, commits) / 2
    both = await _cost(followed, commits)
    print(f"a commit by one replica           {alone:5.2f} ms")  # noqa: T201 - what it is for
    print(f"a commit by two in turn           {turns:5.2f} ms")  # noqa: T201
    print(f"following a commit of another one {both - alone:5.2f} ms")  # noqa: T201
    await a.close()
    await b.close()


async def _cost(work: Callable[[], Awaitable[None]], times: int) -> float:
    for _ in range(20):
        await work()
    began = time.process_time()
    for _ in range(times):
        await work()
    return (time.process_time() - began) / times * 1000


def main(commits: int) -> None:
    """Prints three figures."""
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as database:
        asyncio.run(_measure(Path(folder), database.url, commits))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
