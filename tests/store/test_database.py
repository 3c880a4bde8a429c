"""The database: its form, its lock, and who may write."""

import os
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import column, insert, inspect, select, table, text
from sqlalchemy.exc import DBAPIError

from gateway.errors import ConfigError, StoreError
from gateway.store.database import Database, snapshot
from gateway.store.engines import sqlite
from gateway.store.migrating import MIGRATIONS, newest_revision, revision_of
from gateway.store.opening import add_channels, channel_names, check_channels
from gateway.store.tables import channels, events, metadata, node, notices, seals
from tests.store.stores import Opened, downgrade
from tests.supervision.framework_samples import provision, version


@pytest.fixture
def database(url: str, tmp_path: Path):
    opened = Database(url, tmp_path)
    yield opened
    opened.close()


def test_migrations_make_the_tables_that_the_code_knows(database):
    database.migrate()
    with database.readers.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_revision_is_what_alembic_takes_it_for(database):
    with database.readers.connect() as connection:
        assert revision_of(connection) is MigrationContext.configure(connection).get_current_revision() is None
    database.migrate()
    with database.readers.connect() as connection:
        assert revision_of(connection) == MigrationContext.configure(connection).get_current_revision()
        assert revision_of(connection) == newest_revision() == ScriptDirectory(str(MIGRATIONS)).get_current_head()


def test_migrations_lead_back_to_an_empty_database_and_forth_again(database):
    database.migrate()
    downgrade(database, "base")
    assert inspect(database.readers).get_table_names() == ["alembic_version"]
    database.migrate()
    database.migrate()  # the second one finds nothing to do
    database.check_revision()


async def test_migrations_keep_what_is_stored(hk: Opened):
    """Also the rows that refer to those of a table that a migration makes anew."""
    await hk.publish("hk-x", 1, version(provision("a")))
    await hk.release("hk-1")
    await hk.committer.stop()
    before = hk.backup()
    downgrade(hk.database, "0002")
    hk.database.migrate()
    after = hk.backup()
    assert after.pop(seals) == []  # those with which the channels began are in files of the home
    assert before.pop(seals)
    assert after.pop(node)[0]["token_key"] != before.pop(node)[0]["token_key"]  # it is made anew, and tells nothing
    for row in (*before[channels], *after[channels]):
        del row["version"]  # of replicas that run
    assert after == before
    add_channels(hk.database, channel_names(hk.parties))
    check_channels(hk.database, hk.parties)
    hk.write_on()


async def test_requests_of_an_older_form_are_known_as_before(hk: Opened):
    await hk.committer.stop()
    downgrade(hk.database, "0010")
    told = [
        (client, f"{n}", bytes([n % 256]) * 32, f"hk-{n}")
        for n in range(600)
        for client in ("spiffe://a", "spiffe://b")
    ]
    columns = ("client", "request_id", "digest", "notice")
    with hk.database.writer() as connection, connection.begin():
        rows = [dict(zip(columns, each, strict=True)) for each in told]
        connection.execute(insert(table("requests", *map(column, columns))), rows)
    hk.database.migrate()
    hk.write_on()
    found = await hk.committer.submit(lambda tx: [tx.find_request(client, each) for client, each, _, _ in told])
    assert [(each.digest, each.acted_on) for each in found] == [(digest, notice) for _, _, digest, notice in told]
    assert await hk.committer.submit(lambda tx: tx.find_request("spiffe://c", "1")) is None
    hk.damaged = True  # they acted on nothing that is here


def test_tables_of_another_form_are_refused(database, url, tmp_path):
    database.migrate()
    downgrade(database, "-1")
    with pytest.raises(StoreError, match="run gateway upgrade"):
        database.check_revision()
    with pytest.raises(StoreError, match="run gateway upgrade"), snapshot(url, tmp_path):
        pass


def test_a_database_without_tables_is_not_to_be_upgraded(database, url, tmp_path):
    """With a new one a node would sign a second history: it is the wrong one, or its content was lost."""
    database.migrate()
    downgrade(database, "base")
    with pytest.raises(StoreError, match=r"is empty: .*gateway restore"):
        database.check_revision()
    with pytest.raises(StoreError, match="is empty"), snapshot(url, tmp_path):
        pass


def test_a_database_that_is_not_there_is_never_made_by_reading(tmp_path):
    with pytest.raises(StoreError, match="gateway restore makes it again"), snapshot("sqlite:///lost.db", tmp_path):
        pass
    assert not (tmp_path / "lost.db").exists()


def test_a_file_that_is_no_database_is_told_as_such(tmp_path):
    (tmp_path / "node.db").write_bytes(b"This is no database, however long it may be. " * 100)
    with pytest.raises(StoreError, match="cannot be read"), snapshot("sqlite:///node.db", tmp_path):
        pass


@pytest.mark.parametrize("url", ["mysql://localhost/node", "oracle://localhost/node"])
def test_other_databases_are_refused(url, tmp_path):
    with pytest.raises(ConfigError, match="not supported; give sqlite:///FILE in the home, or postgresql://"):
        Database(url, tmp_path)


def test_a_home_has_one_process(database, url, tmp_path):
    with pytest.raises(StoreError, match="another process uses"):
        Database(url, tmp_path)
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"  # who has it is told still
    database.close()
    Database(url, tmp_path).close()
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_a_home_that_cannot_be_locked_is_told_as_such(url, tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        Database(url, tmp_path / "nowhere")


def test_an_old_sqlite_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "OLDEST_SQLITE", (99, 0, 0))
    with pytest.raises(StoreError, match=r"99\.0\.0 or later is needed"):
        Database("sqlite:///node.db", tmp_path)


async def test_readers_cannot_write(hk: Opened):
    with hk.database.readers.connect() as connection, pytest.raises(DBAPIError):
        connection.execute(text("UPDATE channels SET size = 7"))
    with snapshot(hk.url, hk.home) as connection, pytest.raises(DBAPIError):
        connection.execute(text("DELETE FROM node"))


async def test_a_reader_sees_one_snapshot_however_long_it_reads(hk: Opened):
    await hk.release("hk-1")
    with snapshot(hk.url, hk.home) as connection:
        assert len(connection.execute(select(notices)).all()) == 1
        await hk.release("hk-2")
        assert len(connection.execute(select(notices)).all()) == 1
        assert len(connection.execute(select(events)).all()) == 1


async def test_sqlite_writes_survive_a_power_cut(tmp_path):
    store = Opened.create("HK", "sqlite:///node.db", tmp_path / "hk")
    with store.database.writer() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2}
    await store.close()


def test_what_a_statement_was_given_is_not_in_its_error(database):
    """An error is logged; what a notice says is not."""
    with database.writer() as connection, pytest.raises(DBAPIError) as failed:
        connection.execute(text("INSERT INTO nowhere VALUES (:secret)"), {"secret": "canary-7f3a"})
    assert "canary" not in str(failed.value)


async def test_its_size_is_told(hk: Opened):
    before = hk.database.sizes()
    assert before["tables"] > 4096
    assert ("write_ahead_log" in before) == hk.database.is_local
    await hk.release(*(f"hk-{n}" for n in range(400)))
    assert sum(hk.database.sizes().values()) > sum(before.values())


async def test_a_size_that_cannot_be_found_is_an_error_of_the_store(kind: str, tmp_path: Path):
    gone = {"sqlite": "sqlite:///gone.db", "postgresql": "postgresql://127.0.0.1:1/none"}[kind]
    database = Database(gone, tmp_path)
    with pytest.raises(StoreError, match="size"):
        database.sizes()
    database.close()
