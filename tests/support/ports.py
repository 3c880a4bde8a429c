"""Ports for what tests run: no two workers of a run are ever given the same one, however many they take.

Nor are two runs that a user has at the same time: what is given is taken for as long as the process lives.

All are below those that Linux gives to whoever connects, so that nobody has a node's port while it is down.
"""

import fcntl
import itertools
import os
import random
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

PORTS = range(10_000, 26_000)
BLOCK = 100  # ports, which a worker takes for itself at once
BLOCKS = range(len(PORTS) // BLOCK)
DEMONSTRATIONS = range(26_000, 26_800)  # first ones: a demonstration takes more from there, and from thousands further

_RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID")  # one for all workers of a run; none where one process runs all


def ports_of(run: str | None, worker: int, workers: int, take: Callable[[int], bool] = lambda _: True) -> Iterator[int]:
    """A worker's ports, round and round, from others on in each run.

    Args:
        run: whose they are
        worker: of so many
        workers: in all
        take: takes a block for this process, if no other one has it
    """
    own = BLOCKS[worker::workers]
    first, had_by_others = random.Random(run).randrange(len(own)), 0
    for place in itertools.count(first):
        block = own[place % len(own)]
        if take(block):
            had_by_others = 0
            yield from PORTS[block * BLOCK : (block + 1) * BLOCK]
            continue
        had_by_others += 1
        assert had_by_others < len(own), "other runs have all ports"


@cache
def _take(block: int) -> bool:
    """Takes a block until this process has ended, and all that it began."""
    folder = Path(tempfile.gettempdir()) / f"gateway-test-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    file = os.open(folder / str(PORTS[block * BLOCK]), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        return False
    return True


_OWN = ports_of(
    _RUN,
    int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")),
    int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")),
    _take,
)


def free_port() -> int:
    """A port on which nobody listens, and which no other test is given."""
    for port in _OWN:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("there is always another one")


def demonstration_port() -> int:
    """The first port of a run's demonstrations: its own are those that a person may have, or another run."""
    return random.Random(_RUN).choice(DEMONSTRATIONS)
