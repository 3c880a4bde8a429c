"""Which pairings have ended, as a running node knows it: of its home and its database the newer act counts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from regulator.exchange.v1.event_service_pb2 import Event

from gateway.alarms import Alarms
from gateway.errors import ConfigError, PairingEnded, Unavailable
from gateway.home.home import Home
from gateway.identity.pairing.end import Ending
from gateway.link.dialling import Credentials
from gateway.node.endings import Endings, Refusal
from gateway.questions.links import Links, LinkStatus
from gateway.rpc.allowances import sealed_by
from gateway.rpc.peer_attachments import files_of
from gateway.store.clocks import Clock
from gateway.store.commits import Commit
from gateway.store.pairings import keep_ending
from gateway.store.tables import events
from tests.store.stores import HK_TO_KR, KR_TO_HK, NOW, Opened, check_verified

PATIENCE_SECONDS = 60
ENDED = Ending(1_770_000_000, "Chan", "the memorandum ended")
RESUMED = ENDED.resumed(1_770_000_100)
SHOWN = Credentials(b"key", b"certificate", b"roots")


@dataclass
class Latest:
    """A bulletin that is never behind."""

    store: Opened

    @property
    def commit(self) -> Commit:
        return self.store.committer.latest()


class Ends:
    """Endings over a store, and a home in which nothing is but marks."""

    def __init__(self, store: Opened, home: Path) -> None:
        (home / "peers").mkdir()
        self.store, self.marks, self.links = store, Home(home).endings, Links()
        self.alarms = Alarms(store.committer, lambda: NOW)
        self.endings = self.anew()

    def anew(self) -> Endings:
        latest = Latest(self.store)
        self.endings = Endings(self.marks, self.store.parties, self.store.committer, latest, self.links, self.alarms)  # type: ignore[arg-type]
        return self.endings

    def mark(self, ending: Ending) -> None:
        self.marks.write("KR", "gateway.kr.example", "aa-bb", ending)
        self.look()

    def look(self) -> None:
        """A change is taken at the second look that finds it."""
        for _ in range(2):
            self.endings.watched[0].look()

    async def store_it(self, ending: Ending) -> None:
        await self.store.committer.submit(lambda tx: keep_ending(tx, "KR", (HK_TO_KR, KR_TO_HK), ending))

    async def told(self) -> list[int]:
        kinds = (Event.PAIRING_ENDED, Event.PAIRING_RESUMED)
        return [row["kind"] for row in await self.store.rows(events) if row["kind"] in kinds]

    @contextmanager
    def running(self) -> Iterator[None]:
        task = asyncio.create_task(self.endings.run())
        yield
        task.cancel()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


@pytest.fixture
async def ends(tmp_path: Path) -> AsyncIterator[Ends]:
    store = Opened.create("HK", "sqlite:///node.db", tmp_path / "hk")
    yield Ends(store, tmp_path / "hk")
    await store.close()
    check_verified(store)


async def test_what_the_home_says_counts_at_once_and_is_committed_once(ends: Ends):
    ends.endings.require_paired("KR")
    ends.mark(ENDED)
    with pytest.raises(PairingEnded, match="the pairing with HK ended"):
        ends.endings.require_paired("KR")
    assert ends.store.state().ended is None
    await ends.endings.settle()
    await ends.endings.settle()
    assert ends.store.state().ended == ENDED
    assert await ends.told() == [Event.PAIRING_ENDED]


async def test_a_mark_that_was_written_while_the_node_was_down_counts_from_its_start(ends: Ends):
    ends.mark(ENDED)
    with pytest.raises(PairingEnded):
        ends.anew().require_paired("KR")


async def test_what_another_replica_committed_counts_without_a_mark_here(ends: Ends):
    await ends.store_it(ENDED)
    with pytest.raises(PairingEnded):
        ends.endings.require_paired("KR")


async def test_a_mark_of_before_does_not_end_what_holds_again(ends: Ends):
    ends.mark(ENDED)
    await ends.store_it(RESUMED)
    ends.endings.require_paired("KR")
    await ends.endings.settle()
    assert ends.store.state().ending == RESUMED
    assert ends.anew().of("KR") is None


async def test_a_database_that_was_put_back_to_before_the_end_is_told_it_again(ends: Ends):
    before = ends.store.backup()
    ends.mark(ENDED)
    await ends.endings.settle()
    await ends.store.restore(before)
    assert ends.store.state().ended is None
    await ends.anew().settle()
    assert ends.store.state().ended == ENDED


async def test_a_peer_is_refused_while_nothing_can_be_committed_and_it_is_tried_again(ends: Ends, monkeypatch):
    monkeypatch.setattr("gateway.node.endings.AGAIN_SECONDS", 0.01)
    failing, submit = [Unavailable("the disk is full")], ends.store.committer.submit

    async def fail_once(*arguments, **options):
        if failing:
            raise failing.pop()
        return await submit(*arguments, **options)

    monkeypatch.setattr(ends.store.committer, "submit", fail_once)
    ends.mark(ENDED)
    with suppress(Unavailable):
        await ends.endings.settle()
    assert ends.store.state().ended is None
    with pytest.raises(PairingEnded):
        ends.endings.require_paired("KR")
    failing.append(Unavailable("the disk is full"))
    with ends.running():
        await until(lambda: ends.store.state().ended == ENDED)


async def test_a_link_has_nothing_to_present_to_a_peer_of_before(ends: Ends):
    given = ends.endings.dialling(lambda _: SHOWN)
    assert given("KR") is SHOWN
    ends.mark(ENDED)
    with pytest.raises(PairingEnded, match="the pairing with KR ended"):
        given("KR")
    ends.mark(RESUMED)
    assert given("KR") is SHOWN


async def test_the_alarms_of_what_it_sends_are_over_with_the_pairing(ends: Ends):
    await ends.alarms.begin(files_of("KR"), "there is no room")
    await ends.alarms.begin(sealed_by("KR"), "there is no room")
    ends.mark(ENDED)
    with ends.running():
        await until(lambda: not ends.alarms.current())


async def test_its_clock_says_nothing_any_more_of_the_own_one(ends: Ends):
    """Else content could not be destroyed, nor the seal rotated, until the node is started anew."""
    clock, peer = Clock(lambda: NOW), ends.store.parties.peers["KR"].domain
    ends.store.committer._session.witnesses = clock
    clock.peer(peer, str(NOW + 3 * 3600 * 1_000_000))
    assert list(clock.contradictions())
    ends.mark(ENDED)
    with ends.running():
        await until(lambda: not list(clock.contradictions()))
    clock.require(peer)


@pytest.mark.parametrize("text", ["", "nonsense"])
async def test_a_mark_that_cannot_be_read_changes_nothing_and_keeps_a_node_from_starting(ends: Ends, text: str):
    ends.mark(ENDED)
    ends.marks.path("KR").write_text(text)
    ends.look()
    with pytest.raises(PairingEnded):
        ends.endings.require_paired("KR")
    with pytest.raises(ConfigError, match=r"ended/kr\.json"):
        ends.anew()


def test_a_refusal_is_an_alarm_for_as_long_as_the_peer_refuses_for_that():
    links = Links()
    watched = Refusal("KR", HK_TO_KR, links)
    for status, is_refused in (
        (LinkStatus(last_error="UNAVAILABLE"), False),
        (LinkStatus(last_error="FAILED_PRECONDITION", refused=True), True),
        (LinkStatus(connected=True), False),
    ):
        links.note(HK_TO_KR, status)
        if is_refused:
            with pytest.raises(Unavailable, match="an operator there ended the pairing"):
                watched.look()
        else:
            watched.look()
