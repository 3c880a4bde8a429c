"""Short forms of the runs on partitions and of the soak: they do what they say, and lose nothing; not how soon."""

from collections.abc import Iterator

import pytest

from tests.benchmarks.healing import KINDS, Heal, drains, pair_behind_proxies, percentile, resumes, told
from tests.benchmarks.soak import FIGURES, Look, Soak, growth
from tests.cli.transcripts import run
from tests.support.nodes import eventually
from tests.support.proxy import Between


@pytest.fixture(scope="module")
def between(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Between]:
    with pair_behind_proxies(tmp_path_factory.mktemp("healing")) as made:
        yield made


def test_after_every_kind_of_partition_what_waited_is_delivered(between):
    heals = list(resumes(between, len(KINDS), seed=1, longest_seconds=0.1))
    assert [each.kind for each in heals] == list(KINDS)
    assert all(each.resume_seconds > 0 for each in heals)
    # One for envelopes and one for files, and nothing is left of those that failed.
    eventually(lambda: all(line.connected == 2 for line in between.lines))


def test_what_is_queued_while_a_node_cannot_be_reached_is_delivered(between):
    assert drains(between, 50) > 0


def test_a_soak_does_everything_and_leaves_two_stores_that_verify(between):
    sites = (between.one, between.other)
    soak = Soak(sites, seed=4)
    soak.for_seconds(0.5, acts=25)
    assert soak.notices > 0
    assert {"give", "bulk", "acknowledge", "withdraw", "read", "watch", "prove"} <= soak.done.keys()
    assert set(soak.looks) == {"HK", "KR"}
    assert all(looks[-1].notices == soak.notices for looks in soak.looks.values())
    assert sum(1 for line in soak.told() if line.split()[1:2] and line.split()[1] in FIGURES) == 2 * len(FIGURES)
    for site in sites:
        assert run("check", site.home.path).out.endswith("everything verifies\n")


def test_growth_is_that_of_the_line_through_what_was_seen():
    looks = [Look(notices, 100 + 0.002 * notices, 30, 12, notices / 500) for notices in (0, 1000, 3000, 7000)]
    assert growth(looks, "memory_mb") == pytest.approx(2.0)
    assert growth(looks, "files") == 0
    assert growth(looks[:1], "disk_mb") == 0


def test_percentiles_are_of_what_was_measured():
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert percentile([float(each) for each in range(200)], 99) == 198.0
    lines = list(told([Heal("refused", 1.0, 0.5), Heal("stalled", 1.0, 1.5)]))
    assert lines[-1].split() == ["all", "2", "1.50", "1.50", "1.50"]
