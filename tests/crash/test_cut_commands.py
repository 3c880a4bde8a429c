"""``gateway migrate``, ``restore`` and ``upgrade``, ended by a signal at named points: they are said again, and done.

Real processes, on files and on a real server. At no moment two databases are the node's, and nothing is lost: what the
node seals between two tries is in what the second one makes, too.
"""

import itertools
import os
import shutil
import signal
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.errors import WrongForm
from gateway.home.home import Home
from gateway.ledger.steps import RESTORED
from gateway.store.database import Database, snapshot
from gateway.store.migrating import newest_revision, revision_of
from gateway.store.opening import owner_of
from gateway.store.state import read_channels
from tests.cli.transcripts import run
from tests.store.stores import downgrade
from tests.support.cut import CUT
from tests.support.forking import COMMAND_SECONDS, forked
from tests.support.long_form import long_form
from tests.support.nodes import Site, found_pair
from tests.support.offline import commit, sealing
from tests.support.postgresql import Server

BEFORE, OTHER = "sqlite:///node.db", "sqlite:///other.db"
HK_TO_KR = "gateway.hk.example/to/gateway.kr.example"
OLD = "0022"
KINDS = ("sqlite", "postgresql")
AGAIN = "postgresql-postgresql"  # from one database of a server to another
SIGNALS = ("SIGKILL", "SIGTERM")
CANARY = "content that was deleted"
NUMBERS = itertools.count()


def points(*places: str) -> list[str]:
    """Of ``tests.support.cut``, without the signal."""
    made = [f"{when} {place}" for place in places for when in ("before", "after")]
    return made + [f"after {place}; COMMIT" for place in places if "COMMIT" not in place]


MOVES = points(
    "0 INSERT INTO alembic_version",
    "0 COMMIT",
    "0 INSERT INTO channels",
    "0 INSERT INTO leaves",
    "4 COMMIT",
    "0 DELETE FROM node",
    "0 INSERT INTO node",
)

RESTORES = points(
    "0 INSERT INTO alembic_version",
    "0 INSERT INTO channels",
    "0 INSERT INTO leaves",
    "5 COMMIT",
    "0 UPDATE channels",
    "0 INSERT INTO node",
)
UPGRADES = points("0 UPDATE alembic_version", "1 UPDATE alembic_version", "0 COMMIT", "0 VACUUM")


def cases(short: list[tuple[str, str]], all_points: list[str], kinds: Sequence[str] = KINDS) -> list[object]:
    """Some, and in the long form all: a kind of database, a signal, and a point."""
    some = [pytest.param(kind, name, id=f"{kind}-{name}") for kind, name in short]
    every = itertools.product(kinds, (f"{name} {point}" for name in SIGNALS for point in all_points))
    return some + [pytest.param(*each, id="-".join(each), marks=long_form) for each in every if each not in short]


def cut(at: str, *arguments: str | Path) -> bool:
    """Runs a command that ends at a point; False: it never came there, and was done."""
    with (
        tempfile.TemporaryFile("w+") as stderr,
        forked(["tests.support.cut", *map(str, arguments)], stderr, {**os.environ, CUT: at}) as process,
    ):
        process.stdout.read()
        code = process.wait(COMMAND_SECONDS)
        stderr.seek(0)
        assert code in {0, -signal.Signals[at.partition(" ")[0]]}, stderr.read()
        return code != 0


def done(*arguments: str | Path) -> str:
    ran = run(*arguments)
    assert ran.code == 0, ran.text()
    return ran.out


@dataclass(frozen=True)
class Founded:
    """Hong Kong's node, stopped, with two notices that it sealed; ``backup``: as it was with one."""

    hk: Site
    backup: Path
    server: Server

    def copy(self, path: Path) -> Site:
        """A node like it, of its own."""
        shutil.copytree(self.hk.path, path)
        return Site("HK", path, self.hk.back_office_port, self.hk.peer_port)

    def empty(self, kind: str, home: Home, name: str) -> str:
        """The URL of a database that a command may fill; of SQLite's it may be that there is no file yet."""
        return self.server.new_schema() if kind == "postgresql" else f"sqlite:///{name}"


