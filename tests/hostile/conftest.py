"""A pair of nodes under attack, and what must hold after each: nobody else notices, and nothing got out."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import LocalizedText

from gateway.identity.access import Role
from gateway.store.database import snapshot
from gateway.store.reverify import verify_store
from tests.rpc.calls import SERVER_INFO, client_files, connected
from tests.supervision.samples import content
from tests.support.nodes import Site, eventually, found_pair, pair, running

CANARY = "canary-7f3a-told-to-nobody"
FOE = ("SFC", "foe")  # a client of Hong Kong with every role, whose machine was taken over
SERVED_SECONDS = 5  # within which another client's call is answered, on a machine that has other work


@dataclass(frozen=True)
class Target:
    """Hong Kong, paired with Korea and with Singapore, whose node does not run: whoever holds its key dials."""

    hk: Site
    kr: Site
    sg: Site

    @property
    def foe(self) -> tuple[bytes, bytes]:
        """Key and certificate of the client that attacks."""
        return client_files(self.hk, *FOE)


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    path = tmp_path_factory.mktemp("hostile")
    hk, kr = found_pair(path)
    sg = Site("SG", path / "sg").found()
    pair(hk, sg)
    hk.add_client(FOE[0], list(Role), system=FOE[1])
    secret = content(title=[LocalizedText(language_tag="en", text=CANARY)])
    with running(hk, kr), hk.client("SFC") as client:
        name = client.create_notice(secret, recipient="KR").name
        eventually(lambda: client.get_notice(name).state == Notice.DELIVERED)
        yield Target(hk, kr, sg)


@pytest.fixture(autouse=True)
def unscathed(target: Target) -> Iterator[None]:
    """Both nodes run and serve, their logs are what they were and verify, and no log of theirs tells a secret."""
    sites = (target.hk, target.kr)
    before = {site.jurisdiction: (channels_of(site), len(site.log_text())) for site in sites}
    yield
    for site in sites:
        assert site.process is not None
        assert site.process.poll() is None
        channels, logged = before[site.jurisdiction]
        assert channels_of(site) == channels
        assert CANARY not in site.log_text()[logged:]
        assert_verifies(site)


def channels_of(site: Site) -> dict[str, tuple[int, int, bytes]]:
    """Size, receipted size and root of each of a node's logs, as a client that harms nobody is told."""
    with site.client() as client:
        return {each.name: (each.size, each.receipted_size, each.root) for each in client.list_channels()}


def assert_verifies(site: Site) -> None:
    """What ``gateway check`` does, beside the node that runs."""
    parties = site.home.parties(site.home.peer_documents(), datetime.now(UTC))
    with snapshot(site.home.config.database.url, site.home.path) as connection:
        report = verify_store(connection, parties)
    assert not report.findings


def assert_serves(site: Site, authority: str = "HKMA") -> None:
    """Another client connects and is answered within its deadline."""
    with connected(site, site.back_office_port, client_files(site, authority)) as channel:
        stub = channel.unary_unary(SERVER_INFO)
        assert stub(b"", timeout=SERVED_SECONDS)
