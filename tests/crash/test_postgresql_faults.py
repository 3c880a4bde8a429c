"""A node on PostgreSQL, under load, that is killed, or whose server ends or stands still: nothing answered is lost."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.crash.killing import Load, kill_at_random, under_load
from tests.support.invariants import Witness
from tests.support.long_form import long_form
from tests.support.nodes import Site, eventually, pair, running
from tests.support.postgresql import Server, administrator

STANDSTILL_SECONDS = 4.0  # longer than a lease lasts


@dataclass
class Faulty:
    """Hong Kong on a PostgreSQL server, Korea on SQLite; and all that was answered."""

    hk: Site
    kr: Site
    database: Server
    answered: dict[str, list[str]] = field(default_factory=lambda: {"HK": [], "KR": []})

    def __post_init__(self) -> None:
        self.witness = Witness(self.hk, self.kr)

    def settle(self, loads: list[Load]) -> None:
        for load in loads:
            self.answered[load.site.jurisdiction] += load.answered
        self.witness.settle(self.answered)


@pytest.fixture(scope="module")
def faulty(postgresql: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    folder = tmp_path_factory.mktemp("faulty")
    hk, kr = Site("HK", folder / "hk").found(postgresql.new_schema()), Site("KR", folder / "kr").found()
    pair(hk, kr)
    with running(hk, kr):
        yield Faulty(hk, kr, postgresql)


def go_on(loads: list[Load]) -> None:
    """Waits until every back office has had answers since now."""
    before = [len(load.answered) for load in loads]
    eventually(lambda: all(len(load.answered) > n + 1 for load, n in zip(loads, before, strict=True)), 90)


def send_all(database: Server, number: int) -> None:
    """Signals the server's every process."""
    main = database.process.get_pid()
    children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
    for pid in (main, *map(int, children)):
        os.kill(pid, number)


def test_kills_of_either_node_lose_and_double_nothing(faulty: Faulty) -> None:
    with under_load(faulty.hk, faulty.kr) as loads:
        kill_at_random(faulty.hk, faulty.kr, loads, kills=3, seed=7)
    faulty.settle(loads)


def test_a_server_that_crashes_and_comes_back_ends_no_node_and_loses_nothing(faulty: Faulty) -> None:
    before = faulty.hk.pid
    with under_load(faulty.hk, faulty.kr) as loads:
        go_on(loads)
        faulty.database.stop("immediate")
        eventually(lambda: "database_away" in faulty.hk.log_text())
        faulty.database.start()
        go_on(loads)
    faulty.settle(loads)
    assert faulty.hk.pid == before
    assert faulty.hk.process.poll() is None


def test_a_server_that_stands_still_and_wakes_loses_nothing(faulty: Faulty) -> None:
    with under_load(faulty.hk, faulty.kr) as loads:
        go_on(loads)
        send_all(faulty.database, signal.SIGSTOP)
        time.sleep(STANDSTILL_SECONDS)  # that nothing is answered meanwhile is how long it stands still
        send_all(faulty.database, signal.SIGCONT)
        go_on(loads)
    faulty.settle(loads)


def test_a_server_that_takes_no_writes_for_a_while_is_waited_for(faulty: Faulty) -> None:
    """As a standby that is to be promoted yet."""
    before = faulty.hk.pid
    with under_load(faulty.hk, faulty.kr) as loads:
        go_on(loads)
        take_writes(faulty.database, are_taken=False)
        eventually(lambda: 'commit_failed error="InternalError(25006)"' in faulty.hk.log_text())
        take_writes(faulty.database, are_taken=True)
        go_on(loads)
    faulty.settle(loads)
    assert faulty.hk.pid == before


def take_writes(database: Server, *, are_taken: bool) -> None:
    with administrator(database.folder) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {'off' if are_taken else 'on'}")
        connection.execute("SELECT pg_reload_conf()")


def test_nodes_that_stand_still_and_wake_lose_nothing(faulty: Faulty) -> None:
    """Nobody took their place: they go on."""
    with under_load(faulty.hk, faulty.kr) as loads:
        go_on(loads)
        for site in (faulty.hk, faulty.kr):
            os.kill(site.pid, signal.SIGSTOP)
        time.sleep(STANDSTILL_SECONDS)
        for site in (faulty.hk, faulty.kr):
            os.kill(site.pid, signal.SIGCONT)
        go_on(loads)
    faulty.settle(loads)


@long_form
@pytest.mark.timeout(7200)
def test_many_kills_and_crashes_of_the_server_lose_and_double_nothing(faulty: Faulty) -> None:
    kills, seed = int(os.environ["GATEWAY_KILLS"]), int(os.environ.get("GATEWAY_SEED", "1"))
    with under_load(faulty.hk, faulty.kr) as loads:
        for turn in range(max(1, kills // 10)):
            kill_at_random(faulty.hk, faulty.kr, loads, kills=9, seed=seed + turn)
            faulty.database.stop("immediate")
            faulty.database.start()
            go_on(loads)
    faulty.settle(loads)
