"""A node that starts on a SQLite file with a damaged page, wherever it is: it refuses, or what it seals is true."""

import random
from collections.abc import Iterator
from pathlib import Path

import pysqlite3.dbapi2 as sqlite
import pytest

from gateway.errors import GatewayError
from gateway.store.commits import read_commit
from gateway.store.database import Database
from gateway.store.engines.failing import being_opened
from gateway.store.opening import check_channels, check_journal
from tests.ledger.oracle import mth
from tests.store.stores import HK_TO_KR, Opened, parties_of

URL = "sqlite:///node.db"
PAGE_BYTES = 4096
NOTICES = 12
PAGES = 18  # that are damaged, one at a time


def leaves(file: Path) -> list[bytes]:
    connection = sqlite.connect(f"file:{file}?mode=ro", uri=True)
    try:
        query = 'SELECT data FROM leaves JOIN channels ON id = channel WHERE origin = ? ORDER BY "index"'
        return [bytes(data) for (data,) in connection.execute(query, (HK_TO_KR,))]
    finally:
        connection.close()


@pytest.fixture
async def whole(tmp_path: Path) -> Path:
    """The file of a node that was stopped."""
    hk = Opened.create("HK", URL, tmp_path / "hk")
    for number in range(NOTICES):
        await hk.release(f"hk-{number}")
    await hk.keep_receipt()
    await hk.close()
    return hk.home / "node.db"


async def sealed_on(home: Path) -> tuple[bytes, bytes] | None:
    """Starts on a file, and seals one more; gives that, and the root that it signed for all; None: it refused.

    Whatever else is raised is a defect.
    """
    try:
        with being_opened(home):
            check(home)
        hk = Opened.open("HK", URL, home)
    except GatewayError:
        return None
    try:
        (sealed,) = await hk.release("hk-after")
        head = hk.state().head
    except GatewayError:
        return None
    finally:
        await hk.close()
    assert head is not None
    assert head.checkpoint.size == NOTICES + 1
    return sealed.envelope.SerializeToString(deterministic=True), head.checkpoint.root


def check(home: Path) -> None:
    """What a node looks at before it serves."""
    database, parties = Database(URL, home), parties_of("HK")
    try:
        check_journal(database, parties.own_seals)
        check_channels(database, parties)
        with database.readers.connect() as connection:
            read_commit(connection)
    finally:
        database.close()


def damaged(data: bytes, chance: random.Random) -> Iterator[bytes]:
    """The file with one of some pages damaged, each time another one: a bit of its header, and one elsewhere."""
    for start in sorted({0, *chance.sample(range(0, len(data), PAGE_BYTES), PAGES)}):
        found = bytearray(data)
        for place in (start + (100 if start == 0 else 0), start + chance.randrange(PAGE_BYTES)):
            found[place] ^= 1 << chance.randrange(8)
        yield bytes(found)


async def test_what_is_sealed_on_a_damaged_file_goes_on_from_what_was_sealed(whole: Path, tmp_path: Path) -> None:
    before = leaves(whole)
    outcomes = []
    for page, data in enumerate(copies(whole)):
        home = tmp_path / f"page {page}"
        home.mkdir()
        put(home, data)
        sealed = await sealed_on(home)
        outcomes.append(sealed is not None)
        if sealed:
            assert sealed[1] == mth([*before, sealed[0]]), f"page {page}: another history is sealed"
    assert set(outcomes) == {True, False}, "pages that nothing reads are no reason to stop"


def copies(whole: Path) -> list[bytes]:
    return list(damaged(whole.read_bytes(), random.Random(4)))


def put(home: Path, data: bytes) -> None:
    (home / "node.db").write_bytes(data)
