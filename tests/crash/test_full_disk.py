"""A node whose disk is full, and then is not: what it cannot keep it refuses, and all goes on once there is room."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace

import pytest
from regulator.exchange import Client, Unavailable
from regulator.exchange.v1.admin_service_pb2 import Channel

from tests.support.careful import CarefulPair
from tests.support.nodes import Site, eventually, found_pair, running
from tests.support.small_disk import SmallDisk, needs_small_disk, small_disk

pytestmark = needs_small_disk

DISK_BYTES = 64 * 2**20
ROOM_BYTES = 2**20  # for some notices
FULL = "the store cannot write now, and whether this is stored is unknown; try again, same request_id"


@dataclass
class Pair(CarefulPair):
    """Hong Kong on a small disk, Korea on another one, and who works at them."""

    disk: SmallDisk

    def fill(self) -> None:
        """Lets notices of both directions flow until Hong Kong's disk takes nothing more, not even an entry."""
        self.witness.look()
        self.disk.leave(ROOM_BYTES)
        eventually(self._takes_no_notice)
        self.disk.leave(0)
        eventually(self._answers_no_read)
        assert [self.offices[code].give() for code in ("HK", "KR")] == [False, True]
        assert self.hk.process.poll() is None, "a full disk is no reason to end"

    def _takes_no_notice(self) -> bool:
        assert self.offices["KR"].give()
        return not self.offices["HK"].give()

    def _answers_no_read(self) -> bool:
        """What cannot be told in the journal is not answered."""
        with Client(replace(self.hk.profile(), max_attempts=1)) as client:
            try:
                client.server_info()
            except Unavailable as error:
                self.offices["HK"].refusals.append(error)
                return True
        return False

    def make_room(self) -> None:
        """Nothing else is done: both must come to rest by themselves."""
        self.disk.empty()
        self.settle()


@pytest.fixture(scope="module")
def own_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("full")
    with small_disk(folder / "disk", DISK_BYTES) as disk:
        hk, kr = found_pair(folder)
        shutil.move(hk.home.path, disk.path / "home")
        hk.home.path.symlink_to(disk.path / "home")
        with running(hk, kr):
            pair = Pair(hk, kr, disk)
            pair.make_room()
            yield pair


def test_a_full_disk_refuses_in_plain_words_until_there_is_room(own_pair: Pair) -> None:
    own_pair.fill()
    assert {error.message for error in own_pair.offices["HK"].refusals} == {FULL}
    with own_pair.kr.client() as client:
        channel = client.get_channel("kr-to-hk")
    assert channel.state == Channel.OPEN
    assert channel.receipted_size < channel.size, "nothing is receipted that is not kept"
    assert own_pair.offices["KR"].refusals == [], "the peer takes notices all the same"
    own_pair.make_room()


def test_a_node_that_is_killed_while_its_disk_is_full_starts_on_it_and_waits(own_pair: Pair) -> None:
    own_pair.fill()
    own_pair.hk.kill()
    own_pair.hk.start()
    assert not own_pair.offices["HK"].give()
    own_pair.make_room()


def test_a_node_that_finds_no_room_to_start_says_so_and_starts_later(own_pair: Pair) -> None:
    own_pair.fill()
    assert own_pair.hk.stop() == 0
    (own_pair.hk.home.path / "node.db-shm").unlink()  # SQLite makes it anew
    own_pair.disk.leave(0)
    own_pair.hk.launch()
    assert own_pair.hk.wait_for_end() == 4, "a service manager tries again"
    assert own_pair.hk.log_text().splitlines()[-1].startswith("gateway: the database cannot be opened now: ")
    own_pair.disk.empty()
    own_pair.hk.start()
    own_pair.make_room()


def test_what_a_reader_of_an_old_state_keeps_fills_the_disk_until_the_reader_ends(own_pair: Pair) -> None:
    """As a check or a backup that stands still: what was written stays in the log beside the database."""
    own_pair.make_room()
    log = own_pair.hk.home.path / "node.db-wal"
    with reading(own_pair.hk) as count:
        before = count(), log.stat().st_size
        own_pair.fill()
        assert count() == before[0], "one state"
        assert log.stat().st_size > before[1]
    own_pair.make_room()


@contextmanager
def reading(site: Site) -> Iterator[Callable[[], int]]:
    """Keeps one state, and counts its leaves."""
    name = f"file:{site.home.path / 'node.db'}?mode=ro"
    with closing(sqlite3.connect(name, uri=True, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        yield lambda: reader.execute("SELECT count(*) FROM leaves").fetchone()[0]
