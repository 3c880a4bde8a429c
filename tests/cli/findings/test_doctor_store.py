"""The doctor finds what is wrong with database, clock, disk and channels, and with a node that runs, and what to do."""

import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.cli.doctor import examine
from gateway.cli.findings import doctor_store
from gateway.cli.findings.findings import Finding, Level, Subject
from gateway.home.home import Home
from gateway.home.pairing import import_pairing
from gateway.moments import MICROS
from gateway.store.database import stopped
from gateway.store.opening import add_channels, channel_names
from tests.cli.transcripts import run
from tests.store.stores import Opened
from tests.support.commands import unknown_in
from tests.support.nodes import Site, pair
from tests.support.ports import free_port
from tests.support.small_disk import needs_small_disk, small_disk

GIB = 2**30


class Usage(NamedTuple):
    """As ``shutil`` tells it."""

    total: int
    used: int
    free: int


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Paired with a node that does not run."""
    path = tmp_path_factory.mktemp("doctor")
    hk, kr = Site("HK", path / "hk").found(), Site("KR", path / "kr").found()
    pair(hk, kr)
    return hk


@pytest.fixture
def home(founded: Site, tmp_path: Path) -> Home:
    """A copy, to be spoilt."""
    shutil.copytree(founded.home.path, tmp_path / "home")
    return Home(tmp_path / "home")


def findings(home: Home, about: str, now: datetime | None = None) -> list[Finding]:
    """What is found of one subject; whatever is not well has a remedy, whose commands there are."""
    found = list(examine(Subject(Home(home.path), now or datetime.now(UTC))))
    for each in found:
        assert unknown_in(f"{each.remedy.todo}; {each.remedy.command}") == []
    return [each for each in found if each.about == about]


def change(home: Home, statement: str) -> None:
    with sqlite3.connect(home.path / "node.db") as connection:
        connection.execute(statement)
    connection.close()


# --- the home ---


def test_a_home_that_others_can_read_or_change_is_told(home):
    assert [each.level for each in findings(home, "home")] == [Level.OK]
    home.path.chmod(0o755)
    (open_to_others,) = findings(home, "home")
    assert open_to_others.level is Level.WARN
    assert open_to_others.remedy.command == f"chmod 700 {home.path}"
    home.path.chmod(0o700)
    home.access_file.chmod(0o664)
    (home.peers / "kr.json").chmod(0o646)
    found = findings(home, "home")
    assert [each.said for each in found] == [
        f"{home.access_file} can be changed by others",
        f"{home.peers / 'kr.json'} can be changed by others",
    ]
    assert {each.level for each in found} == {Level.FAIL}


# --- the database -------------------------------------------------------------------------------------------------


def test_a_database_of_another_version_is_told_with_how_to_upgrade_it(home):
    change(home, "UPDATE alembic_version SET version_num = '0003'")
    found = findings(home, "database")
    assert [each.level for each in found] == [Level.OK, Level.FAIL]
    assert found[1].remedy.command == f"gateway upgrade {home.path}"
    (channels,) = findings(home, "channels")  # what else needs the database says the same, and nothing else
    assert (channels.level, channels.remedy) == (Level.FAIL, found[1].remedy)


def test_a_database_that_the_node_was_moved_from_is_told_with_where_to_set_the_new_one(home):
    change(home, "DELETE FROM node")
    found = findings(home, "database")[-1]
    assert found.level is Level.FAIL
    assert "moved from by gateway migrate" in found.said
    assert found.remedy.command == f"$EDITOR {home.path}/config.toml"


def test_who_went_back_to_an_earlier_version_is_told_so(home):
    with closing(sqlite3.connect(home.path / "node.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    for about in ("channels", "files"):
        (found,) = findings(home, about)
        assert "install the version that the node had" in found.remedy.todo
    assert findings(home, "database")[-1].remedy == doctor_store.LATER


def test_a_peer_that_was_paired_since_the_node_started_is_told(home, tmp_path):
    """It refuses that peer, and says nothing of it: nothing else tells its operator what is left to do."""
    with stopped(home.config.database.url, home.path) as database:  # as a start does
        add_channels(database, channel_names(home.parties(datetime.now(UTC))))
    assert {each.level for each in findings(home, "channels")} == {Level.OK}
    document = Site("SG", tmp_path / "sg").found().home.pairing_document(datetime.now(UTC))
    import_pairing(home, document.encode(), document.fingerprint(), datetime.now(UTC))
    (found,) = [each for each in findings(home, "channels") if each.level is not Level.OK]
    assert found.said.startswith("SG was paired, and the node has not been started since")
    assert found.remedy.command == "systemctl restart gateway"


@needs_small_disk
def test_a_disk_that_may_not_be_written_is_told_as_that(home, tmp_path):
    with small_disk(tmp_path / "disk", 16 << 20) as disk:
        there = Home(shutil.copytree(home.path, disk.path / "home"))
        subprocess.run(["mount", "-o", "remount,ro", str(disk.path)], check=True)
        (found,), (_, database) = findings(there, "disk"), findings(there, "database")
    assert (found.level, found.remedy.command) == (Level.FAIL, f"findmnt --target {there.path}")
    assert "the disk be mounted to be written" in database.said


@pytest.mark.parametrize(("free", "level"), [(0.9, Level.FAIL), (9, Level.WARN), (11, Level.OK)])
def test_a_disk_that_is_nearly_full_is_told(home, monkeypatch, free, level):
    usage = Usage(100 * GIB, 0, int(free * GIB))
    monkeypatch.setattr(doctor_store.shutil, "disk_usage", lambda _: usage)
    (found,) = findings(home, "disk")
    assert found.level is level
    assert f"{free:.1f} GiB of 100.0" in found.said
    assert ("never delete node.db-wal" in found.remedy.todo) is (level is not Level.OK)


# --- channels -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "level", "words", "command"),
    [
        ("FORKED", Level.FAIL, "do not restart and do not restore", "gateway check"),
        ("SENDER_ROLLED_BACK", Level.FAIL, "mends itself", "gateway doctor"),
        ("RESTORED", Level.FAIL, "mends itself", "gateway doctor"),
    ],
)
async def test_a_channel_that_has_halted_is_told_with_what_its_reason_asks_for(home, reason, level, words, command):
    await filled(home, datetime.now(UTC))
    change(home, f"UPDATE channels SET halt_reason = '{reason}', halt_detail = 'why' WHERE outgoing AND id > 0")
    out, _ = findings(home, "channels")
    assert (out.level, out.said) == (level, f"hk-to-kr has halted: {reason}: why")
    assert words in out.remedy.todo
    assert out.remedy.command == f"{command} {home.path}"


async def filled(home: Home, at: datetime, receipt_seconds: int | None = None) -> None:
    """Puts a database into the home whose log has two envelopes, sealed at a time; perhaps with a receipt."""
    (home.path / "node.db").unlink()
    start = int(at.timestamp()) * MICROS
    store = Opened.create("HK", "sqlite:///node.db", home.path / "other")
    store.clock = count(start)
    await store.release("hk-1")
    await store.release("hk-2")
    if receipt_seconds is not None:
        await store.keep_receipt(start // MICROS + receipt_seconds)
    await store.close()
    shutil.copy(home.path / "other" / "node.db", home.path)


async def test_what_waits_long_for_a_receipt_is_told_with_since_when(home):
    now = datetime.now(UTC)
    await filled(home, now - timedelta(hours=3, minutes=5))
    out, _ = findings(home, "channels", now)
    assert out.level is Level.FAIL
    assert "hk-to-kr: 2 envelopes wait for receipts, the oldest since" in out.said
    assert "(3 h 5 min)" in out.said


async def test_what_waits_for_a_moment_is_nothing_to_be_told(home):
    now = datetime.now(UTC)
    await filled(home, now - timedelta(minutes=10))
    out, _ = findings(home, "channels", now)
    assert (out.level, out.said) == (Level.OK, "hk-to-kr: 2 envelopes, 0 of them receipted")


# --- the clock ----------------------------------------------------------------------------------------------------


async def test_a_clock_that_is_behind_what_was_sealed_here_is_told(home):
    await filled(home, datetime.now(UTC) + timedelta(hours=1))
    (found,) = findings(home, "clock")
    assert found.level is Level.FAIL
    assert "a checkpoint of hk-to-kr" in found.said
    assert found.remedy.command == "timedatectl status"


@pytest.mark.parametrize(("receipt_seconds", "levels"), [(-90, [Level.OK, Level.WARN]), (3, [Level.OK])])
async def test_clocks_that_contradict_each_other_are_told(home, receipt_seconds, levels):
    await filled(home, datetime.now(UTC) - timedelta(days=1), receipt_seconds)
    found = findings(home, "clock")
    assert [each.level for each in found] == levels
    if len(found) > 1:
        assert found[1].said == "the clock of HK was 90 s ahead of KR's at the last receipt"


# --- trust --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "level", "words"),
    [(2, Level.OK, "lists"), (29.5, Level.WARN, "must be"), (31, Level.WARN, "should have been")],
)
def test_a_list_that_is_due_or_late_is_told(founded, home, days, level, words):
    made = run("certs", "crl", founded.path / "authority", "--days", "30")
    assert made.code == 0, made.text()
    (crl,) = (founded.path / "authority").rglob("*.crl")
    shutil.copy(crl, home.path / "trust" / "client-authority.crl")
    (found,) = findings(home, "revocation", datetime.now(UTC) + timedelta(days=days))
    assert found.level is level
    assert words in found.said
    assert ("gateway certs crl" in found.remedy.command) is (level is not Level.OK)


def test_a_certificate_that_is_revoked_is_told(home):
    home.denied_file.write_text(f"id spiffe://{home.config.node.domain}/node\n")
    found = [each for each in findings(home, "certificates") if "revoked" in each.said]
    assert {each.level for each in found} == {Level.FAIL}
    assert "TLS of this node" in found[0].said


# --- a node that runs ---------------------------------------------------------------------------------------------

WELL = 'gateway_build_info{jurisdiction="HK"} 1\ngateway_writer_queue_weight 5\ngateway_writer_queue_limit 100\n'


@contextmanager
def telling(home: Home, page: str) -> Iterator[None]:
    """Something answers with a page where the home says that its node serves metrics."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        configured(home, server.server_port)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield
        server.shutdown()
        thread.join()


