"""Content that is destroyed is in no file and no memory any more, also where the node ended or the database failed."""

import asyncio
from pathlib import Path

import pysqlite3.dbapi2 as sqlite
import pytest
from regulator.exchange.v1.values_pb2 import LocalizedText
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from gateway.errors import Unavailable
from gateway.store.database import Database, snapshot
from gateway.store.engines import sqlite as local
from gateway.store.recovery.copying import copy_store
from gateway.store.tables import leaves
from tests.store.destruction import CANARY, LICENCE, NEXT_DAY, destroy, found, kept_until, three_notices
from tests.store.exchanging import settle
from tests.store.stores import HK_TO_KR, Opened, refused

LARGE = 16_000  # characters: more than a page of either database


@pytest.fixture
async def pair(hk: Opened, kr: Opened) -> tuple[Opened, Opened]:
    return await three_notices(hk, kr)


@pytest.mark.parametrize("size", [10, 3_000, LARGE])
async def test_no_byte_of_many_notices_stays_in_any_file(hk: Opened, kr: Opened, size: int):
    """Small ones share pages with others, large ones fill pages of their own."""
    for number in range(30):
        text = [LocalizedText(language_tag="en", text=f"{CANARY} {number} " + "x" * size)]
        changes = kept_until(summary=text) if number % 3 else {}
        await hk.release(f"hk-{number}", **changes)
    await settle(hk, kr)
    assert all(found(store) for store in (hk, kr))
    await destroy(hk, kr)
    assert [found(hk), found(kr)] == [[], []]
    await hk.release("hk-after")
    await hk.restart()
    await kr.restart()
    assert [found(hk), found(kr)] == [[], []]


async def test_a_reader_of_an_older_state_delays_the_end_of_it(pair, kind: str):
    """PostgreSQL keeps dead rows as long as somebody may see them, and no query of ours can."""
    hk, _ = pair
    with hk.database.readers.connect() as reader:
        reader.execute(select(leaves)).all()
        if kind == "sqlite":
            assert isinstance(await refused(hk.destroy(NEXT_DAY)), Unavailable)
            assert found(hk)
    await hk.destroy(NEXT_DAY)
    assert found(hk) == []


async def test_the_dead_rows_of_every_table_that_held_content_are_vacuumed(pair, kind: str):
    """Also of drafts, of which a release leaves a row with the content behind."""
    if kind == "sqlite":
        pytest.skip("SQLite leaves none")
    hk, _ = pair
    await hk.destroy(NEXT_DAY)
    counted = text("SELECT relname FROM pg_stat_user_tables WHERE schemaname = current_schema() AND vacuum_count > 0")
    async with asyncio.timeout(60):
        while True:
            with hk.database.readers.connect() as connection:
                if {"leaves", "notice_identifiers", "requests", "drafts"} <= set(connection.scalars(counted)):
                    return
            await asyncio.sleep(0.1)


async def test_a_node_that_ended_before_it_scrubbed_does_so_at_its_next_start(pair, monkeypatch):
    hk, _ = pair
    with monkeypatch.context() as patch:
        patch.setattr(hk.committer, "scrub", _killed)
        with pytest.raises(RuntimeError, match="killed"):
            await hk.destroy(NEXT_DAY)
    await hk.destroy(NEXT_DAY)  # as a new process: nothing is left to destroy
    assert found(hk) == []


@pytest.mark.parametrize(("message", "ends"), [("database or disk is full", False), ("disk I/O error", True)])
async def test_a_scrub_at_which_the_database_fails_is_tried_again_or_ends_the_node(pair, monkeypatch, message, ends):
    """As a commit that fails; else the chore that destroys would end without a word, and with it all destruction."""
    hk, _ = pair
    if not hk.url.startswith("sqlite"):
        pytest.skip("the messages are SQLite's")
    with monkeypatch.context() as patch:
        patch.setattr(local, "empty_log", lambda _connection: _fail(message))
        assert isinstance(await refused(hk.destroy(NEXT_DAY)), Unavailable)
    assert bool(hk.failures) is ends
    if not ends:
        await hk.release("hk-4")
        await hk.destroy(NEXT_DAY)
        assert found(hk) == []


def _fail(message: str) -> None:
    raise OperationalError("PRAGMA", None, sqlite.OperationalError(message))


async def test_what_is_destroyed_is_sent_from_memory_no_more_also_before_it_is_scrubbed(pair, monkeypatch):
    hk, _ = pair
    assert hk.committer.recent.batch(HK_TO_KR, 0, 3) is not None
    with monkeypatch.context() as patch:
        patch.setattr(hk.committer, "scrub", _killed)
        with pytest.raises(RuntimeError, match="killed"):
            await hk.destroy(NEXT_DAY)
    assert hk.committer.recent.batch(HK_TO_KR, 0, 3) is None


async def _killed() -> bool:
    raise RuntimeError("killed")


def copied(store: Opened, folder: Path) -> bytes:
    """The bytes of a backup's database, made now."""
    folder.mkdir()
    database = Database("sqlite:///node.db", folder)
    with snapshot(store.url, store.home) as source:
        copy_store(source, database)
    database.close()
    assert [path.name for path in folder.glob("node.db*")] == ["node.db"]
    return (folder / "node.db").read_bytes()


async def test_a_backup_that_is_made_later_does_not_hold_it(pair, tmp_path):
    assert CANARY.encode() in copied(pair[0], tmp_path / "before")
    await destroy(*pair)
    later = copied(pair[0], tmp_path / "after")
    assert CANARY.encode() not in later
    assert LICENCE.encode() not in later
