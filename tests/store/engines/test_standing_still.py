"""A server of PostgreSQL that stands still, or says nothing, while its machine answers: nobody waits for it long."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection

from gateway.errors import Unavailable
from gateway.store import leases, tables
from gateway.store.database import Database
from gateway.store.engines.patience import PatientConnection
from gateway.store.engines.postgresql import PATIENCE_SECONDS, TIMEOUTS, be_patient
from gateway.store.lease_keeping import LeaseKeeping
from gateway.store.leases import Replica
from gateway.store.readers import Readers
from gateway.store.transaction import Transaction
from tests.store.stores import Opened, refused
from tests.support.postgresql import administrator

SHORT_SECONDS = 0.5  # of patience with a backend that stands still for longer, however slow the machine is


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes after the one that stands still does not wait long for its lock, and so tries again soon."""
    monkeypatch.setitem(TIMEOUTS, "lock_timeout", 300)


@pytest.fixture
def stopped() -> Iterator[Callable[[Connection], None]]:
    """Stops the server's process of a connection, which goes on at the end of the test."""
    pids: list[int] = []

    def stop(connection: Connection) -> None:
        pids.append(pid_of(connection))
        be_patient(connection, SHORT_SECONDS)
        os.kill(pids[-1], signal.SIGSTOP)

    yield stop
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def pid_of(connection: Connection) -> int:
    driver: Any = connection.connection.driver_connection
    pid: int = driver.info.backend_pid
    return pid


def before_commit(hk: Opened, do: Callable[[Connection], None]) -> None:
    """Does something once all of the next commit was said to the server, but for the word itself."""
    original = hk.database.commit

    def commit(connection: Connection) -> None:
        hk.database.commit = original  # type: ignore[method-assign]
        do(connection)
        original(connection)

    hk.database.commit = commit  # type: ignore[method-assign]


def back_again(hk: Opened) -> asyncio.Event:
    """Gives what is set once the writer can write again."""
    back = asyncio.Event()
    hk.committer.on_measured = lambda _weight, _seconds, is_durable: back.set() if is_durable else None
    return back


async def of(event: asyncio.Event) -> None:
    async with asyncio.timeout(60):
        await event.wait()


async def test_a_commit_in_which_the_server_stands_still_is_told_as_unknown_and_found_once_it_was_made(
    replicas: tuple[Opened, Opened], stopped: Callable[[Connection], None]
) -> None:
    hk, other = replicas
    await hk.release("hk-1")
    back, pid = back_again(hk), pid_of(hk.committer._session._connection)
    before_commit(hk, stopped)
    async with asyncio.timeout(60):
        told = await refused(hk.release("hk-2"))
    assert isinstance(told, Unavailable)
    assert "whether this is stored is unknown; try again, same request_id" in str(told)
    for ask in (hk.release("hk-3"), hk.rows(tables.notices), hk.committer.follow()):
        assert "does not answer" in str(await refused(ask)), "at once"
    assert isinstance(await refused(other.release("hk-4")), Unavailable), "nobody else begins before that is decided"
    os.kill(pid, signal.SIGCONT)
    await of(back)
    assert [row["id"] for row in await hk.rows(tables.notices)] == ["hk-1", "hk-2"]
    assert (await hk.release("hk-5"))[0].place.index == 2
    assert hk.failures == other.failures == []


async def test_what_a_server_wakes_to_without_its_commit_is_not_done(
    postgresql_hk: Opened, stopped: Callable[[Connection], None]
) -> None:
    """It stood still before it had its turn: who is given up keeps nobody."""
    hk = postgresql_hk
    await hk.release("hk-1")
    pid = pid_of(hk.committer._session._connection)
    stopped(hk.committer._session._connection)
    async with asyncio.timeout(60):
        assert isinstance(await refused(hk.release("hk-2")), Unavailable)
        assert (await hk.release("hk-3"))[0].place.index == 1
    os.kill(pid, signal.SIGCONT)
    await ended(hk, pid)
    assert [row["id"] for row in await hk.rows(tables.notices)] == ["hk-1", "hk-3"]
    assert (await hk.release("hk-4"))[0].place.index == 2


async def ended(hk: Opened, pid: int) -> None:
    """Waits until a process of the server is no more: whatever was said to it is done, or never will be."""

    def runs(connection: Connection) -> bool:
        found = connection.exec_driver_sql(f"SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}").scalar_one()
        return bool(found)

    async with asyncio.timeout(60):
        while await hk.read(runs):  # noqa: ASYNC110 - it ends in another process
            await asyncio.sleep(0.02)


async def test_a_commit_that_waits_for_a_standby_too_long_is_told_as_unknown_and_counts_once_that_is_there(
    postgresql_hk: Opened,
) -> None:
    hk = postgresql_hk
    await hk.release("hk-1")
    back = back_again(hk)
    with standby_away(hk):
        before_commit(hk, lambda connection: be_patient(connection, SHORT_SECONDS))
        async with asyncio.timeout(60):
            assert isinstance(await refused(hk.release("hk-2")), Unavailable)
        assert "does not answer" in str(await refused(hk.release("hk-3")))
    await of(back)
    assert [row["id"] for row in await hk.rows(tables.notices)] == ["hk-1", "hk-2"]
    assert (await hk.release("hk-4"))[0].place.index == 2