@pytest.fixture(scope="module")
def founded(postgresql: Server, tmp_path_factory: pytest.TempPathFactory) -> Founded:
    path = tmp_path_factory.mktemp("cut")
    hk, _ = found_pair(path)
    commit(hk, sealing(HK_TO_KR, "hk-1"))
    done("backup", hk.home.path, path / "backup")
    commit(hk, sealing(HK_TO_KR, "hk-2"))
    return Founded(hk, path / "backup", postgresql)


def is_owned(url: str, home: Home) -> bool:
    """Whether a database is the node's; none is of which the tables are made in part."""
    try:
        return bool(owner_of(url, home.path))
    except WrongForm:
        return False


def size(home: Home) -> int:
    """Of the log to Korea."""
    with snapshot(home.config.database.url, home.path) as connection:
        return read_channels(connection)[HK_TO_KR].log.size


def configure(home: Home, url: str) -> Home:
    home.config_file.write_text(home.config_file.read_text().replace(home.config.database.url, url))
    return Home(home.path)


def nothing_left(home: Home) -> bool:
    """Nothing tells of a command that was cut short, and no copy is left of it."""
    return not (home.move_file.exists() or home.filling_file.exists() or list(home.path.glob(".restore-*")))


SOME_MOVES = [
    ("sqlite", "SIGTERM after 0 INSERT INTO leaves; COMMIT"),
    ("postgresql", "SIGKILL after 0 INSERT INTO node"),
    (AGAIN, "SIGKILL after 0 DELETE FROM node; COMMIT"),
]


@pytest.mark.parametrize(("kind", "at"), cases(SOME_MOVES, MOVES, (*KINDS, AGAIN)))
def test_a_move_is_said_again_with_the_same_url_and_has_what_was_sealed_meanwhile(
    founded: Founded, tmp_path: Path, kind: str, at: str
) -> None:
    hk = founded.copy(tmp_path / "hk")
    if kind == AGAIN:
        before, kind = founded.empty("postgresql", hk.home, ""), "postgresql"
        done("migrate", hk.home.path, before)
        configure(hk.home, before)
    before, url = hk.home.config.database.url, founded.empty(kind, hk.home, "other.db")
    (owner,) = owner_of(before, hk.home.path)
    assert cut(at, "migrate", hk.home.path, url)
    owned = [each for each in (before, url) if is_owned(each, hk.home)]
    assert len(owned) <= 1, "two databases of one node would become two histories"
    sealed = 2
    if owned == [before]:
        commit(hk, sealing(HK_TO_KR, "hk-3"))
        sealed = 3
    assert "everything verifies" in done("migrate", hk.home.path, url)
    assert not owner_of(before, hk.home.path)
    home = configure(hk.home, url)
    assert size(home) == sealed
    assert owner_of(url, home.path)[0]["token_key"] == owner["token_key"], "cursors and page tokens stay good"
    assert nothing_left(home)


def test_what_another_node_has_left_is_in_the_way_also_where_a_move_was_cut_short(
    founded: Founded, tmp_path: Path
) -> None:
    """From the database alone that was being filled anything goes, and not once it is somebody's."""
    hk = founded.copy(tmp_path / "hk")
    done("migrate", hk.home.path, OTHER)
    home = configure(hk.home, OTHER)
    assert cut("SIGKILL after 0 INSERT INTO leaves", "migrate", home.path, "sqlite:///third.db")
    ran = run("migrate", home.path, BEFORE)
    assert (ran.code, "it must be empty" in ran.err) == (2, True), ran.text()
    ran = run("migrate", home.path, "sqlite:///third.db")
    assert ran.code == 0, ran.text()


SOME_RESTORES = [
    ("sqlite", "SIGTERM after 4 COMMIT"),
    ("sqlite", "SIGKILL before 0 INSERT INTO node"),
    ("postgresql", "SIGTERM after 5 COMMIT"),
]


