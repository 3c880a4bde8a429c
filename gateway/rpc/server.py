"""Makes the two listeners: what each serves, whom it admits, and the bounds it keeps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc
from regulator.exchange.v1 import (
    admin_service_pb2,
    admin_service_pb2_grpc,
    assistance_service_pb2,
    assistance_service_pb2_grpc,
    attachment_service_pb2,
    attachment_service_pb2_grpc,
    audit_service_pb2,
    audit_service_pb2_grpc,
    draft_service_pb2,
    draft_service_pb2_grpc,
    event_service_pb2,
    event_service_pb2_grpc,
    evidence_service_pb2,
    evidence_service_pb2_grpc,
    framework_service_pb2,
    framework_service_pb2_grpc,
    notice_service_pb2,
    notice_service_pb2_grpc,
    peer_service_pb2_grpc,
    sharing_service_pb2,
    sharing_service_pb2_grpc,
)

from gateway.errors import Unavailable
from gateway.ledger.batch import MAX_MESSAGE_BYTES
from gateway.metrics.instruments import Instruments
from gateway.rates import Rate
from gateway.rpc.admin import AdminServicer
from gateway.rpc.assistance import AssistanceServicer
from gateway.rpc.attachments import AttachmentServicer
from gateway.rpc.audit import AuditServicer
from gateway.rpc.drafts import DraftServicer
from gateway.rpc.events import EventServicer
from gateway.rpc.evidence import EvidenceServicer
from gateway.rpc.frameworks import FrameworkServicer
from gateway.rpc.guard import Admission, Guard
from gateway.rpc.health import HealthServicer
from gateway.rpc.intake import make_server
from gateway.rpc.journaling import Journaling
from gateway.rpc.notices import NoticeServicer
from gateway.rpc.peer import PeerServicer
from gateway.rpc.quotas import Quota, Quotas
from gateway.rpc.ruled import Ruled
from gateway.rpc.sharing import SharingServicer
from gateway.rpc.sizes import MAX_REQUEST_BYTES, most_bytes
from gateway.rpc.tls import HANDSHAKE_TIMEOUT_MILLISECONDS, Material, server_credentials
from gateway.telemetry.tracing import Tracing

MAX_ANSWER_BYTES = 16 * 1024 * 1024  # as clients take them: a page of a diff holds provisions old and new
MAX_METADATA_BYTES = 16 * 1024
MAX_STREAMS_A_CONNECTION = 250  # more wait; unbounded, a flood of resets would hurt other callers
MAX_WAITING_CALLS = 10_000  # to be looked at, of a method; above it gRPC cancels some at random, whoever makes them
PING_TIMEOUT_MILLISECONDS = 90_000  # an answer waits behind what a caller sends: on a thin line for long
MAX_PEER_STREAMS = 100  # over all connections of the peer listener
PEER_QUOTA = Quota(Rate(20, 200), MAX_PEER_STREAMS // 2, MAX_PEER_STREAMS // 2, Rate(2000, 4000))
"""Of one peer: how often it dials, and how much it says on all its streams: ten times as much as honest ones do."""


SERVICES: Sequence[ServiceDescriptor] = (
    notice_service_pb2.DESCRIPTOR.services_by_name["NoticeService"],
    framework_service_pb2.DESCRIPTOR.services_by_name["FrameworkService"],
    draft_service_pb2.DESCRIPTOR.services_by_name["DraftService"],
    sharing_service_pb2.DESCRIPTOR.services_by_name["SharingService"],
    assistance_service_pb2.DESCRIPTOR.services_by_name["AssistanceService"],
    attachment_service_pb2.DESCRIPTOR.services_by_name["AttachmentService"],
    event_service_pb2.DESCRIPTOR.services_by_name["EventService"],
    evidence_service_pb2.DESCRIPTOR.services_by_name["EvidenceService"],
    admin_service_pb2.DESCRIPTOR.services_by_name["AdminService"],
    audit_service_pb2.DESCRIPTOR.services_by_name["AuditService"],
)
"""What the back-office listener serves, beside health and reflection."""


@dataclass(frozen=True, slots=True)
class Listener:
    """What a listener needs beside its services.

    Attributes:
        address: ``host:port``; port 0 takes a free one
        material: gives what it presents and trusts now; must not raise
        admission: decides about each call
        max_deadline_seconds: of a call that answers once
        max_connection_age_seconds: then a connection is closed gently
        drain_seconds: what calls on such a connection have left
        max_calls: under way at once
        quotas: what each caller may take of them
        journaling: makes entries of calls
        instruments: count them
        tracing: makes spans of them
    """

    address: str
    material: Callable[[], Material]
    admission: Admission
    max_deadline_seconds: float
    max_connection_age_seconds: int
    drain_seconds: float
    max_calls: int
    quotas: Quotas
    journaling: Journaling
    instruments: Instruments
    tracing: Tracing


@dataclass(frozen=True, slots=True)
class Services:
    """What serves ``SERVICES``, and health."""

    notices: NoticeServicer
    frameworks: FrameworkServicer
    drafts: DraftServicer
    sharing: SharingServicer
    assistance: AssistanceServicer
    attachments: AttachmentServicer
    events: EventServicer
    evidence: EvidenceServicer
    admin: AdminServicer
    audit: AuditServicer
    health: HealthServicer


async def back_office_server(listener: Listener, services: Services) -> tuple[grpc.aio.Server, int]:
    """Makes the listener for back offices; gives it and the port it took.

    Raises:
        ConfigError: a method of a service has no rule.
        Unavailable: the address cannot be listened on now.
    """
    # Of a message that nobody reads yet, 64 KiB may be here; probing would let a near caller send some megabytes.
    server = _server(listener, MAX_REQUEST_BYTES, most_bytes, ("grpc.http2.bdp_probe", 0))
    ruled: Any = Ruled(server)
    notice_service_pb2_grpc.add_NoticeServiceServicer_to_server(services.notices, ruled)
    framework_service_pb2_grpc.add_FrameworkServiceServicer_to_server(services.frameworks, ruled)
    draft_service_pb2_grpc.add_DraftServiceServicer_to_server(services.drafts, ruled)
    sharing_service_pb2_grpc.add_SharingServiceServicer_to_server(services.sharing, ruled)
    assistance_service_pb2_grpc.add_AssistanceServiceServicer_to_server(services.assistance, ruled)
    attachment_service_pb2_grpc.add_AttachmentServiceServicer_to_server(services.attachments, ruled)
    event_service_pb2_grpc.add_EventServiceServicer_to_server(services.events, ruled)
    evidence_service_pb2_grpc.add_EvidenceServiceServicer_to_server(services.evidence, ruled)
    admin_service_pb2_grpc.add_AdminServiceServicer_to_server(services.admin, ruled)
    audit_service_pb2_grpc.add_AuditServiceServicer_to_server(services.audit, ruled)
    health_pb2_grpc.add_HealthServicer_to_server(services.health, ruled)
    names = [service.full_name for service in SERVICES]
    described = reflection.aio.ReflectionServicer([*names, health.SERVICE_NAME, reflection.SERVICE_NAME])
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(described, ruled)
    return server, _bind(server, listener)


def peer_server(listener: Listener, peer: PeerServicer) -> tuple[grpc.aio.Server, int]:
    """Makes the listener for paired nodes; gives it and the port it took.

    Raises:
        Unavailable: the address cannot be listened on now.
    """
    server = _server(listener, MAX_MESSAGE_BYTES, lambda _method: MAX_MESSAGE_BYTES)
    peer_service_pb2_grpc.add_PeerServiceServicer_to_server(peer, server)
    return server, _bind(server, listener)


def _server(
    listener: Listener, max_message_bytes: int, most_bytes_of: Callable[[str], int], *more: tuple[str, int]
) -> grpc.aio.Server:
    options = [
        ("grpc.so_reuseport", 0),  # a port that is taken is an error, not a second listener
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_send_message_length", MAX_ANSWER_BYTES),
        ("grpc.max_metadata_size", MAX_METADATA_BYTES),
        ("grpc.absolute_max_metadata_size", MAX_METADATA_BYTES),
        ("grpc.max_concurrent_streams", MAX_STREAMS_A_CONNECTION),
        ("grpc.server.max_pending_requests", MAX_WAITING_CALLS),
        ("grpc.server.max_pending_requests_hard_limit", 2 * MAX_WAITING_CALLS),
        ("grpc.server_handshake_timeout_ms", HANDSHAKE_TIMEOUT_MILLISECONDS),
        ("grpc.max_connection_age_ms", listener.max_connection_age_seconds * 1000),
        ("grpc.max_connection_age_grace_ms", int(listener.drain_seconds * 1000)),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.http2.ping_timeout_ms", PING_TIMEOUT_MILLISECONDS),
        ("grpc.http2.min_ping_interval_without_data_ms", 1_000),
        ("grpc.http2.max_ping_strikes", 2),
        *more,
    ]
    guard = Guard(
        listener.admission,
        listener.max_deadline_seconds,
        listener.quotas,
        most_bytes_of,
        listener.journaling,
        listener.instruments,
        listener.tracing,
    )
    return make_server(guard.guarded, options, listener.max_calls, listener.journaling.turned_away)


def _bind(server: grpc.aio.Server, listener: Listener) -> int:
    credentials = server_credentials(listener.material)
    try:
        port = server.add_secure_port(listener.address, credentials)
    except RuntimeError as error:
        raise _not_free(listener.address) from error
    if port == 0:
        raise _not_free(listener.address)
    return port


def _not_free(address: str) -> Unavailable:
    """It may be another time: who has the port ends, or the address comes to this machine."""
    return Unavailable(
        f"cannot listen on {address}: another process has the port, or this machine does not have the address; "
        "gateway doctor tells which"
    )
