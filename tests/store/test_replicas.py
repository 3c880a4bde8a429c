"""Several writers on one PostgreSQL database, as replicas of a node: they take turns, and none forks a log."""

import asyncio
import itertools
import os
import threading

import pytest
from regulator.exchange.v1.journal_pb2 import JournalEntry
from regulator.exchange.v1.values_pb2 import LocalizedText
from sqlalchemy import update

from gateway.errors import StoreError, Unavailable, WrongState
from gateway.identity.seals.signers import Keyring
from gateway.journal.entries import Entry, Requester
from gateway.store import tables
from gateway.store.commits import take_turn
from gateway.store.opening import disown
from gateway.store.transaction import Transaction
from gateway.supervision.envelopes.envelopes import withdrawn
from tests.store.exchanging import settle
from tests.store.rotating import rotate
from tests.store.stores import AUTHOR, CERTIFIED, NOW, SEALS, Opened, check_verified, refused

WHY = [LocalizedText(language_tag="en", text="It was wrong.")]


async def test_writers_that_race_give_one_log_without_gaps(replicas):
    """The store is verified afterwards, as after every test of this folder: log, heads, events, sequences."""
    rounds = range(12)
    made = await asyncio.gather(
        *(each.release(f"hk-{place}-{n}") for n in rounds for place, each in enumerate(replicas))
    )
    assert sorted(sealed.place.index for (sealed,) in made) == list(range(24))
    one, other = replicas
    await one.committer.follow(other.committer.latest().version)
    await other.committer.follow(one.committer.latest().version)
    assert one.state() == other.state()
    assert one.committer.latest().counters == other.committer.latest().counters
    assert [row["cursor"] for row in await one.rows(tables.events)] == list(range(1, 25))
    assert [row["sequence"] for row in await one.rows(tables.notices)] == list(range(1, 25))


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
async def test_writers_take_turns_whatever_isolation_a_database_gives_by_itself(postgresql_hk, tmp_path, isolation):
    """A snapshot from before its turn would have a commit refused for the one before."""
    url = f"{postgresql_hk.url}%20-cdefault_transaction_isolation%3D{isolation.replace(' ', '%5C%20')}"
    for name in "ab":
        (tmp_path / name).mkdir()
    replicas = [Opened.open("HK", url, tmp_path / name) for name in "ab"]
    made = await asyncio.gather(*(each.release(f"hk-{n}-{each.home.name}") for n in range(6) for each in replicas))
    for each in replicas:
        await each.close()
    assert sorted(sealed.place.index for (sealed,) in made) == list(range(12))


async def test_one_request_id_does_one_thing_whichever_replica_it_reaches(replicas):
    def once(store: Opened):
        def unit(tx: Transaction) -> str:
            if known := tx.find_request("client", "r1"):
                return known.acted_on
            sealed = store.seal_notice(tx, "hk-once")
            tx.remember_request("client", "r1", bytes(32), sealed.projection.records[0].id)
            return "made"

        return unit

    answers = await asyncio.gather(*(each.committer.submit(once(each)) for each in replicas * 5))
    assert sorted(answers) == sorted(["hk-once"] * 9 + ["made"])
    replicas[0].damaged = True  # the client is none


async def test_of_two_replicas_that_decide_about_one_notice_one_finds_the_other_was_first(replicas):
    await replicas[0].release("hk-1")

    def withdraw(store: Opened):
        def unit(tx: Transaction) -> None:
            record = tx.find_notice("hk-1")
            assert record is not None
            if record.withdrawn_at is not None:
                raise WrongState("it is withdrawn")
            tx.seal(store.outgoing, AUTHOR, lambda seal: withdrawn(seal, "hk-1", WHY))

        return unit

    outcomes = await asyncio.gather(
        *(each.committer.submit(withdraw(each)) for each in replicas), return_exceptions=True
    )
    assert sorted(type(each) for each in outcomes if each) == [WrongState]
    assert [
        row["size"] for row in await replicas[0].rows(tables.channels) if row["origin"] == replicas[0].outgoing
    ] == [2]


async def test_a_replica_follows_what_another_commits(replicas):
    one, other = replicas
    await one.release("hk-1", "hk-2")
    assert other.state().log.size == 0
    await other.committer.follow(one.committer.latest().version)
    assert other.state() == one.state()
    assert other.commits[-1].counters.cursor == 2, "watchers and links hear of it"
    told = len(other.commits)
    await other.committer.follow(one.committer.latest().version)
    assert len(other.commits) == told, "there was nothing new"


async def test_the_journal_is_one_log_of_all_replicas(replicas):
    for store in itertools.islice(itertools.cycle(replicas), 6):
        await store.committer.journal(Entry(Requester(), "/p.S/Get", JournalEntry.ANSWERED))
    assert replicas[1].committer.latest().journal.log.size == 6


async def test_times_never_go_back_from_one_replica_to_another(replicas):
    """The second one's clock is an hour behind."""
    one, other = replicas
    other.clock = itertools.count(NOW - 3_600_000_000)
    await one.release("hk-1")
    await other.release("hk-2")
    first, second = [row["committed_at"] for row in await one.rows(tables.events)]
    assert second >= first


