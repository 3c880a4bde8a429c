"""A power cut amid a commit, or while the log goes into the database: what is found is the state before, or after.

The write-ahead log is cut at every frame and within frames; sectors of what was not flushed are there, or not, in any
order. Each time the database opens, verifies as a whole, and is one of the two; nothing else is ever found.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from gateway.store.database import Database, snapshot
from gateway.store.opening import check_channels, check_journal
from gateway.store.reverify import verify_store
from gateway.store.state import read_channels
from tests.simulation.nodes.disk import DATABASE, torn
from tests.store.stores import HK_TO_KR, Opened, parties_of

pytestmark = pytest.mark.timeout(600)  # of a machine that has other things to do, too

LOG = f"{DATABASE}-wal"
URL = f"sqlite:///{DATABASE}"
PAGE_BYTES = 4096
HEADER_BYTES, FRAME_BYTES = 32, 24 + PAGE_BYTES  # SQLite's file format, section 4: "The Write-Ahead Log"
SUBSETS = 24


@dataclass(frozen=True)
class Commit:
    """The files around one commit of a notice and its receipt: of the log, the bytes before and after."""

    tables: bytes
    before: bytes
    after: bytes


@pytest.fixture
async def commit(tmp_path: Path) -> Commit:
    hk = Opened.create("HK", URL, tmp_path / "hk")
    await hk.release("hk-1", "hk-2")
    await hk.keep_receipt()
    before = (hk.home / LOG).read_bytes()
    await hk.release("hk-3")
    made = Commit((hk.home / DATABASE).read_bytes(), before, (hk.home / LOG).read_bytes())
    await hk.close()
    return made


def size_found(folder: Path, tables: bytes, log: bytes) -> int:
    """Opens a database as a node does when it starts, verifies all of it, and tells how many envelopes there are."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / DATABASE).write_bytes(tables)
    (folder / LOG).write_bytes(log)
    parties = parties_of("HK")
    database = Database(URL, folder)
    try:
        check_journal(database, parties.own_seals)
        check_channels(database, parties)
        with database.writer() as connection:
            connection.exec_driver_sql("SELECT 1")
    finally:
        database.close()
    with snapshot(URL, folder) as connection:
        assert verify_store(connection, parties).findings == ()
        return read_channels(connection)[HK_TO_KR].log.size


def test_a_log_that_is_cut_anywhere_within_a_commit_is_the_state_before_it(commit: Commit, tmp_path: Path) -> None:
    frames = (len(commit.after) - len(commit.before)) // FRAME_BYTES
    assert frames > 5
    assert (len(commit.before) - HEADER_BYTES) % FRAME_BYTES == 0
    for frame in range(frames):
        start = len(commit.before) + frame * FRAME_BYTES
        for cut in (start, start + 1, start + PAGE_BYTES // 2, start + FRAME_BYTES - 1):
            assert size_found(tmp_path / "cut", commit.tables, commit.after[:cut]) == 2, cut
    assert size_found(tmp_path / "cut", commit.tables, commit.after) == 3


@pytest.mark.parametrize("filling", [b"\0", b"\xff"], ids=["zeros", "ones"])
def test_a_frame_that_was_not_written_within_a_commit_undoes_all_of_it(
    commit: Commit, tmp_path: Path, filling: bytes
) -> None:
    """The frames after it are there: the log was made longer, or written in another order."""
    for start in range(len(commit.before), len(commit.after), FRAME_BYTES):
        log = commit.after[:start] + filling * FRAME_BYTES + commit.after[start + FRAME_BYTES :]
        assert size_found(tmp_path / "hole", commit.tables, log) == 2, start


def test_any_sectors_of_a_commit_are_the_state_before_it_or_after_it(commit: Commit, tmp_path: Path) -> None:
    found = set()
    for seed in range(SUBSETS):
        log = torn(commit.after, len(commit.before), len(commit.after), Random(seed))
        found.add((log == commit.after, size_found(tmp_path / "torn", commit.tables, log)))
    assert found <= {(False, 2), (True, 3)}


def test_any_pages_of_a_checkpoint_are_the_same_state(commit: Commit, tmp_path: Path) -> None:
    """While the log goes into the database's file, that file is a mixture; the log is whole until that is flushed."""
    home = tmp_path / "copied"
    size_found(home, commit.tables, commit.after)
    copied = (home / DATABASE).read_bytes()
    assert copied != commit.tables, "the last connection that closes copies the log"
    for seed in range(SUBSETS):
        mixed = mixture(commit.tables, copied, Random(seed))
        assert size_found(tmp_path / "mixed", mixed, commit.after) == 3


def mixture(before: bytes, after: bytes, random: Random) -> bytes:
    """Sectors of one file or the other; of what was appended, as much as had been."""
    sectors = []
    for start in range(0, random.randrange(len(before), len(after) + 1), 512):
        one = after if random.random() < 0.5 or start >= len(before) else before
        sectors.append(one[start : start + 512])
    return b"".join(sectors)
