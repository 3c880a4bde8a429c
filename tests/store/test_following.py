"""What other replicas tell is heard, and where nobody can listen that is told."""

import logging
import queue
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from sqlalchemy.exc import OperationalError

from gateway.errors import Unavailable
from gateway.store import following
from gateway.store.commits import COMMITS
from gateway.store.database import Database
from gateway.store.following import Listening
from gateway.store.leases import LEASES
from tests.store.stores import Opened
from tests.support.postgresql import administrator

DOMAIN = "gateway.hk.example"


class Ear:
    """What one thread that listens has told."""

    def __init__(self, database: Database) -> None:
        self.told: queue.Queue[tuple[str, int]] = queue.Queue()
        self._folder = str(database.url.query["host"])
        self.listening = Listening(database, DOMAIN, lambda kind, number: self.told.put((kind, number)))

    def say(self, channel: str, payload: str) -> None:
        with administrator(self._folder) as connection:
            connection.execute("SELECT pg_notify(%s, %s)", [channel, payload])

    def hear(self, number: int) -> None:
        """Passes once a number is heard, which is said again and again until then."""
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            self.say(COMMITS, f"{DOMAIN} {number}")
            with suppress(queue.Empty):
                while self.told.get(timeout=0.2) != (COMMITS, number):
                    pass
                return
        raise AssertionError("nothing is heard")

    def lose_connection(self) -> None:
        with administrator(self._folder) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")


@pytest.fixture
def ear(postgresql_hk: Opened) -> Iterator[Ear]:
    made = Ear(postgresql_hk.database)
    made.listening.start()
    yield made
    made.listening.stop()


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.INFO, logger="gateway.store.following")
    return lambda: [record.msg for record in caplog.records if record.name == "gateway.store.following"]


def until(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.02)


async def test_what_is_told_of_this_node_is_heard_and_nothing_else(ear: Ear):
    ear.hear(1)
    for payload in ("gateway.kr.example 2", DOMAIN, *(f"{DOMAIN} {each}" for each in ("", "-2", "9" * 5000, "x"))):
        ear.say(COMMITS, payload)
    ear.say("gateway_others", f"{DOMAIN} 2")
    ear.say(LEASES, f"{DOMAIN} 3")
    heard = set()
    while (told := ear.told.get(timeout=60)) != (LEASES, 3):
        heard.add(told)
    assert heard <= {(COMMITS, 1)}, "which was said until it was heard"


async def test_a_connection_that_is_lost_is_told_once_and_made_again(ear: Ear, said: Callable[[], list[str]]):
    ear.hear(1)
    ear.lose_connection()
    until(lambda: said() == ["listening_failed", "listening_again"])
    ear.hear(2)
    assert said() == ["listening_failed", "listening_again"]
    ear.listening.look()


@pytest.mark.parametrize(
    ("error", "event"),
    [(OperationalError("connect", {}, Exception()), "listening_failed"), (KeyError("a defect"), "listening_broken")],
)
async def test_where_nobody_can_listen_for_long_that_is_told_once_and_is_an_alarm_until_somebody_does(
    postgresql_hk: Opened, said: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch, error: Exception, event: str
):
    ear, tries = Ear(postgresql_hk.database), queue.Queue[None]()

    def fail(_database: Database) -> None:
        tries.put(None)
        raise error

    monkeypatch.setattr(following, "LASTING_SECONDS", 0.0)
    monkeypatch.setattr(following, "LONGEST_WAIT_SECONDS", 0.1)
    with monkeypatch.context() as patch:
        patch.setattr(Database, "writer", fail)
        ear.listening.start()
        for _ in range(3):
            tries.get(timeout=60)
        assert said() == [event]
        with pytest.raises(Unavailable, match="nothing listens for what other replicas commit"):
            ear.listening.look()
        patch.setattr(postgresql_hk.database, "is_away", True)
        ear.listening.look()  # that is told already
    until(lambda: said() == [event, "listening_again"])
    ear.listening.look()
    ear.listening.stop()
