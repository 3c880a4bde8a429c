"""Nodes for tests: jurisdictions that are founded and paired, and each node as a real process."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from regulator.exchange import Client, Profile
from regulator.exchange.v1.values_pb2 import Handling, Sector

from gateway.home.home import Home
from gateway.home.pairing import import_pairing
from gateway.home.provisioning import (
    NewNode,
    admit_client,
    issue_client,
    load_authority,
    make_authorities,
    make_home,
    write_profile,
)
from gateway.identity.access.access import Role
from gateway.identity.certificates.issuing import Authority
from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.names import ClientId
from gateway.identity.seals.key_uris import KeyUri
from gateway.store.database import Database, local_file
from tests.support.forking import Forked, forked
from tests.support.ports import free_port

GATEWAY = ("gateway",)
AUTHORITIES = {
    "HK": ("HKMA", "SFC", "FSTB"),
    "KR": ("FSC", "FSS", "BOK", "KoFIU"),
    "SG": ("MAS",),
    "JP": ("FSA",),
    "GB": ("FCA",),
    "US": ("SEC",),
    "CH": ("FINMA",),
    "AU": ("ASIC",),
    "AE": ("VARA",),
}
CALL_SECONDS = 60  # more than a call takes, retries included, whatever else the machine does
STOP_SECONDS = 60  # more than a node takes, whatever else the machine does
LOG_LINES = 30  # of a node, that are shown with what failed


def eventually(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Waits for a condition; fails once its time is over."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {condition}"
        time.sleep(0.02)


@dataclass
class Site:
    """One jurisdiction: its authorities, its node's home, its clients' profiles, and the node's process."""

    jurisdiction: str
    path: Path
    back_office_port: int = field(default_factory=free_port)
    peer_port: int = field(default_factory=free_port)
    process: Forked | None = None
    program: Sequence[str] = GATEWAY  # the module that is run as the node, and its own arguments

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def highest_bytes(self) -> int:
        """The most that its process ever had in memory."""
        return self._status_bytes("VmHWM")

    @property
    def resident_bytes(self) -> int:
        """What its process has in memory now."""
        return self._status_bytes("VmRSS")

    def _status_bytes(self, name: str) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split(f"{name}:")[1].split()[0]) * 1024

    @property
    def domain(self) -> str:
        return f"gateway.{self.jurisdiction.lower()}.example"

    @property
    def home(self) -> Home:
        return Home(self.path / "home")

    def authority(self, kind: AuthorityKind) -> Authority:
        return load_authority(self.path / "authority", kind)

    def found(self, database_url: str = "sqlite:///node.db", seal: KeyUri | None = None, **changes: str) -> "Site":
        """Makes authorities, home, and a client of the second authority with every role."""
        now = datetime.now(UTC)
        make_authorities(self.path / "authority", self.jurisdiction, self.domain, now)
        new = NewNode(
            jurisdiction=self.jurisdiction,
            domain=self.domain,
            display_name=f"{self.jurisdiction} test node",
            authorities=AUTHORITIES[self.jurisdiction],
            back_office=changes.get("back_office", f"127.0.0.1:{self.back_office_port}"),
            peer=changes.get("peer", f"127.0.0.1:{self.peer_port}"),
            database_url=database_url,
            seal=seal,
        )
        client_root = self.authority(AuthorityKind.CLIENT).certificate
        lay_tables(self.home.path, database_url)
        make_home(self.home, new, self.authority(AuthorityKind.NODE), client_root, now)
        for authority in AUTHORITIES[self.jurisdiction]:
            self.add_client(authority, list(Role))
        return self

    def add_client(
        self,
        authority: str,
        roles: Sequence[Role],
        system: str = "office",
        clearance: Handling.Tlp.ValueType = Handling.RED,
        sectors: Collection[Sector.ValueType] = (),
    ) -> Path:
        """Issues and admits a client; gives its profile."""
        client = ClientId(self.domain, authority, system)
        folder = self.path / "clients" / f"{authority}-{system}"
        issue_client(folder, client, self.authority(AuthorityKind.CLIENT), datetime.now(UTC))
        admit_client(self.home, client, roles, clearance, sectors)
        root = self.authority(AuthorityKind.NODE).certificate
        profile = write_profile(folder, f"127.0.0.1:{self.back_office_port}", self.domain, root)
        with profile.open("a") as file:
            file.write(f"deadline_seconds = {CALL_SECONDS}\n")
        return profile

    def serve_metrics(self) -> int:
        """Has a node that does not run serve its metrics; gives the port."""
        port = free_port()
        self.configure(f'[metrics]\nlisten = "127.0.0.1:{port}"\n')
        return port

    def configure(self, text: str) -> None:
        """Adds to the configuration of a node that does not run."""
        path = self.home.config_file
        path.write_text(f"{path.read_text()}\n{text}")

    def profile(self, authority: str = "", system: str = "office") -> Profile:
        authority = authority or AUTHORITIES[self.jurisdiction][0]
        loaded = Profile.load(self.path / "clients" / f"{authority}-{system}" / "profile.toml")
        return replace(loaded, max_attempts=4)  # tests ask nodes that are down, and need not wait for long

    def client(self, authority: str = "", system: str = "office") -> Client:
        return Client(self.profile(authority, system))

    def start(self, **environment: str) -> None:
        """Starts ``gateway serve`` and waits until it serves."""
        self.launch(**environment)
        self.wait_until_serving()

    def wait_until_serving(self) -> None:
        """Waits for what ``gateway serve`` says once it serves."""
        assert self.process is not None
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert "serves back offices" in line, (line, self.process.wait(STOP_SECONDS), self.log_text())

    def launch(self, **environment: str) -> Forked:
        """Starts ``gateway serve`` and waits for nothing."""
        command = (*self.program, "serve", str(self.home.path), "--verbose")
        with (self.path / "serve.log").open("a") as log:
            self.process = forked(command, log, {**os.environ, **environment})
        return self.process

    @contextmanager
    def spending(self, seconds: float) -> Iterator[None]:
        """Fails if the node takes more time of the processor meanwhile: unlike the clock's, it is the node's own."""
        before = self._processor_seconds()
        yield
        assert self._processor_seconds() - before < seconds

    def _processor_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # utime and stime, see proc(5)

    def log_text(self) -> str:
        path = self.path / "serve.log"
        return path.read_text() if path.exists() else ""

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Signals the process, waits for its end, gives its exit code. One that does not end is killed, and fails."""
        assert self.process is not None
        process, self.process = self.process, None
        with process:
            process.send_signal(number)
            try:
                return process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise AssertionError(f"{self.jurisdiction} did not stop: {self.log_text()}") from None

    def wait_for_end(self) -> int:
        """Waits until it ends by itself, or by what was done to it; gives its exit code."""
        return self.stop(0)

    def stop_if_running(self) -> None:
        if self.process:
            self.stop()

    def kill(self) -> None:
        self.stop(signal.SIGKILL)


def lay_tables(home: Path, database_url: str) -> None:
    """Puts a database without rows where a node is to be founded: its migrations take longer than all else of that."""
    if file := local_file(database_url, home):
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.write_bytes(_tables())


@cache
def _tables() -> bytes:
    """SQLite's file, made once a run by the migrations."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database("sqlite:///node.db", Path(folder))
        database.migrate()
        database.close()
        return (Path(folder) / "node.db").read_bytes()


def pair(one: Site, other: Site) -> None:
    """Exchanges pairing documents both ways."""
    now = datetime.now(UTC)
    for site, peer in ((one, other), (other, one)):
        document = peer.home.pairing_document(now)
        import_pairing(site.home, document.encode(), document.fingerprint(), now)


def found_pair(path: Path, **changes: str) -> tuple[Site, Site]:
    """Hong Kong and Korea, founded and paired, not started."""
    hk, kr = Site("HK", path / "hk").found(**changes), Site("KR", path / "kr").found(**changes)
    pair(hk, kr)
    return hk, kr


@contextmanager
def running(*sites: Site) -> Iterator[None]:
    """Starts nodes, all at once, and stops those that still run; what fails meanwhile tells what they logged last."""
    with ExitStack() as stack:
        for site in reversed(sites):
            stack.callback(site.stop_if_running)
        for site in sites:
            site.launch()
        for site in sites:
            site.wait_until_serving()
        try:
            yield
        except Exception as error:
            for site in sites:
                error.add_note("\n".join([f"{site.jurisdiction}'s log:", *site.log_text().splitlines()[-LOG_LINES:]]))
            raise
