"""The nodes that are measured: Hong Kong's, and those that it is paired with, each a process of its own."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pysqlite3.dbapi2 as sqlite

from tests.support.nodes import Site, pair

PEERS = ("KR", "SG", "JP", "GB", "US", "CH", "AU", "AE")

# The load is one client that stands for many: what one may take is bounded for all of them together.
LIMITS = """
[limits]
peer_bytes_per_day = 1125899906842624
calls_per_second = 100000
burst_calls = 1000000
concurrent_calls = 1000
concurrent_streams = 1000
"""


def founded(folder: Path, peers: int = 1) -> tuple[Site, list[Site]]:
    """Hong Kong and so many peers, paired with it, none of them started."""
    hk, *others = (Site(code, folder / code.lower()).found() for code in ("HK", *PEERS[:peers]))
    hk.configure(LIMITS)
    for other in others:
        pair(hk, other)
    return hk, others


@contextmanager
def all_running(sites: Sequence[Site]) -> Iterator[None]:
    """Starts nodes at once: one after the other would take as many times as long."""
    with ExitStack() as stack:
        for site in sites:
            site.launch()
            stack.callback(site.stop_if_running)
        for site in sites:
            site.wait_until_serving()
        yield


def stored_bytes(site: Site) -> int:
    """Size of a node's database, with what is still in its write-ahead log."""
    with closing(sqlite.connect(f"file:{site.home.path / 'node.db'}?mode=ro", uri=True)) as connection:
        row = connection.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").fetchone()
    return int(row[0])


def codes(peers: Sequence[Site]) -> list[str]:
    return [each.jurisdiction for each in peers]
