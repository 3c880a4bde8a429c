"""Both nodes of a pair are killed at named points of one notice and its receipt; nothing is lost or doubled."""

import itertools
import signal
import time
import uuid
from contextlib import ExitStack

import pytest

from tests.support.careful import CarefulPair
from tests.support.long_form import long_form
from tests.support.nodes import GATEWAY, Site, found_pair
from tests.support.pointed import PASSES, PLACES, POINT, POINTS
from tests.support.postgresql import Server
from tests.support.replicas import found_pair_on

POINTED = ("tests.support.pointed",)
SECONDS = 120.0  # in which a busy machine comes to any point
STARTED = 6  # commits and signatures that a start may make
FIRST = {place: STARTED if place in ("writing", "signing", "publishing", "answering") else 0 for place in PLACES}


class Pair(CarefulPair):
    """Two nodes that are killed, and who works at them."""

    def kill_at(self, points: dict[str, str]) -> None:
        """Runs both until each has been killed at its point, starts it again then, and waits until both are at rest."""
        sites = {each.jurisdiction: each for each in (self.hk, self.kr)}
        with ExitStack() as stack:
            for site in sites.values():
                stack.callback(_stop, site)
            self._kill_at(points, sites)

    def _kill_at(self, points: dict[str, str], sites: dict[str, Site]) -> None:
        for code, point in points.items():
            place = point.partition(" ")[2]
            sites[code].program = POINTED
            sites[code].launch(**{POINT: point, PASSES: str(FIRST[place])})
        deadline = time.monotonic() + SECONDS
        while waited := [each for each in sites.values() if each.program == POINTED]:
            assert time.monotonic() < deadline, f"never there: {points}, {[each.jurisdiction for each in waited]}"
            for site in waited:
                if site.process is not None and site.process.poll() is not None:
                    assert site.wait_for_end() == -signal.SIGKILL, site.log_text()
                    site.program = GATEWAY
                    site.start()
            for office in self.offices.values():
                office.try_once(str(uuid.uuid4()), deadline_seconds=5)
        self.settle()


def _stop(site: Site) -> None:
    if site.process is not None and site.process.poll() is None:
        site.kill()
    site.process, site.program = None, GATEWAY


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return Pair(*found_pair(tmp_path_factory.mktemp("points")))


@pytest.fixture(scope="module")
def postgresql_nodes(postgresql: Server, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return Pair(*found_pair_on(postgresql, tmp_path_factory.mktemp("points")))


@pytest.mark.parametrize("number", range(0, len(POINTS), 6))
def test_nodes_that_die_at_named_points_lose_and_double_nothing(nodes: Pair, number: int) -> None:
    nodes.kill_at({"HK": POINTS[number], "KR": POINTS[-1 - number]})


def test_nodes_on_postgresql_that_die_at_named_points_lose_and_double_nothing(postgresql_nodes: Pair) -> None:
    postgresql_nodes.kill_at({"HK": "before publishing", "KR": "after making a receipt"})


@long_form
@pytest.mark.parametrize("which", ["nodes", "postgresql_nodes"])
def test_nodes_that_die_at_every_two_points_lose_and_double_nothing(which: str, request: pytest.FixtureRequest) -> None:
    nodes = request.getfixturevalue(which)
    for one, other in itertools.product(POINTS, repeat=2):
        nodes.kill_at({"HK": one, "KR": other})
