"""The server of two replicas is lost, and a standby takes its place that had not got as far: nothing forks.

A real one, which followed by streaming replication, and is named in the replicas' URL beside the primary. What their
peer had received comes back from it; what it had not is gone, as with a backup.
"""

from collections.abc import Iterator

import pytest

from tests.pair.asking import checked, exchanged, in_step, is_told
from tests.pair.test_replicas import Office, answers, received
from tests.support.long_form import long_form
from tests.support.nodes import eventually, running
from tests.support.postgresql import Server, administrator, server
from tests.support.replicas import found_replicas
from tests.support.standby import Standby, either, standby_of

LOST = 4  # notices at least, that the standby does not have

pytestmark = pytest.mark.timeout(600)  # of a machine that has other things to do, too


@pytest.fixture
def standby(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standby]:
    with server(tmp_path_factory.getbasetemp().parent) as primary, standby_of(primary) as made:
        yield made


def is_followed(primary: Server) -> bool:
    with administrator(primary.folder) as connection:
        return connection.execute("SELECT state FROM pg_stat_replication").fetchall() == [("streaming",)]


@long_form
def test_replicas_find_that_the_standby_which_was_promoted_had_lagged(standby: Standby, tmp_path) -> None:
    shared = found_replicas(tmp_path, either(standby))
    a, b = shared.replicas
    standby.start()
    eventually(lambda: is_followed(standby.primary))
    with running(a, b, shared.kr):
        exchanged(a, shared.kr)
        pids = [site.pid for site in (a, b)]
        with Office([a, b]) as office:
            standby.stop()
            known = len(office.given)
            eventually(lambda: len(office.given) > known + LOST)
            eventually(lambda: set(office.given[: known + LOST]) <= set(received(shared.kr)))
            standby.primary.stop()
            standby.start()
            eventually(lambda: all("database_away" in site.log_text() for site in (a, b)))
            standby.promote()
            lost = len(office.given)
            eventually(lambda: len(office.given) > lost + LOST)
        eventually(lambda: all(answers(site) for site in (a, b)) and in_step(a, shared.kr))
        arrived = set(received(shared.kr))
        assert set(office.given[: known + LOST]) | set(office.given[lost + 1 :]) <= arrived
        assert [site.pid for site in (a, b)] == pids
        assert any("store_put_back" in site.log_text() for site in (a, b))
        for site in (a, b):
            assert is_told(site, "has lost commits")
            exchanged(site, shared.kr)
        checked(a, shared.kr)
