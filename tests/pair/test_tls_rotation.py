"""TLS keys, certificates and roots are replaced while both nodes are at work: no call fails, nothing is lost."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from regulator.exchange.v1.event_service_pb2 import Event

from gateway.home.certificates import install_tls
from gateway.home.provisioning import issue_node
from gateway.identity.certificates.issuing import Authority
from gateway.identity.certificates.x509 import to_der
from gateway.identity.names import NodeId
from tests.rpc.calls import client_files
from tests.rpc.raw import tls, tls_context
from tests.support.nodes import Site, found_pair, running


@pytest.fixture(scope="module")
def own_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Site]]:
    hk, kr = found_pair(tmp_path_factory.mktemp("tls-rotation"))
    with running(hk, kr):
        yield hk, kr


def now() -> datetime:
    return datetime.now(UTC)


def shown(site: Site) -> bytes:
    """The certificate that a node shows to a new connection, DER."""
    with tls(site, site.back_office_port, tls_context(site, client_files(site, "SFC"))) as wire:
        certificate = wire.getpeercert(binary_form=True)
        assert certificate is not None
        return certificate


def next_tls(site: Site, folder: Path, authority: Authority) -> bytes:
    """Issues and installs a node's next TLS certificate; gives it, DER."""
    issue_node(folder, NodeId(site.domain), authority, now())
    install_tls(site.home, folder, now())
    return to_der(site.home_certificate("node"))


def alarms(site: Site) -> list[str]:
    with site.client() as client, client.watch_events(kinds=[Event.ALARM]) as watch:
        found = []
        for response in watch:
            if not response.HasField("event"):
                return found
            found.append(response.event.detail)
    raise AssertionError("the watch ended by itself")
