"""A move to another database, cut short at any point: the node has one of the two, once the command is said again."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest

from gateway.backups.moving import move
from gateway.backups.unfinished import Move
from gateway.errors import AlreadyExists, ConfigError, GatewayError, StoreError
from gateway.home.home import Home
from gateway.identity.certificates.keyfiles import PRIVATE_MODE, write_file
from gateway.store.opening import owner_of
from tests.support.faulty import COMMIT, Fault, Killed, faulty
from tests.support.long_form import long_form
from tests.support.nodes import Site, lay_tables

NOW = datetime.now(UTC)
BEFORE, OTHER, THIRD = (f"sqlite:///{name}.db" for name in ("node", "other", "third"))
LEAVES = "DELETE FROM node"  # the statement by which the database before is nobody's


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Site("HK", tmp_path_factory.mktemp("moving")).found().home


@pytest.fixture
def fresh(founded: Home, tmp_path: Path) -> Callable[[], Home]:
    """Makes a home of a node that never moved; what it may move to has its tables already, which takes long."""
    numbers = iter(range(10_000))

    def make() -> Home:
        home = Home(shutil.copytree(founded.path, tmp_path / str(next(numbers))))
        for url in (OTHER, THIRD):
            lay_tables(home.path, url)
        return home

    return make


def owned(home: Home) -> list[str]:
    """The databases that are the node's."""
    return [url for url in (BEFORE, OTHER, THIRD) if owner_of(url, home.path)]


def configured(home: Home, url: str) -> Home:
    text = home.config_file.read_text()
    home.config_file.write_text(text.replace(home.config.database.url, url))
    return Home(home.path)


@pytest.fixture
def steps_of_a_move(fresh: Callable[[], Home]) -> list[str]:
    with faulty() as steps:
        move(fresh(), OTHER, NOW)
    return steps.taken


@pytest.mark.parametrize("all_of_them", [False, pytest.param(True, marks=long_form)])
def test_a_move_that_is_cut_short_at_any_step_is_ended_by_the_same_command(fresh, steps_of_a_move, all_of_them):
    leaving = next(place for place, step in enumerate(steps_of_a_move) if step.startswith(LEAVES))
    critical = range(leaving, leaving + 5)  # from when the one before is nobody's until the other one is the node's
    some = [
        (critical[0], Fault.REFUSED),
        (critical[-1], Fault.UNTOLD),
        *((n, Fault.KILLED_AFTER) for n in critical[1::2]),
    ]
    for place, fault in product(range(len(steps_of_a_move)), Fault) if all_of_them else some:
        home = fresh()
        (owner,) = owner_of(BEFORE, home.path)
        with faulty() as steps:
            steps.arm(place, fault)
            with suppress(GatewayError, Killed):
                move(home, OTHER, NOW)
            assert steps.happened
        assert len(owned(home)) <= 1, "two databases of one node would become two histories"
        move(home, OTHER, NOW)
        assert owned(home) == [OTHER]
        (found,) = owner_of(OTHER, home.path)
        assert {**found, "server": ""} == {**owner, "server": ""}, (place, fault)
        assert not home.move_file.exists()
        assert not home.filling_file.exists()


def test_a_move_that_was_done_and_not_told_is_said_again_with_the_same_url(fresh, steps_of_a_move):
    home, owns = fresh(), max(n for n, step in enumerate(steps_of_a_move) if step.startswith("INSERT INTO node"))
    with faulty() as steps:
        steps.arm(steps_of_a_move.index(COMMIT, owns), Fault.KILLED_AFTER)
        with pytest.raises(Killed):
            move(home, OTHER, NOW)
    assert owned(home) == [OTHER]
    with pytest.raises(StoreError, match="say it again with its URL"):
        move(home, THIRD, NOW)
    assert owned(home) == [OTHER]
    move(home, OTHER, NOW)
    move(configured(home, OTHER), THIRD, NOW)
    assert owned(home) == [THIRD]


def test_what_tells_of_a_move_that_has_ended_since_changes_nothing(fresh):
    """Its command was killed after its last step but one, or its operator went on by hand."""
    home = fresh()
    Move(BEFORE, OTHER, owner_of(BEFORE, home.path)).keep(home.move_file)
    move(home, OTHER, NOW)
    moved = configured(home, OTHER)
    Move(BEFORE, OTHER, owner_of(OTHER, home.path)).keep(home.move_file)
    move(moved, THIRD, NOW)
    assert owned(home) == [THIRD]
    assert not home.move_file.exists()


def test_what_an_earlier_try_of_another_move_left_is_in_the_way(fresh, steps_of_a_move):
    home = fresh()
    for url in (OTHER, THIRD):
        with faulty() as steps, suppress(Killed):
            steps.arm(0, Fault.KILLED_AFTER, what="INSERT INTO channels", then=COMMIT)
            move(home, url, NOW)
    with pytest.raises(AlreadyExists, match="must be empty"):
        move(home, OTHER, NOW)
    move(home, THIRD, NOW)
    assert owned(home) == [THIRD]


def test_what_does_not_tell_which_database_is_being_filled_is_refused_and_nothing_is_moved(fresh):
    home = fresh()
    write_file(home.filling_file, b"{}", mode=PRIVATE_MODE)
    with pytest.raises(ConfigError, match=r"filling\.json is not what tells which database"):
        move(home, OTHER, NOW)
    assert owned(home) == [BEFORE]


@pytest.mark.parametrize("text", ["", "{}", '{"schema": "move/1", "before": "", "url": "", "owner": [{}]}'])
def test_what_does_not_tell_how_a_move_stands_is_refused_and_nothing_is_moved(fresh, text):
    home = fresh()
    write_file(home.move_file, text.encode(), mode=PRIVATE_MODE)
    with pytest.raises(ConfigError, match=r"move\.json is not what gateway migrate writes"):
        move(home, OTHER, NOW)
    assert owned(home) == [BEFORE]
