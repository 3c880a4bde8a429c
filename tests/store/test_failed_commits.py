"""The one writer when its storage fails: what is answered is true, and the next commit begins from what is stored."""

import asyncio
import logging

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from gateway.errors import Corrupt, StoreError, Unavailable
from gateway.store import rejoining
from gateway.store.database import Database
from gateway.store.tables import events, heads, leaves, notices
from tests.store.failing import fail_commit
from tests.store.stores import HK_SEAL, Opened, each_statement, refused


@pytest.fixture(autouse=True)
def _quiet(caplog):
    caplog.set_level(logging.CRITICAL, logger="gateway.store.committer")


async def test_a_commit_that_fails_is_answered_as_unknown_and_changes_nothing(hk: Opened):
    await hk.release("hk-1")
    fail_commit(hk)
    assert isinstance(await refused(hk.release("hk-2")), Unavailable)
    assert [row["id"] for row in await hk.rows(notices)] == ["hk-1"]
    assert hk.state().log.size == 1
    (sealed,) = await hk.release("hk-3")
    assert sealed.place.index == 1
    assert hk.failures == []


async def test_a_commit_that_persisted_though_it_failed_is_found_and_told(hk: Opened):
    fail_commit(hk, after=True)
    assert isinstance(await refused(hk.release("hk-1")), Unavailable)
    assert hk.state().log.size == 1
    assert hk.commits[-1].states[hk.outgoing].log.size == 1, "links and watchers hear of it"
    assert hk.commits[-1].counters.cursor == 1
    (sealed,) = await hk.release("hk-2")
    assert sealed.place.index == 1


async def test_all_callers_of_a_failed_commit_are_told(hk: Opened):
    fail_commit(hk)
    results = await asyncio.gather(*(hk.release(f"hk-{n}") for n in range(5)), return_exceptions=True)
    assert all(isinstance(each, Unavailable) for each in results)
    assert await hk.rows(leaves) == []


async def test_a_statement_that_fails_undoes_the_whole_group(hk: Opened):
    def unit(tx):
        hk.seal_notice(tx, "hk-1")
        tx._connection.execute(text("SELECT 1 FROM no_such_table"))

    assert isinstance(await refused(hk.committer.submit(unit)), Unavailable)
    assert await hk.rows(notices) == []
    await hk.release("hk-2")


async def test_a_full_disk_refuses_writes_until_there_is_room(hk: Opened, caplog):
    if not hk.url.startswith("sqlite"):
        pytest.skip("the limit is SQLite's")
    await hk.release("hk-1")
    writer = hk.committer._session._connection
    pages = writer.exec_driver_sql("PRAGMA page_count").scalar()
    writer.rollback()
    writer.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    writer.rollback()
    big = [f"hk-big{n}" for n in range(200)]
    caplog.set_level(logging.ERROR, logger="gateway.store.committer")
    assert isinstance(await refused(hk.release(*big)), Unavailable)
    assert [each.fields for each in caplog.records] == [{"error": "OperationalError(SQLITE_FULL)"}]
    assert hk.state().log.size == 1
    await hk.release(*big)  # the new connection has no such limit
    assert hk.state().log.size == 201


async def test_a_lost_connection_is_made_anew(hk: Opened):
    if hk.url.startswith("sqlite"):
        pytest.skip("SQLite has no connection to lose")
    await hk.release("hk-1")
    writer = hk.committer._session._connection
    backend = writer.exec_driver_sql("SELECT pg_backend_pid()").scalar()
    writer.rollback()
    with hk.database.writer() as connection:
        connection.exec_driver_sql(f"SELECT pg_terminate_backend({backend})")
    assert isinstance(await refused(hk.release("hk-2")), Unavailable)
    assert (await hk.release("hk-3"))[0].place.index == 1


async def test_an_error_of_the_disk_ends_the_writer_for_good(hk: Opened):
    fail_commit(hk, message="disk I/O error")
    waiting = [asyncio.create_task(hk.release(f"hk-{n}")) for n in range(3)]
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(each, Unavailable) for each in results)
    assert isinstance(hk.failures[0], StoreError)
    assert isinstance(await refused(hk.release("hk-9")), Unavailable), "it must not write again"
    assert await hk.rows(notices) == []


def gone(_self):
    raise OperationalError("connect", {}, Exception("no server"))


@pytest.mark.usefixtures("only_sqlite")
async def test_a_file_that_cannot_be_opened_again_ends_the_writer(hk: Opened, monkeypatch):
    fail_commit(hk)
    with monkeypatch.context() as patch:
        patch.setattr(Database, "committing", gone)
        assert isinstance(await refused(hk.release("hk-1")), Unavailable)
    assert isinstance(hk.failures[0], StoreError)


