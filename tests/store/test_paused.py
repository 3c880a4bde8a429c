"""A replica that was paused while an operator did what needs a node that is stopped, and wakes: it spoils nothing."""

import logging
from pathlib import Path

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError

from gateway.errors import StoreError, Unavailable
from gateway.ledger.checkpoint import open_checkpoint
from gateway.store.commits import take_alone, take_turn
from gateway.store.database import Database, snapshot
from gateway.store.migrating import newest_revision, revision_of
from gateway.store.opening import check_owner, disown
from gateway.store.recovery.copying import copy_store
from gateway.store.recovery.rebuild import rebuild
from gateway.store.recovery.replacing import replace_own_seal, replace_peer_seal
from gateway.store.state import read_channels
from tests.store.stores import CERTIFIED, DOMAINS, NEXT, NEXT_CERTIFIED, NOW, Opened, downgrade, refused

EARLIER = "0021"


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="gateway.store.committer")


async def test_what_it_commits_while_the_database_is_copied_is_not_left_behind(postgresql_hk: Opened, tmp_path: Path):
    """Else what it had acknowledged was lost with the database that is left, and the same indexes were sealed again."""
    hk = postgresql_hk
    await hk.release("hk-1")
    (tmp_path / "target").mkdir()
    target = Database("sqlite:///copy.db", tmp_path / "target")
    try:
        with snapshot(hk.url, hk.home) as source:
            assert revision_of(source)
            await hk.release("hk-2")
            with pytest.raises(StoreError, match="a replica of the node wrote meanwhile"):
                copy_store(source, target, prepare=lambda: disown(hk.url, hk.home, source))
        with target.readers.connect() as connection, pytest.raises(StoreError, match="not that of"):
            check_owner(connection, "HK", DOMAINS["HK"])
    finally:
        target.close()
    assert (await hk.release("hk-3"))[0].place.index == 2
    assert hk.failures == []


@pytest.mark.parametrize("act", ["replace_own_seal", "replace_peer_seal", "rebuild"])
async def test_it_goes_on_from_what_an_operator_changed(replicas: tuple[Opened, Opened], act: str):
    one, other = replicas
    await one.release("hk-1")
    later = NOW + 1_000_000_000
    if act == "replace_own_seal":
        replace_own_seal(other.database, NEXT_CERTIFIED["HK"], NEXT["HK"], later)
    elif act == "replace_peer_seal":
        replace_peer_seal(other.database, DOMAINS["KR"], NEXT_CERTIFIED["KR"], later)
    else:
        rebuild(other.database, later)
    (sealed,) = await one.release("hk-2")
    assert (sealed.place.index, one.failures) == (1, [])
    newest = one.state().seals.sender.newest
    assert newest == (NEXT_CERTIFIED if act == "replace_own_seal" else CERTIFIED)["HK"]
    with one.database.readers.connect() as connection:
        state = read_channels(connection)[one.outgoing]
        assert state.head is not None
        open_checkpoint(state.head.note, one.outgoing, state.seals.sender)
    one.damaged = act != "rebuild"  # its files name the seals of before


async def test_it_stops_where_the_tables_have_another_form(replicas: tuple[Opened, Opened]):
    """As after the upgrade to a later version: what it would write is not what that one reads."""
    one, other = replicas
    await one.release("hk-1")
    downgrade(other.database, EARLIER)
    other.database.migrate()
    (sealed,) = await one.release("hk-2")
    assert sealed.place.index == 1, "it has this version's form again"
    with other.database.writer() as connection, connection.begin():
        take_alone(connection)
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    try:
        assert isinstance(await refused(one.release("hk-3")), Unavailable)
        assert "revision 9999" in str(one.failures[0])
    finally:
        other.execute(f"UPDATE alembic_version SET version_num = '{newest_revision()}'")


async def test_it_writes_nothing_while_tables_are_brought_to_another_form(replicas: tuple[Opened, Opened]):
    one, other = replicas
    await one.release("hk-1")
    downgrade(other.database, EARLIER)
    connection, waits = one.committer._session._connection, []
    connection.exec_driver_sql("SET lock_timeout = 200")
    connection.commit()

    def try_to_write(_connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        if statement.lstrip().startswith(("ALTER", "CREATE", "UPDATE alembic_version")):
            with pytest.raises(OperationalError, match="lock timeout"):
                take_turn(connection, one.committer.latest(), NOW)
            connection.rollback()
            waits.append(statement)

    event.listen(other.database._writers, "before_cursor_execute", try_to_write)
    other.database.migrate()
    event.remove(other.database._writers, "before_cursor_execute", try_to_write)
    assert waits
    assert (await one.release("hk-2"))[0].place.index == 1
