"""How one node does as it is paired with more: it and its peers, each a process, on the same machine."""

from collections.abc import Mapping, Sequence

from tests.benchmarks import floors, measures
from tests.benchmarks.beside import Beside
from tests.benchmarks.forms import BULK_A_SECOND, CALLERS, MESSAGE_BYTES, Form
from tests.benchmarks.processor import resident_mb
from tests.benchmarks.results import Point, Series
from tests.benchmarks.sites import codes
from tests.support.nodes import Site


async def by_peers(hk: Site, peers: Sequence[Site], echo: str, form: Form, acts: Mapping[str, float]) -> list[Series]:
    """Hong Kong's notices go to one, two, ... of its peers in turn; all of them run all the time."""
    points: dict[str, list[Point]] = {}
    for count in form.peers:
        to, made = codes(peers[:count]), int(BULK_A_SECOND * form.seconds)
        creates, bulk = Beside(), []
        spent = measures.Spent()
        for _ in range(form.rounds):
            creates.bare.append(await measures.bare_calls(echo, hk.profile(), MESSAGE_BYTES, CALLERS, form.amount))
            creates.measured.append(await measures.creates(hk, MESSAGE_BYTES, CALLERS, form.amount, to))
            await measures.settle(hk, to)
            with spent.counting(sender=hk):
                bulk.append(await measures.bulk(hk, MESSAGE_BYTES, made, to))
        for key, point in {
            "creates_by_peers": creates.rate(count),
            "bulk_by_peers": Point(
                count, measures.middle(bulk), floors.under_bulk(acts), spent.each(made * form.rounds)
            ),
            "memory_by_peers": Point(count, resident_mb(hk.pid)),
        }.items():
            points.setdefault(key, []).append(point)
    return [Series(key, *_TITLES[key], "peers", found) for key, found in points.items()]


_TITLES = {
    "creates_by_peers": (f"CreateNotice, {CALLERS} callers", "calls/s"),
    "bulk_by_peers": ("SubmitNotices, to the last receipt", "notices/s"),
    "memory_by_peers": ("memory of the sender", "MB"),
}
