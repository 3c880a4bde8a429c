"""A node that was killed, and whose SQLite files are damaged then: it starts with nothing that was durable left out
without a word, seals nothing anew, and has back from its peer what that had."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from regulator.exchange import WrongState

from tests.cli.transcripts import run
from tests.pair.asking import done
from tests.supervision.samples import content
from tests.support.careful import Careful
from tests.support.invariants import Witness, is_at_rest
from tests.support.nodes import Site, eventually, found_pair, running

HEADER_BYTES, FRAME_BYTES = 32, 24 + 4096  # of SQLite's write-ahead log
DOES_NOT_FIT = 5


@pytest.fixture(scope="module")
def own_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Site]]:
    hk, kr = found_pair(tmp_path_factory.mktemp("damage"))
    with running(hk, kr):
        yield hk, kr


@pytest.fixture
def worked(own_pair: tuple[Site, Site]) -> tuple[Careful, Careful, Witness]:
    """Two offices whose notices are all delivered."""
    hk, kr = own_pair
    offices = Careful(hk, "KR"), Careful(kr, "HK")
    for office in offices:
        for _ in range(3):
            office.insist()
    eventually(lambda: is_at_rest(hk) and is_at_rest(kr))
    return *offices, Witness(hk, kr)


def turn(file: Path, place: int) -> None:
    with file.open("r+b") as opened:
        opened.seek(place)
        (byte,) = opened.read(1)
        opened.seek(place)
        opened.write(bytes([byte ^ 1]))


def commits(log: Path) -> list[int]:
    """Where the frames begin that end commits of the newest generation."""
    data = log.read_bytes()
    places = range(HEADER_BYTES, len(data) - FRAME_BYTES + 1, FRAME_BYTES)
    return [at for at in places if data[at + 4 : at + 8] != bytes(4) and data[at + 8 : at + 16] == data[16:24]]


def settle(worked: tuple[Careful, Careful, Witness]) -> None:
    """What the peer had comes back; then both work on."""
    one, other, witness = worked
    for site in witness.sites:
        eventually(lambda site=site: is_at_rest(site))
    one.insist()
    other.insist()
    witness.settle({"HK": one.answered, "KR": other.answered})


def restored(site: Site, backup: Path) -> None:
    """What docs/operations.md tells, where the log is damaged: what is left is a backup, and the rest is the peer's."""
    done("backup", site.home.path, backup)
    for path in site.home.path.glob("node.db*"):
        shutil.move(path, backup.with_name(path.name))
    done("restore", site.home.path, backup)


def test_a_log_that_is_damaged_amid_commits_keeps_the_node_from_starting(own_pair, worked, tmp_path) -> None:
    hk, _ = own_pair
    hk.kill()
    log = hk.home.path / "node.db-wal"
    turn(log, commits(log)[len(commits(log)) // 2] + 100)
    for _ in range(2):  # a service manager that starts it again changes nothing, and neither does who looks
        hk.launch()
        assert hk.wait_for_end() == DOES_NOT_FIT
        assert "write-ahead log" in hk.log_text().splitlines()[-1]
        checked = run("check", hk.home.path)  # which knows what is lost, if the home had seen it
        assert (checked.code, "WRONG" in checked.out) == (int("LOST" in checked.out), False), "what is left is whole"
    restored(hk, tmp_path / "backup")
    hk.start()
    settle(worked)


def test_a_log_whose_last_commit_is_damaged_keeps_the_node_from_sealing_until_its_peer_was_heard(
    own_pair, worked
) -> None:
    """Whether that commit was durable, nobody can tell: a power cut leaves the same."""
    hk, kr = own_pair
    kr.stop()
    hk.kill()
    log = hk.home.path / "node.db-wal"
    turn(log, commits(log)[-1] + 100)
    hk.start()
    with hk.client("SFC") as client:
        with pytest.raises(WrongState, match="RESTORED"):
            client.create_notice(content(), recipient="KR")
        assert any("store_put_back" in line for line in hk.log_text().splitlines())
    kr.start()
    settle(worked)


def test_a_database_with_a_page_of_nonsense_is_told_as_damaged_and_made_anew_from_the_peer(own_pair, worked) -> None:
    hk, _ = own_pair
    hk.stop()
    file = hk.home.path / "node.db"
    with file.open("r+b") as opened:
        opened.seek(4096)  # the second page holds what every start reads
        opened.write(bytes([0xFF]) * 4096)
    hk.launch()
    assert hk.wait_for_end() == DOES_NOT_FIT
    assert "the database is damaged" in hk.log_text().splitlines()[-1]
    assert run("check", hk.home.path).code != 0
    for path in hk.home.path.glob("node.db*"):
        path.unlink()
    done("restore", hk.home.path, "--from-peers")
    hk.start()
    settle(worked)
