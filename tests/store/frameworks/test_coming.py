"""What comes into force is told some at a time, however much begins on one day: each once, whatever ends it."""

from collections.abc import Callable
from datetime import date
from itertools import pairwise
from typing import Any

import pytest
from regulator.exchange.v1.event_service_pb2 import Event

from gateway.commands import days
from gateway.errors import Unavailable
from gateway.store.event_queries import EventFilter, read_events
from gateway.store.frameworks.coming import read_coming
from gateway.store.tables import told_days
from gateway.supervision.disclosure import EVERYTHING
from tests.store.stores import Opened
from tests.supervision.framework_samples import day, provision, version

SOME = 3
BEFORE, ON_THE_DAY = date(2026, 1, 1), date(2026, 1, 3)
NAMES = [f"p{number}" for number in range(7)]


@pytest.fixture(autouse=True)
def some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(days, "AT_ONCE", SOME)


@pytest.fixture
async def filled(hk: Opened) -> Opened:
    """A store in which much begins on one day, of two frameworks, and nothing of a third, which has a newer version."""
    await hk.publish("hk-w", 1, version(*(provision(name, effective_from=day("2026-01-03")) for name in NAMES)))
    await hk.tell_days(BEFORE)
    await hk.publish("hk-x", 1, version(*(provision(name, effective_from=day("2026-01-03")) for name in NAMES)))
    starts = ["2026-01-03", "2026-01-02", "2026-01-03", "2026-01-02"]
    await hk.publish("hk-y", 1, version(*(provision(f"q{at}", effective_from=day(on)) for at, on in enumerate(starts))))
    await hk.publish("hk-w", 2, version(*(provision(name, effective_from=day("2026-06-01")) for name in NAMES)))
    return hk


TOLD = [("hk-x", name) for name in NAMES] + [("hk-y", name) for name in ("q1", "q3", "q0", "q2")]


async def told(store: Opened) -> list[tuple[str, str]]:
    found = await store.read(read_events, EVERYTHING, 0, 1000, EventFilter(kinds=(Event.PROVISION_IN_FORCE,)))
    return [(each.framework, each.provision) for each in found]


async def test_no_commit_tells_more_than_some_of_it(filled: Opened):
    before = len(filled.commits)
    await filled.tell_days(ON_THE_DAY)
    cursors = [each.counters.cursor for each in filled.commits[before - 1 :]]
    assert [after - since for since, after in pairwise(cursors)] == [3, 3, 3, 2]
    assert await told(filled) == TOLD
    assert await filled.rows(told_days) == [{"until": 20260103}]
    await filled.tell_days(ON_THE_DAY)
    assert await told(filled) == TOLD


@pytest.mark.parametrize("commits", [1, 2, 3])
async def test_what_ends_between_two_commits_goes_on_where_it_was(filled: Opened, monkeypatch, commits: int):
    failing(filled, monkeypatch, after=commits)
    with pytest.raises(Unavailable):
        await filled.tell_days(ON_THE_DAY)
    assert await told(filled) == TOLD[: commits * SOME]
    assert await filled.rows(told_days) == [{"until": 20260101}]
    monkeypatch.undo()
    await filled.restart()
    await filled.tell_days(date(2026, 1, 4))
    assert await told(filled) == TOLD
    assert await filled.rows(told_days) == [{"until": 20260104}]


def failing(store: Opened, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Has the writer take so many units more."""
    submit, left = store.committer.submit, after

    async def submitting(*arguments: Any, **named: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise Unavailable("it has ended")
        return await submit(*arguments, **named)

    monkeypatch.setattr(store.committer, "submit", submitting)


async def test_what_another_replica_told_meanwhile_is_not_told_again(filled: Opened, monkeypatch):
    """Both have read what is to be told next, and one was first."""
    run = filled.readers.run

    async def overtaken(read: Callable[..., Any], *arguments: Any) -> Any:
        found = await run(read, *arguments)
        if read is read_coming:
            monkeypatch.setattr(filled.readers, "run", run)
            await filled.tell_days(ON_THE_DAY)
        return found

    monkeypatch.setattr(filled.readers, "run", overtaken)
    await filled.tell_days(ON_THE_DAY)
    assert await told(filled) == TOLD
