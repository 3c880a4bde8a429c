"""One notice, its receipt and its acknowledgement, with a fault at one step of one node: a storage step that fails may
have been done or not, the process may end before or after it, or amid a commit; so may a signature, or a message.

The short form tries some of the pairs of step and fault, another part at each step; the long form tries all.
"""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from tests.simulation.nodes.disk import Fault
from tests.simulation.nodes.world import Outcome, World, run_seed, simulating
from tests.support.long_form import long_form_where

pytestmark = pytest.mark.timeout(600)  # of a machine that has other things to do, too

SCRIPT = {("HK", "desk"): ["give", "give several"], ("KR", "desk"): ["acknowledge the first"]}
NODES = ("HK", "KR")
SEED = 1
EVERY = 149  # prime, and no multiple of the number of faults: so each fault comes to each kind of step


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with simulating() as folder:
        yield folder


@pytest.fixture(scope="module")
def steps(folder: Path) -> dict[str, int]:
    """That each node takes when nothing goes wrong."""
    worlds: list[World] = []
    outcome = run_seed(SEED, folder, SCRIPT, worlds.append)
    assert not outcome.wrong, outcome.wrong
    assert outcome.counts["envelopes"] > 2 * 3
    return {site.name: site.disk.steps_ever for site in worlds[0].sites.values()}


def run_with(node: str, step: int, fault: Fault, folder: Path) -> Outcome:
    return run_seed(SEED, folder, SCRIPT, lambda world: world.sites[node].disk.arm(fault, step))


def run_pairs(folder: Path, steps: dict[str, int], every: int) -> int:
    """Runs each of so many pairs; tells in how many the fault came to pass."""
    pairs = [(node, step, fault) for node in NODES for step, fault in product(range(steps[node]), Fault)]
    happened = 0
    for node, step, fault in pairs[::every]:
        outcome = run_with(node, step, fault, folder)
        assert not outcome.wrong, (node, step, fault, outcome.wrong)
        happened += outcome.counts["fault"]
    return happened


def test_a_fault_at_any_step_loses_and_doubles_nothing(folder: Path, steps: dict[str, int]) -> None:
    pairs = sum(steps.values()) * len(Fault)
    assert pairs > 2000
    assert run_pairs(folder, steps, EVERY) > 0.9 * pairs / EVERY


@long_form_where("GATEWAY_NODE_SCHEDULES")
@pytest.mark.timeout(7200)
def test_a_fault_at_every_step_loses_and_doubles_nothing(folder: Path, steps: dict[str, int]) -> None:
    run_pairs(folder, steps, 1)
