"""Two replicas whose node is moved to another database while one of them stands still: it ends as it wakes."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pair.asking import exchanged, in_step
from tests.supervision.samples import content
from tests.support.forking import finished
from tests.support.long_form import long_form
from tests.support.nodes import eventually, running
from tests.support.postgresql import Server, server
from tests.support.replicas import found_replicas

REFUSED = 5  # exit code: no supervisor starts it again


@pytest.fixture
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server(tmp_path_factory.getbasetemp().parent) as running_server:
        yield running_server


@long_form
def test_a_replica_that_stood_still_as_its_node_was_moved_ends_as_it_wakes_though_nobody_asks_it_anything(
    database: Server, tmp_path: Path
) -> None:
    """Else its watchers hear of nothing, and its links take turns with those of the replicas that were moved."""
    shared, other = found_replicas(tmp_path, database), database.new_schema()
    a, b = shared.replicas
    with running(a, b, shared.kr):
        a.stop()
        exchanged(b, shared.kr)  # so it has the lease of its channel, and takes none as it wakes
        shared.kr.stop()
        os.kill(b.pid, signal.SIGSTOP)
        try:
            eventually(lambda: finished("migrate", a.home.path, other).returncode == 0)  # not as long as b seems to run
        finally:
            os.kill(b.pid, signal.SIGCONT)
        assert b.wait_for_end() == REFUSED
        assert "nobody's any more" in b.log_text()
        b.launch()
        assert b.wait_for_end() == REFUSED, "its configuration names the database before"
        for site in (a, b):
            config = site.home.config_file
            config.write_text(config.read_text().replace(shared.url, other))
            site.start()
        shared.kr.start()
        eventually(lambda: in_step(b, shared.kr))
        exchanged(b, shared.kr)
        with a.client("SFC") as client:
            name = client.create_notice(content(), recipient="KR").name
            eventually(lambda: client.get_notice(name).HasField("receipt_time"))
    check = finished("check", b.home.path)
    assert check.returncode == 0, check.stdout + check.stderr
