"""SQLite's files on a disk that has no room, and beside a reader who keeps an old state."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from gateway.errors import Unavailable
from gateway.store.database import Database
from gateway.store.engines import wal_index
from gateway.store.engines.failing import being_opened
from gateway.store.engines.sqlite import LOG_PAGES, MAX_LOG_BYTES
from tests.support.small_disk import PAGE_BYTES, needs_small_disk, small_disk

FRAME_BYTES = 4096 + 24  # a page in the write-ahead log, and its header ("Write-Ahead Log Format")
FIRST_INDEXED = 4062  # frames that the first 32 KiB of the log's index hold (walindex: HASHTABLE_NPAGE_ONE)
URL = "sqlite:///node.db"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(URL, tmp_path)
    with opened.writer() as writer:
        grow(writer)
    yield opened
    opened.close()


def grow(writer: Connection, pages: int = 1) -> None:
    """Commits so many new pages."""
    with writer.begin():
        writer.exec_driver_sql("CREATE TABLE IF NOT EXISTS filling (data)")
        for _ in range(pages):
            writer.exec_driver_sql("INSERT INTO filling VALUES (zeroblob(4000))")


def log_of(home: Path) -> int:
    """The bytes of the write-ahead log."""
    return (home / "node.db-wal").stat().st_size


@needs_small_disk
def test_a_disk_that_fills_as_the_index_of_the_log_grows_is_told_as_full_and_not_as_broken(tmp_path: Path) -> None:
    """A broken one ends the node, for an operator to look at it."""
    said, grown = set(), 0
    with small_disk(tmp_path / "disk", 64 * 2**20) as disk:
        database = Database(URL, disk.path)
        with database.writer() as writer:
            grow(writer)
        with database.committing() as writer:
            writer.exec_driver_sql("PRAGMA wal_autocheckpoint=0")
            writer.rollback()
            grow(writer, FIRST_INDEXED - 100)
            while log_of(disk.path) < (FIRST_INDEXED + 100) * FRAME_BYTES:
                disk.leave(PAGE_BYTES * (grown % 8 + 1))  # so that what is next has room in part, or not at all
                try:
                    grow(writer)
                except OperationalError as error:
                    said.add(str(error.orig))
                    disk.empty()
                    grow(writer)
                grown += 1
            assert (
                writer.exec_driver_sql("SELECT count(*) FROM filling").scalar_one() == 1 + FIRST_INDEXED - 100 + grown
            )
        database.close()
    assert said == {"database or disk is full"}


def test_the_room_of_the_index_is_kept_for_as_long_as_a_writer_is_there(database: Database, tmp_path: Path) -> None:
    index = tmp_path / "node.db-shm"
    for _ in range(2):
        with database.committing() as writer:
            grow(writer)
            assert index.stat().st_blocks * 512 >= wal_index.ROOM_BYTES
            with writer.begin():
                assert "locked" in said_to_another_process(tmp_path)
        assert not index.exists(), "who closed last took it away, so the next one keeps room in another file"


def said_to_another_process(home: Path) -> str:
    """What another process hears that would write now."""
    connect = f"sqlite.connect({str(home / 'node.db')!r}, timeout=0)"
    script = f"import pysqlite3.dbapi2 as sqlite; {connect}.execute('BEGIN IMMEDIATE')"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False).stderr


def test_a_log_that_grew_beside_a_reader_is_cut_once_the_reader_has_ended(database: Database, tmp_path: Path) -> None:
    with database.committing() as writer:
        with database.readers.connect() as reader:
            seen = reader.exec_driver_sql("SELECT count(*) FROM filling").scalar_one()
            grow(writer, 3 * LOG_PAGES)
            grow(writer)
            assert log_of(tmp_path) > 3 * MAX_LOG_BYTES
            assert reader.exec_driver_sql("SELECT count(*) FROM filling").scalar_one() == seen, "one state"
        grow(writer)  # all of the log goes into the database
        grow(writer)  # and it begins anew
        assert log_of(tmp_path) <= MAX_LOG_BYTES
        assert writer.exec_driver_sql("SELECT count(*) FROM filling").scalar_one() == seen + 3 * LOG_PAGES + 3


@needs_small_disk
def test_a_database_that_has_no_room_to_be_opened_says_so_and_may_be_tried_again(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 2**21) as disk:
        disk.leave(0)
        database = Database(URL, disk.path)  # it has the home, though who it is stands nowhere
        with pytest.raises(Unavailable, match="cannot be opened now"), being_opened(disk.path):
            database.migrate()
        disk.empty()
        database.migrate()
        database.close()
