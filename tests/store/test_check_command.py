"""``gateway check`` and ``gateway rebuild``, on the homes of a pair."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from gateway.cli.app import app
from gateway.errors import StoreError
from gateway.moments import MICROS
from gateway.store.commits import Commit
from gateway.store.database import Database
from gateway.store.recovery.high_water import HighWater
from tests.store.journaling import entry
from tests.store.stores import downgrade
from tests.supervision.samples import content
from tests.support.nodes import Site, found_pair
from tests.support.offline import give, writing


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Hong Kong's node, founded, paired and stopped, with three notices."""
    hk, _ = found_pair(tmp_path_factory.mktemp("a path with spaces"))
    give(hk, "KR", {f"hk-{n}": content() for n in range(3)})
    return hk


def _open(site: Site) -> Database:
    return Database(site.home.config.database.url, site.home.path)


def run(command: str, home: Path, *options: str) -> Result:
    return CliRunner().invoke(app, [command, str(home), *options])


def test_a_store_that_verifies_is_told_with_what_was_verified(site):
    result = run("check", site.home.path)
    assert result.exit_code == 0, result.output
    assert result.output.endswith("everything verifies\n")
    assert "3: every hash, stored subtree and root" in result.output


def test_the_report_is_there_for_programs(site):
    result = run("check", site.home.path, "--json")
    report = json.loads(result.output)
    assert result.exit_code == 0
    assert report["findings"] == []
    assert report["rows"]["notices"] == 3
    assert [channel["envelopes"] for channel in report["channels"]] == [3, 0]


def test_it_works_beside_a_node_and_rebuilding_does_not(site):
    node = _open(site)
    try:
        assert run("check", site.home.path).exit_code == 0
        assert isinstance(run("rebuild", site.home.path).exception, StoreError)
    finally:
        node.close()


def test_what_does_not_fit_is_named_ends_with_1_and_is_mended_by_a_rebuild(site):
    database = _open(site)
    with database.writer() as connection, connection.begin():
        connection.execute(text("UPDATE notices SET tlp = 1, urgency = 9 WHERE id = 'hk-1'"))
    database.close()
    result = run("check", site.home.path)
    assert result.exit_code == 1
    assert "WRONG  notices hk-1: has tlp 1; expected 3" in result.output
    assert result.output.endswith("2 things do not fit\n")
    assert len(json.loads(run("check", site.home.path, "--json").output)["findings"]) == 2
    rebuilt = run("rebuild", site.home.path)
    assert (rebuilt.exit_code, rebuilt.output) == (0, "rebuilt 3 notices, and told 0 events that were owed\n")
    assert run("check", site.home.path).exit_code == 0


def test_an_upgraded_store_is_whole_before_its_node_starts(site):
    """Also the seals with which its channels began, which no table had before."""
    database = _open(site)
    downgrade(database, "0007")
    database.close()
    upgraded = run("upgrade", site.home.path)
    assert upgraded.exit_code == 0, upgraded.output
    for command in ("check", "rebuild", "check"):
        result = run(command, site.home.path)
        assert result.exit_code == 0, result.output


def test_a_store_without_its_seals_says_what_to_do(site):
    database = _open(site)
    with database.writer() as connection, connection.begin():
        connection.execute(text("DELETE FROM seals"))
    database.close()
    assert "run gateway upgrade" in str(run("rebuild", site.home.path).exception)
    assert run("upgrade", site.home.path).exit_code == 0
    assert run("check", site.home.path).exit_code == 0


def test_a_home_without_its_database_is_told(site, tmp_path):
    lost = site.home.path / "node.db"
    lost.rename(tmp_path / "node.db")
    try:
        result = run("check", site.home.path)
        assert "gateway restore" in str(result.exception)
    finally:
        (tmp_path / "node.db").rename(lost)


def test_a_database_that_was_put_back_is_told_before_its_node_starts(site, tmp_path):
    """All of it verifies: it is what it was when the copy was made."""
    file, mark = site.home.path / "node.db", site.home.high_water
    copy = file.read_bytes()

    async def journal() -> Commit:
        async with writing(site) as committer:
            await committer.journal(entry())
            return committer.latest()

    mark.write_bytes(HighWater.of(asyncio.run(journal())).encode())
    assert run("check", site.home.path).exit_code == 0
    later = file.read_bytes()
    for each in file.parent.glob("node.db*"):
        each.unlink()
    file.write_bytes(copy)
    result = run("check", site.home.path)
    assert result.exit_code == 1
    assert f"LOST  {site.domain}/journal has " in result.output
    assert result.output.endswith("the database was put back to an earlier copy, or has lost commits\n")
    assert json.loads(run("check", site.home.path, "--json").output)["lost"]
    file.write_bytes(later)
    for unread in (b"{", b"[]"):
        mark.write_bytes(unread)
        result = run("check", site.home.path)
        assert result.exit_code == 6
        assert "NOT PROVEN  whether the database was put back: " in result.output
    mark.unlink()
    assert run("check", site.home.path).exit_code == 0


def test_of_a_seal_that_has_ended_all_is_checked_that_it_signed_and_what_it_could_not_is_told(site, monkeypatch):
    """The last of these tests: what it leaves behind stays unsigned."""
    ended = site.home.seals.in_force.certified().not_after + 60

    async def journal() -> None:
        async with writing(site, lambda: ended * MICROS) as committer:
            await committer.journal(entry(), entry())

    asyncio.run(journal())
    monkeypatch.setattr("gateway.cli.check.now", lambda: datetime.fromtimestamp(ended, UTC))
    result = run("check", site.home.path)
    assert result.exit_code == 6, result.output
    assert "NOT PROVEN  the newest 2 entries of the journal: not signed by the seal yet" in result.output
    assert result.output.endswith("everything else verifies\n")
    assert "3: every hash, stored subtree and root" in result.output
    assert json.loads(run("check", site.home.path, "--json").output)["journal"]["waiting"] == 2