def configured(home: Home, port: int) -> None:
    with home.config_file.open("a") as file:
        file.write(f'\n[metrics]\nlisten = "127.0.0.1:{port}"\n')


def told(home: Home) -> Sequence[tuple[Level, str]]:
    found = [each for about in ("metrics", "alarms", "queue") for each in findings(home, about)]
    return [(each.level, each.about) for each in found]


def test_a_node_without_metrics_is_not_asked(home):
    assert told(home) == [(Level.OK, "metrics")]


def test_a_node_that_does_not_run_has_a_free_port(home):
    configured(home, free_port())
    assert told(home) == []
    (found,) = [each for each in findings(home, "listeners") if each.said.startswith("metrics")]
    assert found.level is Level.OK


def test_a_node_that_is_well_says_so(home):
    with telling(home, WELL):
        assert told(home) == [(Level.OK, "metrics"), (Level.OK, "queue")]


def test_a_full_queue_commits_that_fail_and_alarms_are_told(home):
    page = WELL.replace("weight 5", "weight 90") + (
        "# TYPE gateway_commit_failures_total counter\ngateway_commit_failures_total 3\n"
        'gateway_alarm_raised{about="access.toml"} 1\n'
    )
    with telling(home, page):
        expected = [(Level.OK, "metrics"), (Level.FAIL, "alarms"), (Level.FAIL, "queue"), (Level.WARN, "queue")]
        assert told(home) == expected
        full, failed = findings(home, "queue")
    assert full.said == "90 of 100 places of the writer's queue are taken"
    assert failed.said == "commits that failed since the node began: 3"


def test_a_node_that_cannot_write_now_is_no_good_one(home):
    with telling(home, f"{WELL}gateway_commit_failures_total 3\ngateway_can_write 0\n"):
        (_, failing) = findings(home, "queue")
    assert (failing.level, failing.said) == (Level.FAIL, "the node cannot write: its newest commit failed")


def test_the_page_of_a_node_with_hundreds_of_peers_is_read_whole(home):
    channels = "".join(f'gateway_channel_envelopes{{channel="hk-to-{each}"}} 1\n' for each in range(40_000))
    page = f'{channels}{WELL}gateway_alarm_raised{{about="disk"}} 1\n'
    assert len(page) > 2**20
    with telling(home, page):
        assert told(home) == [(Level.OK, "metrics"), (Level.FAIL, "alarms"), (Level.OK, "queue")]


def test_something_else_on_the_port_of_metrics_is_told(home):
    with telling(home, "<html>"):
        assert told(home) == [(Level.FAIL, "metrics")]