@contextmanager
def standby_away(hk: Opened) -> Iterator[None]:
    """No commit returns, since a standby is waited for that there is not."""
    folder = str(hk.database.url.query["host"])
    with administrator(folder) as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'absent'")
        connection.execute("SELECT pg_reload_conf()")
    try:
        while is_durable_at_once(folder):
            pass
        yield
    finally:
        with administrator(folder) as connection:
            connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
            connection.execute("SELECT pg_reload_conf()")


def is_durable_at_once(folder: str) -> bool:
    connection = PatientConnection.connect(f"postgresql://postgres@/postgres?host={folder}")
    connection.patience_seconds = SHORT_SECONDS
    try:
        connection.execute("SELECT pg_current_xact_id()")
        connection.execute("SET synchronous_commit = on")
        connection.execute("CREATE TABLE IF NOT EXISTS tried (at int)")
        connection.commit()
    except psycopg.OperationalError:
        return False
    connection.close()
    return True


async def test_a_read_for_which_the_server_stands_still_is_given_up_and_the_next_one_is_answered(
    postgresql_hk: Opened, tmp_path: Path, stopped: Callable[[Connection], None]
) -> None:
    (tmp_path / "hk-b").mkdir()
    database = Database(postgresql_hk.url, tmp_path / "hk-b", patience_seconds=PATIENCE_SECONDS)
    readers = Readers(database)

    def read(connection: Connection) -> None:
        stopped(connection)
        connection.exec_driver_sql("SELECT 1")

    async with asyncio.timeout(60):
        assert isinstance(await refused(readers.run(read)), Unavailable)
        show = lambda connection: connection.exec_driver_sql("SHOW statement_timeout").scalar_one()  # noqa: E731
        assert await readers.run(show) == "7s", "the server ends by itself what nobody waits for any more"
    readers.close()
    database.close()


async def test_who_hears_of_others_while_the_server_stands_still_for_it_keeps_no_commit_waiting(
    replicas: tuple[Opened, Opened], stopped: Callable[[Connection], None]
) -> None:
    """Else a call would wait for that first, and then as long again for its own commit."""
    one, other = replicas
    await one.release("hk-1")
    with other.database.readers.connect() as connection:  # the only one, which is used again
        stopped(connection)
        be_patient(connection, 60)
        pid = pid_of(connection)
    hearing = asyncio.create_task(other.committer.follow())
    await asyncio.sleep(0)
    async with asyncio.timeout(60):
        assert (await other.release("hk-2"))[0].place.index == 1
    assert not hearing.done()
    os.kill(pid, signal.SIGCONT)
    await hearing
    await one.release("hk-3")
    await other.committer.follow()
    assert other.state() == one.state(), "what it heard late took nothing back"
    assert [each.version for each in other.commits] == sorted({each.version for each in other.commits})


async def test_leases_are_let_go_of_while_their_connection_stands_still(
    postgresql_hk: Opened, monkeypatch: pytest.MonkeyPatch, stopped: Callable[[Connection], None]
) -> None:
    keeping = LeaseKeeping(postgresql_hk.database, Replica("a" * 32, "hk-a", 1))
    await keeping.beat([])
    assert keeping._connection is not None
    driver: Any = keeping._connection.connection.driver_connection
    assert driver.patience_seconds == leases.LEASE_SECONDS
    stopped(keeping._connection)
    async with asyncio.timeout(60):
        assert isinstance(await refused(keeping.beat([])), Unavailable)
        assert [each.name for each in (await keeping.beat([])).running()] == ["hk-a"]
        await keeping.close([])


async def test_scrubbing_holds_up_no_commit_and_ends_as_the_database_is_closed(
    postgresql_hk: Opened, tmp_path: Path
) -> None:
    (tmp_path / "hk-b").mkdir()
    other = Opened.open("HK", postgresql_hk.url, tmp_path / "hk-b")
    with administrator(str(other.database.url.query["host"])) as connection, connection.transaction():
        connection.execute("LOCK TABLE hk.drafts IN ACCESS EXCLUSIVE MODE")
        scrubbing = asyncio.create_task(refused(other.committer.scrub()))
        async with asyncio.timeout(60):
            while not await postgresql_hk.read(is_vacuumed):  # noqa: ASYNC110 - it waits in another process
                await asyncio.sleep(0.02)
            await other.release("hk-1")
            await other.close()
            assert isinstance(await scrubbing, Unavailable)
    await postgresql_hk.committer.submit(Transaction.try_to_write)


def is_vacuumed(connection: Connection) -> bool:
    found = connection.exec_driver_sql(
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'VACUUM%%' AND wait_event_type = 'Lock'"
    )
    return bool(found.scalar_one())
