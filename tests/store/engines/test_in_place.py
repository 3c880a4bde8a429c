"""Files of SQLite that are removed or replaced under a node that runs: it acknowledges nothing that would be gone."""

import shutil

import pytest

from gateway.errors import BrokenStorage, StoreError, Unavailable
from tests.store.stores import Opened, refused


@pytest.fixture
def local(hk: Opened) -> Opened:
    if not hk.url.startswith("sqlite"):
        pytest.skip("a server has the files")
    return hk


async def test_nothing_is_acknowledged_into_a_database_that_was_moved_away(local: Opened):
    await local.release("hk-1")
    (local.home / "node.db").rename(local.home / "elsewhere.db")
    assert isinstance(await refused(local.release("hk-2")), Unavailable)
    (failure,) = local.failures
    assert isinstance(failure, BrokenStorage)
    assert "node.db was moved, removed or replaced" in str(failure)
    (local.home / "elsewhere.db").rename(local.home / "node.db")


async def test_a_copy_in_the_place_of_the_database_is_another_database(local: Opened):
    await local.release("hk-1")
    shutil.copy(local.home / "node.db", local.home / "copy.db")
    (local.home / "node.db").rename(local.home / "kept.db")
    (local.home / "copy.db").rename(local.home / "node.db")
    assert isinstance(await refused(local.release("hk-2")), Unavailable)
    assert isinstance(local.failures[0], BrokenStorage)
    (local.home / "kept.db").rename(local.home / "node.db")


async def test_what_a_removed_write_ahead_log_held_is_in_the_database_once_it_is_closed(local: Opened):
    await local.release("hk-1")
    (local.home / "node.db-wal").unlink()
    assert isinstance(await refused(local.release("hk-2")), Unavailable)
    (failure,) = local.failures
    assert isinstance(failure, StoreError)
    assert not isinstance(failure, BrokenStorage), "else the process would end without closing it"
    await local.restart()
    assert local.state().log.size == 2, "the second is answered as unknown, and is there"
    await local.release("hk-3")


async def test_a_writer_that_connects_anew_knows_its_files(local: Opened):
    await local.release("hk-1")
    await local.committer._elsewhere(local.committer._session.reopen)
    await local.release("hk-2")
    assert local.failures == []
