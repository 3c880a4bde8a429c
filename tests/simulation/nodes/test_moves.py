"""Nodes are moved to other databases while all else goes on: at the end each has one, and all that it had in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.__main__ import told_of
from tests.simulation.nodes.faults import Faults
from tests.simulation.nodes.world import run_seed, simulating

pytestmark = pytest.mark.timeout(600)  # of a machine that has other things to do, too

SEED = 4
FAULTS = ("move", "kill")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with simulating() as folder:
        yield folder


def test_moves_that_are_cut_short_and_said_again_lose_and_double_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Faults, "only", FAULTS)
    outcome = run_seed(SEED, folder)
    assert not outcome.wrong, told_of(outcome)
    assert outcome.counts["envelopes"] > 5
    for done in ("moves", "moves by half", "kill"):
        assert outcome.counts[done], f"nothing {done}"
