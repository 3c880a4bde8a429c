"""A third node is paired with two that run: all goes on, and all comes to it, also if one of them then loses much."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.simulation.nodes.checks import logs_of
from tests.simulation.nodes.faults import rotate
from tests.simulation.nodes.going_back import put_back
from tests.simulation.nodes.restoring import Way
from tests.simulation.nodes.test_endings import run
from tests.simulation.nodes.world import World, simulating

pytestmark = pytest.mark.timeout(600)  # of a machine that has other things to do, too

SCRIPT = {
    ("HK", "desk"): ["give several", "publish"] * 3,
    ("KR", "desk"): ["give several", "publish"],
    ("SG", "desk"): ["give several", "publish", "acknowledge"],
}
ALL_SECONDS = 27  # in which all three are paired, and have yet to come to rest


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with simulating() as folder:
        yield folder


def turn(world: World) -> None:
    rotate(world, world.sites["HK"], Random(1))


def test_a_node_that_is_paired_late_exchanges_all_with_a_peer_that_had_turned_its_seal_before(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(World, "joins", True)
    outcome, world = run(folder, SCRIPT, (0.1, turn))
    assert outcome.wrong == ()
    assert outcome.counts["joins"] == 4
    assert len(world.sites["HK"].earlier_seals) == 1


@pytest.mark.parametrize("earlier", [(), ((0.1, turn),)], ids=["", "turned before"])
def test_a_peer_whose_database_is_put_back_to_before_it_came_gets_all_back_from_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, earlier: tuple[Any, ...]
) -> None:
    monkeypatch.setattr(World, "joins", True)
    before: list[object] = []
    lost: list[int] = []

    def lose(world: World) -> None:
        hk = world.sites["HK"]
        lost.append(len(logs_of(hk)[hk.parties.origin_from("SG")]))
        assert put_back(world, hk, before[0], Way.PUT_BACK)

    outcome, _ = run(
        folder,
        SCRIPT,
        *earlier,
        (0.5, lambda world: before.append(world.sites["HK"].disk.image())),
        (ALL_SECONDS, lose),
    )
    assert outcome.wrong == ()
    assert (outcome.counts["joins"], outcome.counts["was put back"]) == (4, 1)
    assert lost[0] > 0, "what came from it is gone"
