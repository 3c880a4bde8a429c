"""Nodes are moved to other databases while all else goes on: at the end each has one, and all that it had in it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.simulation.__main__ import told_of
from tests.simulation.nodes.faults import Faults
from tests.simulation.nodes.world import World, run_seed, simulating
from tests.support.long_form import long_form

pytestmark = pytest.mark.timeout(600)  # of a machine that has other things to do, too

SEED = 4
FAULTS = ("move", "kill")
HAPPEN = ("moves", "moves by half")
MOST_SEEDS = 50


@pytest.fixture(scope="module")
def folder(postgresql: str) -> Iterator[Path]:
    with simulating(postgresql) as folder:
        yield folder


def test_moves_that_are_cut_short_and_said_again_lose_and_double_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Faults, "only", FAULTS)
    outcome = run_seed(SEED, folder)
    assert not outcome.wrong, told_of(outcome)
    assert outcome.counts["envelopes"] > 5
    for done in (*HAPPEN, "kill"):
        assert outcome.counts[done], f"nothing {done}"


@pytest.mark.parametrize(
    "happen", [HAPPEN, pytest.param((*HAPPEN, "may not move", "forgets", "broke"), marks=long_form)]
)
def test_so_do_those_of_two_replicas_of_which_one_that_stands_still_may_be_forgotten(
    folder: Path, monkeypatch: pytest.MonkeyPatch, happen: Sequence[str]
) -> None:
    """It is not stopped with the others, wakes on a database that is nobody's, and ends.

    As many schedules run as it takes until all of that has happened: which they are changes with the code.
    """
    monkeypatch.setattr(World, "replicates", True)
    monkeypatch.setattr(Faults, "only", (*FAULTS, "pause"))
    counts, seeds = Counter[str](), iter(range(1, MOST_SEEDS))
    while not all(counts[done] for done in happen):
        outcome = run_seed(next(seeds), folder)
        assert not outcome.wrong, told_of(outcome)
        counts += outcome.counts