async def test_what_is_sent_from_memory_is_forgotten_once_another_replica_wrote(replicas):
    """It may have destroyed content of it."""
    one, other = replicas
    await one.release("hk-1")
    assert one.committer.recent.batch(one.outgoing, 0, 1)
    await other.release("hk-2")
    await one.committer.follow(other.committer.latest().version)
    assert one.committer.recent.batch(one.outgoing, 0, 1) is None


async def test_either_replica_exchanges_with_the_peer(replicas, tmp_path):
    kr = Opened.create("KR", "sqlite:///node.db", tmp_path / "kr")
    numbers = itertools.count()
    for store in itertools.islice(itertools.cycle(replicas), 4):
        await store.release(f"hk-{next(numbers)}")
        await settle(store, kr)
    assert kr.state(replicas[0].outgoing).receipted_size == 4
    await kr.close()
    check_verified(kr)


async def test_a_replica_that_is_paused_in_a_commit_keeps_others_for_seconds_and_writes_nothing(replicas):
    one, other = replicas
    loop = asyncio.get_running_loop()
    began, wakes = loop.create_future(), threading.Event()
    connection = one.committer._session._connection
    assert connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar() == "2500ms"
    connection.exec_driver_sql("SET idle_in_transaction_session_timeout = 400")
    connection.commit()

    def paused(tx: Transaction) -> None:
        one.seal_notice(tx, "hk-paused")
        loop.call_soon_threadsafe(began.set_result, None)
        wakes.wait(60)  # on the commit's thread: as a process that was stopped (SIGSTOP)

    asleep = asyncio.create_task(refused(one.committer.submit(paused)))
    await began
    (sealed,) = await other.release("hk-meanwhile")
    assert not asleep.done(), "the server ended the transaction of the one that sleeps"
    wakes.set()
    assert sealed.place.index == 0
    assert isinstance(await asleep, Unavailable)
    assert [row["id"] for row in await one.rows(tables.notices)] == ["hk-meanwhile"]
    assert (await one.release("hk-after"))[0].place.index == 1


async def test_a_replica_that_is_paused_within_a_statement_keeps_others_for_seconds_too(replicas):
    """Its server's process waits for the rest, and so is not idle: another bound has to end it."""
    one, other = replicas
    connection = one.committer._session._connection
    assert connection.exec_driver_sql("SHOW transaction_timeout").scalar() == "15s"
    connection.exec_driver_sql("SET transaction_timeout = 400")
    connection.commit()
    take_turn(connection, one.committer.latest(), NOW)
    parse = b"\0SELECT 1\0\0\0"  # a message of the protocol, to which nothing is said before more have come
    driver = connection.connection.driver_connection
    os.write(driver.fileno(), b"P" + (len(parse) + 4).to_bytes(4) + parse)
    (sealed,) = await other.release("hk-meanwhile")
    assert sealed.place.index == 0
    assert isinstance(await refused(one.release("hk-1")), Unavailable)
    assert (await one.release("hk-2"))[0].place.index == 1
    assert one.failures == []


async def test_a_replica_stops_when_its_database_has_lost_commits(replicas):
    one, other = replicas
    await one.release("hk-1")
    with one.database.writer() as connection, connection.begin():
        connection.execute(update(tables.node).values(version=0))
    assert isinstance(await refused(one.release("hk-2")), Unavailable)
    assert "has lost commits" in str(one.failures[0])
    with pytest.raises(StoreError, match="has lost commits"):
        await follow_from(one, other)


async def follow_from(one: Opened, other: Opened) -> None:
    other.committer._session.latest = one.committer.latest()
    await other.committer.follow(one.committer.latest().version + 1)


async def test_a_replica_stops_when_the_node_was_moved_to_another_database(replicas):
    one, other = replicas
    disown(one.url, one.home)
    one.damaged = True
    assert isinstance(await refused(other.release("hk-1")), Unavailable)
    assert "nobody's" in str(other.failures[0])


async def test_a_replica_without_the_keys_of_the_seal_in_force_signs_nothing(replicas):
    """Its home was forgotten when the seal was rotated: neither envelopes nor the journal go on under the old one."""
    one, other = replicas
    await one.release("hk-1")
    await rotate(one)
    await other.committer.stop()
    other.keyring = Keyring([(CERTIFIED["HK"], SEALS["HK"])])
    other.write_on()
    assert isinstance(await refused(other.release("hk-2")), Unavailable)
    await other.committer.journal(Entry(Requester(), "/p.S/Get", JournalEntry.ANSWERED))
    await other.committer.submit(Transaction.sign_journal)
    assert other.committer.latest().journal.head is None, "what is told is kept, and signed where the keys are"
    await one.committer.submit(Transaction.sign_journal)
    assert one.committer.latest().journal.unsigned == 0
    (sealed,) = await one.release("hk-3")
    assert sealed.place.index == 2
    assert other.failures == []
