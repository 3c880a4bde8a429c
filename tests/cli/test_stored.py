"""Evidence and the journal of a node that is gone: ``--stored``, from a backup, or from a home that no node serves."""

import asyncio
import json
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.backups.archive import archive_of
from gateway.store.transaction import Transaction
from gateway.supervision.envelopes import frameworks
from tests.cli.sites import acknowledged_notice, profile_path
from tests.cli.test_backup import refused
from tests.cli.transcripts import run
from tests.store.journaling import entry
from tests.store.stores import Database, downgrade
from tests.supervision.framework_samples import assessment, provision, version
from tests.support.nodes import Site, found_pair, pair
from tests.support.offline import AUTHOR, commit, sealing, writing
from tests.support.postgresql import server

HK_TO_KR = "gateway.hk.example/to/gateway.kr.example"
NOTICE = "hk-cli-stored"


def roots(*sites: Site) -> list[str | Path]:
    return [part for site in sites for part in ("--root", site.home.root("node-authority"))]


@pytest.fixture(scope="module")
def gone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, Site]:
    """Two nodes that were founded, of which Hong Kong's has sealed a notice, and rules; neither runs."""
    hk, kr = found_pair(tmp_path_factory.mktemp("a path with spaces"))
    commit(hk, sealing(HK_TO_KR, NOTICE), _rules)
    return hk, kr


def _rules(tx: Transaction, _: object) -> None:
    tx.seal(HK_TO_KR, AUTHOR, lambda seal: frameworks.published(seal, "hk-rules", 1, 0, version(provision())))
    tx.seal(HK_TO_KR, AUTHOR, lambda seal: frameworks.assessed(seal, "hk-judged", assessment()))


@pytest.fixture(scope="module")
def backup(gone: tuple[Site, Site], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kept") / "backup"
    assert run("backup", gone[0].home.path, folder).code == 0
    return folder


def test_a_backup_gives_the_very_evidence_that_the_node_gave(started_pair, tmp_path):
    hk, kr = started_pair
    acknowledged_notice(hk, kr, NOTICE)
    sfc = profile_path(hk, "SFC")
    assert run("audit", "checkpoint", "--out", tmp_path / "earlier", "--profile", sfc).code == 0
    assert run("backup", hk.home.path, tmp_path / "backup").code == 0
    for act in ("release", "acknowledgement"):
        asked = ("evidence", "export", NOTICE, "--act", act)
        assert run(*asked, "--profile", sfc, "--out", tmp_path / f"{act}.node").code == 0
        ran = run(*asked, "--stored", tmp_path / "backup", "--out", tmp_path / f"{act}.stored")
        assert ran.text() == f"{tmp_path / act}.stored is written"
        assert (tmp_path / f"{act}.stored").read_bytes() == (tmp_path / f"{act}.node").read_bytes()

    ran = run("audit", "export", "--stored", tmp_path / "backup", "--out", tmp_path / "journal")
    assert ran.code == 0, ran.text()
    verified = run("audit", "verify", tmp_path / "journal", *roots(hk), "--earlier", tmp_path / "earlier")
    assert verified.code == 0, verified.text()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("hk-rules/versions/1", "the version 1 of frameworks/hk-rules"),
        ("assessments/hk-judged", "the publication of assessments/hk-judged"),
    ],
)
def test_what_no_notice_is_has_its_evidence_there_too(gone, backup, tmp_path, name, told):
    ran = run("evidence", "export", name, "--stored", backup, "--out", tmp_path / "file")
    assert ran.code == 0, ran.text()
    verified = run("evidence", "verify", tmp_path / "file", *roots(*gone))
    assert f"sealed {told}" in verified.out, verified.text()


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["export", "hk-none"], "there is no notice hk-none"),
        (["export", "hk-none/versions/1"], "there is no version 1 of hk-none"),
        (["export", "assessments/hk-none"], "there is no assessment hk-none"),
        (["export", "assessments/zz-1"], "there is no assessment zz-1"),
        (["export", f"{NOTICE}/consents/5c0e9a41"], f"there is no consent notices/{NOTICE}/consents/5c0e9a41"),
        (["export", f"{NOTICE}/shares/5c0e9a41"], f"there is no share notices/{NOTICE}/shares/5c0e9a41"),
        (["fork", "hk-to-zz"], "there is no channel hk-to-zz"),
        (["fork", "kr-to-hk"], "nobody is known to have signed two histories"),
    ],
)
def test_what_is_not_in_it_is_told_by_its_name(backup, asked, told):
    refused(run("evidence", *asked, "--stored", backup), 2, told)


