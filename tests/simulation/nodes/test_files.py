"""Files on their way from one back office to the other, while steps of storing and of sending them fail in turn."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.nodes.disk import Fault
from tests.simulation.nodes.world import Outcome, World, run_seed, simulating

pytestmark = pytest.mark.timeout(600)  # of a machine that has other things to do, too

SCRIPT = {("HK", "desk"): ["attach"], ("KR", "desk"): []}
SEED = 1
EVERY = 43
FAULTS = (Fault.REFUSED, Fault.UNTOLD, Fault.DIES_AFTER)
BEGINNING = 40  # steps of a start, about; a fault there other tests try


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with simulating() as folder:
        yield folder


def run(folder: Path, node: str = "HK", step: int = -1, fault: Fault = Fault.REFUSED) -> tuple[Outcome, World]:
    worlds: list[World] = []

    def prepare(world: World) -> None:
        worlds.append(world)
        if step >= 0:
            world.sites[node].disk.arm(fault, step)

    return run_seed(SEED, folder, SCRIPT, prepare), worlds[0]


def test_whoever_says_that_files_are_there_has_them_whatever_breaks(folder: Path) -> None:
    outcome, world = run(folder)
    assert outcome.wrong == ()
    assert outcome.counts["sealed attachments_received"] == 1
    steps = {name: site.disk.steps_ever for name, site in world.sites.items()}
    tried = [(name, step) for name, count in steps.items() for step in range(BEGINNING, count)][::EVERY]
    assert len(tried) > len(FAULTS)
    for place, (node, step) in enumerate(tried):
        outcome, _ = run(folder, node, step, FAULTS[place % len(FAULTS)])
        assert outcome.wrong == (), (node, step, FAULTS[place % len(FAULTS)], outcome.wrong)
        assert outcome.counts["sealed attachments_received"] == 1
