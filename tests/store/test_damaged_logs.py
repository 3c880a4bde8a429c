"""SQLite's write-ahead log with bits turned, and cut, after a node was killed: what was durable is never passed over
without a word, and what a crash leaves is no damage."""

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.errors import StoreError
from gateway.store.database import Database, snapshot
from gateway.store.engines.wal_damage import passed_over
from tests.store.stores import Opened

URL = "sqlite:///node.db"
PAGE_BYTES = 4096
HEADER_BYTES, FRAME_BYTES = 32, 24 + PAGE_BYTES
TURNS = 120


@dataclass(frozen=True)
class Killed:
    """The files of a node that was killed after some commits, and how many envelopes it had sealed."""

    tables: bytes
    log: bytes
    envelopes: int

    def put(self, home: Path, log: bytes) -> Path:
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        (home / "node.db").write_bytes(self.tables)
        (home / "node.db-wal").write_bytes(log)
        return home


@pytest.fixture
async def killed(tmp_path: Path) -> Killed:
    hk = Opened.create("HK", URL, tmp_path / "hk")
    for number in range(5):
        await hk.release(f"hk-{number}")
    found = Killed((hk.home / "node.db").read_bytes(), (hk.home / "node.db-wal").read_bytes(), 5)
    await hk.close()
    return found


def envelopes(home: Path) -> int:
    """How many SQLite finds; it leaves the log as it is."""
    with closing(sqlite3.connect(f"file:{home / 'node.db'}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM leaves WHERE channel > 0").fetchone()[0])


def said(home: Path) -> str:
    """What is said of a home as its node starts."""
    try:
        database = Database(URL, home)
    except StoreError as error:
        return "refused" if "write-ahead log" in error.message else error.message
    lost = database.lost_commit
    database.close()
    return "one commit lost" if lost else "whole"


def turned(log: bytes, chance: random.Random) -> Iterator[bytes]:
    """The log with one bit turned: in its header, in the headers of frames, anywhere."""
    frames = (len(log) - HEADER_BYTES) // FRAME_BYTES
    places = [chance.randrange(HEADER_BYTES) for _ in range(TURNS // 3)]
    for _ in range(TURNS // 3):
        places.append(HEADER_BYTES + chance.randrange(frames) * FRAME_BYTES + chance.randrange(24))
        places.append(chance.randrange(len(log)))
    for place in places:
        data = bytearray(log)
        data[place] ^= 1 << chance.randrange(8)
        yield bytes(data)


def test_a_bit_that_hides_envelopes_is_always_told(killed: Killed, tmp_path: Path) -> None:
    found = set()
    for log in turned(killed.log, random.Random(1)):
        home = killed.put(tmp_path / "copy", log)
        left = envelopes(home)
        outcome = said(home)
        assert (outcome == "whole") <= (left == killed.envelopes), f"{left} envelopes are left, and nobody is told"
        found.add(outcome)
    assert found == {"refused", "one commit lost"}


def test_what_a_crash_leaves_of_a_commit_is_no_damage(killed: Killed, tmp_path: Path) -> None:
    frames = (len(killed.log) - HEADER_BYTES) // FRAME_BYTES
    for frame in range(frames):
        for within in (0, 10, 24, 24 + 512):
            cut = killed.log[: HEADER_BYTES + frame * FRAME_BYTES + within]
            assert said(killed.put(tmp_path / "copy", cut)) == "whole", (frame, within)


def test_what_a_failed_commit_leaves_behind_a_later_one_is_no_damage(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "node.db", isolation_level=None)) as writer:
        for statement in ("PRAGMA journal_mode=WAL", "PRAGMA cache_size=4", "CREATE TABLE t (data)"):
            writer.execute(statement)
        writer.execute("BEGIN")
        for _ in range(60):
            writer.execute("INSERT INTO t VALUES (zeroblob(4000))")  # more than the cache holds: some is written
        before = (tmp_path / "node.db-wal").stat().st_size
        writer.execute("ROLLBACK")
        writer.execute("INSERT INTO t VALUES (1)")
        assert (tmp_path / "node.db-wal").stat().st_size == before > 20 * FRAME_BYTES
        copy = tmp_path / "copy"
        copy.mkdir()
        for name in ("node.db", "node.db-wal"):
            shutil.copy(tmp_path / name, copy / name)
    assert passed_over(copy / "node.db") == 0


def test_frames_of_a_log_that_began_anew_are_no_damage(killed: Killed, tmp_path: Path) -> None:
    home = killed.put(tmp_path / "copy", killed.log)
    with closing(sqlite3.connect(home / "node.db", isolation_level=None)) as writer:
        assert writer.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()[0] == 0
        writer.execute("CREATE TABLE t (data)")
        copy = killed.put(tmp_path / "killed again", (home / "node.db-wal").read_bytes())
        shutil.copy(home / "node.db", copy)
    assert (copy / "node.db-wal").stat().st_size == len(killed.log), "the frames of before are there behind it"
    assert said(copy) == "whole"


def test_who_looks_before_the_node_starts_leaves_the_damage_to_be_found(killed: Killed, tmp_path: Path) -> None:
    log = bytearray(killed.log)
    log[HEADER_BYTES + 100] ^= 1
    home = killed.put(tmp_path / "copy", bytes(log))
    with snapshot(URL, home) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM leaves").scalar_one() == 0
    assert said(home) == "refused"
