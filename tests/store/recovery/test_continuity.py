"""A database that does not go on from what its node knew: found before it is used, and by whoever runs on it."""

import asyncio
import itertools
import logging
from dataclasses import replace
from functools import partial

import pytest
from regulator.exchange.v1.journal_pb2 import JournalEntry
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import ConfigError, Halted, LostCommits, Malformed, Unavailable
from gateway.journal.entries import Entry, Requester
from gateway.ledger.steps import RESTORED, Halt
from gateway.store import writer_session
from gateway.store.clocks import MAX_LEAP_MICROS, NOTHING_TELLS, Clock
from gateway.store.engines import servers
from gateway.store.recovery import awaiting
from gateway.store.recovery.continuity import Continuity, restored
from gateway.store.recovery.high_water import HighWater, what_is_lost
from gateway.store.reverify import Seen
from gateway.store.tables import JOURNAL, channels, events, heads, leaves, node
from tests.store.exchanging import exchange, settle
from tests.store.failing import fail_commit
from tests.store.stores import NOW, Opened, refused

ENTRY = Entry(Requester(), "gateway serve", JournalEntry.COMMITTED)
OF_JOURNAL = ((leaves, leaves.c.channel), (heads, heads.c.channel), (channels, channels.c.id))


@pytest.fixture(autouse=True)
def _quiet(caplog):
    for name in ("gateway.store.committer", "gateway.store.recovery.continuity"):
        caplog.set_level(logging.CRITICAL + 1, logger=name)


async def started_anew(hk: Opened) -> None:
    """As a node does it: its home tells how far it was."""
    await hk.committer.stop()
    continuity = Continuity(hk.home / "high-water.json", hk.database, Clock(lambda: next(hk.clock)))
    await asyncio.to_thread(continuity.require, hk.parties, hk.keyring)
    hk.write_on()


def kept(hk: Opened) -> HighWater:
    return HighWater.parse((hk.home / "high-water.json").read_bytes())


async def token_key(hk: Opened) -> bytes:
    return bytes((await hk.rows(node))[0]["token_key"])


async def alarms(hk: Opened) -> list[str]:
    return [row["detail"] for row in await hk.rows(events) if row["channel"] is None]


# --- as it starts ---------------------------------------------------------------------------------------------------


async def test_a_database_that_goes_on_is_taken_as_it_is(hk: Opened):
    await hk.release("hk-1")
    await started_anew(hk)
    before = await token_key(hk)
    for first in range(2, 300, 50):
        await hk.release(*(f"hk-{number}" for number in range(first, first + 50)))
    await started_anew(hk)
    assert hk.state().halt is None
    assert replace(kept(hk), time=0) == HighWater.of(hk.committer.latest())
    assert await token_key(hk) == before
    assert await alarms(hk) == []


async def test_where_nothing_tells_when_the_clock_was_right_what_was_signed_does(hk: Opened):
    """As after a restore: a node whose clock is wrong would give receipts that no peer takes before that time."""
    hk.clock = itertools.repeat(NOW)
    for off, is_believed in ((0, True), (MAX_LEAP_MICROS + 1, True), (-1, True)):
        assert bool(await started_with(hk, off)) is not is_believed, "nothing is signed yet"
    await hk.release("hk-1")
    for off, is_believed in ((MAX_LEAP_MICROS, True), (MAX_LEAP_MICROS + 1, False), (-MAX_LEAP_MICROS, True)):
        assert bool(await started_with(hk, off)) is not is_believed
    assert not await started_with(hk, MAX_LEAP_MICROS + 1, trusts_clock=True)


async def test_so_does_what_was_cosigned(hk: Opened, kr: Opened):
    hk.clock = kr.clock = itertools.repeat(NOW)
    await hk.release("hk-1")
    await settle(hk, kr)
    assert await started_with(kr, MAX_LEAP_MICROS + 1)
    assert not await started_with(kr, MAX_LEAP_MICROS)


async def test_where_nothing_does_the_clock_is_not_believed_at_any_start(hk: Opened):
    """A restore leaves a mark, though it knows no time: else the node would be taken for a new one."""
    restored(hk.home / "high-water.json")
    for _ in range(2):
        assert await started_with(hk, 0, has_mark=True) == NOTHING_TELLS
    assert not await started_with(hk, 0, has_mark=True, trusts_clock=True)
    assert not await started_with(hk, 0, has_mark=True), "somebody did once"


