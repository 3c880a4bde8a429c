"""How a node's database is made: by two at once, and by one that is cut short."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import StoreError
from gateway.store import database as databases
from gateway.store.database import Database
from gateway.store.migrating import upgrade
from gateway.store.opening import create, owner_of
from tests.store.stores import DOMAINS
from tests.support.faulty import COMMIT, Fault, Killed, faulty
from tests.support.nodes import eventually, lay_tables
from tests.support.postgresql import administrator

AT_ONCE = 2
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


def made(url: str, home: Path, jurisdiction: str = "HK") -> str:
    """Makes it, as ``gateway init`` does; gives whose it is."""
    home.mkdir(exist_ok=True)
    database = Database(url, home)
    try:
        create(database, jurisdiction, DOMAINS[jurisdiction], bytes(32))
    finally:
        database.close()
    (owner,) = owner_of(url, home)
    return str(owner["domain"])


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.KILLED, Fault.KILLED_AFTER])
def test_one_that_was_cut_short_is_made_by_the_next_try(tmp_path: Path, fault: Fault) -> None:
    home = tmp_path / "first"
    lay_tables(home, "sqlite:///node.db")
    with faulty() as steps:
        made("sqlite:///node.db", home)
    begun = next(place for place, step in enumerate(steps.taken) if step.startswith("INSERT INTO channels"))
    for place in range(begun, steps.taken.index(COMMIT, begun) + 1):
        home = tmp_path / f"{place}"
        lay_tables(home, "sqlite:///node.db")
        with faulty() as steps, suppress(Killed, SQLAlchemyError):
            steps.arm(place, fault)
            made("sqlite:///node.db", home)
        assert steps.happened
        assert made("sqlite:///node.db", home) == DOMAINS["HK"]


def test_what_a_cut_short_copy_left_is_no_new_node(tmp_path: Path) -> None:
    made("sqlite:///node.db", tmp_path / "node")
    database = Database("sqlite:///node.db", tmp_path / "node")
    with database.writer() as connection, connection.begin():
        connection.exec_driver_sql("DELETE FROM node")
    database.close()
    with pytest.raises(StoreError, match="nobody's, and not empty"):
        made("sqlite:///node.db", tmp_path / "node")


@pytest.fixture
def upgrades(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[list[str], threading.Event, threading.Event]]:
    """What migrates; the first of them says so, and waits."""
    begun, reached, goes_on = list[str](), threading.Event(), threading.Event()

    def slow(connection: object) -> None:
        begun.append(threading.current_thread().name)
        reached.set()
        assert goes_on.wait(60)
        upgrade(connection)  # type: ignore[arg-type]

    monkeypatch.setattr(databases, "upgrade", slow)
    yield begun, reached, goes_on
    goes_on.set()


@pytest.mark.parametrize("others", ["HK", "KR"])
def test_two_that_make_tables_in_one_empty_schema_take_turns(
    postgresql: str, postgresql_schema, tmp_path: Path, upgrades, others: str
) -> None:
    begun, reached, goes_on = upgrades
    url = postgresql_schema()
    with ThreadPoolExecutor(AT_ONCE) as pool, administrator(postgresql) as connection:
        one = pool.submit(made, url, tmp_path / "one")
        assert reached.wait(60)
        other = pool.submit(made, url, tmp_path / "other", others)
        eventually(lambda: connection.execute(WAITING).fetchone() == (1,))
        goes_on.set()
        refusals = [error for error in (one.exception(), other.exception()) if error]
    assert len(begun) == 1
    assert len(refusals) == (others != "HK"), "of two nodes, whichever comes second is refused"
    assert all(isinstance(each, StoreError) and "check database.url" in each.message for each in refusals)
    assert len(owner_of(url, tmp_path / "one")) == 1
