"""An OpenTelemetry collector for tests: a real gRPC server of the OTLP TraceService, which keeps every span."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from gateway.identity.certificates.keyfiles import write_key
from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.certificates.x509 import to_pem
from tests.support.certificates import CLIENT_AUTH, SERVER_AUTH, OddCertificates, authority

HOST = "localhost"


@dataclass(frozen=True)
class Told:
    """A span, and the node that told it."""

    node: str
    span: Span
    raw: bytes = field(repr=False)

    @property
    def name(self) -> str:
        return self.span.name

    @property
    def trace_id(self) -> str:
        return self.span.trace_id.hex()

    @property
    def attributes(self) -> dict[str, Any]:
        return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in self.span.attributes}

    def is_under(self, other: "Told") -> bool:
        return (self.span.trace_id, self.span.parent_span_id) == (other.span.trace_id, other.span.span_id)


class Collector(TraceServiceServicer):
    """Keeps what it is told. ``port``: where it listens."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.headers: list[dict[str, str | bytes]] = []
        self.port = 0
        self._lock = threading.Lock()

    def Export(self, request: ExportTraceServiceRequest, context: grpc.ServicerContext) -> ExportTraceServiceResponse:
        told = [
            Told(self._node(resource.resource.attributes), span, request.SerializeToString())
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        with self._lock:
            self.told += told
            self.headers.append(dict(context.invocation_metadata()))
        return ExportTraceServiceResponse()

    def of(self, trace_id: str) -> list[Told]:
        """The spans of one trace, in order of their beginnings."""
        with self._lock:
            return sorted(
                (each for each in self.told if each.trace_id == trace_id),
                key=lambda each: each.span.start_time_unix_nano,
            )

    def names(self, trace_id: str) -> list[tuple[str, str]]:
        return [(each.node, each.name) for each in self.of(trace_id)]

    @staticmethod
    def _node(attributes: Any) -> str:
        return next(each.value.string_value for each in attributes if each.key == "service.instance.id")

    @contextmanager
    def serving(self, credentials: grpc.ServerCredentials | None = None, port: int = 0) -> Iterator["Collector"]:
        server = self._server = grpc.server(ThreadPoolExecutor(4))
        add_TraceServiceServicer_to_server(self, server)
        address = f"{HOST}:{port}"
        self.port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
        server.start()
        try:
            yield self
        finally:
            self.stop()

    def stop(self) -> None:
        """Answers no more."""
        self._server.stop(None).wait()


def collector_files(folder: Path) -> grpc.ServerCredentials:
    """Writes what a node needs for a collector with mutual TLS, ``ca.pem``, ``own.pem``, ``own.key``; gives its own."""
    now = datetime.now(UTC)
    root = authority(AuthorityKind.NODE, domain="collector.test", now=now)
    made = OddCertificates(root, now)
    server, client = made.make(dns=[HOST], ekus=[SERVER_AUTH]), made.make(dns=["node"], ekus=[CLIENT_AUTH])
    pem = to_pem(root.certificate)
    (folder / "ca.pem").write_bytes(pem)
    (folder / "own.pem").write_bytes(client.pem)
    write_key(folder / "own.key", client.key)
    return grpc.ssl_server_credentials([(server.key_pem, server.pem)], pem, require_client_auth=True)
