"""A node that is told what to answer, and a client of either kind that calls it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from regulator.exchange import AsyncClient, Client, Profile

from tests.clients.python.authority import Authority
from tests.clients.python.fake_node import PATIENCE_SECONDS, FakeNode
from tests.clients.python.on_loop import Loop

DOMAIN = "gateway.hk.example"


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("hk"), "Hong Kong test root")


@pytest.fixture(scope="session")
def other_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("other"), "Hong Kong test root")  # an impostor: the same name


@pytest.fixture(scope="session")
def server_credentials(authority: Authority) -> grpc.ServerCredentials:
    issued = authority.node(DOMAIN)
    pair = (issued.key.read_bytes(), issued.certificate.read_bytes())
    return grpc.ssl_server_credentials([pair], authority.ca.read_bytes(), require_client_auth=True)


@pytest.fixture(scope="session")
def loop() -> Iterator[Loop]:
    running = Loop()
    yield running
    running.close()


@pytest.fixture
def node(server_credentials: grpc.ServerCredentials) -> Iterator[FakeNode]:
    fake = FakeNode(server_credentials)
    fake.start()
    yield fake
    fake.stop()


@pytest.fixture(scope="session")
def issued_profile(authority: Authority) -> Profile:
    issued = authority.client("spiffe://hk.example/HKMA/office")
    return Profile("127.0.0.1:1", DOMAIN, authority.ca, issued.certificate, issued.key)


@pytest.fixture
def profile(issued_profile: Profile, node: FakeNode) -> Profile:
    return replace(issued_profile, address=f"127.0.0.1:{node.port}")


@pytest.fixture(params=["blocking", "asyncio"])
def connect(request: pytest.FixtureRequest, profile: Profile, loop: Loop) -> Iterator[Callable[..., Any]]:
    """Makes a client, with changes to the profile; it is closed after the test."""
    clients: list[Any] = []

    def make(**changes: Any) -> Any:
        changed = replace(profile, **{"deadline_seconds": PATIENCE_SECONDS / 2, **changes})
        if request.param == "blocking":
            clients.append(Client(changed))
        else:
            clients.append(loop.run(AsyncClient, changed))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(connect: Callable[..., Any]) -> Any:
    return connect()


@pytest.fixture
def profile_file(profile: Profile, tmp_path: Path) -> Path:
    file = tmp_path / "office.toml"
    lines = [f'{name} = "{getattr(profile, name)}"' for name in ("address", "server_name", "ca", "certificate", "key")]
    file.write_text("\n".join(lines), encoding="utf-8")
    return file
