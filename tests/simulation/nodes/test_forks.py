"""A node that is rolled back with all that could tell it so signs two histories; operators let one of them go on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.nodes.going_back import Whole
from tests.simulation.nodes.test_endings import run
from tests.simulation.nodes.test_three_nodes import away
from tests.simulation.nodes.world import World, simulating

pytestmark = pytest.mark.timeout(600)  # of a machine that has other things to do, too

SCRIPT = {
    ("HK", "desk"): ["give several"] * 6,
    ("HK", "office"): ["publish", "give several", "attach", "publish"],
    ("KR", "desk"): ["give several", "acknowledge"],
}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with simulating() as folder:
        yield folder


def test_both_come_to_the_history_that_the_receiver_holds_and_what_is_given_up_can_be_given_again(folder: Path) -> None:
    wholes: list[Whole] = []

    def roll_back(world: World) -> None:
        away(world, "KR")  # else it tells before anything else is sealed
        assert world.operators.roll_back(world.sites["HK"], wholes[0])

    outcome, _ = run(
        folder,
        SCRIPT,
        (0.5, lambda world: wholes.append(Whole.of(world.sites["HK"]))),
        (2, roll_back),
        (10, lambda world: world.network.open()),
    )
    assert outcome.wrong == ()
    assert outcome.counts["was rolled back"] == outcome.counts["gives up"] == 1
