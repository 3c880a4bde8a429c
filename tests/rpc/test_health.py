"""Health tells a channel that moves from one whose peer is away: Korea's node runs here, and Singapore's does not."""

from collections.abc import Iterator, Mapping

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse, HealthListResponse

from gateway.identity.access.access import Access, Caller, Role
from tests.rpc.calls import ADMIN, call, client_files, connected
from tests.rpc.conftest import Nodes
from tests.support.nodes import eventually

HEALTH = "/grpc.health.v1.Health/"
SERVING, NOT_SERVING, SERVICE_UNKNOWN = (
    HealthCheckResponse.SERVING,
    HealthCheckResponse.NOT_SERVING,
    HealthCheckResponse.SERVICE_UNKNOWN,
)
EXPECTED = {
    "": SERVING,
    "channels": NOT_SERVING,
    "channels/hk-to-kr": SERVING,
    "channels/hk-to-kr/connected": SERVING,
    "channels/hk-to-kr/open": SERVING,
    "channels/kr-to-hk": SERVING,
    "channels/kr-to-hk/connected": SERVING,
    "channels/kr-to-hk/open": SERVING,
    "channels/hk-to-sg": NOT_SERVING,
    "channels/hk-to-sg/connected": NOT_SERVING,
    "channels/hk-to-sg/open": SERVING,
    "channels/sg-to-hk": NOT_SERVING,
    "channels/sg-to-hk/connected": NOT_SERVING,
    "channels/sg-to-hk/open": SERVING,
}


@pytest.fixture(scope="module")
def by_role(nodes: Nodes) -> Iterator[Mapping[Role, grpc.Channel]]:
    channels = {}
    managers = []
    for role in Role:
        manager = connected(nodes.hk, nodes.hk.back_office_port, client_files(nodes.hk, "SFC", role.value))
        channels[role] = manager.__enter__()
        managers.append(manager)
    eventually(lambda: listed(channels[Role.OPERATOR]).items() >= EXPECTED.items())
    yield channels
    for manager in managers:
        manager.__exit__(None, None, None)


def listed(channel: grpc.Channel) -> dict[str, int]:
    answer = HealthListResponse.FromString(call(channel, f"{HEALTH}List", b"").data)
    return {name: each.status for name, each in answer.statuses.items()}


@pytest.mark.parametrize("name", EXPECTED)
def test_check_and_watch_tell_the_same(by_role, name):
    request = HealthCheckRequest(service=name)
    for method in ("Check", "Watch"):
        answer = call(by_role[Role.OPERATOR], f"{HEALTH}{method}", request)
        assert HealthCheckResponse.FromString(answer.data).status == EXPECTED[name]


@pytest.mark.parametrize("role", Role)
def test_only_who_may_look_at_channels_may_ask_for_them(by_role, role):
    may = Access.allows(Caller("", "SFC", frozenset({role})), f"{ADMIN}GetChannel")
    names = listed(by_role[role])
    assert names[""] == SERVING
    assert any(name.startswith("channels") for name in names) == may
    request = HealthCheckRequest(service="channels/hk-to-sg")
    checked = call(by_role[role], f"{HEALTH}Check", request)
    watched = HealthCheckResponse.FromString(call(by_role[role], f"{HEALTH}Watch", request).data)
    if may:
        assert HealthCheckResponse.FromString(checked.data).status == watched.status == NOT_SERVING
    else:
        assert (checked.code, watched.status) == (grpc.StatusCode.NOT_FOUND, SERVICE_UNKNOWN)


@pytest.mark.parametrize("name", ["channels/", "channels/hk-to-xx", "channels/hk-to-kr/", "channels/hk-to-kr/halted"])
def test_a_name_that_is_none_is_not_there(by_role, name):
    checked = call(by_role[Role.OPERATOR], f"{HEALTH}Check", HealthCheckRequest(service=name))
    assert checked.code == grpc.StatusCode.NOT_FOUND
