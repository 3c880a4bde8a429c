"""What a node does about itself."""

import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.names import NodeId
from tests.support.certificates import OddCertificates
from tests.support.forking import finished
from tests.support.nodes import STOP_SECONDS, Site, eventually, pair, running

# In a process of its own: gRPC takes its TLS settings from the first import alone.
SCRIPT = """
import asyncio, sys
from pathlib import Path
from gateway.errors import Unavailable
from gateway.home.home import Home
from gateway.node.node import Node

async def main():
    node = Node(Home(Path(sys.argv[1])))
    await node.start()
    running = asyncio.create_task(node.run(asyncio.Event()))
    await asyncio.sleep(0)
    await getattr(node, sys.argv[2]).stop(0)
    try:
        await running
    except Unavailable as error:
        print(error)

asyncio.run(main())
"""


@pytest.mark.parametrize("listener", ["_back_office", "_peer"])
def test_a_node_whose_listener_ends_by_itself_ends(tmp_path: Path, listener: str):
    """Nobody restarts a process that runs and cannot be reached."""
    home = Site("HK", tmp_path / "hk").found().home.path
    command = [sys.executable, "-c", SCRIPT, str(home), listener]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.startswith("a listener ended by itself")


def test_a_port_that_is_taken_is_no_reason_not_to_start_the_node_again(tmp_path: Path):
    """Who has it may end, or the address come to this machine: a service must not be given up for it (exit code 5)."""
    site = Site("HK", tmp_path / "hk").found()
    with socket.create_server(
        ("127.0.0.1", site.peer_port), reuse_port=True
    ):  # gRPC would share it, unless told not to
        ended = finished("serve", site.home.path)
    assert ended.returncode == 4
    (told,) = ended.stderr.splitlines()
    assert f"127.0.0.1:{site.peer_port}" in told
    assert "gateway doctor" in told


def test_a_certificate_whose_time_has_not_come_is_no_reason_not_to_start_the_node_again(tmp_path: Path):
    """A machine may start with a clock that is behind, and have it set some moments later."""
    site = Site("HK", tmp_path / "hk").found()
    odd = OddCertificates(site.authority(AuthorityKind.NODE), datetime.now(UTC) + timedelta(days=5))
    later = odd.node(str(NodeId(site.domain)), dns=[site.domain])
    site.home.certificate("node").write_bytes(later.pem)
    site.home.key("node").write_bytes(later.key_pem)
    ended = finished("serve", site.home.path)
    assert ended.returncode == 4
    assert "not valid before" in ended.stderr
    assert "the clock of this machine says" in ended.stderr


OLDER = """
import os
import gateway
os.environ["GRPC_SSL_CIPHER_SUITES"] = "ECDHE-ECDSA-AES128-GCM-SHA256"  # of TLS 1.2, for the keys that nodes have
from gateway.cli import main
main()
"""


def test_a_node_that_would_take_an_older_tls_does_not_start(tmp_path: Path):
    home = Site("HK", tmp_path / "hk").found().home.path
    command = [sys.executable, "-c", OLDER, "serve", str(home)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, "takes TLS 1.2" in ended.stderr) == (5, True), ended.stderr


def test_a_node_runs_though_what_it_says_cannot_be_written(tmp_path: Path):
    """Its standard output is a file, say, on a disk that is full."""
    site = Site("HK", tmp_path / "hk").found()
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "gateway", "serve", str(site.home.path), "--verbose"]
        process = subprocess.Popen(command, stdout=full, stderr=full)
    try:
        eventually(lambda: is_open(site.back_office_port) or process.poll() is not None)
        with site.client() as client:
            assert client.server_info().jurisdiction == "HK"
    finally:
        process.terminate()
    assert process.wait(STOP_SECONDS) == 0


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


