"""Every test of the store runs on SQLite and on PostgreSQL; each begins with an empty database, and what it leaves
is verified by code that the writer does not share."""

import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.store.engines.postgresql import TIMEOUTS
from tests.store.drafting import Drafting
from tests.store.kept import is_put_back, make_kept
from tests.store.stores import AS_MADE, Opened, check_verified
from tests.support.postgresql import administrator


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest) -> str:
    """The URL of a database without tables."""
    if kind == "sqlite":
        return "sqlite:///node.db"
    return _schema(request.getfixturevalue("postgresql"), f"t{uuid.uuid4().hex}")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def module_url(request: pytest.FixtureRequest) -> str:
    """The URL of a database without tables, for a store that all tests of a module look at."""
    if request.param == "sqlite":
        return "sqlite:///node.db"
    return _schema(request.getfixturevalue("postgresql"), f"m{uuid.uuid4().hex}")


@pytest.fixture
def postgresql_schema(request: pytest.FixtureRequest) -> Callable[[], str]:
    """Makes a schema without tables when it is called: a test that needs none starts no server."""
    return lambda: _schema(request.getfixturevalue("postgresql"), f"t{uuid.uuid4().hex}")


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL ends no transaction of a test that waits for the processor, as it ends those of a paused replica."""
    for name in ("idle_in_transaction_session_timeout", "transaction_timeout"):
        monkeypatch.setitem(TIMEOUTS, name, 60_000)


@pytest.fixture
async def hk(kind: str, tmp_path: Path, unhurried: None, request: pytest.FixtureRequest) -> AsyncIterator[Opened]:
    """Hong Kong's store, open and paired with Korea; verified afterwards, unless a test has damaged it."""
    store = Opened.create("HK", _kept(kind, "hk", request), tmp_path / "hk")
    yield store
    await store.close()
    check_verified(store)


@pytest.fixture
async def postgresql_hk(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Opened]:
    """Hong Kong's store on PostgreSQL, in the same way."""
    store = Opened.create("HK", _kept("postgresql", "hk", request), tmp_path / "hk")
    yield store
    await store.close()
    check_verified(store)


@pytest.fixture
async def kr(kind: str, tmp_path: Path, unhurried: None, request: pytest.FixtureRequest) -> AsyncIterator[Opened]:
    """Korea's store, in the same way."""
    store = Opened.create("KR", _kept(kind, "kr", request), tmp_path / "kr")
    yield store
    await store.close()
    check_verified(store)


@pytest.fixture
async def replicas(postgresql_hk: Opened, tmp_path: Path) -> AsyncIterator[tuple[Opened, Opened]]:
    """Two replicas of Hong Kong's node, each with a home of its own."""
    (tmp_path / "hk-b").mkdir()
    other = Opened.open("HK", postgresql_hk.url, tmp_path / "hk-b")
    yield postgresql_hk, other
    await other.close()


@pytest.fixture
def drafting(hk: Opened) -> Drafting:
    """Officers of Hong Kong's node, who write and release drafts."""
    return Drafting(hk)


def _kept(kind: str, name: str, request: pytest.FixtureRequest) -> str:
    """The URL of a database for ``Opened.create``. Schemas are kept: migrations take longer than most tests."""
    if kind == "sqlite":
        return "sqlite:///node.db"
    folder = request.getfixturevalue("postgresql")
    if not is_put_back(folder, name):
        make_kept(name, _schema(folder, name), folder)
    AS_MADE.add(_url(folder, name))
    return _url(folder, name)


def _schema(folder: str, name: str) -> str:
    """Makes a schema: to a test it is a whole database, and takes a hundredth of the time."""
    with administrator(folder) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")
        connection.execute(f"CREATE SCHEMA {name}")
    return _url(folder, name)


def _url(folder: str, schema: str) -> str:
    return f"postgresql://postgres@/postgres?host={folder}&options=-csearch_path%3D{schema}"
