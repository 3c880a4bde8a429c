"""What ``docs/access.md`` promises, read from the page itself; and what is served, read from descriptors."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from gateway.identity.access.access import Role
from gateway.rpc.server import SERVICES

OF_FILES = ", "  # in a row of files that belong to something
PAGE = Path(__file__).parents[2] / "docs" / "access.md"
ALL_SERVICES: tuple[ServiceDescriptor, ...] = (
    *SERVICES,
    health_pb2.DESCRIPTOR.services_by_name["Health"],
    reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"],
)
METHODS: Mapping[str, MethodDescriptor] = {
    f"/{service.full_name}/{method.name}": method for service in ALL_SERVICES for method in service.methods
}


def promised() -> dict[str, frozenset[Role]]:
    """The roles of each method, by its full path, as a reader of the page understands them."""
    return {method: roles for method, roles, _ in _rows() if OF_FILES not in method}


def promised_of_files() -> dict[tuple[str, str], frozenset[Role]]:
    """The roles to which a file is there, by the method and the collection of what it belongs to."""
    named = ((method.partition(OF_FILES), roles) for method, roles, _ in _rows())
    return {(method, collection.partition("/")[0]): roles for (method, is_one, collection), roles in named if is_one}


def promised_of_labels() -> dict[str, str]:
    """What becomes of what a client is not cleared for, of each method at which that counts."""
    return {method: bearing for method, _, bearing in _rows() if bearing and OF_FILES not in method}


def _rows() -> Iterator[tuple[str, frozenset[Role], str]]:
    full_names = {service.name: service.full_name for service in ALL_SERVICES}
    lines = PAGE.read_text().partition("<!-- rules -->")[2].partition("<!-- end of rules -->")[0].strip().splitlines()
    roles = [Role(cell) for cell in _cells(lines[0])[1 : len(Role) + 1]]
    service = ""
    for line in lines[2:]:
        name, *cells = _cells(line)
        if name.startswith("**"):
            service = full_names[name.strip("*")]
        else:
            allowed = dict(zip(roles, cells, strict=False))
            yield f"/{service}/{name}", frozenset(role for role in roles if allowed[role] == "yes"), cells[len(roles)]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]
