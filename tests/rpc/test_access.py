"""Who may call what, asked of a real node: every method of every service, by clients of one role each.

What must come of it is read from the table of ``docs/access.md``.
"""

import os
import subprocess
import sys
from collections.abc import Iterator

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse, HealthListResponse
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

from gateway.identity.access.access import Role
from gateway.rpc.server import SERVICES
from tests.rpc import strangers
from tests.rpc.access_table import METHODS, promised
from tests.rpc.calls import REFLECTION, Answer, call, client_files, connected, files, unharmed
from tests.rpc.conftest import Nodes
from tests.support.nodes import Site

HEALTH = "/grpc.health.v1.Health/"
LIST = ServerReflectionRequest(list_services="")
DENIED = grpc.StatusCode.PERMISSION_DENIED
NAMES = [service.full_name for service in SERVICES]
REFUSED = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAUTHENTICATED, DENIED}
PROMISED = promised()
TRIES = [(method, role) for method in METHODS for role in Role]


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


def described(channel: grpc.Channel, service: str) -> set[str]:
    """The methods of a service, as the node itself describes it."""
    request = ServerReflectionRequest(file_containing_symbol=service)
    answer = ServerReflectionResponse.FromString(call(channel, REFLECTION, request).data)
    files = [FileDescriptorProto.FromString(each) for each in answer.file_descriptor_response.file_descriptor_proto]
    return {
        f"/{service}/{method.name}"
        for file in files
        for each in file.service
        if f"{file.package}.{each.name}" == service
        for method in each.method
    }


def test_the_page_speaks_of_every_method_that_the_node_serves_and_of_no_other(channels):
    answer = ServerReflectionResponse.FromString(call(channels[Role.READER], REFLECTION, LIST).data)
    services = [each.name for each in answer.list_services_response.service]
    served = {method for service in services for method in described(channels[Role.READER], service)}
    assert served == METHODS.keys() == PROMISED.keys()


@pytest.mark.parametrize(("method", "role"), TRIES)
def test_a_role_alone_may_call_what_the_page_says_and_nothing_else(channels, method, role):
    """An empty request is one that most methods refuse, but after they have asked who calls."""
    answer = call(channels[role], method, LIST if method == REFLECTION else b"")
    assert answer.code not in {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNIMPLEMENTED}
    assert (answer.code == DENIED) == (role not in PROMISED[method])
    if answer.code == DENIED:
        assert [info.reason for info in answer.infos] == ["NOT_ALLOWED"]


@pytest.mark.parametrize("method", ["NoticeService/GetNotice", "EventService/WatchEvents"])
def test_a_node_with_a_method_that_has_no_rule_does_not_start(tmp_path, method):
    site, path = Site("HK", tmp_path / "hk").found(), f"/regulator.exchange.v1.{method}"
    forgetful = (
        f"from gateway.identity.access.access import METHOD_ROLES as r; del r[{path!r}];"
        "from gateway.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", forgetful, "serve", str(site.home.path)],
        env={**os.environ, "GRPC_SSL_CIPHER_SUITES": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (5, "")
    assert f"no rule says who may call {path}" in done.stderr


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
    assert set(listed.statuses) >= {"", *NAMES}


def test_health_of_a_service_that_is_not_there(channels):
    channel, request = channels[Role.OPERATOR], HealthCheckRequest(service="a.B")
    checked = call(channel, f"{HEALTH}Check", request)
    assert (checked.code, checked.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
    watched = HealthCheckResponse.FromString(call(channel, f"{HEALTH}Watch", request).data)
    assert watched.status == HealthCheckResponse.SERVICE_UNKNOWN