AILING = """
import asyncio, sys
from pathlib import Path
from sqlalchemy.exc import OperationalError
from gateway.errors import Unavailable
from gateway.home.home import Home
from gateway.identity.access.access import Caller
from gateway.node.node import Node
from gateway.store.transaction import Transaction

def fail():
    raise OperationalError("COMMIT", {}, Exception("no"))

async def main():
    node = Node(Home(Path(sys.argv[1])))
    await node.start()
    node._core.committer._session._connection.commit = fail
    try:
        await node._core.committer.submit(Transaction.try_to_write)
    except Unavailable:
        print(node._serving.health.is_well("", Caller("", "SFC", frozenset())))
    while not node._serving.health.can_write:
        await node._serving.health.next().wait()
    print("well again")
    await node.stop()

asyncio.run(main())
"""


def test_a_node_whose_commit_failed_is_well_again_though_nobody_calls(tmp_path: Path):
    home = Site("HK", tmp_path / "hk").found().home.path
    command = [sys.executable, "-c", AILING, str(home)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.split("\n")[:2] == ["False", "well again"]


LEAPT = """
import asyncio, sys
from pathlib import Path
from sqlalchemy import select
from gateway.node import node as made
from gateway.home.home import Home
from gateway.moments import datetime_of
from gateway.store.tables import told_days

YEAR = 365 * 86_400 * 1_000_000

def day_of(node):
    return datetime_of(node._clock.now())

async def main():
    ahead, machine = [0], made._micros
    made._micros = lambda: machine() + ahead[0]
    node = made.Node(Home(Path(sys.argv[1])))
    ahead[0] = YEAR
    before = day_of(node)
    await node.start()
    until = None
    while until is None:
        await asyncio.sleep(0.05)
        with node._database.readers.connect() as connection:
            until = connection.scalar(select(told_days.c.until))
    print(any(day.year * 10_000 + day.month * 100 + day.day == until for day in (before, day_of(node))))
    print(node._clock.doubt)
    await node.stop()

asyncio.run(main())
"""


def test_what_a_node_does_when_time_passes_it_does_by_the_time_that_it_believes(tmp_path: Path):
    """With a clock that leapt it would tell what is not in force yet, and drop files that are still wanted."""
    home = Site("HK", tmp_path / "hk").found().home.path
    command = [sys.executable, "-c", LEAPT, str(home)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    told_today, doubt = ended.stdout.splitlines()
    assert told_today == "True"
    assert "8760 h 0 min ahead" in doubt


DIALLED = """
import asyncio, sys
from pathlib import Path
from gateway.home.home import Home
from gateway.link.dialler import Dialler
from gateway.node.node import Node

async def main():
    node, hurried = Node(Home(Path(sys.argv[1]))), []
    Dialler.hurry = lambda dialler: hurried.append((type(dialler).__name__, dialler._peer.jurisdiction))
    await node.start()
    node._peering.servicer._on_seen("KR")
    print(sorted(hurried))
    await node.stop()

asyncio.run(main())
"""


def test_both_streams_to_a_peer_are_dialled_once_it_has_dialled(tmp_path: Path):
    """That of files would wait for up to a minute more where a pairing that had ended is taken up again."""
    hk, kr, sg = (Site(each, tmp_path / each).found() for each in ("HK", "KR", "SG"))
    pair(hk, kr)
    pair(hk, sg)
    command = [sys.executable, "-c", DIALLED, str(hk.home.path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.strip() == str([("AttachmentLink", "KR"), ("Link", "KR")])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site("HK", tmp_path_factory.mktemp("node")).found()


@pytest.mark.parametrize("name", ["node", "seal-ed25519", "seal-ml-dsa-44"])
def test_a_node_does_not_start_with_a_key_that_others_can_read(site: Site, name: str):
    key = site.home.key(name)
    key.chmod(0o640)
    process = site.launch()
    assert process.wait(STOP_SECONDS) == 5
    assert process.stdout
    process.stdout.close()
    key.chmod(0o600)
    assert f"{key}" in site.log_text()


def test_a_node_that_crashes_leaves_no_dump_of_its_memory(site: Site):
    with running(site):
        assert site.process
        limits = Path(f"/proc/{site.process.pid}/limits").read_text()
    (core,) = (line.split() for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core[4:6] == ["0", "0"]
