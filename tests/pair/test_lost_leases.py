"""A replica ends by a signal as it takes, renews or loses the lease of a channel: the other one goes on, from there."""

import os
import signal
from collections.abc import Iterator

import pytest

from tests.pair.test_replicas import Office, arrived, holders, moved, names, received
from tests.support.cut import CUT
from tests.support.forking import finished
from tests.support.long_form import long_form
from tests.support.nodes import GATEWAY, eventually, running
from tests.support.postgresql import server
from tests.support.replicas import Replicated, found_replicas

POINTS = (
    "SIGKILL before 0 INSERT INTO leases",
    "SIGKILL after 0 INSERT INTO leases; COMMIT",
    "SIGTERM after 0 INSERT INTO leases",
    "SIGTERM before 2 UPDATE leases",
    "SIGKILL after 2 UPDATE leases; COMMIT",
    "SIGKILL after 2 SELECT leases.epoch",
    "SIGKILL after 2 SELECT leases.epoch; COMMIT",
    "SIGTERM after 2 SELECT leases.epoch",
)
"""As a lease is taken, is renewed, and is asked for in a commit under it (``tests.support.cut``)."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicated]:
    with server(tmp_path_factory.getbasetemp().parent) as database:
        found = found_replicas(tmp_path_factory.mktemp("leases"), database)
        with running(*found.replicas, found.kr):
            yield found


def rest(shared: Replicated, office: Office) -> None:
    """All that was given has arrived, once and in order, and both nodes verify."""
    eventually(lambda: arrived(office, shared.kr))
    given = set(office.given)
    assert [name for name in received(shared.kr) if name in given] == office.given[::-1]
    for site in (shared.replicas[1], shared.kr):
        check = finished("check", site.home.path)
        assert check.returncode == 0, check.stdout + check.stderr


def more(office: Office) -> None:
    """Waits until more was given."""
    known = len(office.given)
    eventually(lambda: len(office.given) > known + 2)


@long_form
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_replica_that_lost_its_leases_as_it_stood_still_and_ends_as_it_wakes_takes_none_along(
    shared: Replicated, number: signal.Signals
) -> None:
    a, b = shared.replicas
    b.stop()
    eventually(lambda: moved(a, names([a])))
    b.start()
    with Office([a, b]) as office:
        more(office)
        os.kill(a.pid, signal.SIGSTOP)
        try:
            eventually(lambda: holders(b)["hk-to-kr"] == b.path.name)  # of the other one Korea finds out later
            more(office)
            os.kill(a.pid, number)  # what stands still hears of SIGTERM as it wakes
        finally:
            os.kill(a.pid, signal.SIGCONT)
        assert a.wait_for_end() == (0 if number == signal.SIGTERM else -number), a.log_text()
        more(office)
        eventually(lambda: moved(b, names([b])))
    rest(shared, office)
    a.start()


@long_form
@pytest.mark.parametrize("at", POINTS)
def test_a_replica_that_ends_at_a_step_of_its_leases_is_followed_by_the_other(shared: Replicated, at: str) -> None:
    a, b = shared.replicas
    for site in (a, b):
        site.stop_if_running()
    a.program = ("tests.support.cut",)
    a.launch(**{CUT: at})
    is_alone = "SELECT" in at  # so that it is the one that commits under leases
    if not is_alone:
        b.start()
    with Office([b, a]) as office:
        code = a.wait_for_end()
        assert code == (0 if at.startswith("SIGTERM") else -signal.SIGKILL), a.log_text()
        if is_alone:
            b.start()
        eventually(lambda: moved(b, names([b])))
        more(office)
    rest(shared, office)
    a.program = GATEWAY
    a.start()
