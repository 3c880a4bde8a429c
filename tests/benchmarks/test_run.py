"""A very short run of each part, on real nodes: that it measures what it says, not how much."""

import json
import math
import platform
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvloop

from tests.benchmarks import by_load, floors
from tests.benchmarks.__main__ import PARTS, Bench, _parser
from tests.benchmarks.by_notices import by_notices
from tests.benchmarks.by_peers import by_peers
from tests.benchmarks.forms import MESSAGE_BYTES, MILLION, QUICK, WHOLE, Form
from tests.benchmarks.machine import facts
from tests.benchmarks.processor import resident_mb
from tests.benchmarks.profile import by_part
from tests.benchmarks.results import Results, Series
from tests.benchmarks.sites import all_running, founded, stored_bytes
from tests.support.nodes import Site

TINY = Form(
    "tiny",
    rounds=1,
    seconds=0.01,
    callers=(1, 70),
    sizes=(256, MESSAGE_BYTES),
    peers=(1, 2),
    notices=(20,),
    starts=1,
)
ACTS = {
    "Ed25519, sign, µs": 35.0,
    "ML-DSA-44, sign, µs": 400.0,
    f"SQLite, {floors.COMMIT}, rows/s": 1000.0,
    f"SQLite, {floors.BULK_INSERT}, rows/s": 40_000.0,
}


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, list[Site], str]]:
    hk, peers = founded(tmp_path_factory.mktemp("bench"), max(TINY.peers))
    with all_running([hk, *peers]), floors.echo_server(hk) as echo:
        yield hk, peers, echo


def check(found: list[Series], by: str, places: tuple[int, ...]) -> dict[str, Series]:
    """Every series has a figure at every place, and what it stands beside."""
    for series in found:
        assert series.by == by
        assert [point.at for point in series.points] == list(places), series.key
        figures = [each for point in series.points for each in (point.value, *point.floors.values())]
        assert all(math.isfinite(each) and each > 0 for each in figures), series
    return {series.key: series for series in found}


def test_callers(nodes):
    hk, (kr, _), echo = nodes
    found = check(uvloop.run(by_load.by_callers(hk, kr, echo, TINY, ACTS)), "callers", TINY.callers)
    assert all(series.points[-1].floors for series in found.values())
    assert found["receipt_p50_by_callers"].points[0].floors["3 commits and 4 signatures"] == pytest.approx(3.87)
    assert set(found["creates_by_callers"].points[0].beside) == {
        f"{who}, µs of the processor" for who in ("sender", "receiver", "load")
    }


def test_bytes(nodes, tmp_path: Path):
    hk, (kr, _), echo = nodes
    found = check(uvloop.run(by_load.by_bytes(hk, kr, echo, TINY, tmp_path)), "bytes", TINY.sizes)
    assert set(found["bulk_by_bytes"].points[0].floors) == {"bare stream", "raw inserts"}
    assert found["sender_disk_by_bytes"].points[1].value > MESSAGE_BYTES


def test_what_is_too_large_is_refused(nodes):
    said = uvloop.run(by_load.refused(nodes[0]))
    assert "must have at most 4194304 bytes" in said["5,242,880 bytes"]
    assert "larger than max" in said["9,437,184 bytes"]


def test_peers(nodes):
    hk, peers, echo = nodes
    before = [stored_bytes(peer) for peer in peers]
    found = check(uvloop.run(by_peers(hk, peers, echo, TINY, ACTS)), "peers", TINY.peers)
    assert set(found) == {"creates_by_peers", "bulk_by_peers", "memory_by_peers"}
    assert all(stored_bytes(peer) > was for peer, was in zip(peers, before, strict=True))
    assert found["memory_by_peers"].points[-1].value == pytest.approx(resident_mb(hk.pid), rel=0.1)


def test_where_the_time_of_both_nodes_goes(tmp_path: Path):
    found = by_part(tmp_path, "bulk", 0.05)
    assert list(found) == ["bulk, sender", "bulk, receiver"]
    assert found["bulk, sender"]["field rules"] > 0
    assert all(10 < sum(parts.values()) < 10_000 for parts in found.values())


def test_notices(tmp_path: Path):
    found = check(by_notices(tmp_path, TINY, ACTS), "notices", TINY.notices)
    assert {"get_by_notices", "list_newest_by_notices", "restart_by_notices"} < set(found)
    assert 20 < found["sender_memory_by_notices"].points[0].value < 1000
    assert found["sender_disk_by_notices"].points[0].value > MESSAGE_BYTES


def test_every_part_can_be_measured_and_every_form_reaches_its_sizes():
    assert all(callable(getattr(Bench, part)) for part in PARTS)
    assert _parser().parse_args(["--quick", "--only", "callers", "bytes"]).only == ["callers", "bytes"]
    assert WHOLE.callers == QUICK.callers == (1, 8, 64, 512)
    assert (WHOLE.peers[0], WHOLE.peers[-1]) == (1, 8)
    assert WHOLE.with_million().notices == (1_000, 10_000, 100_000, MILLION)


def test_the_machine_is_told_without_its_name():
    known = facts()
    assert known["cores"] >= 1
    assert known["packages"]["grpcio"].startswith("1.")
    text = json.dumps(known)
    assert platform.node() not in text
    assert "/" not in text
    assert Results("tiny", known, {}, [], {}, {}).encode()