async def test_of_the_mark_before_a_restore_keeps_the_time_alone(hk: Opened):
    await hk.release("hk-1")
    await started_anew(hk)
    before, path = kept(hk), hk.home / "high-water.json"
    restored(path)
    assert kept(hk) == HighWater(time=before.time)
    path.write_bytes(b'{"version": 1')
    restored(path)
    assert kept(hk) == HighWater(), "one that is damaged tells none"


async def started_with(hk: Opened, off: int, *, has_mark: bool = False, trusts_clock: bool = False) -> str:
    """Starts a node, whose clock is so far ahead, without its high-water mark; gives why it is not believed."""
    path = hk.home / "high-water.json"
    if not has_mark:
        path.unlink(missing_ok=True)
    await hk.committer.stop()
    clock = Clock(lambda: NOW + off, lambda: 0)
    require = partial(Continuity(path, hk.database, clock).require, hk.parties, hk.keyring, trusts_clock=trusts_clock)
    await asyncio.to_thread(require)
    hk.write_on()
    return clock.doubt


async def test_a_database_that_was_put_back_seals_nothing_before_its_peer_was_heard(hk: Opened, kr: Opened):
    await hk.release("hk-1")
    await settle(hk, kr)
    old = hk.backup()
    await hk.release("hk-2", "hk-3")
    await settle(hk, kr)
    await started_anew(hk)
    before = await token_key(hk)
    await hk.restore(old)
    await started_anew(hk)
    assert hk.state().halt.reason == RESTORED
    assert isinstance(await refused(hk.release("hk-4")), Halted)
    assert await token_key(hk) != before, "cursors of before may go beyond what is here"
    assert len(await alarms(hk)) == 1
    assert hk.committer.latest().journal.log.size == 1

    await started_anew(hk)
    assert len(await alarms(hk)) == 1, "it is dealt with once"
    await exchange(hk, kr)
    assert hk.state().halt is None
    assert hk.state().log == kr.state(hk.outgoing).log
    await started_anew(hk)
    (sealed,) = await hk.release("hk-4")
    assert sealed.place.index == 3


async def test_a_channel_that_has_given_something_up_is_not_taken_for_put_back(hk: Opened):
    """``gateway fork give-up`` cuts its log, and leaves it halted."""
    await hk.release("hk-1")
    await started_anew(hk)
    mark = HighWater.of(hk.committer.latest())
    longer = replace(mark, logs={origin: (size + 1, bytes(32)) for origin, (size, _) in mark.logs.items()})
    with hk.database.readers.connect() as connection:
        assert "does not hold" in what_is_lost(connection, longer)
    await hk.committer.submit(lambda tx: tx.halt(hk.outgoing, Halt(RESTORED, "given up")))
    of_channel = replace(longer, logs={hk.outgoing: longer.logs[hk.outgoing]})
    with hk.database.readers.connect() as connection:
        assert what_is_lost(connection, of_channel) == ""


async def test_a_journal_that_was_put_back_alone_verifies_and_is_missed(hk: Opened):
    """Its head of then is signed, so whoever has a copy of then cuts it without the seal."""
    await hk.committer.submit(lambda tx: tx.journal(ENTRY))
    await started_anew(hk)
    await hk.committer.stop()
    with hk.database.writer() as connection, connection.begin():
        then = [connection.execute(select(table).where(log == JOURNAL)).mappings().all() for table, log in OF_JOURNAL]
    hk.write_on()
    await hk.committer.submit(lambda tx: tx.journal(ENTRY))
    mark = HighWater.of(hk.committer.latest())
    await hk.committer.stop()
    hk.damaged = True
    with hk.database.writer() as connection, connection.begin():
        for (table, log), rows in zip(OF_JOURNAL, then, strict=True):
            if table is channels:
                connection.execute(update(table).where(log == JOURNAL).values(dict(rows[0])))
            else:
                connection.execute(delete(table).where(log == JOURNAL))
                connection.execute(insert(table), [dict(row) for row in rows])
        assert "journal does not hold" in what_is_lost(connection, mark)
    assert hk.verify().findings == ()
    report = hk.verify(Seen(mark.version, mark.logs))
    assert report.findings == ()
    assert [each.split()[0] for each in report.lost] == ["gateway.hk.example/journal"]


