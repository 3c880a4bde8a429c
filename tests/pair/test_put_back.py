"""A database server that comes back without what its node knew to be durable: the node seals nothing on it before its
peer was heard, has everything back, and nothing forks. A real server, whose files are put back."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from regulator.exchange import InvalidRequest, Unavailable, WrongState
from regulator.exchange.v1.admin_service_pb2 import Channel

from tests.pair.asking import checked, exchanged, in_step, is_told, journal, told
from tests.supervision.samples import content
from tests.support.nodes import Site, eventually, pair, running
from tests.support.postgresql import Server, server


@dataclass
class Served:
    """Hong Kong on a PostgreSQL server, Korea on SQLite; and the server's files as they were in the middle."""

    hk: Site
    kr: Site
    database: Server
    folder: Path

    def lose(self, name: str) -> Path:
        """Copies the server's files, and has both exchange what they do not have; gives the copy."""
        exchanged(self.hk, self.kr)
        copy = self.database.copy(self.folder / name)
        eventually(lambda: answers(self.hk))
        exchanged(self.hk, self.kr)
        return copy


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One pair and one server for all: each test ends with two nodes that agree."""
    folder = tmp_path_factory.mktemp("put-back")
    with server(tmp_path_factory.getbasetemp().parent) as database:
        hk, kr = Site("HK", folder / "hk").found(database.url), Site("KR", folder / "kr").found()
        pair(hk, kr)
        with running(hk, kr):
            yield Served(hk, kr, database, folder)


def answers(site: Site) -> bool:
    try:
        with site.client() as client:
            return all(each.state == Channel.OPEN for each in client.list_channels())
    except Unavailable:
        return False


def refuses_as_restored(site: Site) -> bool:
    """Whether it seals nothing since it waits for its peer; it must not seal while it finds that out."""
    try:
        with site.client("SFC") as client:
            client.create_notice(content(), recipient="KR")
    except WrongState as error:
        return "RESTORED" in str(error)
    except Unavailable:
        return False
    raise AssertionError("it sealed on a database that lacks what it had sealed")


def came_back(served: Served, before: object) -> None:
    """Both are at rest with all that there was, and go on."""
    hk, kr = served.hk, served.kr
    eventually(lambda: answers(hk) and in_step(hk, kr))
    assert (told(hk), told(kr)) == before
    exchanged(hk, kr)
    assert told(hk).keys() == told(kr).keys()
    checked(hk, kr)


def test_a_node_that_runs_seals_nothing_on_a_server_whose_files_were_put_back(served: Served) -> None:
    hk, kr = served.hk, served.kr
    copy = served.lose("files")
    before, pid = (told(hk), told(kr)), hk.pid
    with hk.client() as client, client.watch_events() as watch:
        cursor = next(iter(watch)).cursor
    kr.stop()
    served.database.put_back(copy)
    eventually(lambda: "store_put_back" in hk.log_text())  # nobody has called it
    eventually(lambda: refuses_as_restored(hk))
    assert hk.process is not None
    assert hk.process.poll() is None, "it began anew by itself"
    assert hk.pid == pid
    kr.start()
    came_back(served, before)
    assert is_told(hk, "has lost commits")
    assert [each.method for each in journal(hk)].count("gateway serve") == 1
    with hk.client() as client, pytest.raises(InvalidRequest, match="cursor"):
        next(iter(client.watch_events(cursor=cursor)))


def test_a_node_that_starts_anew_seals_nothing_on_a_standby_that_lagged(served: Served) -> None:
    """Nothing in its home tells how far it was: as with a new machine, and a home from a backup."""
    hk, kr = served.hk, served.kr
    copy = served.lose("standby")
    before = told(hk), told(kr)
    hk.kill()
    kr.stop()
    served.database.fail_over(copy)
    hk.home.high_water.unlink()
    hk.start()
    assert refuses_as_restored(hk)
    kr.start()
    came_back(served, before)
    assert is_told(hk, "is on")
