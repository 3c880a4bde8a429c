"""Leases of channels, by the clock of PostgreSQL's server: one holder at a time, and the one before writes nothing."""

import asyncio
import itertools
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, event, update
from sqlalchemy.exc import OperationalError

from gateway.errors import StoreError, Unavailable
from gateway.store import leases
from gateway.store.database import Database
from gateway.store.lease_rules import decide
from gateway.store.leases import Holding, Lease, Picture, Replica
from gateway.store.transaction import Transaction
from tests.store.stores import Opened, refused

A, B = Replica("a" * 32, "hk-a", 1), Replica("b" * 32, "hk-b", 1)


@pytest.fixture
def connect(postgresql_hk: Opened) -> Iterator[Callable[[], Connection]]:
    """Gives a connection of a replica."""
    opened: list[Connection] = []

    def connect() -> Connection:
        opened.append(postgresql_hk.database.committing())
        return opened[-1]

    yield connect
    for each in opened:
        each.close()


def beat(connection: Connection, me: Replica, *held: Lease, **how) -> Picture:
    with connection.begin():
        return leases.beat(connection, me, [Holding(lease, 0, **how) for lease in held])


def take(connection: Connection, me: Replica, channel: int = 1, **how) -> Lease | None:
    with connection.begin():
        return leases.take(connection, channel, me.id, **how)


def expire(connection: Connection) -> None:
    with connection.begin():
        connection.execute(update(leases.leases).values(expires_at=0))


def test_one_holds_a_channel_until_its_time_is_over(connect):
    one = connect()
    first = take(one, A)
    assert first == Lease(1, A.id, 1)
    assert take(one, B) is None
    assert take(one, A) is None, "nor twice by the same: it would not know which epoch is its own"
    expire(one)
    assert take(one, B) == Lease(1, B.id, 2)


def test_a_clock_of_the_server_that_is_set_back_keeps_nobody_from_what_a_dead_replica_had(connect, postgresql_hk):
    """All times of the dead one are to come; those of who lives are written anew with each beat."""
    one, hour = connect(), 3_600_000_000
    beat(one, A)
    held = take(one, A)
    with one.begin():
        one.execute(update(leases.replicas).values(seen_at=leases.replicas.c.seen_at + hour))
        one.execute(update(leases.leases).values(expires_at=leases.leases.c.expires_at + hour))
    picture = beat(one, B)
    assert [each.name for each in picture.running()] == ["hk-b"]
    assert picture.holder(1) is None
    assert decide(B.id, picture, {1}).take == (1,)
    picture = beat(one, A, held)
    assert picture.holder(1).name == "hk-a", "it lives, and says so"
    assert take(one, B) is None
    with one.begin():
        one.execute(update(leases.leases).values(expires_at=leases.leases.c.expires_at + hour))
        one.execute(update(leases.replicas).values(seen_at=leases.replicas.c.seen_at + hour))
    assert take(one, B) == Lease(1, B.id, 2)
    postgresql_hk.database.require_stopped()


def test_what_is_renewed_goes_on_and_tells_how_its_stream_does(connect):
    one = connect()
    held = take(one, A)
    expire(one)
    picture = beat(one, A, held, connected=True, last_error="x" * 600)
    assert picture.holder(1).name == "hk-a"
    assert picture.holdings[1].expires_at > picture.now
    assert (picture.holdings[1].connected, picture.holdings[1].last_error) == (True, "x" * 500)


def test_the_words_of_a_peer_end_no_replica(connect):
    """They are a status of its making: PostgreSQL takes no NUL in a text, which a status can hold."""
    one = connect()
    picture = beat(one, A, take(one, A), last_error="UNAVAILABLE: \0it \0ends")
    assert picture.holdings[1].last_error == "UNAVAILABLE: \ufffdit \ufffdends"


def test_what_another_took_is_not_renewed(connect):
    one = connect()
    before = take(one, A)
    after = take(one, B, by_force=True)
    assert beat(one, A, before, connected=True).holdings[1].lease == after
    assert not beat(one, A, before, connected=True).holdings[1].connected


def test_what_is_given_back_is_free_at_once_and_by_its_holder_alone(connect):
    one = connect()
    before = take(one, A)
    held = take(one, B, by_force=True)
    for lease, holder in ((before, "hk-b"), (held, None)):
        with one.begin():
            leases.give_back(one, lease)
        beat(one, A)
        found = beat(one, B).holder(1)
        assert (found.name if found else None) == holder
    assert take(one, A).epoch == 3, "an epoch is never given twice"