async def test_a_channel_that_is_not_there_any_more_is_missed(hk: Opened):
    mark = replace(
        HighWater.of(hk.committer.latest()), logs={"gateway.hk.example/to/gateway.sg.example": (1, bytes(32))}
    )
    with hk.database.readers.connect() as connection:
        assert "to/gateway.sg.example does not hold" in what_is_lost(connection, mark)


async def test_a_home_without_a_mark_and_one_with_a_damaged_one(hk: Opened):
    await started_anew(hk)
    (hk.home / "high-water.json").unlink()
    await started_anew(hk)
    assert hk.state().halt is None
    (hk.home / "high-water.json").write_bytes(b'{"version": 1')
    with pytest.raises(ConfigError, match="damaged"):
        await started_anew(hk)
    hk.write_on()


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{}", b'{"version": 1}', b'{"version": "x", "logs": {}}', b'{"version": 1, "logs": {"a": [1]}}',
     b'{"version": 1, "logs": {"a": [1, "zz"]}}', b'{"version": 1, "logs": []}', b"\xff", b"[" * 100_000,
     b'{"version": 1e999, "logs": {}}', b'{"version": 1, "time": Infinity, "logs": {}}'],
)  # fmt: skip
def test_what_is_no_mark_is_told(data: bytes):
    with pytest.raises(Malformed):
        HighWater.parse(data)


async def test_replicas_that_find_it_in_the_same_moment_both_start(postgresql_hk: Opened, monkeypatch):
    """The other one commits first, between what this one reads and what it writes: under another token key."""
    hk = postgresql_hk
    await hk.release("hk-1")
    old = hk.backup()
    await hk.release("hk-2")
    await started_anew(hk)
    await hk.restore(old)
    original, others = awaiting.commit_alone, [bytes(range(32))]

    def beaten(database, keyring, units, *arguments, **options):
        def unit(tx, states):
            units[0](tx, states)

        load = writer_session.load

        def read_before(database, known=None):
            found = load(database, known)
            if others:
                with database.writer() as connection, connection.begin():
                    connection.execute(update(node).values(token_key=others.pop()))
            return found

        with monkeypatch.context() as patch:
            patch.setattr(writer_session, "load", read_before)
            original(database, keyring, [unit], *arguments, **options)

    monkeypatch.setattr("gateway.store.recovery.continuity.commit_alone", beaten)
    await started_anew(hk)
    assert others == []
    assert hk.state().halt.reason == RESTORED


# --- servers of PostgreSQL ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "found", "other"),
    [
        ("7/1", "7/1", False),
        ("7/1", "7/2", True),
        ("7/2", "7/1", True),
        ("7/1", "8/1", True),
        ("", "7/1", False),
        ("7/1", "/", False),
        ("7/", "7/3", False),
        ("/1", "7/2", True),
    ],
)
def test_servers_differ_in_what_is_known_of_both(known: str, found: str, other: bool):
    assert servers.is_other(known, found) is other


async def test_which_server_a_database_is_on_any_role_may_ask(postgresql_hk: Opened):
    with postgresql_hk.database.writer() as connection:
        name = f"plain_{connection.exec_driver_sql('SELECT pg_backend_pid()').scalar()}"
        connection.exec_driver_sql(f"CREATE ROLE {name}")
        connection.exec_driver_sql(f"SET LOCAL ROLE {name}")
        system, _, timeline = servers.server_of(connection).partition("/")
        connection.rollback()
    assert int(system) > 0
    assert timeline == "1"


async def test_what_a_service_does_not_tell_is_not_known_and_harms_no_transaction(postgresql_hk: Opened, monkeypatch):
    monkeypatch.setattr(servers, "_SYSTEM", servers.text("SELECT no_such_function()"))
    with postgresql_hk.database.writer() as connection, connection.begin():
        assert servers.server_of(connection) == "/1"
        connection.execute(update(node).values(server="still works"))


