"""A whole store is copied, from each kind of database to each, and the copy is the same or nobody's."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway.errors import AlreadyExists, StoreError
from gateway.ledger.steps import FORKED, RESTORED, Halt
from gateway.store import scanning
from gateway.store.database import Database, snapshot
from gateway.store.opening import check_owner, disown
from gateway.store.recovery.awaiting import await_peers
from gateway.store.recovery.copying import copy_store
from gateway.store.reverify import verify_store
from gateway.store.state import read_channels
from gateway.store.tables import channels, metadata, node
from tests.store.exchanging import exchange
from tests.store.stores import DOMAINS, HK_TO_KR, NOW, RANDOM, Opened, keyring
from tests.supervision.framework_samples import version


@pytest.fixture
async def filled(hk: Opened, kr: Opened) -> Opened:
    """Hong Kong's store, with something of everything."""
    await hk.release(*(f"hk-{n}" for n in range(20)))
    await hk.publish("hk-stablecoins", 1, version())
    await kr.release("kr-1")
    for one, other in ((hk, kr), (kr, hk)):
        await exchange(one, other)
    await hk.acknowledge("kr-1")
    return hk


@pytest.fixture
def target(tmp_path: Path) -> tuple[str, Path]:
    (tmp_path / "target").mkdir()
    return "sqlite:///copy.db", tmp_path / "target"


@pytest.fixture(params=["to-sqlite", "to-postgresql"])
def either(request: pytest.FixtureRequest, target: tuple[str, Path], postgresql_schema) -> tuple[str, Path]:
    return target if request.param == "to-sqlite" else (postgresql_schema(), target[1])


def copied(source: Opened, target: tuple[str, Path], token_key: bytes | None = None) -> int:
    database = Database(*target)
    try:
        with snapshot(source.url, source.home) as connection:
            return copy_store(connection, database, token_key)
    finally:
        database.close()


def rows_of(url: str, home: Path) -> dict[str, list[tuple[object, ...]]]:
    with snapshot(url, home) as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in metadata.sorted_tables
        }


async def test_a_copy_has_every_row_and_verifies(filled, either, monkeypatch):
    monkeypatch.setattr(scanning, "PAGE_ROWS", 7)
    count = copied(filled, either)
    assert rows_of(*either) == rows_of(filled.url, filled.home)
    assert count == sum(map(len, rows_of(*either).values()))
    with snapshot(*either) as connection:
        assert verify_store(connection, filled.parties).findings == ()


async def test_a_copy_is_one_snapshot_though_the_node_goes_on(filled, target):
    database = Database(*target)
    with snapshot(filled.url, filled.home) as connection:
        connection.execute(select(node)).all()  # it begins with what is read first
        await filled.release("hk-later")
        copy_store(connection, database)
    database.close()
    with snapshot(*target) as connection:
        assert read_channels(connection)[HK_TO_KR].log.size == filled.state().log.size - 1
        assert verify_store(connection, filled.parties).findings == ()


async def test_a_copy_may_have_a_key_of_its_own_for_tokens(filled, target):
    copied(filled, target, b"k" * 32)
    with snapshot(*target) as connection:
        assert connection.execute(select(node.c.token_key)).scalar_one() == b"k" * 32


async def test_nothing_is_copied_over_what_is_there(filled, target):
    copied(filled, target)
    with pytest.raises(AlreadyExists, match="must be empty"):
        copied(filled, target)


async def test_a_copy_that_was_cut_short_is_nobodys(filled, target, monkeypatch):
    from gateway.store.recovery import copying

    real, done = copying.pages, []

    def cut(*arguments, **bounds):
        if len(done) == 5:
            raise KeyboardInterrupt
        done.append(arguments)
        return real(*arguments, **bounds)

    monkeypatch.setattr(copying, "pages", cut)
    with pytest.raises(KeyboardInterrupt):
        copied(filled, target)
    with snapshot(*target) as connection, pytest.raises(StoreError, match="not that of"):
        check_owner(connection, "HK", DOMAINS["HK"])


async def test_a_database_that_was_moved_from_is_nobodys(filled, target):
    copied(filled, target)
    database = Database(*target)
    disown(*target)
    with database.readers.connect() as connection, pytest.raises(StoreError, match="moved from by gateway migrate"):
        check_owner(connection, "HK", DOMAINS["HK"])
    database.close()


# --- what waits for its peer ------------------------------------------------------------------------------------------


async def waiting(target: tuple[str, Path], detail: str = "restored") -> None:
    database = Database(*target)
    try:
        await asyncio.to_thread(
            await_peers,
            database,
            keyring("HK"),
            detail,
            act="gateway restore",
            clock=lambda: NOW,
            random=RANDOM.randbytes,
        )
    finally:
        database.close()


async def test_every_channel_of_ours_waits_and_it_is_told_once(filled, target):
    copied(filled, target)
    await waiting(target)
    await waiting(target, "restored again")
    with snapshot(*target) as connection:
        halts = {row.outgoing: row.halt_reason for row in connection.execute(select(channels).where(channels.c.id > 0))}
        assert halts == {True: RESTORED, False: ""}
        assert verify_store(connection, filled.parties).findings == ()


async def test_a_forked_channel_stays_forked(filled, target):
    head = filled.state().head.note
    await filled.committer.submit(lambda tx: tx.halt(HK_TO_KR, Halt(FORKED, "two histories", (head, head))))
    copied(filled, target)
    await waiting(target)
    with snapshot(*target) as connection:
        assert read_channels(connection)[HK_TO_KR].halt.reason == FORKED
