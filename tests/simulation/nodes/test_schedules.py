"""Whole nodes under schedules of faults, drawn from seeds: afterwards all is as if nothing had gone wrong.

A failure names its seed, and the command that runs that schedule again.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.simulation.__main__ import told_of
from tests.simulation.nodes.world import REAL_SIGNATURES_EVERY, Outcome, run_seed, simulating
from tests.support.long_form import long_form_where

pytestmark = pytest.mark.timeout(600)  # of a machine that has other things to do, too

SHORT = (1, 2, 4, 5, 6, 11, 24, 26, 29, 34)  # of what is rare there is some: a history given up in 24, a copy in 11


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with simulating() as folder:
        yield folder


@cache
def outcome_of(seed: int, folder: Path) -> Outcome:
    """Of the first time that a seed is run here: other tests ask for the same ones."""
    return run_seed(seed, folder)


def run_all(seeds: Iterable[int], folder: Path) -> Counter[str]:
    counts: Counter[str] = Counter()
    for seed in seeds:
        outcome = outcome_of(seed, folder)
        assert not outcome.wrong, told_of(outcome)
        counts += outcome.counts
    return counts


def test_short_schedules_lose_and_double_nothing_and_come_to_rest(folder: Path) -> None:
    counts = run_all(SHORT, folder)
    assert counts["envelopes"] > 20 * len(SHORT), "schedules that deliver little show little"
    for act in (
        "notice_released",
        "framework_version_published",
        "framework_assessed",
        "sharing_decided",
        "attachments_received",
        "assistance_answer",
        "content_destroyed",
    ):
        assert counts[f"sealed {act}"], f"too few of {act} to show anything"
    for rare in ("sealed under four eyes", "restored", "was put back", "given up", "joins", "ends", "pairs again"):
        assert counts[rare], f"nothing {rare}"
    for fault in (
        "died",
        "fault",
        "break_stream",
        "partition",
        "set_clock",
        "let_hours_pass",
        "doubts its clock",
        "rotate",
    ):
        assert counts[fault], f"nothing of {fault}"


@pytest.mark.parametrize("seed", [1, 2 * REAL_SIGNATURES_EVERY], ids=["cheap signatures", "real signatures"])
def test_the_same_seed_is_the_same_schedule_to_the_last_step(folder: Path, seed: int) -> None:
    first, second = outcome_of(seed, folder), run_seed(seed, folder)
    assert first.counts["envelopes"] > 5
    assert first.wrong == ()
    assert first == second


def test_other_seeds_are_other_schedules(folder: Path) -> None:
    assert len({outcome_of(seed, folder).trace for seed in range(3, 6)}) == 3


@long_form_where("GATEWAY_NODE_SCHEDULES")
@pytest.mark.timeout(7200)
def test_long_schedules_lose_and_double_nothing_and_come_to_rest(folder: Path) -> None:
    run_all(range(int(os.environ["GATEWAY_NODE_SCHEDULES"])), folder)