@pytest.mark.parametrize("end", ["pg_cancel_backend", "pg_terminate_backend"])
async def test_what_fails_as_a_server_is_asked_which_it_is_was_not_kept_back_by_it(
    postgresql_hk: Opened, monkeypatch, end
):
    """Else a node that could not ask at that moment would take any server for the one that it knew."""
    monkeypatch.setattr(servers, "_SYSTEM", servers.text(f"SELECT {end}(pg_backend_pid()), pg_sleep(60)"))
    with (
        postgresql_hk.database.writer() as connection,
        pytest.raises(SQLAlchemyError),
        connection.begin(),
    ):
        servers.server_of(connection)


async def test_what_a_server_does_not_tell_any_more_stays_known(postgresql_hk: Opened, monkeypatch):
    hk = postgresql_hk
    await started_anew(hk)
    (known,) = [row["server"] for row in await hk.rows(node)]
    with monkeypatch.context() as patch:
        patch.setattr(servers, "_SYSTEM", servers.text("SELECT no_such_function()"))
        await started_anew(hk)
    assert [row["server"] for row in await hk.rows(node)] == [known]
    version = hk.committer.latest().version
    await started_anew(hk)
    assert hk.committer.latest().version == version, "there is nothing to keep"


def on(hk: Opened, server: str) -> None:
    with hk.database.writer() as connection, connection.begin():
        servers.record(connection, server)


async def test_a_server_that_was_promoted_may_have_lost_what_nobody_here_knows(postgresql_hk: Opened):
    hk = postgresql_hk
    await hk.release("hk-1")
    await started_anew(hk)
    (known,) = [row["server"] for row in await hk.rows(node)]
    assert known.endswith("/1")
    on(hk, known.replace("/1", "/7"))
    await started_anew(hk)
    assert hk.state().halt.reason == RESTORED
    assert [row["server"] for row in await hk.rows(node)] == [known]
    assert "which may lack commits" in (await alarms(hk))[0]


async def test_a_replica_that_connects_anew_to_another_server_starts_anew(postgresql_hk: Opened):
    hk = postgresql_hk
    await started_anew(hk)
    on(hk, "1/1")
    fail_commit(hk)
    assert isinstance(await refused(hk.release("hk-1")), Unavailable)
    assert isinstance(hk.failures[0], LostCommits)


# --- replicas that run ----------------------------------------------------------------------------------------------


async def put_back_and_gone_on(replicas: tuple[Opened, Opened], commits: int) -> None:
    """The database is put back, and another replica, which knew nothing of what is lost, commits so often."""
    one, other = replicas
    await one.release("hk-1", "hk-2", "hk-3")
    old = one.backup()
    await one.release("hk-4")
    await one.release("hk-5")
    await other.restore(old)
    for number in range(commits):
        await other.release(f"hk-other-{number}")


async def test_a_replica_finds_that_another_went_on_from_a_database_that_was_put_back(replicas):
    """There are as many commits as it knew, and more; but its log is not continued."""
    one, other = replicas
    await put_back_and_gone_on(replicas, 5)
    assert other.committer.latest().version > one.committer.latest().version
    assert isinstance(await refused(one.release("hk-6")), Unavailable)
    assert isinstance(one.failures[0], LostCommits)
    assert "a log in it does not go on" in str(one.failures[0])


async def test_it_is_found_by_who_only_follows(replicas):
    one, other = replicas
    await put_back_and_gone_on(replicas, 5)
    before = one.committer.latest()
    with pytest.raises(LostCommits):
        await one.committer.follow(other.committer.latest().version)
    assert one.committer.latest() is before, "that is what its home keeps"
    assert isinstance(one.failures[0], LostCommits), "and it is to start anew"


async def test_it_is_found_by_who_connects_anew_though_the_numbers_are_the_same(replicas):
    one, other = replicas
    await put_back_and_gone_on(replicas, 2)
    assert other.committer.latest().version == one.committer.latest().version
    fail_commit(one)
    assert isinstance(await refused(one.release("hk-6")), Unavailable)
    assert isinstance(one.failures[0], LostCommits)


async def test_replicas_start_anew_once_one_of_them_has_dealt_with_it(replicas):
    """Their cursors and page tokens are under a key that is not in use any more."""
    one, other = replicas
    await one.release("hk-1")
    await other.committer.follow()
    with one.database.writer() as connection, connection.begin():
        connection.execute(update(node).values(token_key=bytes(reversed(range(32)))))
    assert isinstance(await refused(other.release("hk-2")), Unavailable)
    assert isinstance(other.failures[0], LostCommits)
    assert one.state().log.size == 1
