"""A migration that ends anywhere keeps all rows, and comes to its end the next time."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select

from gateway.store.database import Database, snapshot
from gateway.store.migrating import revision_of
from gateway.store.opening import add_channels, channel_names
from gateway.store.tables import channels, metadata, node
from tests.store.stores import Opened, downgrade
from tests.supervision.framework_samples import provision, version

OLD = "0002"
FILES = ("node.db", "node.db-wal")
ENDS = 5  # places at which a migration on PostgreSQL ends


async def filled(hk: Opened) -> None:
    """With rows that migrations must carry over, in an older form, and no writer."""
    await hk.publish("hk-x", 1, version(provision("a")))
    await hk.release("hk-1", "hk-2")
    await hk.committer.stop()
    downgrade(hk.database, OLD)


def rows(url: str, home: Path) -> dict[str, list[dict[str, Any]]]:
    """Every row that a migration does not make up anew."""
    with snapshot(url, home) as connection:
        found = {
            table.name: [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()]
            for table in metadata.sorted_tables
            if table is not node
        }
    for row in found[channels.name]:
        del row["version"]  # of replicas that run
    return found


def goes_on(hk: Opened) -> None:
    """With the seals with which its channels began, as an upgrade adds them."""
    add_channels(hk.database, channel_names(hk.parties))
    hk.write_on()


@pytest.mark.parametrize("kind", ["sqlite"])
async def test_what_a_kill_leaves_of_a_migration_is_migrated(hk: Opened, tmp_path: Path) -> None:
    await filled(hk)
    left: dict[tuple[bytes, ...], None] = {}

    def keep(*_: object) -> None:
        """What a process that is killed now leaves: its files, as the system has them."""
        paths = [hk.home / name for name in FILES]
        left[tuple(path.read_bytes() if path.exists() else b"" for path in paths)] = None

    event.listen(hk.database._writers, "after_cursor_execute", keep)
    hk.database.migrate()
    event.remove(hk.database._writers, "after_cursor_execute", keep)
    keep()
    wanted = rows(hk.url, hk.home)
    assert len(left) > 1, "nothing was written between the first statement and the last"
    for place, contents in enumerate(left):
        folder = tmp_path / str(place)
        folder.mkdir()
        for name, content in zip(FILES, contents, strict=True):
            (folder / name).write_bytes(content)
        again = Database(hk.url, folder)
        again.migrate()
        again.close()
        assert rows(hk.url, folder) == wanted
    goes_on(hk)


@pytest.mark.parametrize("kind", ["postgresql"])
async def test_a_server_that_loses_who_migrates_changes_nothing(hk: Opened) -> None:
    await filled(hk)
    count = [0]

    class Ended(Exception):
        pass

    def end(*_: object) -> None:
        count[0] += 1
        if count[0] == ends_at:
            raise Ended

    ends_at = 0  # never
    event.listen(hk.database._writers, "after_cursor_execute", end)
    with hk.database.writer() as connection:
        before = sorted(connection.exec_driver_sql("SELECT id FROM notices").scalars())
    hk.database.migrate()
    whole = count[0]
    wanted = rows(hk.url, hk.home)
    downgrade(hk.database, OLD)
    for place in range(1, ENDS + 1):
        count[0], ends_at = 0, whole * place // (ENDS + 1)
        with pytest.raises(Ended):
            hk.database.migrate()
        ends_at = 0
        with hk.database.writer() as connection:
            assert revision_of(connection) == OLD
            assert sorted(connection.exec_driver_sql("SELECT id FROM notices").scalars()) == before
    hk.database.migrate()
    event.remove(hk.database._writers, "after_cursor_execute", end)
    assert rows(hk.url, hk.home) == wanted
    goes_on(hk)
