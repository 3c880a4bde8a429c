"""A pair of nodes under attack, and what must hold after each: nobody else notices, and nothing got out."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from regulator.exchange import Client
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import LocalizedText

from gateway.identity.access.access import Role
from gateway.store.database import snapshot
from gateway.store.reverify import verify_store
from tests.hostile.texts import TEXTS, WRITABLE
from tests.rpc.calls import DEADLINE_SECONDS, SERVER_INFO, client_files, connected
from tests.rpc.raw import Http2, tls, tls_context
from tests.supervision.samples import content
from tests.support.logs import events
from tests.support.nodes import Site, eventually, found_pair, pair, running
from tests.support.sharing import shared

CANARY = "canary-7f3a-told-to-nobody"
FOE = ("SFC", "foe")  # a client of Hong Kong with every role, whose machine was taken over
SLOW = ("SFC", "slow")  # one that may call ten times a second, and have two streams
BOUNDS = """
[limits.clients."spiffe://gateway.hk.example/SFC/slow"]
calls_per_second = 10
burst_calls = 10
concurrent_streams = 2
"""
TAGS = ("en", "ko", "zh-Hant", "zh-Hans", "ja", "fr", "de", "pt")  # a text in each: eight
SERVED_SECONDS = 5  # of the node's processor, within which another client's call is answered


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


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Target:
    return shared(_target, tmp_path_factory)


@contextmanager
def _target(paths: pytest.TempPathFactory) -> Iterator[Target]:
    path = paths.mktemp("hostile")
    hk, kr = found_pair(path)
    sg = Site("SG", path / "sg").found()
    pair(hk, sg)
    for system in (FOE[1], SLOW[1]):
        hk.add_client("SFC", list(Role), system=system)
    with hk.home.config_file.open("a") as config:
        config.write(BOUNDS)
    secret = content(title=[LocalizedText(language_tag="en", text=CANARY)])
    odd = content(
        summary=[LocalizedText(language_tag=tag, text=TEXTS[name]) for tag, name in zip(TAGS, WRITABLE, strict=True)]
    )
    with running(hk, kr), hk.client("SFC") as client:
        client.create_notice(secret, recipient="KR", notice_id="hk-secret")
        client.create_notice(odd, recipient="KR", notice_id="hk-hostile")
        eventually(lambda: client.get_notice("hk-hostile").state == Notice.DELIVERED)
        yield Target(hk, kr, sg)


@pytest.fixture
def wire(target: Target) -> Iterator[Http2]:
    """The attacker's connection to the listener for back offices, spoken by hand."""
    with tls(target.hk, target.hk.back_office_port, tls_context(target.hk, target.foe)) as opened:
        yield Http2(opened)


@contextmanager
def wires(target: Target, count: int) -> Iterator[list[Http2]]:
    """So many of them."""
    context = tls_context(target.hk, target.foe)
    with ExitStack() as stack:
        yield [Http2(stack.enter_context(tls(target.hk, target.hk.back_office_port, context))) for _ in range(count)]


@pytest.fixture(scope="module")
def watching(target: Target) -> Iterator[list[tuple[Site, Client]]]:
    """Both nodes, each with a client that harms nobody and stays connected."""
    with target.hk.client() as hk, target.kr.client() as kr:
        yield [(target.hk, hk), (target.kr, kr)]


@pytest.fixture(autouse=True)
def unscathed(watching: list[tuple[Site, Client]]) -> Iterator[None]:
    """Both nodes run and serve, their logs are what they were, and nothing they wrote down tells a secret."""
    before = [(site, channels_of(client), len(site.log_text())) for site, client in watching]
    yield
    for site, channels, logged in before:
        assert site.process is not None
        assert site.process.poll() is None
        with site.client() as another:
            assert channels_of(another) == channels
        assert CANARY not in site.log_text()[logged:]
        assert all(events(site.log_text()[logged:])), "each line is one event, whatever was sent"


@pytest.fixture(autouse=True, scope="module")
def still_verified(target: Target) -> Iterator[None]:
    """After a module's attacks everything in both databases verifies: hashes, heads, signatures, projections."""
    yield
    for site in (target.hk, target.kr):
        assert_verifies(site)


def channels_of(client: Client) -> dict[str, tuple[int, int, bytes]]:
    """Size, receipted size and root of each of a node's logs, as a client is told."""
    return {each.name: (each.size, each.receipted_size, each.root) for each in client.list_channels()}


def assert_verifies(site: Site) -> None:
    """What ``gateway check`` does, beside the node that runs."""
    parties = site.home.parties(datetime.now(UTC))
    with snapshot(site.home.config.database.url, site.home.path) as connection:
        report = verify_store(connection, parties)
    assert not report.findings


def assert_serves(site: Site, times: int = 1) -> None:
    """Another client connects, and each of its calls is answered soon, whatever else the machine does."""
    with connected(site, site.back_office_port, client_files(site, "HKMA")) as channel:
        stub = channel.unary_unary(SERVER_INFO)
        for _ in range(times):
            with site.spending(SERVED_SECONDS):
                assert stub(b"", timeout=DEADLINE_SECONDS)