def test_a_replica_that_is_not_seen_any_more_does_not_run(connect):
    one = connect()
    beat(one, A)
    with one.begin():
        one.execute(update(leases.replicas).values(seen_at=leases.replicas.c.seen_at - 4_000_000))
    picture = beat(one, B)
    assert [each.name for each in picture.running()] == ["hk-b"]
    assert set(picture.replicas) == {A.id, B.id}, "an operator sees that it was there"
    with one.begin():
        one.execute(update(leases.replicas).where(leases.replicas.c.id == A.id).values(seen_at=0))
    assert set(beat(one, B).replicas) == {B.id}
    with one.begin():
        leases.leave(one, B)
        assert leases.read_picture(one).running() == []


async def test_a_holder_whose_lease_was_taken_writes_nothing(connect, postgresql_hk):
    hk, one = postgresql_hk, connect()
    channel = hk.state().id
    old = take(one, A, channel)
    await hk.committer.submit(lambda tx: hk.seal_notice(tx, "hk-1"), lease=old)
    new = take(one, B, channel, by_force=True)
    error = await refused(hk.committer.submit(lambda tx: hk.seal_notice(tx, "hk-2"), lease=old))
    assert isinstance(error, Unavailable)
    assert "another replica" in error.message
    await hk.committer.submit(lambda tx: hk.seal_notice(tx, "hk-3"), lease=new)
    assert hk.state().log.size == 2
    assert hk.failures == []


async def test_a_unit_without_its_lease_harms_no_other_of_its_commit(connect, postgresql_hk):
    hk, one = postgresql_hk, connect()
    old = take(one, A)
    take(one, B, by_force=True)
    units = [(f"hk-{n}", old if n == 1 else None) for n in range(3)]
    outcomes = await asyncio.gather(
        *(hk.committer.submit(lambda tx, at=at: hk.seal_notice(tx, at), lease=lease) for at, lease in units),
        return_exceptions=True,
    )
    assert [isinstance(each, Unavailable) for each in outcomes] == [False, True, False]


async def test_a_lease_is_not_taken_while_its_holder_commits(connect, postgresql_hk):
    """Else what is written under it could become durable after another replica had begun."""
    hk, one = postgresql_hk, connect()
    held = take(one, A)

    def unit(_: Transaction) -> None:
        one.exec_driver_sql("SET lock_timeout = 200")
        one.commit()
        with pytest.raises(OperationalError, match="lock timeout"):
            take(one, B, by_force=True)

    await hk.committer.submit(unit, lease=held)
    assert take(one, B, by_force=True).epoch == 2


async def test_whichever_step_of_a_commit_a_lease_is_asked_for_at_it_is_lost_before_all_of_it_or_after(
    connect, postgresql_hk
):
    """Another replica asks for it at each statement in turn: where it gets it, nothing is written under the old one."""
    hk, other = postgresql_hk, connect()
    channel, taken = hk.state().id, []
    other.exec_driver_sql("SET lock_timeout = 20")
    other.commit()
    for asked in itertools.count(1):
        lease, size, step = take(other, A, channel, by_force=True), hk.state().log.size, itertools.count(1)

        def before(*_: object, step=step, asked=asked) -> None:
            if next(step) == asked:
                taken.append(taken_now(other, channel))

        event.listen(hk.committer._session._connection, "before_cursor_execute", before)
        (outcome,) = await asyncio.gather(
            hk.committer.submit(lambda tx, asked=asked: hk.seal_notice(tx, f"hk-{asked}"), lease=lease),
            return_exceptions=True,
        )
        event.remove(hk.committer._session._connection, "before_cursor_execute", before)
        if len(taken) < asked:
            break  # there are no more statements
        assert isinstance(outcome, Unavailable) == taken[-1], outcome
        assert hk.state().log.size == size + (not taken[-1])
    assert taken == sorted(taken, reverse=True), "until the lease is asked for in the transaction, and never after"
    assert 0 < sum(taken) < len(taken) - 1
    assert hk.failures == []


def taken_now(connection: Connection, channel: int) -> bool:
    """Whether another replica gets a lease by force: it does not while a transaction holds on to it."""
    try:
        take(connection, B, channel, by_force=True)
    except OperationalError:
        return False
    return True


def test_what_needs_a_node_that_is_stopped_names_the_replicas_that_run(connect, postgresql_hk):
    one = connect()
    beat(one, A)
    beat(one, B)
    with pytest.raises(StoreError, match="hk-a, hk-b; stop all of them"):
        postgresql_hk.database.require_stopped()
    for me in (A, B):
        with one.begin():
            leases.leave(one, me)
    postgresql_hk.database.require_stopped()


def test_a_database_of_an_older_form_has_no_replicas(tmp_path, postgresql_schema):
    database = Database(postgresql_schema(), tmp_path)
    database.require_stopped()
    database.close()
