"""The jurisdictions of the demonstration: made in a folder, paired, and each node run as a process of its own."""

import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, Queue

from regulator.exchange.v1.values_pb2 import Handling

from gateway.errors import ConfigError, Unavailable
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
from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.names import ClientId

MARKER = "made-by-gateway-demo"
START_SECONDS, STOP_SECONDS = 60, 20
FIRST_PORT = 7401
FIRST_GIVEN_PORT = 32_768  # by Linux, to whoever connects
SYSTEM = "back-office"  # name of each authority's client


@dataclass(frozen=True, slots=True)
class Site:
    """One jurisdiction of the demonstration."""

    jurisdiction: str
    domain: str
    display_name: str
    authorities: Sequence[str]
    back_office: str
    peer: str
    folder: Path

    @property
    def home(self) -> Home:
        """The node's home."""
        return Home(self.folder / "node")

    @property
    def certificates(self) -> Path:
        """The folder of the jurisdiction's authorities."""
        return self.folder / "authority"

    @property
    def root(self) -> Path:
        """The root under which this jurisdiction's evidence verifies."""
        return self.home.root("node-authority")

    def profile(self, authority: str) -> Path:
        """The profile of an authority's back-office system."""
        return self.folder / "clients" / authority / "profile.toml"


def clear(folder: Path) -> None:
    """Takes away what an earlier demonstration left in a folder.

    Raises:
        ConfigError: the folder holds something else, or a demonstration runs in it.
    """
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARKER).exists():
            raise ConfigError(f"{folder} holds something else than a demonstration: give another folder with --home")
        _require_stopped(folder)
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).touch()


def _require_stopped(folder: Path) -> None:
    for lock in folder.glob("*/node/lock"):
        pid = lock.read_text().strip()
        if pid and Path(f"/proc/{pid}").exists():
            raise ConfigError(
                f"a demonstration runs in {folder} already (process {pid}): stop it, or give another folder with --home"
            )


def found_sites(folder: Path, first_port: int) -> list[Site]:
    """Founds and pairs Hong Kong and Korea, whose ports begin with the first one."""
    sites = _sites(folder, first_port)
    for site in sites:
        _found(site)
    _pair(sites)
    return sites


def _sites(folder: Path, first_port: int) -> list[Site]:
    ports = _ports(first_port)
    return [
        Site(
            jurisdiction,
            f"gateway.{jurisdiction.lower()}.example",
            name,
            authorities,
            f"127.0.0.1:{next(ports)}",
            f"127.0.0.1:{next(ports)}",
            folder / jurisdiction.lower(),
        )
        for jurisdiction, name, authorities in (
            ("HK", "Hong Kong", ("HKMA", "SFC", "FSTB")),
            ("KR", "Korea", ("FSC", "FSS", "BOK", "KoFIU")),
        )
    ]


def _ports(first: int) -> Iterator[int]:
    """Ports that are easy to remember, such as 7401, 7402, 7501, 7502; where one is taken, that of the next thousand.

    None is of those that Linux gives to whoever connects: such a port could be gone before the node listens.
    """
    for wanted in (first, first + 1, first + 100, first + 101):
        port = next((each for each in range(wanted, FIRST_GIVEN_PORT, 1000) if _is_free(each)), None)
        if port is None:
            raise ConfigError(f"port {wanted} is taken, and so is that of each thousand after it")
        yield port


def _is_free(port: int) -> bool:
    with socket.socket() as probe, suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False


def _found(site: Site) -> None:
    now = datetime.now(UTC)
    make_authorities(site.certificates, site.jurisdiction, site.domain, now)
    nodes = load_authority(site.certificates, AuthorityKind.NODE)
    clients = load_authority(site.certificates, AuthorityKind.CLIENT)
    new = NewNode(site.jurisdiction, site.domain, site.display_name, site.authorities, site.back_office, site.peer)
    make_home(site.home, new, nodes, clients.certificate, now)
    for authority in site.authorities:
        client = ClientId(site.domain, authority, SYSTEM)
        issue_client(site.profile(authority).parent, client, clients, now)
        write_profile(site.profile(authority).parent, site.back_office, site.domain, nodes.certificate)
        admit_client(site.home, client, list(Role), Handling.RED)


def _pair(sites: Sequence[Site]) -> None:
    now = datetime.now(UTC)
    for site in sites:
        for peer in sites:
            if peer is not site:
                document = peer.home.pairing_document(now)
                import_pairing(site.home, document.encode(), document.fingerprint(), now)


@contextmanager
def serving(site: Site) -> Iterator[None]:
    """Runs ``gateway serve`` as a process of its own.

    Raises:
        Unavailable: it did not start; says what it said.
    """
    command = [sys.executable, "-m", "gateway", "serve", str(site.home.path)]
    with (site.folder / "serve.log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)  # noqa: S603 - our own
    try:
        _await_ready(process, site)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_ready(process: "subprocess.Popen[str]", site: Site) -> None:
    lines: Queue[str] = Queue()
    assert process.stdout is not None, "it was piped"
    stdout = process.stdout

    def read() -> None:
        for line in stdout:
            lines.put(line)
        lines.put("")  # it ended

    threading.Thread(target=read, daemon=True).start()
    with suppress(Empty):
        if lines.get(timeout=START_SECONDS):
            return
    said = (site.folder / "serve.log").read_text().strip()
    raise Unavailable(f"the {site.jurisdiction} node did not start: {said or 'it said nothing'}")
