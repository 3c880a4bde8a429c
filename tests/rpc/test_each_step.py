"""Each act of a back office or of the node itself, with a fault at each statement and commit: not done, or not told.

Then who asked was told so, nothing is half done, the node goes on, and the same request again is answered as if nothing
had been.
"""

import asyncio
import logging
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gateway.store import committer
from gateway.store.engines.postgresql import TIMEOUTS
from tests.rpc.each_act import ALL, Act, act_of, fill, give
from tests.rpc.stepping import Tried, tried
from tests.rpc.worlds import CLEARED, SQLITE, World
from tests.store.kept import is_put_back, make_kept
from tests.store.stores import check_verified
from tests.support.faulty import COMMIT, Fault, Steps, faulty
from tests.support.faulty_server import FAULTS, faulty_server
from tests.support.long_form import long_form
from tests.support.postgresql import administrator

SCHEMA = "each_step"


@dataclass
class Filled:
    """A store with something of everything, as often as it is asked for.

    Attributes:
        faulty: has it take steps
        put_back: what else brings it back to how it was filled
    """

    folder: Path
    url: str
    faulty: Callable[[], AbstractContextManager[Steps]]
    put_back: Callable[[], object] = lambda: None
    made: dict[str, Any] = field(default_factory=dict)

    async def fill(self) -> None:
        async with World.opened(self.folder / "filled", url=self.url) as world:
            await fill(world)
            await world.kr.release("kr-3", issuing_authority="FSC")  # is under way
            await world.call(CLEARED, "NoticeService/CreateNotice", give("hk-9"))
            self.made = world.made

    async def tried(self, act: Act, step: int, fault: Fault) -> Tried:
        """Does an act with a fault at a step (``stepping``), in a store that is as it was filled."""
        ((_, done),) = await self.all_tried({"": act}, lambda _: (step, fault, ""))
        return done

    async def all_tried(
        self, acts: dict[str, Act], faults: Callable[[str], tuple[int, Fault, str]]
    ) -> list[tuple[str, Tried]]:
        """Does one act after the other, each with a fault of its own."""
        folder = Path(shutil.copytree(self.folder / "filled", self.folder / "tried"))
        self.put_back()
        done = []
        with self.faulty() as steps:
            async with World.opened(folder, url=self.url) as world:
                world.made = dict(self.made)
                for name, act in acts.items():
                    done.append((name, await tried(world, steps, act, *faults(name))))
        check_verified(world.hk)
        shutil.rmtree(folder)
        return done


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


@pytest.fixture
async def filled(tmp_path: Path) -> Filled:
    made = Filled(tmp_path, SQLITE, faulty)
    await made.fill()
    return made


@pytest.fixture
async def filled_on_postgresql(tmp_path: Path, postgresql: str, monkeypatch: pytest.MonkeyPatch) -> Filled:
    monkeypatch.setattr(committer, "FIRST_WAIT_SECONDS", 0.01)
    for name in ("idle_in_transaction_session_timeout", "transaction_timeout"):
        monkeypatch.setitem(TIMEOUTS, name, 60_000)
    with administrator(postgresql) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        connection.execute(f"CREATE SCHEMA {SCHEMA}")
    url = f"postgresql://postgres@/postgres?host={postgresql}&options=-csearch_path%3D{SCHEMA}"
    made = Filled(tmp_path, url, faulty_server, lambda: is_put_back(postgresql, SCHEMA))
    await made.fill()
    await asyncio.to_thread(make_kept, SCHEMA, url, postgresql, lambda *_: None)
    return made


async def each_step(filled: Filled, name: str, every: int, faults: tuple[Fault, ...]) -> None:
    act = act_of(name)
    clean = await filled.tried(act, -1, Fault.REFUSED)
    count = len(clean.taken)
    assert count > 3
    happened = 0
    for step in range(0, count, every):
        for fault in faults:
            done = await filled.tried(act, step, fault)
            assert done.found == clean.found, (step, fault, clean.taken[step])
            happened += done.happened
    assert happened > count / every


LONG_ONES = [pytest.param(each, 1, marks=long_form) for each in ALL]


@pytest.mark.parametrize(("name", "every"), [("approve", 11), *LONG_ONES])
async def test_a_fault_at_any_step_of_an_act_is_told_and_the_act_is_done_once(
    filled: Filled, name: str, every: int
) -> None:
    await each_step(filled, name, every, (Fault.REFUSED, Fault.UNTOLD))


@pytest.mark.parametrize(("name", "every"), LONG_ONES)
async def test_a_fault_at_any_step_on_postgresql_is_told_and_the_act_is_done_once(
    filled_on_postgresql: Filled, name: str, every: int
) -> None:
    await each_step(filled_on_postgresql, name, every, FAULTS)


async def test_every_act_on_postgresql_with_a_commit_of_which_nobody_knows_is_done_once(
    filled_on_postgresql: Filled,
) -> None:
    """One after the other; then with a statement amid each that the server refuses, or of which nobody hears."""
    acts = {name: act_of(name) for name in ALL}
    clean = dict(await filled_on_postgresql.all_tried(acts, lambda _: (-1, Fault.REFUSED, "")))
    places = {name: place for place, name in enumerate(acts)}

    def at_commit(name: str) -> tuple[int, Fault, str]:
        return 0, (Fault.UNTOLD, Fault.LOST)[places[name] % 2], COMMIT

    def at_statement(name: str) -> tuple[int, Fault, str]:
        steps = [place for place, step in enumerate(clean[name].taken) if step != COMMIT]
        return steps[(places[name] * 7) % len(steps)], FAULTS[places[name] % 3], ""

    for faults in (at_commit, at_statement):
        for name, done in await filled_on_postgresql.all_tried(acts, faults):
            assert done.found == clean[name].found, (name, faults(name))
            assert done.happened, (name, faults(name))
