"""Nodes that are called by strangers: Hong Kong, paired with Korea and with Singapore, whose node does not run."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
import pytest
from regulator.exchange import Client

from gateway.identity.access.access import Role
from tests.rpc.calls import REFUSAL_SECONDS, client_files, connected, unharmed
from tests.supervision.samples import content
from tests.support.nodes import Site, found_pair, pair, running
from tests.support.sharing import shared


@dataclass(frozen=True)
class Nodes:
    """The three jurisdictions. Singapore is no peer of Korea."""

    hk: Site
    kr: Site
    sg: Site


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Nodes:
    return shared(_nodes, tmp_path_factory)


@contextmanager
def _nodes(paths: pytest.TempPathFactory) -> Iterator[Nodes]:
    path = paths.mktemp("listeners")
    hk, kr = found_pair(path)
    sg = Site("SG", path / "sg").found()
    pair(hk, sg)
    for role in Role:
        hk.add_client("SFC", [role], system=role.value)
    with pytest.MonkeyPatch.context() as patch:
        # A node starts from an operator's shell, not from a process whose own imports have set this already.
        patch.delenv("GRPC_SSL_CIPHER_SUITES", raising=False)
        with running(hk, kr):
            yield Nodes(hk, kr, sg)


@pytest.fixture
def hkma(nodes: Nodes) -> Iterator[Client]:
    """A back office of Hong Kong."""
    with nodes.hk.client("HKMA") as client:
        yield client


@pytest.fixture
def fsc(nodes: Nodes) -> Iterator[Client]:
    """A back office of Korea."""
    with nodes.kr.client("FSC") as client:
        yield client


@pytest.fixture
def cheaply(nodes: Nodes) -> Iterator[None]:
    """What is asked costs the node little."""
    with nodes.hk.spending(REFUSAL_SECONDS):
        yield


@pytest.fixture(scope="module")
def channel(nodes: Nodes) -> Iterator[grpc.Channel]:
    """A client's connection to a node whose log holds something, and holds the same after the module's tests."""
    with nodes.hk.client("SFC") as client:
        for _ in range(3):
            client.create_notice(content(), recipient="KR")
    pair = client_files(nodes.hk, "SFC")
    with unharmed(nodes.hk), connected(nodes.hk, nodes.hk.back_office_port, pair) as channel:
        yield channel
