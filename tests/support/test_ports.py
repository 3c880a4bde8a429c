"""Ports of tests: a worker's own ones, for the whole of a run."""

import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from gateway.demo.sites import FIRST_GIVEN_PORT
from tests.support.ports import BLOCK, DEMONSTRATIONS, PORTS, _take, free_port, ports_of

ROOT = Path(__file__).parents[2]
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


def test_what_another_run_has_is_passed_over() -> None:
    """It may not be bound now: a node is down for a while, or has yet to be started."""
    taken = set[int]()
    mine = ports_of("one", 0, 1, lambda block: block % 2 == 0 and not taken.add(block))
    assert {(port - PORTS[0]) // BLOCK % 2 for port in islice(mine, len(PORTS))} == {0}
    with pytest.raises(AssertionError, match="other runs have all"):
        next(ports_of("one", 0, 1, lambda _: False))


def test_a_block_that_this_process_gives_ports_of_no_other_one_takes() -> None:
    block = (free_port() - PORTS[0]) // BLOCK
    assert _take(block)
    trying = f"from tests.support.ports import _take; raise SystemExit(_take({block}))"
    assert subprocess.run([sys.executable, "-c", trying], check=False, cwd=ROOT).returncode == 0


def test_demonstrations_take_no_ports_of_nodes_and_have_thousands_to_go_on_to() -> None:
    last = DEMONSTRATIONS[-1] + 101
    assert last < DEMONSTRATIONS[0] + 1000, "its ports end before the next thousand begins"
    assert PORTS[-1] < DEMONSTRATIONS[0]
    assert last + 5 * 1000 < FIRST_GIVEN_PORT
