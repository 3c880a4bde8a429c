"""The floors below a node: the same TLS, the same database and the same signatures with nothing around them."""

import itertools
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pysqlite3.dbapi2 as sqlite
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from gateway.store.engines.sqlite import WRITER_PRAGMAS
from gateway.store.waiting import MAX_GROUP_WEIGHT
from tests.benchmarks.measures import CHUNK_BYTES
from tests.support.nodes import Site
from tests.support.ports import free_port

MESSAGE_BYTES = 200  # of what is signed: about a checkpoint
COMMIT, BULK_INSERT = "one row a commit", "500 rows a commit"


@contextmanager
def echo_server(site: Site) -> Iterator[str]:
    """A bare gRPC server in a process of its own, with the TLS of this node; gives its address."""
    address = f"127.0.0.1:{free_port()}"
    home = site.home
    files = [home.key("node"), home.certificate("node"), home.root("client-authority")]
    command = [sys.executable, "-m", "tests.benchmarks.echo", address, *map(str, files)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield address
        finally:
            process.terminate()


def raw_inserts(folder: Path, row_bytes: int, rows_a_commit: int, seconds: float) -> float:
    """Rows a second: each its message in one table and a few short values in another, as durable as a node's."""
    path = folder / "raw.db"
    connection = sqlite.connect(path, isolation_level=None)
    for pragma in WRITER_PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE log (place INTEGER PRIMARY KEY, hash BLOB, data BLOB)")
    connection.execute("CREATE TABLE known (place INTEGER PRIMARY KEY, id TEXT UNIQUE, state INTEGER, kind INTEGER)")
    data, numbers = bytes(row_bytes), itertools.count()

    def commit() -> None:
        rows = list(itertools.islice(numbers, rows_a_commit))
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO log VALUES (?, ?, ?)", [(row, data[:32], data) for row in rows])
        connection.executemany("INSERT INTO known VALUES (?, ?, ?, ?)", [(row, f"hk-{row}", 1, 1) for row in rows])
        connection.execute("COMMIT")

    try:
        return rows_a_commit / _seconds_each(commit, seconds)
    finally:
        connection.close()
        for each in folder.glob("raw.db*"):
            each.unlink()


def acts(folder: Path, message_bytes: int, seconds: float) -> dict[str, float]:
    """What a single act takes."""
    message = bytes(MESSAGE_BYTES)
    signers = {"Ed25519": Ed25519PrivateKey.generate(), "ML-DSA-44": MLDSA44PrivateKey.generate()}
    found = {}
    for name, key in signers.items():
        signature, public = key.sign(message), key.public_key()
        found[f"{name}, sign, µs"] = 1e6 * _seconds_each(lambda key=key: key.sign(message), seconds)
        verify: Callable[[], None] = lambda public=public, signature=signature: public.verify(signature, message)  # noqa: E731
        found[f"{name}, verify, µs"] = 1e6 * _seconds_each(verify, seconds)
    found[f"SQLite, {COMMIT}, rows/s"] = raw_inserts(folder, message_bytes, 1, seconds)
    found[f"SQLite, {BULK_INSERT}, rows/s"] = raw_inserts(folder, message_bytes, MAX_GROUP_WEIGHT, seconds)
    return found


def under_bulk(acts: Mapping[str, float]) -> dict[str, float]:
    """The floor of a stream of notices."""
    return {"raw inserts": acts[f"SQLite, {BULK_INSERT}, rows/s"]}


def rows_at_once(message_bytes: int) -> int:
    """In a commit of a bulk: as many as a message of its stream holds."""
    return max(1, min(MAX_GROUP_WEIGHT, CHUNK_BYTES // message_bytes))


def importing() -> tuple[float, float]:
    """Seconds and MB of a process that reads a node's code and does nothing."""
    code = (
        "import os, gateway.cli.serve, gateway.node.node; from tests.benchmarks.processor import resident_mb;"
        "print(resident_mb(os.getpid()))"
    )
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return time.perf_counter() - started, float(done.stdout)


def _seconds_each(act: Callable[[], object], seconds: float) -> float:
    started, count = time.perf_counter(), 0
    while (spent := time.perf_counter() - started) < seconds or not count:
        act()
        count += 1
    return spent / count
