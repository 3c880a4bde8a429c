"""A clock that leaps: nothing is sealed with it before something else says the same; on clocks that tests set."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from google.type.date_pb2 import Date
from regulator.exchange.v1.event_service_pb2 import Event
from sqlalchemy import update

from gateway.errors import Unavailable
from gateway.moments import MICROS, datetime_of
from gateway.store import clocks
from gateway.store.clocks import MAX_LEAP_MICROS, Clock, elapsed_micros
from gateway.store.tables import attachments, events, node
from gateway.watching import ClockWatch
from tests.store.attaching import named, stored
from tests.store.exchanging import exchange, settle
from tests.store.stores import KR_TO_HK, NOW, Opened, refused
from tests.supervision.samples import handling

HOUR, DAY = 3600 * MICROS, 86_400 * MICROS
KR, SG = "gateway.kr.example", "gateway.sg.example"


class Machine:
    """A machine whose clock can be set: ``off`` is how far it is ahead of the time."""

    def __init__(self) -> None:
        self.time, self.off = NOW, 0
        self.clock = Clock(lambda: self.time + self.off, lambda: self.time - NOW)

    def pass_by(self, micros: int) -> None:
        self.time += micros

    def hears(self, domain: str, off: int = 0) -> None:
        assert self.clock.peer(domain, str(self.time + off))

    def doubts(self, domain: str = KR) -> bool:
        try:
            self.clock.require(domain)
        except Unavailable as error:
            return "nothing is sealed now" in error.message
        return False


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_a_clock_that_goes_on_is_believed_for_as_long_as_one_likes(machine: Machine):
    for _ in range(10):
        machine.pass_by(30 * DAY)
        assert not machine.doubts()
        assert machine.clock.now() == machine.time


def test_a_peer_may_tell_its_time_while_another_thread_asks_for_it(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    """With PostgreSQL commits ask on a thread of their own, while the loop hears of peers, and lets go of them."""
    machine.hears(KR, off=2 * HOUR)
    machine.hears(SG, off=2 * HOUR)
    agree = clocks._agree

    def agrees(one: int, other: int) -> bool:
        machine.clock.forget(KR)
        machine.hears(f"{machine.time}.example", off=2 * HOUR)
        machine.pass_by(1)
        return agree(one, other)

    monkeypatch.setattr(clocks, "_agree", agrees)
    machine.off = HOUR
    machine.clock.now()
    list(machine.clock.contradictions())


def test_a_clock_that_is_corrected_by_less_than_peers_allow_is_believed(machine: Machine):
    for off in (MAX_LEAP_MICROS, 0, -HOUR, 0, -DAY, 0):
        machine.off = off
        assert not machine.doubts()
        assert machine.clock.now() == machine.time + off


def test_a_clock_that_leaps_ahead_is_not_and_the_time_goes_on_as_it_passes(machine: Machine):
    machine.off = 5 * HOUR
    assert machine.doubts()
    assert "5 h 0 min ahead of the time that has passed" in machine.clock.doubt
    machine.pass_by(10 * MICROS)
    assert machine.clock.now() == machine.time
    machine.off = 0
    assert not machine.doubts()


def test_it_does_not_get_away_with_it_by_staying_where_it_is(machine: Machine):
    machine.off = DAY
    for _ in range(30):
        machine.pass_by(DAY)
        assert machine.doubts()


def test_a_peer_that_says_the_same_confirms_it(machine: Machine):
    """As where the machine was stopped by who hosts it, and its clock was then set right."""
    machine.off = 5 * HOUR
    machine.hears(KR, off=5 * HOUR)
    assert not machine.doubts()
    assert machine.clock.now() == machine.time + 5 * HOUR
    machine.pass_by(DAY)
    assert not machine.doubts()


def test_a_peer_that_says_otherwise_has_nothing_sealed_for_it_and_others_do(machine: Machine):
    machine.hears(KR, off=-3 * HOUR)
    assert machine.doubts(KR)
    assert not machine.doubts(SG)
    assert list(machine.clock.contradictions()) == [f"the clock is 3 h 0 min ahead of that of {KR}"]
    assert machine.clock.wanted(KR)
    machine.hears(KR)
    assert not machine.doubts(KR)
    assert not machine.clock.wanted(KR)


def test_a_peer_whose_clock_is_wrong_is_overruled_by_another_one(machine: Machine):
    machine.hears(KR, off=2 * HOUR)
    assert machine.doubts(KR)
    machine.hears(SG)
    assert not machine.doubts(KR)
    assert list(machine.clock.contradictions()) == []


def test_a_clock_that_is_set_right_agrees_with_what_was_told_before(machine: Machine):
    machine.off = 2 * HOUR
    machine.hears(KR)
    assert machine.doubts(KR)
    machine.pass_by(HOUR)
    machine.off = 0
    assert not machine.doubts(KR)


def test_after_a_long_time_off_a_clock_waits_for_who_confirms_it(machine: Machine):
    machine.clock.go_on_from(machine.time - HOUR)
    assert machine.doubts()
    machine.hears(KR)
    assert not machine.doubts()


@pytest.mark.parametrize("ago", [0, -DAY], ids=["at once", "it was ahead"])
def test_after_a_short_time_off_it_does_not(machine: Machine, ago: int):
    machine.clock.go_on_from(machine.time - ago)
    assert not machine.doubts()


def test_where_nothing_tells_when_it_was_right_it_waits_for_who_confirms_it(machine: Machine):
    """Meanwhile there is no other time than its own; but no receipt is dated by that."""
    machine.clock.go_on_from(0)
    assert machine.doubts()
    assert (machine.clock.now(), machine.clock.believed) == (machine.time, 0)
    with pytest.raises(Unavailable, match="no receipt is given now"):
        machine.clock.require_known()
    machine.hears(KR, off=2 * HOUR)
    assert machine.clock.doubt
    machine.hears(SG)
    assert not machine.doubts(KR)
    machine.clock.require_known()
    assert machine.clock.believed == machine.time


def test_a_server_tells_it_too(machine: Machine):
    machine.clock.go_on_from(0)
    machine.clock.server(machine.time)
    assert not machine.doubts()
    machine.clock.require_known()


def test_in_doubt_by_the_time_that_has_passed_receipts_are_dated_by_that(machine: Machine):
    machine.clock.go_on_from(machine.time - DAY)
    assert machine.doubts()
    machine.clock.require_known()


def test_two_that_come_back_together_confirm_each_other(machine: Machine):
    other = Machine()
    for each in (machine, other):
        each.clock.go_on_from(NOW - DAY)
    assert machine.clock.peer(KR, other.clock.tell())
    assert other.clock.peer(SG, machine.clock.tell())
    assert not machine.doubts()
    assert not other.doubts(SG)


def test_the_server_of_the_database_is_asked_first(machine: Machine):
    machine.clock.server(machine.time)
    machine.off = 2 * HOUR
    assert machine.doubts()
    assert machine.clock.now() == machine.time
    machine.off = -2 * HOUR
    assert "2 h 0 min behind that of the database's server" in machine.clock.doubt
    machine.hears(KR, off=-2 * HOUR)
    assert not machine.doubts(), "the server's is the wrong one"


def test_the_server_outweighs_a_peer(machine: Machine):
    machine.clock.server(machine.time)
    machine.hears(KR, off=DAY)
    assert not machine.doubts(KR)


@pytest.mark.parametrize("told", ["", "x", "-1", "1.5", "1" * 19, "\u0661", " 1", "1e9"])
def test_what_is_no_time_tells_nothing(machine: Machine, told: str):
    assert not machine.clock.peer(KR, told)
    assert not machine.doubts()


def test_an_operator_is_told_as_long_as_it_lasts(machine: Machine):
    watch = ClockWatch(machine.clock)
    watch.look()
    machine.off = 9 * HOUR
    with pytest.raises(Unavailable, match="9 h 0 min ahead") as first:
        watch.look()
    machine.pass_by(DAY)
    with pytest.raises(Unavailable) as second:
        watch.look()
    assert str(first.value) == str(second.value), "it is told once"
    machine.off = 0
    machine.hears(KR, off=-9 * HOUR)
    with pytest.raises(Unavailable, match=KR):
        watch.look()


def test_time_passes_by_the_clock_that_nobody_sets():
    before = elapsed_micros()
    assert 0 <= elapsed_micros() - before < DAY


# --- what it does to a store ----------------------------------------------------------------------------------------


def clocked(hk: Opened, machine: Machine) -> None:
    """As a node does it. The server of these tests has a time of its own, which is not that of their clocks."""
    hk.committer._session._clock, hk.committer._session.witnesses = machine.clock.now, machine.clock
    machine.clock.server = lambda _micros: None


async def told(hk: Opened) -> None:
    await hk.committer.submit(lambda tx: tx.tell_node(Event.ALARM, "something"))


async def test_a_store_seals_nothing_in_doubt_and_goes_on_with_all_else(hk: Opened, machine: Machine):
    clocked(hk, machine)
    await hk.release("hk-1")
    machine.off = 5 * HOUR
    assert isinstance(await refused(hk.release("hk-2")), Unavailable)
    await told(hk)
    machine.off = 0
    machine.pass_by(MICROS)
    (sealed,) = await hk.release("hk-3")
    assert sealed.place.index == 1
    times = [row["committed_at"] for row in await hk.rows(events)]
    assert times == sorted(times)
    assert max(times) <= machine.time


async def test_a_store_seals_nothing_for_a_peer_whose_clock_is_another_one(hk: Opened, machine: Machine):
    clocked(hk, machine)
    machine.hears(KR, off=DAY)
    assert isinstance(await refused(hk.release("hk-1")), Unavailable)
    machine.hears(KR)
    await hk.release("hk-1")


async def test_nothing_is_destroyed_and_no_file_forgotten_while_the_peers_clock_is_another_one(
    hk: Opened, kr: Opened, machine: Machine
):
    """Nor by half: files go before the certificate is sealed, and that is what is refused."""
    record = await stored(hk)
    day = datetime_of(NOW).date()
    kept_until = Date(year=day.year, month=day.month, day=day.day)
    await hk.release("hk-1", attachments=[named()], handling=handling(retain_until=kept_until))
    await settle(hk, kr)
    clocked(hk, machine)
    machine.hears(KR, off=-3 * DAY)
    await hk.destroy(day + timedelta(days=1))
    (file,) = await hk.rows(attachments)
    assert (file["number"], file["dropped"]) == (record.number, False)
    machine.hears(KR)
    await hk.destroy(day + timedelta(days=1))
    assert await hk.rows(attachments) == []


async def test_what_comes_while_nothing_tells_the_time_is_kept_and_has_its_receipt_once_something_does(
    hk: Opened, kr: Opened, machine: Machine
):
    """A receipt of a time to come would hold all later ones to that, and its sender takes none of them before."""
    if not hk.database.is_local:
        pytest.skip("the server tells it")
    machine.off = DAY
    machine.clock.go_on_from(0)
    hk.committer._session.witnesses = machine.clock
    await kr.release("kr-1")
    with pytest.raises(Unavailable, match="no receipt is given now"):
        await exchange(kr, hk)
    assert (hk.state(KR_TO_HK).log.size, hk.state(KR_TO_HK).receipt) == (1, None)
    machine.off = 0
    machine.hears(KR)
    await exchange(kr, hk)
    assert kr.state().receipted_size == 1


@pytest.fixture
def now() -> Callable[[], int]:
    from gateway.node.node import _micros

    return _micros


async def test_on_postgresql_no_commit_is_far_ahead_of_the_server(postgresql_hk: Opened, now):
    """Not even the first one, before the server was heard; and a time that was kept from before holds up none."""
    hk, off = postgresql_hk, [DAY]
    clock = Clock(lambda: now() + off[0])
    hk.committer._session._clock, hk.committer._session.witnesses = clock.now, clock
    assert isinstance(await refused(hk.release("hk-1")), Unavailable)
    await told(hk)
    (row,) = await hk.rows(node)
    assert row["committed_at"] <= now() + MAX_LEAP_MICROS

    off[0] = 0
    with hk.database.writer() as connection, connection.begin():
        connection.execute(update(node).values(committed_at=now() + DAY))
    await hk.committer.stop()
    hk.committer = hk.new_committer()
    hk.committer._session._clock, hk.committer._session.witnesses = clock.now, clock
    hk.committer.start()
    await hk.release("hk-2")
    (row,) = await hk.rows(node)
    assert row["committed_at"] <= now()