@pytest.mark.parametrize("from_peers", [False, True], ids=["backup", "peers"])
@pytest.mark.parametrize(("kind", "at"), cases(SOME_RESTORES, RESTORES))
def test_a_restore_is_said_again_and_its_channels_wait_for_their_peers(
    founded: Founded, tmp_path: Path, kind: str, at: str, from_peers: bool
) -> None:
    hk = founded.copy(tmp_path / "hk")
    (hk.home.path / "node.db").unlink()
    home = configure(hk.home, founded.empty(kind, hk.home, "node.db"))
    asked = ("restore", home.path, "--from-peers" if from_peers else founded.backup)
    was_cut = cut(at, *asked)
    assert was_cut or from_peers, "it copies nothing"
    if was_cut and not is_owned(home.config.database.url, home):
        assert run("serve", home.path).code == 5, "no node starts with it"
    if was_cut:
        assert "everything verifies" in done(*asked)
    done("check", home.path)
    with snapshot(home.config.database.url, home.path) as connection:
        state = read_channels(connection)[HK_TO_KR]
    assert (state.log.size, state.halt and state.halt.reason) == (0 if from_peers else 1, RESTORED)
    assert nothing_left(home)


def test_a_restore_that_was_done_and_not_told_is_told_and_that_of_another_backup_is_refused(
    founded: Founded, tmp_path: Path
) -> None:
    hk = founded.copy(tmp_path / "hk")
    home = hk.home.path
    done("backup", home, tmp_path / "other")
    (home / "node.db").unlink()
    assert cut("SIGKILL after 0 INSERT INTO node; COMMIT", "restore", home, founded.backup)
    assert owner_of(BEFORE, home)
    ran = run("restore", home, tmp_path / "other")
    assert (ran.code, "exists and is not overwritten" in ran.err) == (2, True), ran.text()
    assert "everything verifies" in done("restore", home, founded.backup)
    assert nothing_left(hk.home), "a copy that is left has content"
    ran = run("restore", home, founded.backup)
    assert (ran.code, "exists and is not overwritten" in ran.err) == (2, True), ran.text()


def delete_without_zeroing(file: Path) -> None:
    """As whoever wrote the database before deleting meant zeroing."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA secure_delete=OFF")
        connection.execute("CREATE TABLE left_over (content TEXT)")
        connection.execute("INSERT INTO left_over VALUES (?)", [CANARY * 100_000])  # more pages than are written
        connection.commit()
        connection.execute("DROP TABLE left_over")


@pytest.fixture(scope="module")
def old(founded: Founded, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Site]:
    """Makes a node whose database has an earlier version's form."""
    path = tmp_path_factory.mktemp("old")

    def made(kind: str) -> Site:
        hk = founded.copy(path / f"{kind}{next(NUMBERS)}")
        if kind == "postgresql":
            url = founded.server.new_schema()
            done("migrate", hk.home.path, url)
            configure(hk.home, url)
        database = Database(hk.home.config.database.url, hk.home.path)
        downgrade(database, OLD)
        database.close()
        if kind == "sqlite":
            delete_without_zeroing(hk.home.path / "node.db")
        return hk

    return made


SOME_UPGRADES = [
    ("sqlite", "SIGTERM after 1 UPDATE alembic_version; COMMIT"),
    ("postgresql", "SIGKILL before 0 COMMIT"),
]


@pytest.mark.parametrize(("kind", "at"), cases(SOME_UPGRADES, UPGRADES))
def test_an_upgrade_is_said_again_and_loses_nothing(old: Callable[[str], Site], kind: str, at: str) -> None:
    hk = old(kind)
    assert cut(at, "upgrade", hk.home.path) or (kind, "VACUUM" in at) == ("postgresql", True)
    database = Database(hk.home.config.database.url, hk.home.path)
    with database.readers.connect() as connection:
        assert kind == "sqlite" or revision_of(connection) in {OLD, newest_revision()}, "it is one transaction"
    database.close()
    done("upgrade", hk.home.path)
    done("check", hk.home.path)
    assert size(hk.home) == 2
    if kind == "sqlite":
        assert CANARY.encode() not in (hk.home.path / "node.db").read_bytes()