async def test_a_server_that_stays_away_is_waited_for_and_callers_are_refused(postgresql_hk: Opened, monkeypatch):
    hk, back = postgresql_hk, asyncio.Event()
    measured: list[bool] = []

    def measure(_weight: int, _seconds: float, is_durable: bool) -> None:
        measured.append(is_durable)
        if is_durable:
            back.set()

    hk.committer.on_measured = measure
    fail_commit(hk)
    with monkeypatch.context() as patch:
        patch.setattr(Database, "committing", gone)
        waiting = [asyncio.create_task(refused(hk.release(f"hk-{n}"))) for n in range(3)]
        assert all(isinstance(each, Unavailable) for each in await asyncio.gather(*waiting))
        assert "does not answer" in str(await refused(hk.release("hk-3")))
        assert measured == [False]
    async with asyncio.timeout(60):
        await back.wait()
    assert measured == [False, True], "without any caller it is known that the node can write again"
    assert (await hk.release("hk-4"))[0].place.index == 0
    assert hk.failures == []


async def test_a_node_stops_while_its_server_is_away(postgresql_hk: Opened, monkeypatch):
    fail_commit(postgresql_hk)
    monkeypatch.setattr(Database, "committing", gone)
    assert isinstance(await refused(postgresql_hk.release("hk-1")), Unavailable)
    async with asyncio.timeout(60):
        await postgresql_hk.close()
    monkeypatch.undo()
    postgresql_hk.start()


async def test_stored_nonsense_ends_the_writer_that_meets_it(hk: Opened, monkeypatch):
    def damaged(_connection):
        raise Corrupt("not a compact range")

    await hk.release("hk-1")
    fail_commit(hk)
    with monkeypatch.context() as patch:
        patch.setattr(rejoining, "read_commit", damaged)
        assert isinstance(await refused(hk.release("hk-2")), Unavailable)
    assert [type(each) for each in hk.failures] == [Corrupt]


async def test_a_signer_that_fails_fails_the_commit_and_not_the_node(hk: Opened, monkeypatch):
    def locked(_message):
        raise Unavailable("the HSM does not answer")

    await hk.release("hk-1")
    monkeypatch.setattr(HK_SEAL, "sign_ed25519", locked)
    assert isinstance(await refused(hk.release("hk-2")), Unavailable)
    monkeypatch.undo()
    assert (await hk.release("hk-3"))[0].place.index == 1
    assert hk.failures == []


async def test_a_defect_of_the_writer_ends_it_and_answers_everybody(hk: Opened, monkeypatch):
    def defect(_message):
        raise KeyError("a defect")

    monkeypatch.setattr(HK_SEAL, "sign_ed25519", defect)
    assert isinstance(await refused(hk.release("hk-1")), Unavailable)
    assert len(hk.failures) == 1
    monkeypatch.undo()


@pytest.fixture
def only_sqlite(kind: str) -> None:
    if kind != "sqlite":
        pytest.skip("on PostgreSQL writers take turns: test_replicas.py")


@pytest.mark.usefixtures("only_sqlite")
async def test_a_second_writer_on_the_same_log_is_fenced_off(hk: Opened):
    second = hk.new_committer()
    second.start()
    await hk.release("hk-1")
    refusal = await refused(second.submit(lambda tx: hk.seal_notice(tx, "hk-2")))
    assert isinstance(refusal, Unavailable)
    assert "another writer" in str(hk.failures[0])
    await second.stop()
    assert [row["id"] for row in await hk.rows(notices)] == ["hk-1"]
    assert [row["size"] for row in await hk.rows(heads)] == [1], "no second head of a size was kept"
    await hk.release("hk-3")


@pytest.mark.usefixtures("only_sqlite")
async def test_a_second_writer_of_other_rows_is_fenced_off_too(hk: Opened):
    """Only an event and a receipt: the log itself does not grow."""
    second = hk.new_committer()
    second.start()
    await hk.release("hk-1")
    tell = await refused(second.submit(lambda tx: tx.tell(hk.outgoing, 9, "told by a stale writer")))
    assert isinstance(tell, Unavailable)
    assert len(hk.failures) == 1
    await second.stop()
    assert len(await hk.rows(events)) == 1


async def test_nobody_sees_a_part_of_a_commit(hk: Opened):
    """Everything of a group is in one transaction, from the first statement to the commit."""
    seen = []

    def look(_statement: str) -> None:
        with hk.database.readers.connect() as reader:
            seen.append(reader.execute(text("SELECT count(*) FROM leaves")).scalar())

    with each_statement(hk.committer._session._connection, look):
        await hk.release("hk-1")
    assert len(seen) > 3
    assert set(seen) == {0}


async def test_each_commit_is_measured_with_its_weight_and_whether_it_is_durable(hk: Opened):
    measured: list[tuple[int, bool]] = []
    hk.committer.on_measured = lambda weight, seconds, is_durable: measured.append((weight, is_durable and seconds > 0))
    await hk.release("hk-1", "hk-2")
    fail_commit(hk)
    assert isinstance(await refused(hk.release("hk-3")), Unavailable)
    await hk.release("hk-4")
    assert [is_durable for _, is_durable in measured] == [True, False, True]
    assert all(weight >= 1 for weight, _ in measured)
    assert hk.committer.waiting_weight() == 0
