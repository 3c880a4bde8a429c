"""``gateway backup``, ``restore`` and ``migrate``, as an operator uses them, also wrongly."""

import json
import os
import shutil
import stat
from pathlib import Path

import pytest

from gateway.backups import making, moving, restoring
from gateway.errors import Corrupt, StoreError
from gateway.home.home import Home
from gateway.ledger.steps import RESTORED
from gateway.store.database import snapshot
from gateway.store.recovery.high_water import HighWater
from gateway.store.state import read_channels
from tests.cli.transcripts import Ran, run
from tests.support.nodes import Site, found_pair
from tests.support.offline import commit, sealing
from tests.support.postgresql import Server
from tests.support.small_disk import needs_small_disk, small_disk


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, Site]:
    return found_pair(tmp_path_factory.mktemp("a path with spaces"))


@pytest.fixture(scope="module")
def backup(pair: tuple[Site, Site], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kept") / "backup"
    assert run("backup", pair[0].home.path, folder).code == 0
    return folder


@pytest.fixture
def home(pair: tuple[Site, Site], tmp_path: Path) -> Path:
    """A home with its keys, and nothing else."""
    shutil.copytree(pair[0].home.path / "keys", tmp_path / "home" / "keys")
    return tmp_path / "home"


def refused(ran: Ran, code: int, told: str) -> None:
    assert ran.code == code, ran.text()
    assert told in ran.err


def test_a_backup_names_all_that_is_in_it_and_holds_no_key(pair, backup):
    manifest = json.loads((backup / "manifest.json").read_text())
    assert (manifest["schema"], manifest["domain"], manifest["has_keys"]) == ("backup/1", pair[0].domain, False)
    inside = {str(path.relative_to(backup)) for path in backup.rglob("*") if path.is_file()}
    assert inside == {*manifest["files"], "manifest.json"}
    assert {"node.db", "home/config.toml", "home/peers/kr.json", "home/keys/node.crt"} <= inside
    assert not [name for name in inside if name.endswith((".key", "-wal", "-shm", "lock"))]
    assert stat.S_IMODE(backup.stat().st_mode) == 0o700


def test_what_is_in_it_waits_for_its_peers_whoever_puts_that_in_place(tmp_path):
    """Also without ``gateway restore``, in a home that knows nothing of what was sealed since."""
    hk, _ = found_pair(tmp_path)
    commit(hk, sealing("gateway.hk.example/to/gateway.kr.example", "hk-1"))
    assert run("backup", hk.home.path, tmp_path / "backup").code == 0
    assert halts(tmp_path / "backup") == {"hk-to-kr": RESTORED, "kr-to-hk": ""}
    assert halts(hk.home.path) == {"hk-to-kr": "", "kr-to-hk": ""}


def halts(folder: Path, url: str = "sqlite:///node.db") -> dict[str, str]:
    """Why each channel of a database takes nothing, by name; empty: it is open."""
    with snapshot(url, folder) as connection:
        states = read_channels(connection).values()
    return {each.name: each.halt.reason if each.halt else "" for each in states}


def test_of_a_database_that_was_put_back_there_is_a_backup_and_what_is_lost_is_told(tmp_path):
    """All of it verifies: it may be what is left. Whether the channel is whole, the copy could not tell: it waits."""
    hk, _ = found_pair(tmp_path)
    origin, file, mark = "gateway.hk.example/to/gateway.kr.example", hk.home.path / "node.db", hk.home.high_water
    before = file.read_bytes()
    commit(hk, sealing(origin, "hk-1"))
    with snapshot("sqlite:///node.db", hk.home.path) as connection:
        log = read_channels(connection)[origin].log
    mark.write_bytes(HighWater(0, 0, {origin: (log.size, log.root())}).encode())
    assert run("backup", hk.home.path, tmp_path / "whole").code == 0
    for each in file.parent.glob("node.db*"):
        each.unlink()
    file.write_bytes(before)
    ran = run("backup", hk.home.path, tmp_path / "left")
    assert ran.code == 1, ran.text()
    assert f"LOST  the database has lost commits: {origin} does not hold the 1 leaves that it had" in ran.out
    assert "what is left verifies; the database was put back to an earlier copy" in ran.out
    assert run("check", hk.home.path).code == 1
    mark.write_bytes(b"{")
    ran = run("backup", hk.home.path, tmp_path / "unknown")
    assert (ran.code, "NOT PROVEN  whether the database was put back: " in ran.out) == (6, True), ran.text()
    shutil.copytree(hk.home.path / "keys", tmp_path / "again" / "keys")
    assert run("restore", tmp_path / "again", tmp_path / "left").code == 0
    assert run("check", tmp_path / "again").code == 0


def test_keys_are_in_it_if_they_are_asked_for_and_stay_closed_to_others(pair, tmp_path):
    assert run("backup", pair[0].home.path, tmp_path / "backup", "--with-keys").code == 0
    assert run("restore", tmp_path / "home", tmp_path / "backup").code == 0
    assert stat.S_IMODE((tmp_path / "home" / "keys" / "node.key").stat().st_mode) == 0o600


def test_a_home_is_whole_again_and_verifies(backup, home, pair):
    ran = run("restore", home, backup)
    assert ran.code == 0, ran.text()
    assert "everything verifies" in ran.out
    assert run("check", home).code == 0
    for name in ("config.toml", "access.toml", "trust/client-authority.crt", "peers/kr.json"):
        assert (home / name).read_bytes() == (pair[0].home.path / name).read_bytes()


def test_files_that_are_in_the_home_stay_as_they_are(backup, home, pair):
    shutil.copy(pair[0].home.access_file, home / "access.toml")
    with (home / "access.toml").open("a") as file:
        file.write("# newer than the backup\n")
    ran = run("restore", home, backup)
    assert "there already, and kept: access.toml" in ran.out
    assert (home / "access.toml").read_text().endswith("# newer than the backup\n")


def test_nothing_is_left_of_a_backup_that_fails(pair, tmp_path, monkeypatch):
    def full(*_arguments, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(making, "write_pieces", full)
    refused(run("backup", pair[0].home.path, tmp_path / "backup"), 5, "No space left on device")
    assert list(tmp_path.iterdir()) == []


@needs_small_disk
@pytest.mark.parametrize("room_bytes", [100_000, 400_000])  # for not even its tables; for some of it
def test_a_backup_for_which_there_is_no_room_names_its_own_disk(pair, tmp_path, room_bytes):
    with small_disk(tmp_path / "disk", room_bytes) as disk:
        ran = run("backup", pair[0].home.path, disk.path / "backup")
        assert (ran.code, f"no backup was made in {disk.path}: " in ran.err) == (5, True), ran.err
        assert "full" in ran.err.lower()
        assert list(disk.path.iterdir()) == []


def test_a_backup_that_is_told_to_be_made_outlives_a_power_cut(pair, tmp_path, monkeypatch):
    synced, fsync = set[str](), os.fsync

    def sync(descriptor: int) -> None:
        synced.add(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    assert run("backup", pair[0].home.path, tmp_path / "backup").code == 0
    names = [path.name for path in (tmp_path / "backup").rglob("*") if path.name != "node.db"]  # SQLite's own matter
    assert [each for each in names if not any(each in name for name in synced)] == []
    assert tmp_path.name in synced


def test_a_backup_is_not_overwritten(pair, backup):
    refused(run("backup", pair[0].home.path, backup), 2, "exists and is not overwritten")


@pytest.mark.parametrize("name", ["node.db", "home/config.toml"])
def test_a_backup_that_was_altered_is_refused(backup, home, tmp_path, name):
    altered = shutil.copytree(backup, tmp_path / "altered")
    data = bytearray((altered / name).read_bytes())
    data[len(data) // 2] ^= 1
    (altered / name).write_bytes(data)
    refused(run("restore", home, altered), 1, f"{name} is not the file that was written")
    assert not (home / "node.db").exists()


def test_a_backup_that_is_not_whole_is_refused(backup, home, tmp_path):
    part = shutil.copytree(backup, tmp_path / "part")
    (part / "home" / "access.toml").unlink()
    refused(run("restore", home, part), 1, "access.toml is not there")
    (part / "manifest.json").unlink()
    refused(run("restore", home, part), 2, "must be a folder that gateway backup made")


def test_a_manifest_leads_nowhere_outside_of_its_backup(backup, home, tmp_path):
    lying = shutil.copytree(backup, tmp_path / "lying")
    manifest = json.loads((lying / "manifest.json").read_text())
    manifest["files"]["../outside"] = "00" * 32
    (tmp_path / "outside").write_bytes(b"secret")
    (lying / "manifest.json").write_text(json.dumps(manifest))
    refused(run("restore", home, lying), 1, "outside is not there")


def test_a_node_without_a_peer_is_restored_and_verifies(tmp_path):
    alone = Site("SG", tmp_path / "sg").found()
    assert run("backup", alone.home.path, tmp_path / "backup", "--with-keys").code == 0
    ran = run("restore", tmp_path / "home", tmp_path / "backup")
    assert ran.code == 0, ran.text()
    assert run("check", tmp_path / "home").code == 0


@pytest.mark.parametrize("command", ["restore", "restore from peers", "migrate"])
def test_a_server_that_does_not_answer_is_told_as_that_and_may_be_tried_later(pair, backup, tmp_path, command):
    away, home = "postgresql://nobody@127.0.0.1:1/gateway", shutil.copytree(pair[0].home.path, tmp_path / "home")
    if command == "migrate":
        refused(run("migrate", home, away), 4, "the database cannot be opened now: ")
        assert run("upgrade", home).code == 0
        return
    config = home / "config.toml"
    config.write_text(config.read_text().replace("sqlite:///node.db", away))
    given = "--from-peers" if command == "restore from peers" else backup
    refused(run("restore", home, given), 4, "the database cannot be opened now: ")


def test_a_backup_of_another_node_is_refused(pair, backup):
    refused(run("restore", pair[1].home.path, backup), 2, "must be of gateway.kr.example")


@pytest.mark.parametrize("from_peers", [False, True])
def test_no_node_starts_with_a_database_whose_restore_was_cut_short(pair, backup, tmp_path, monkeypatch, from_peers):
    """Its channels may not wait for their peers yet: the node would sign a second history."""

    def cut_short(*_arguments, **_options):
        raise StoreError("the disk is full")

    lost = shutil.copytree(pair[0].home.path, tmp_path / "lost")
    (lost / "node.db").unlink()
    restore = ("restore", lost, "--from-peers" if from_peers else backup)
    with monkeypatch.context() as patched:
        patched.setattr(restoring, "await_peers", cut_short)
        refused(run(*restore), 5, "the disk is full")
    refused(run("upgrade", lost), 5, "the database is not that of")
    assert run(*restore).code == 0
    assert run("upgrade", lost).code == 0
    assert set(halts(lost)) == {"hk-to-kr", "kr-to-hk"}


@pytest.mark.parametrize("from_peers", [False, True])
def test_a_node_is_restored_on_postgresql(pair, backup, home, postgresql, from_peers):
    for name in ("config.toml", "access.toml", "trust", "peers"):
        copy = shutil.copytree if (pair[0].home.path / name).is_dir() else shutil.copy
        copy(pair[0].home.path / name, home / name)
    config, url = home / "config.toml", Server(postgresql, None).new_schema()
    config.write_text(config.read_text().replace("sqlite:///node.db", url))
    ran = run("restore", home, "--from-peers" if from_peers else backup)
    assert ran.code == 0, ran.text()
    assert run("check", home).code == 0
    assert halts(home, url) == {"hk-to-kr": RESTORED, "kr-to-hk": ""}
    refused(run("restore", home, "--from-peers" if from_peers else backup), 2, "it must be empty")


def test_a_file_that_a_full_disk_cut_short_is_not_kept_by_the_next_try(backup, home, pair, monkeypatch):
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        refused(run("restore", home, backup), 5, "No space left on device")
    assert {path.name for path in home.iterdir()} == {"keys"}
    assert run("restore", home, backup).code == 0


def test_a_file_that_the_manifest_does_not_name_is_not_put_into_a_home(backup, home, tmp_path):
    extended = shutil.copytree(backup, tmp_path / "extended")
    (extended / "home" / "trust" / "denied.txt").write_text("nobody compared this\n")
    assert run("restore", home, extended).code == 0
    assert not (home / "trust" / "denied.txt").exists()


def test_what_a_restore_that_was_killed_left_of_the_content_goes_with_the_next_one(backup, home):
    left = home / ".restore-abc" / "node.db"
    left.parent.mkdir()
    shutil.copy(backup / "node.db", left)
    assert run("restore", home, backup).code == 0
    assert not list(home.glob(".restore-*"))


def test_a_private_key_is_left_out_under_whatever_name(pair, tmp_path):
    other = Home(shutil.copytree(pair[0].home.path, tmp_path / "other"))
    shutil.copy(other.key("node"), other.path / "trust" / "collector.pem")
    assert run("backup", other.path, tmp_path / "backup").code == 0
    assert not (tmp_path / "backup" / "home" / "trust" / "collector.pem").exists()
    assert run("backup", other.path, tmp_path / "with-keys", "--with-keys").code == 0
    assert (tmp_path / "with-keys" / "home" / "trust" / "collector.pem").exists()


def test_a_database_that_a_move_left_behind_is_in_no_backup_and_told_by_the_doctor(pair, tmp_path):
    moved = Home(shutil.copytree(pair[0].home.path, tmp_path / "moved"))
    assert "does not use" not in run("doctor", moved.path).out
    assert run("migrate", moved.path, "sqlite:///other.db").code == 0
    moved.config_file.write_text(moved.config_file.read_text().replace("sqlite:///node.db", "sqlite:///other.db"))
    assert run("backup", moved.path, tmp_path / "backup").code == 0
    assert not list((tmp_path / "backup" / "home").rglob("*.db*"))
    assert (
        f"WARN  database        {moved.path}/node.db is a database that the node does not use"
        in run("doctor", moved.path).text()
    )


def test_a_folder_that_is_a_link_is_backed_up_and_one_that_leads_in_a_circle_once(pair, tmp_path):
    other = Home(shutil.copytree(pair[0].home.path, tmp_path / "other"))
    other.peers.rename(tmp_path / "peers-elsewhere")
    other.peers.symlink_to(tmp_path / "peers-elsewhere")
    (other.path / "trust" / "circle").symlink_to(other.path)
    assert run("backup", other.path, tmp_path / "backup").code == 0
    assert (tmp_path / "backup" / "home" / "peers" / "kr.json").is_file()
    assert not (tmp_path / "backup" / "home" / "trust" / "circle").exists()


def test_a_backup_is_not_made_within_the_home_where_the_next_one_would_hold_it(pair):
    home = pair[0].home.path
    refused(run("backup", home, home / "backups" / "monday"), 2, "must be a folder outside of the home")
    assert not (home / "backups").exists()


def test_keys_that_are_missing_are_named(backup, tmp_path):
    refused(run("restore", tmp_path / "home", backup), 5, "keys/seal-ml-dsa-44.key")


def test_a_database_is_not_overwritten(pair, backup):
    refused(run("restore", pair[0].home.path, backup), 2, "node.db exists and is not overwritten")
    refused(run("restore", pair[0].home.path, "--from-peers"), 2, "node.db exists and is not overwritten")


@pytest.mark.parametrize("options", [[], ["BACKUP", "--from-peers"]])
def test_it_is_said_from_what_a_home_is_restored(home, backup, options):
    given = [backup if each == "BACKUP" else each for each in options]
    refused(run("restore", home, *given), 2, "--from-peers, where there is none")


def test_a_database_that_is_lost_is_not_made_anew_by_an_upgrade(pair, tmp_path):
    lost = shutil.copytree(pair[0].home.path, tmp_path / "lost")
    (lost / "node.db").unlink()
    refused(run("upgrade", lost), 5, "gateway restore makes it again")
    Home(lost).high_water.write_bytes(HighWater(7, 8, {"gone": (9, b"")}).encode())
    assert run("restore", lost, "--from-peers").code == 0
    assert run("check", lost).code == 0
    assert HighWater.parse(Home(lost).high_water.read_bytes()) == HighWater(time=8), "when the clock was right it knows"


def test_a_move_that_does_not_verify_leaves_the_node_its_database_and_the_other_nobodys(pair, tmp_path, monkeypatch):
    def altered(*_arguments) -> None:
        raise Corrupt("1 things in the database do not fit")

    moved = Home(shutil.copytree(pair[0].home.path, tmp_path / "moved"))
    with monkeypatch.context() as patched:
        patched.setattr(moving, "verified", altered)
        refused(run("migrate", moved.path, "sqlite:///other.db"), 5, "do not fit")
    assert run("upgrade", moved.path).code == 0
    moved.config_file.write_text(moved.config_file.read_text().replace("sqlite:///node.db", "sqlite:///other.db"))
    refused(run("upgrade", moved.path), 5, "the database is not that of")


def test_a_node_moves_to_another_database_and_not_back_by_mistake(pair, tmp_path):
    moved = Home(shutil.copytree(pair[0].home.path, tmp_path / "moved"))
    refused(run("migrate", moved.path, "sqlite:///node.db"), 2, "must be of another database")
    refused(run("migrate", moved.path, "mysql://somewhere"), 2, "a database of mysql is not supported")
    ran = run("migrate", moved.path, "sqlite:///other.db")
    assert ran.code == 0, ran.text()
    assert "everything verifies" in ran.out
    refused(run("check", moved.path), 1, "")
    refused(run("upgrade", moved.path), 5, "moved from by gateway migrate")
    text = moved.config_file.read_text().replace("sqlite:///node.db", "sqlite:///other.db")
    moved.config_file.write_text(text)
    assert run("check", moved.path).code == 0
