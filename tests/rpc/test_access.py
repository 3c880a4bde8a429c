"""Who may call what, asked of a real node: every method of every service, by clients of one role each."""

from collections.abc import Iterator

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse, HealthListResponse
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

from gateway.identity.access import METHOD_ROLES, Role
from gateway.rpc.server import SERVICES
from tests.rpc import strangers
from tests.rpc.calls import REFLECTION, Answer, call, client_files, connected, files, unharmed
from tests.rpc.conftest import Nodes

HEALTH = "/grpc.health.v1.Health/"
LIST = ServerReflectionRequest(list_services="")
DENIED = grpc.StatusCode.PERMISSION_DENIED
NAMES = [service.full_name for service in SERVICES]
REFUSED = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAUTHENTICATED, DENIED}
SERVED = [
    *(f"/{service.full_name}/{method.name}" for service in SERVICES for method in service.methods),
    *(f"{HEALTH}{method.name}" for method in health_pb2.DESCRIPTOR.services_by_name["Health"].methods),
    REFLECTION,
]


@pytest.fixture(scope="module")
def channels(nodes: Nodes) -> Iterator[dict[Role, grpc.Channel]]:
    """A connection for each role."""
    with unharmed(nodes.hk):
        made = {
            role: connected(nodes.hk, nodes.hk.back_office_port, client_files(nodes.hk, "SFC", role)) for role in Role
        }
        yield {role: each.__enter__() for role, each in made.items()}
        for each in made.values():
            each.__exit__(None, None, None)


def test_every_method_that_is_served_has_a_rule_and_no_other():
    assert sorted(SERVED) == sorted(METHOD_ROLES)


@pytest.mark.parametrize("method", SERVED)
@pytest.mark.parametrize("role", Role)
def test_a_role_may_call_what_the_rules_say_and_nothing_else(channels, role, method):
    """An empty request is one that most methods refuse, but after they have asked who calls."""
    answer = call(channels[role], method, LIST if method == REFLECTION else b"")
    assert answer.code not in {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNIMPLEMENTED}
    assert (answer.code == DENIED) == (role not in METHOD_ROLES[method])
    if answer.code == DENIED:
        assert [info.reason for info in answer.infos] == ["NOT_ALLOWED"]


def ask_as_strangers(nodes: Nodes, method: str, request: bytes) -> Iterator[Answer]:
    for make in [
        *strangers.CLIENTS_OUTSIDE.values(),
        *strangers.CLIENTS_INSIDE.values(),
        *strangers.CLIENTS_UNKNOWN.values(),
    ]:
        with connected(nodes.hk, nodes.hk.back_office_port, files(make(nodes))) as channel:
            yield call(channel, method, request)


def test_reflection_lists_the_services_to_a_client_that_is_known(channels):
    for channel in channels.values():
        listed = ServerReflectionResponse.FromString(
            call(channel, REFLECTION, LIST).data
        ).list_services_response.service
        assert {each.name for each in listed} == {
            *NAMES,
            "grpc.health.v1.Health",
            "grpc.reflection.v1alpha.ServerReflection",
        }


def test_reflection_describes_a_service_well_enough_for_a_generic_client(channels):
    request = ServerReflectionRequest(file_containing_symbol=NAMES[0])
    answer = ServerReflectionResponse.FromString(call(channels[Role.READER], REFLECTION, request).data)
    assert any(b"CreateNotice" in each for each in answer.file_descriptor_response.file_descriptor_proto)


def test_reflection_and_health_tell_strangers_nothing(nodes):
    with unharmed(nodes.hk):
        for method, request in ((REFLECTION, LIST.SerializeToString()), (f"{HEALTH}Check", b"")):
            for answer in ask_as_strangers(nodes, method, request):
                assert answer.code in REFUSED
                assert answer.data == b""
                assert "NoticeService" not in answer.text


def test_health_answers_in_each_of_its_ways(channels):
    channel = channels[Role.OPERATOR]
    for name in ("", *NAMES):
        request = HealthCheckRequest(service=name)
        for method in ("Check", "Watch"):
            answer = HealthCheckResponse.FromString(call(channel, f"{HEALTH}{method}", request).data)
            assert answer.status == HealthCheckResponse.SERVING
    listed = HealthListResponse.FromString(call(channel, f"{HEALTH}List", b"").data)
    assert set(listed.statuses) == {"", *NAMES}


def test_health_of_a_service_that_is_not_there(channels):
    channel, request = channels[Role.OPERATOR], HealthCheckRequest(service="a.B")
    checked = call(channel, f"{HEALTH}Check", request)
    assert (checked.code, checked.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
    watched = HealthCheckResponse.FromString(call(channel, f"{HEALTH}Watch", request).data)
    assert watched.status == HealthCheckResponse.SERVICE_UNKNOWN
