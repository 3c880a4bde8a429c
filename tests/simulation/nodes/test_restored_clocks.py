"""A node that is restored while its clock is days ahead, and holds nothing that tells when it was right."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.nodes.going_back import put_back
from tests.simulation.nodes.test_endings import TWO, run
from tests.simulation.nodes.times import DAY
from tests.simulation.nodes.world import World, simulating

pytestmark = pytest.mark.timeout(600)  # of a machine that has other things to do, too


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with simulating() as folder:
        yield folder


@pytest.mark.parametrize("is_new", [False, True], ids=["its home is there", "on a new machine"])
def test_it_gives_no_receipt_before_a_peer_confirms_its_clock(folder: Path, is_new: bool) -> None:
    """Else none that it gives later is taken before those days have passed."""
    empty: list[object] = []

    def restore(world: World) -> None:
        site = world.sites["KR"]
        site.offset_seconds = 2 * DAY
        site.is_on_new_machine = is_new
        assert put_back(world, site, empty[0])

    def set_clock(world: World) -> None:
        world.sites["KR"].offset_seconds = 0

    outcome, _ = run(
        folder,
        TWO,
        (0, lambda world: empty.append(world.sites["KR"].disk.image())),
        (2, restore),
        (20, set_clock),
    )
    assert outcome.wrong == ()
    assert outcome.counts["restored"] == 1
