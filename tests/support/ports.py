"""Ports for what tests run: no two workers of a run are ever given the same one, however many they take.

All are below those that Linux gives to whoever connects, so that nobody has a node's port while it is down.
"""

import itertools
import os
import random
import socket
from collections.abc import Iterator
from contextlib import suppress

PORTS = range(10_000, 26_000)
DEMONSTRATIONS = range(26_000, 26_800)  # first ones: a demonstration takes more from there, and from thousands further

_RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID")  # one for all workers of a run; none where one process runs all


def ports_of(run: str | None, worker: int, workers: int) -> Iterator[int]:
    """A worker's ports, round and round, from another one in each run."""
    own = PORTS[worker::workers]
    first = random.Random(run).randrange(len(own))
    return (own[place % len(own)] for place in itertools.count(first))


_OWN = ports_of(
    _RUN,
    int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")),
    int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")),
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
