"""What changes as a log becomes long: memory, disk, reads, and the time a node takes to start."""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop
from regulator.exchange import AsyncClient
from regulator.exchange.v1.notice_service_pb2 import Notice

from tests.benchmarks import floors, measures
from tests.benchmarks.forms import MESSAGE_BYTES, Form
from tests.benchmarks.processor import resident_mb
from tests.benchmarks.results import Point, Series
from tests.benchmarks.sites import all_running, founded, stored_bytes
from tests.support.nodes import Site

STEP = 10_000  # notices between two looks at the memory
PAGE = 50  # notices, as a list that asks for no size gives


@dataclass(frozen=True)
class Below:
    """Floors of what is looked at after every step."""

    memory: Mapping[str, float]
    bulk: Mapping[str, float]


@dataclass
class Growing:
    """A pair of nodes, as its log grows."""

    hk: Site
    kr: Site
    below: Below
    notices: int = 0
    middle: datetime | None = None  # a time at which half of what is there now was sealed
    points: dict[str, list[Point]] = field(default_factory=dict)

    def add(self, key: str, value: float, floors_of: Mapping[str, float] | None = None) -> None:
        self.points.setdefault(key, []).append(Point(self.notices, value, floors_of or {}))


def by_notices(folder: Path, form: Form, acts: Mapping[str, float]) -> list[Series]:
    """Fills one pair to the largest number, and starts it anew only then; a second one is started on the way."""
    import_seconds, import_mb = floors.importing()
    seconds, memory = {"imports alone": import_seconds}, {"imports alone": import_mb}
    below = Below(memory, floors.under_bulk(acts))
    starts = [_started(folder / "starts", form, seconds, below)] if form.notices[1:] else []
    hk, (kr,) = founded(folder / "grows")
    growing = Growing(hk, kr, below)
    with all_running([hk, kr]), floors.echo_server(hk) as echo:
        for target in form.notices:
            uvloop.run(_fill(growing, target))
            uvloop.run(_ask(growing, echo, form))
            growing.add("sender_disk_by_notices", stored_bytes(hk) / target, {"its message": MESSAGE_BYTES})
            growing.add("receiver_disk_by_notices", stored_bytes(kr) / target, {"its message": MESSAGE_BYTES})
        _start_anew(growing, form.starts, seconds)
    points = growing.points
    points["restart_by_notices"] = [*(point for each in starts for point in each), *points["restart_by_notices"]]
    return [Series(key, *_TITLES[key], "notices", found) for key, found in points.items()]


def _started(folder: Path, form: Form, seconds: Mapping[str, float], below: Below) -> list[Point]:
    hk, (kr,) = founded(folder)
    growing = Growing(hk, kr, below)
    with all_running([hk, kr]):
        for target in form.notices[:-1]:
            uvloop.run(_fill(growing, target))
            _start_anew(growing, form.starts, seconds)
    return growing.points["restart_by_notices"]


def _start_anew(growing: Growing, starts: int, beside: Mapping[str, float]) -> None:
    """Seconds from the call of ``gateway serve`` to the line that says it serves."""
    taken = []
    for _ in range(starts):
        growing.hk.stop()
        started = time.perf_counter()
        growing.hk.start()
        taken.append(time.perf_counter() - started)
    growing.add("restart_by_notices", measures.middle(taken), beside)


async def _fill(growing: Growing, target: int) -> None:
    """Sends notices until there are so many, and looks at the memory after every step."""
    while growing.notices < target:
        count = min(STEP, target - growing.notices)
        rate = await measures.bulk(growing.hk, MESSAGE_BYTES, count, first_id=growing.notices)
        growing.notices += count
        growing.add("bulk_by_notices", rate, growing.below.bulk)
        growing.add("sender_memory_by_notices", resident_mb(growing.hk.pid), growing.below.memory)
        growing.add("receiver_memory_by_notices", resident_mb(growing.kr.pid), growing.below.memory)
        if growing.notices <= target / 2 or growing.middle is None:
            growing.middle = datetime.now(UTC)


async def _ask(growing: Growing, echo: str, form: Form) -> None:
    hk, count = growing.hk, growing.notices
    bare = await measures.bare_calls(echo, hk.profile(), MESSAGE_BYTES, 1, form.amount)
    beside = {"bare call, p50": 1000 * bare.percentile(50)}
    some = random.Random(0).choices(range(count), k=500)
    got = await measures.gets(hk, [f"notices/{measures.numbered(each)}" for each in some], 1, form.amount)
    growing.add("get_by_notices", 1000 * got.percentile(50), beside)
    async with AsyncClient(hk.profile()) as client:
        for key, filters in _lists(growing).items():

            async def page(_: int, filters: dict[str, Any] = filters) -> None:
                await anext(client.list_notices(page_size=PAGE, **filters).pages(), None)

            listed = await form.amount.run(1, lambda _count: page)
            growing.add(key, 1000 * listed.percentile(50), beside)


def _lists(growing: Growing) -> dict[str, dict[str, Any]]:
    """What pages are asked for."""
    return {
        "list_newest_by_notices": {},
        "list_filtered_by_notices": {"direction": Notice.OUTGOING, "state": Notice.DELIVERED},
        "list_middle_by_notices": {"release_time_before": growing.middle},
        "list_nothing_by_notices": {"direction": Notice.INCOMING},
    }


_TITLES = {
    "bulk_by_notices": ("SubmitNotices, to the receipt", "notices/s"),
    "sender_memory_by_notices": ("memory of the sender", "MB"),
    "receiver_memory_by_notices": ("memory of the receiver", "MB"),
    "sender_disk_by_notices": ("on disk, sender", "bytes a notice"),
    "receiver_disk_by_notices": ("on disk, receiver", "bytes a notice"),
    "get_by_notices": ("GetNotice, p50", "ms"),
    "list_newest_by_notices": (f"first page of {PAGE}, p50", "ms"),
    "list_filtered_by_notices": ("first page by direction and state, p50", "ms"),
    "list_middle_by_notices": ("page of those before the middle, p50", "ms"),
    "list_nothing_by_notices": ("page by a direction of which there is none, p50", "ms"),
    "restart_by_notices": ("start, until it serves", "s"),
}
