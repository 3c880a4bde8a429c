"""What frameworks cost: a version of many provisions, from publishing to its first page."""

import time
from collections.abc import Awaitable
from typing import TypeVar

from regulator.exchange import AsyncClient
from regulator.exchange.v1.framework_pb2 import FrameworkChangeSet, FrameworkVersionContent

from tests.benchmarks import load
from tests.benchmarks.measures import settle
from tests.supervision.framework_samples import enlarged, real
from tests.support.nodes import Site

PAGES = 50
NAMES = {"HK": "hk-bench", "KR": "kr-bench"}

T = TypeVar("T")


async def measure(hk: Site, kr: Site, provisions: int) -> dict[str, float]:
    """Of the two real frameworks, each enlarged to so many provisions."""
    contents = {code: enlarged(real(code).content, provisions) for code in NAMES}
    async with AsyncClient(hk.profile()) as client, AsyncClient(kr.profile()) as peer:
        await peer.publish_version(NAMES["KR"], contents["KR"])
        published, _ = await _timed(client.publish_version(NAMES["HK"], contents["HK"]))
        receipted, _ = await _timed(settle(hk))
        changes = changed(contents["HK"])
        change_set, _ = await _timed(client.publish_version(NAMES["HK"], changes))
        await settle(hk)
        diff, answer = await _timed(client.diff_versions(NAMES["HK"], page_size=50))
        assert answer.diff.changed_count == len(changes.upserts)
        compare, _ = await _timed(_compared(client))
        pages = await load.run(PAGES, 1, lambda _: anext(client.list_provisions(NAMES["HK"]).pages()))
    size = contents["HK"].ByteSize()
    return {
        f"publish {provisions:,} provisions ({size:,} bytes) in one call, durable at the own node, ms": published
        * 1000,
        "the same, to the peer's receipt, ms": (published + receipted) * 1000,
        f"publish a change set of {len(changes.upserts):,} provisions, ms": change_set * 1000,
        f"diff of the two versions, {len(changes.upserts):,} provisions changed, ms": diff * 1000,
        f"compare two jurisdictions of {provisions:,} provisions each, ms": compare * 1000,
        "first page of 50 provisions, p50, ms": pages.percentile(50) * 1000,
        "first page of 50 provisions, p99, ms": pages.percentile(99) * 1000,
    }


def changed(content: FrameworkVersionContent) -> FrameworkChangeSet:
    """A change of a word in every tenth provision."""
    changes = FrameworkChangeSet(base_version=1, upserts=content.provisions[::10])
    for each in changes.upserts:
        text = each.requirement[0]
        text.text = text.text.replace(" ", " also ", 1)
    return changes


async def _compared(client: AsyncClient) -> None:
    """In as many answers as it takes."""
    answer = await client.compare_jurisdictions("HK", "KR")
    while answer.next_page_token:
        answer = await client.compare_jurisdictions("HK", "KR", page_token=answer.next_page_token)


async def _timed(call: Awaitable[T]) -> tuple[float, T]:
    started = time.perf_counter()
    answer = await call
    return time.perf_counter() - started, answer
