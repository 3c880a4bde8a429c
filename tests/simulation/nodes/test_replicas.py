"""Two whole replicas of one node, on a database of a real server: nothing is lost or doubled, whichever does what."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.__main__ import told_of
from tests.simulation.nodes.faults import Faults
from tests.simulation.nodes.world import World, run_seed, simulating

pytestmark = pytest.mark.timeout(600)  # of a machine that has other things to do, too

SEED = 1
FAULTS = ("pause", "kill", "lose_server")


@pytest.fixture(scope="module")
def folder(postgresql: str) -> Iterator[Path]:
    with simulating(postgresql) as folder:
        yield folder


def test_replicas_that_pause_die_and_lose_their_database_lose_and_double_nothing_and_come_to_rest(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(World, "replicates", True)
    monkeypatch.setattr(Faults, "only", FAULTS)
    outcome = run_seed(SEED, folder)
    assert not outcome.wrong, told_of(outcome)
    assert outcome.counts["envelopes"] > 5
    for fault in FAULTS:
        assert outcome.counts[fault], f"nothing of {fault}"
