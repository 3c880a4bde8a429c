"""One notice and its receipt: each statement and each commit of either node that has to do with it fails, done or not.

Every step of both is tried, from the moment at which the back office asks until both are at rest, so nothing is left
to a draw: what was not done must be asked again, and what was done must not be done twice.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.nodes.disk import Disk, Fault, Step
from tests.simulation.nodes.world import Outcome, World, run_seed, simulating

pytestmark = pytest.mark.timeout(600)  # of a machine that has other things to do, too

SCRIPT = {("HK", "desk"): ["give"]}
SEED = 1
STORAGE = (Step.STATEMENT, Step.COMMIT)
AMBIGUOUS = (Fault.REFUSED, Fault.UNTOLD)  # which nobody who asked can tell apart


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with simulating() as folder:
        yield folder


def run(folder: Path, prepare: Callable[[World], None]) -> Outcome:
    def without_more(world: World) -> None:
        world.gives_at_last = False
        prepare(world)

    return run_seed(SEED, folder, SCRIPT, without_more)


class Recording:
    """The steps of each node, and how many it had taken when the back office asked."""

    def __init__(self, world: World) -> None:
        self.steps: dict[str, list[Step]] = {name: [] for name in world.sites}
        self.before: dict[str, int] = {}
        for site in world.sites.values():
            self._record(site.disk)
        self._site, self._call = world.sites["HK"], world.sites["HK"].call
        self._site.call = self._asked  # type: ignore[method-assign]

    def _record(self, disk: Disk) -> None:
        take, steps = disk.take, self.steps[disk.folder.name]

        def recorded(life: Any, act: Any, step: Step) -> Any:
            steps.append(step)
            return take(life, act, step)

        disk.take = recorded  # type: ignore[method-assign]

    async def _asked(self, method: str, *arguments: Any) -> Any:
        if method.endswith("CreateNotice") and not self.before:
            self.before = {name: len(steps) for name, steps in self.steps.items()}
        return await self._call(method, *arguments)


def test_each_storage_step_of_an_append_and_its_receipt_is_done_or_not(folder: Path) -> None:
    recordings: list[Recording] = []
    assert run(folder, lambda world: recordings.append(Recording(world))).wrong == ()
    (recording,) = recordings
    tried = 0
    for name, steps in recording.steps.items():
        since = range(recording.before[name], len(steps))
        storage = [place for place in since if steps[place] in STORAGE]
        assert Step.COMMIT in [steps[place] for place in storage]
        for place in storage:
            for fault in AMBIGUOUS:
                outcome = run(folder, lambda world: world.sites[name].disk.arm(fault, place))  # noqa: B023 - at once
                assert outcome.wrong == (), (name, place, fault, outcome.wrong)
                assert outcome.counts["sealed notice_released"] == 1
                tried += outcome.counts["fault"]
    assert tried > 40
