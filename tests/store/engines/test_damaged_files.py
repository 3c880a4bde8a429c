"""Bits of a SQLite database that turn: whatever they change, a check finds it, and tells it without a traceback."""

import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pysqlite3.dbapi2 as sqlite
import pytest

from gateway.errors import StoreError
from tests.store.stores import Opened

PAGE_BYTES = 4096
TURNS = 40
INDEX_PAGES = (0x02, 0x0A)  # the first byte of a page (SQLite, "Database File Format", section 1.6)

pytestmark = pytest.mark.parametrize("kind", ["sqlite"])


@pytest.fixture
async def file(hk: Opened) -> AsyncIterator[Path]:
    """The database of a node that is stopped, with all of it in one file."""
    await hk.release(*(f"hk-{n}" for n in range(20)))
    await hk.keep_receipt()
    await hk.release("hk-20")
    await hk.committer.stop()
    with hk.database.writer() as connection:
        assert hk.database.scrub(connection)
    yield hk.home / "node.db"
    hk.write_on()


def turned(file: Path, places: Iterator[int]) -> Iterator[int]:
    """The file with one bit turned, again and again; whole in the end."""
    whole, chance = file.read_bytes(), random.Random(1)
    for place in places:
        data = bytearray(whole)
        data[place] ^= 1 << chance.randrange(8)
        file.write_bytes(data)
        yield place
    file.write_bytes(whole)


def is_found(store: Opened) -> bool:
    try:
        return bool(store.verify().findings)
    except StoreError:  # it cannot be read at all
        return True


def content_of(file: Path) -> list[list[str]] | None:
    """Every row, read without any index; None: it cannot be read."""
    connection = sqlite.connect(f"file:{file}?mode=ro", uri=True)
    try:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")]
        return [sorted(map(repr, connection.execute(f'SELECT * FROM "{name}" NOT INDEXED'))) for name in names]
    except (sqlite.DatabaseError, UnicodeDecodeError):  # the latter of the name of a table
        return None
    finally:
        connection.close()


def test_a_bit_that_changes_any_row_is_found(hk: Opened, file: Path) -> None:
    whole, chance = content_of(file), random.Random(2)
    places = (chance.randrange(file.stat().st_size) for _ in range(TURNS))
    changed = [place for place in turned(file, places) if content_of(file) != whole and not is_found(hk)]
    assert changed == []
    assert not is_found(hk), "whole again"


def test_a_bit_of_an_index_by_which_rows_are_found_is_found(hk: Opened, file: Path) -> None:
    places = list(index_cells(file.read_bytes()))
    assert len(places) > TURNS
    missed = [place for place in turned(file, iter(random.Random(3).sample(places, TURNS))) if not is_found(hk)]
    assert missed == []


def index_cells(data: bytes) -> Iterator[int]:
    """Where the cells of index pages have their first value, after the length and the header."""
    for start in range(PAGE_BYTES, len(data), PAGE_BYTES):
        page = data[start : start + PAGE_BYTES]
        if page[0] in INDEX_PAGES:
            pointers = 12 if page[0] == INDEX_PAGES[0] else 8
            for cell in range(int.from_bytes(page[3:5])):
                at = int.from_bytes(page[pointers + 2 * cell :][:2])
                yield start + at + (4 if page[0] == INDEX_PAGES[0] else 0) + 4


def test_a_file_that_is_cut_short_is_found_or_not_even_opened(hk: Opened, file: Path) -> None:
    whole = file.read_bytes()
    for share in (0.2, 0.5, 0.9):
        file.write_bytes(whole[: int(len(whole) * share) // PAGE_BYTES * PAGE_BYTES])
        assert is_found(hk)
    file.write_bytes(whole)