def test_a_home_without_its_keys_gives_evidence_and_stays_as_it_is(gone, tmp_path):
    hk, kr = gone
    home = shutil.copytree(hk.home.path, tmp_path / "home", ignore=shutil.ignore_patterns("*.key", "lock"))
    before = contents(home)
    ran = run("evidence", "export", NOTICE, "--stored", home, "--out", tmp_path / "file")
    assert "There is no receipt yet" in ran.out, ran.text()
    verified = run("evidence", "verify", tmp_path / "file", *roots(hk, kr))
    assert "The sending alone is proven" in verified.out, verified.text()
    assert contents(home) == before


def contents(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def test_a_backup_is_read_where_nobody_may_write(backup):
    with archive_of(backup, datetime.now(UTC)) as archive:
        archive.get_evidence(NOTICE)
        assert {each.name for each in backup.iterdir()} == {"home", "manifest.json", "node.db"}


def test_a_backup_of_an_earlier_version_is_read_and_stays_as_it_is(backup, gone, tmp_path, monkeypatch):
    old = shutil.copytree(backup, tmp_path / "old")
    database = Database("sqlite:///node.db", old)
    downgrade(database, "0022")
    database.close()
    (old / "lock").unlink()
    manifest = json.loads((old / "manifest.json").read_text())
    manifest["files"]["node.db"] = sha256((old / "node.db").read_bytes()).hexdigest()
    (old / "manifest.json").write_text(json.dumps(manifest))
    before = contents(old)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))

    ran = run("evidence", "export", NOTICE, "--stored", old, "--out", tmp_path / "file")
    assert ran.code == 0, ran.text()
    assert run("evidence", "verify", tmp_path / "file", *roots(*gone)).code == 0
    assert contents(old) == before
    assert not list((tmp_path / "temporary").iterdir()), "a copy of all content is left"


def test_a_backup_that_was_altered_gives_none(backup, tmp_path):
    altered = shutil.copytree(backup, tmp_path / "altered")
    data = bytearray((altered / "node.db").read_bytes())
    data[len(data) // 2] ^= 1
    (altered / "node.db").write_bytes(data)
    ran = run("evidence", "export", NOTICE, "--stored", altered, "--out", tmp_path / "file")
    refused(ran, 1, "node.db is not the file that was written")
    assert not (tmp_path / "file").exists()


def test_what_is_no_backup_and_no_home_is_told_as_that(tmp_path):
    refused(run("audit", "export", "--stored", tmp_path, "--out", tmp_path / "file"), 2, "or a node's home")
    refused(run("evidence", "export", NOTICE), 2, "is required, or --stored")


def test_the_journal_of_a_node_that_was_killed_ends_where_it_was_signed_and_that_is_told(tmp_path):
    hk, _ = found_pair(tmp_path)
    asyncio.run(_journaled(hk))
    asked = ("--stored", hk.home.path, "--out")
    ran = run("audit", "export", *asked, tmp_path / "journal")
    assert (ran.code, "the newest 1 entries are not in it" in ran.err) == (0, True), ran.text()
    assert "PROVEN: entries 0 to 0" in run("audit", "verify", tmp_path / "journal", *roots(hk)).out
    assert "a checkpoint of 1 entries" in run("audit", "checkpoint", *asked, tmp_path / "checkpoint").out


async def _journaled(site: Site) -> None:
    """Has two entries written within one second, of which the journal is signed once."""
    async with writing(site, lambda: 1_900_000_000_000_000) as committer:
        await committer.journal(entry(1))
        await committer.journal(entry(2))


@pytest.fixture(scope="module")
def on_postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("served")
    with server(tmp_path_factory.getbasetemp().parent) as running:
        hk, kr = Site("HK", folder / "hk").found(running.new_schema()), Site("KR", folder / "kr").found()
        pair(hk, kr)
        commit(hk, sealing(HK_TO_KR, NOTICE))
        yield hk


def test_so_it_is_with_a_node_on_postgresql(on_postgresql, tmp_path):
    home = on_postgresql.home.path
    assert run("backup", home, tmp_path / "backup").code == 0
    for name, folder in (("backup", tmp_path / "backup"), ("home", home)):
        ran = run("evidence", "export", NOTICE, "--stored", folder, "--out", tmp_path / f"{name}.file")
        assert ran.code == 0, ran.text()
    assert (tmp_path / "backup.file").read_bytes() == (tmp_path / "home.file").read_bytes()
