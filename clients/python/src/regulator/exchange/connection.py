"""How a channel to a node is set up: mutual TLS, its options, and the node's services over it."""

import ssl
from collections.abc import Sequence
from typing import Protocol, TypeVar

import grpc
from google.protobuf.message import Message
from grpc import aio
from regulator.exchange.errors import ExchangeError, InvalidRequest, Overloaded, ProfileError
from regulator.exchange.profile import Profile
from regulator.exchange.tokens import Metadata
from regulator.exchange.v1.admin_service_pb2_grpc import AdminServiceStub
from regulator.exchange.v1.assistance_service_pb2_grpc import AssistanceServiceStub
from regulator.exchange.v1.attachment_service_pb2_grpc import AttachmentServiceStub
from regulator.exchange.v1.audit_service_pb2_grpc import AuditServiceStub
from regulator.exchange.v1.draft_service_pb2_grpc import DraftServiceStub
from regulator.exchange.v1.event_service_pb2_grpc import EventServiceStub
from regulator.exchange.v1.evidence_service_pb2_grpc import EvidenceServiceStub
from regulator.exchange.v1.framework_service_pb2_grpc import FrameworkServiceStub
from regulator.exchange.v1.notice_service_pb2_grpc import NoticeServiceStub
from regulator.exchange.v1.sharing_service_pb2_grpc import SharingServiceStub

MAX_MESSAGE_BYTES = 16 * 1024 * 1024

RequestT_contra = TypeVar("RequestT_contra", contravariant=True)
AnswerT_co = TypeVar("AnswerT_co", covariant=True)


class Rpc(Protocol[RequestT_contra, AnswerT_co]):
    """A method of a stub; in asyncio its answer is awaited."""

    def __call__(
        self, request: RequestT_contra, /, *, timeout: float | None = None, metadata: Metadata | None = None
    ) -> AnswerT_co:
        """Calls it; ``timeout`` in seconds, ``metadata`` beside the request."""


class Stubs:
    """The services of a node, for threads."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.admin = AdminServiceStub(channel)
        self.assistance = AssistanceServiceStub(channel)
        self.attachments = AttachmentServiceStub(channel)
        self.audit = AuditServiceStub(channel)
        self.drafts = DraftServiceStub(channel)
        self.events = EventServiceStub(channel)
        self.evidence = EvidenceServiceStub(channel)
        self.frameworks = FrameworkServiceStub(channel)
        self.notices = NoticeServiceStub(channel)
        self.sharing = SharingServiceStub(channel)


class AsyncStubs:
    """The services of a node, for asyncio."""

    def __init__(self, channel: aio.Channel) -> None:
        self.admin = AdminServiceStub(channel)
        self.assistance = AssistanceServiceStub(channel)
        self.attachments = AttachmentServiceStub(channel)
        self.audit = AuditServiceStub(channel)
        self.drafts = DraftServiceStub(channel)
        self.events = EventServiceStub(channel)
        self.evidence = EvidenceServiceStub(channel)
        self.frameworks = FrameworkServiceStub(channel)
        self.notices = NoticeServiceStub(channel)
        self.sharing = SharingServiceStub(channel)


def credentials(profile: Profile) -> grpc.ChannelCredentials:
    """Reads the profile's three files.

    Raises:
        ProfileError: one cannot be read, is no PEM file of its kind, or key and certificate do not belong together.
    """
    _check_files(profile)
    return grpc.ssl_channel_credentials(
        root_certificates=profile.ca.read_bytes(),
        private_key=profile.key.read_bytes(),
        certificate_chain=profile.certificate.read_bytes(),
    )


def options(profile: Profile) -> Sequence[tuple[str, str | int]]:
    """The options of every channel."""
    return (
        ("grpc.ssl_target_name_override", profile.server_name),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.http2.ping_timeout_ms", 90_000),  # a ping waits behind what is sent: on a thin line for long
        ("grpc.http2.max_pings_without_data", 0),  # no bound: a watch may be silent for hours
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2_000),
        ("grpc.enable_http_proxy", 0),
        ("grpc.service_config_disable_resolution", 1),  # DNS has no say in how a node is called
    )


def told(failure: ExchangeError, request: object) -> ExchangeError:
    """The error for a call that failed: gRPC calls a node overloaded that would never take so large a request."""
    size_bytes = request.ByteSize() if isinstance(failure, Overloaded) and isinstance(request, Message) else 0
    if failure.is_told_by_node or size_bytes <= MAX_MESSAGE_BYTES:
        return failure
    return InvalidRequest(f"the request has {size_bytes} bytes, and a node takes at most {MAX_MESSAGE_BYTES}")


def _check_files(profile: Profile) -> None:
    """Asks ``ssl`` first, because gRPC would only fail to connect, without a reason."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(profile.ca)
    except OSError as error:  # SSLError too
        raise ProfileError("ca", f"{profile.ca} must be a PEM file of certificates: {error}") from error
    try:
        context.load_cert_chain(profile.certificate, profile.key, password=_no_password)
    except OSError as error:
        raise ProfileError(
            "certificate, key",
            f"{profile.certificate} and {profile.key} must be the PEM files of a certificate and of its key, "
            f"not encrypted: {error}",
        ) from error


def _no_password() -> str:
    """Answers in place of a person, whom ``ssl`` would ask at the terminal."""
    return ""
