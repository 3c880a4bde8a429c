"""Ports of tests: a worker's own ones, for the whole of a run."""

from itertools import islice

import pytest

from gateway.demo.sites import FIRST_GIVEN_PORT
from tests.support.ports import DEMONSTRATIONS, PORTS, ports_of

RUNS = [f"run {number}" for number in range(50)]


@pytest.mark.parametrize("workers", [1, 2, 3, 16])
def test_no_two_workers_are_given_one_port_however_many_they_take(workers: int) -> None:
    more_than_it_has = 2 * len(PORTS) // workers
    for run in RUNS[:3]:
        given = [set(islice(ports_of(run, worker, workers), more_than_it_has)) for worker in range(workers)]
        assert sum(map(len, given)) == len(set().union(*given)) == len(PORTS)


def test_a_worker_is_given_none_twice_before_it_had_all() -> None:
    own = len(PORTS) // 2
    assert len(set(islice(ports_of("run", 1, 2), own))) == own


def test_two_runs_begin_elsewhere() -> None:
    assert len({next(ports_of(run, 0, 2)) for run in RUNS}) > len(RUNS) // 2


def test_demonstrations_take_no_ports_of_nodes_and_have_thousands_to_go_on_to() -> None:
    last = DEMONSTRATIONS[-1] + 101
    assert last < DEMONSTRATIONS[0] + 1000, "its ports end before the next thousand begins"
    assert PORTS[-1] < DEMONSTRATIONS[0]
    assert last + 5 * 1000 < FIRST_GIVEN_PORT
