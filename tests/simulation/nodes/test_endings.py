"""Pairings that end while something is under way, and are taken up again: nothing is lost, nothing waits in vain."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from tests.simulation.nodes.checks import is_quiet
from tests.simulation.nodes.faults import rotate
from tests.simulation.nodes.going_back import put_back
from tests.simulation.nodes.test_three_nodes import away
from tests.simulation.nodes.times import DAY
from tests.simulation.nodes.world import Outcome, Script, World, run_seed, simulating

pytestmark = pytest.mark.timeout(600)  # of a machine that has other things to do, too

SEED = 3
TWO = {
    ("HK", "desk"): ["give several"] * 4,
    ("HK", "office"): ["give several", "acknowledge", "attach"],
    ("KR", "desk"): ["give several", "give several"],
}
THREE = {**TWO, ("SG", "desk"): ["give several", "acknowledge"]}
Act = Callable[[World], object]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with simulating() as folder:
        yield folder


def run(folder: Path, script: Script, *acts: tuple[float, Act]) -> tuple[Outcome, World]:
    """What happens beside the script, each so many seconds after the one before."""
    worlds: list[World] = []

    async def play(world: World) -> None:
        for seconds, act in acts:
            await asyncio.sleep(seconds)
            act(world)

    def prepare(world: World) -> None:
        worlds.append(world)
        world.begin(play(world))

    return run_seed(SEED, folder, script, prepare), worlds[0]


def end(*pairs: tuple[str, str]) -> Act:
    return lambda world: [world.sites[one].end_pairing(peer) for one, peer in pairs]


def pair_again(*pairs: tuple[str, str]) -> Act:
    return lambda world: [world.sites[one].pair_again(peer) for one, peer in pairs]


def quiet_without_korea(world: World) -> None:
    sites = [world.sites["HK"], world.sites["SG"]]
    between = [one.parties.origin_to(other.name) for one in sites for other in sites if one is not other]
    assert is_quiet(sites, between), "an ended peer holds up the others"


BOTH = (("HK", "KR"), ("KR", "HK"))


@pytest.mark.parametrize("pairs", [BOTH[:1], BOTH], ids=["one of them", "both"])
def test_what_waited_goes_on_but_for_content_whose_day_is_past(
    folder: Path, pairs: tuple[tuple[str, str], ...]
) -> None:
    outcome, _ = run(
        folder,
        TWO,
        (0, lambda world: away(world, "KR")),
        (30, end(*pairs)),
        (2, lambda world: world.loop.leap(3 * DAY)),
        (30, lambda world: world.network.open()),
        (10, pair_again(*pairs)),
    )
    assert outcome.wrong == ()
    assert outcome.counts["sealed destruction without receipt"] > 0


def test_a_seal_turns_though_the_channel_of_an_ended_peer_has_halted_and_the_peer_follows_later(folder: Path) -> None:
    before: list[object] = []

    def lose(world: World) -> None:
        assert put_back(world, world.sites["HK"], before[0])

    outcome, world = run(
        folder,
        THREE,
        (5, lambda world: before.append(world.sites["HK"].disk.image())),
        (1, lambda world: away(world, "KR")),
        (14, lose),
        (10, end(BOTH[0])),
        (10, lambda world: rotate(world, world.sites["HK"], Random(1))),
        (20, quiet_without_korea),
        (1, lambda world: world.network.open()),
        (4, pair_again(BOTH[0])),
    )
    assert outcome.wrong == ()
    assert outcome.counts["leaves behind"] == 1
    hk = world.sites["HK"]
    assert (len(hk.earlier_seals), hk.kept_seals) == (1, ()), "its keys went once all were told"
