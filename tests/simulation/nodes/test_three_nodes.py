"""Three jurisdictions, each of which exchanges with both others: what becomes of one holds up no other channel."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.simulation.nodes.checks import is_quiet, logs_of
from tests.simulation.nodes.going_back import put_back
from tests.simulation.nodes.world import NAMES, Outcome, World, run_seed, simulating

pytestmark = pytest.mark.timeout(600)  # of a machine that has other things to do, too

SEED = 3
SCRIPT = {
    ("HK", "desk"): ["publish", "give several", "publish", "give", "give"],
    ("HK", "office"): ["draft", "give several", "attach"],
    ("KR", "desk"): ["review", "give several", "acknowledge", "publish"],
    ("KR", "office"): ["ask to share", "give", "attach"],
    ("SG", "desk"): ["publish", "give several", "give"],
}
AWAY_SECONDS = 60.0  # in which the others have long done all that they do
Act = Callable[[World], None]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with simulating() as folder:
        yield folder


def away(world: World, name: str) -> None:
    """Nothing comes from one node, or gets to it."""
    for other in world.sites:
        if other != name:
            world.network.block(name, other)
            world.network.block(other, name)


def run(folder: Path, name: str, *later: tuple[float, Act]) -> tuple[Outcome, World]:
    """One node is away for a while; what else happens, and when."""
    worlds: list[World] = []

    def prepare(world: World) -> None:
        worlds.append(world)
        away(world, name)
        for seconds, act in (*later, (AWAY_SECONDS, lambda made: made.network.open())):
            world.loop.call_later(seconds, act, world)

    return run_seed(SEED, folder, SCRIPT, prepare), worlds[0]


@pytest.mark.parametrize("name", [NAMES[0], NAMES[2]])
def test_while_one_is_away_the_others_exchange_all_and_it_gets_all_later(folder: Path, name: str) -> None:
    told: list[dict[str, int]] = []

    def look(world: World) -> None:
        others = [site for site in world.sites.values() if site.name != name]
        between = [site.parties.origin_to(other.name) for site in others for other in others if site is not other]
        assert is_quiet(others, between), f"channels between {[site.name for site in others]} wait for {name}"
        told.append({origin: len(logs_of(others[0])[origin]) for origin in between})

    outcome, _ = run(folder, name, (AWAY_SECONDS - 1, look))
    assert outcome.wrong == ()
    (between,) = told
    assert min(between.values()) > 0, "there was something to exchange meanwhile"


def test_one_that_lost_all_gets_its_own_back_from_each_that_has_it_though_one_is_away(folder: Path) -> None:
    def lose_all(world: World) -> None:
        site = world.sites["SG"]
        sizes.update({origin: len(log) for origin, log in logs_of(site).items()})
        assert put_back(world, site, before[0])

    sizes: dict[str, int] = {}
    before: list[object] = []
    outcome, world = run(
        folder,
        "KR",
        (0.0, lambda made: before.append(made.sites["SG"].disk.image())),
        (AWAY_SECONDS / 2, lose_all),
    )
    site = world.sites["SG"]
    assert site.restored == 1
    assert outcome.wrong == ()
    lost = {origin for origin, size in sizes.items() if size > len(logs_of(site)[origin])}
    assert lost <= {site.parties.origin_to("KR")}, "what reached nobody is lost with the disk"
