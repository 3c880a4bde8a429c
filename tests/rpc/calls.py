"""Calls as a stranger would make them: any certificate, any bytes, and the whole of the answer."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from grpc_status import rpc_status

from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.certificates.x509 import to_pem
from gateway.rpc.status import DOMAIN
from tests.rpc.access_table import METHODS
from tests.support.certificates import Credential
from tests.support.nodes import Site

DEADLINE_SECONDS = 60  # more than a call takes, whatever else the machine does
REFUSAL_SECONDS = 0.5  # of the node's processor that a refusal may cost
NOTICES = "/regulator.exchange.v1.NoticeService/"
CREATE = f"{NOTICES}CreateNotice"
FRAMEWORKS = "/regulator.exchange.v1.FrameworkService/"
DRAFTS = "/regulator.exchange.v1.DraftService/"
SHARING = "/regulator.exchange.v1.SharingService/"
ASSISTANCE = "/regulator.exchange.v1.AssistanceService/"
ATTACHMENTS = "/regulator.exchange.v1.AttachmentService/"
EVENTS = "/regulator.exchange.v1.EventService/"
EVIDENCE = "/regulator.exchange.v1.EvidenceService/"
ADMIN = "/regulator.exchange.v1.AdminService/"
PEER = "/regulator.exchange.v1.PeerService/Exchange"
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
SERVER_INFO = f"{ADMIN}GetServerInfo"
STREAM_IN = frozenset({PEER, *(path for path, method in METHODS.items() if method.client_streaming)})
STREAM_OUT = frozenset({PEER, *(path for path, method in METHODS.items() if method.server_streaming)})


@dataclass(frozen=True)
class Answer:
    """What a call came to. ``data``: of the first message, if there was one."""

    code: grpc.StatusCode
    text: str = ""
    infos: tuple[ErrorInfo, ...] = ()
    fields: tuple[str, ...] = ()
    data: bytes = b""

    @property
    def reason(self) -> str:
        return self.infos[0].reason if self.infos else ""


def root_pem(site: Site) -> bytes:
    return to_pem(site.authority(AuthorityKind.NODE).certificate)


def files_of(folder: Path, name: str) -> tuple[bytes, bytes]:
    """The key and the certificate of a client or a node."""
    return (folder / f"{name}.key").read_bytes(), (folder / f"{name}.crt").read_bytes()


def client_files(site: Site, authority: str, system: str = "office") -> tuple[bytes, bytes]:
    return files_of(site.path / "clients" / f"{authority}-{system}", "client")


def node_files(site: Site) -> tuple[bytes, bytes]:
    return files_of(site.home.path / "keys", "node")


def files(credential: Credential | None) -> tuple[bytes | None, bytes | None]:
    return (credential.key_pem, credential.pem) if credential else (None, None)


@contextmanager
def connected(site: Site, port: int, pair: tuple[bytes | None, bytes | None]) -> Iterator[grpc.Channel]:
    """A channel of its own connection, which presents a key and certificate, or none."""
    options = [
        ("grpc.ssl_target_name_override", site.domain),
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.enable_retries", 0),
        ("grpc.enable_http_proxy", 0),
        ("grpc.max_send_message_length", -1),
    ]
    credentials = grpc.ssl_channel_credentials(root_pem(site), *pair)
    with grpc.secure_channel(f"127.0.0.1:{port}", credentials, options) as channel:
        yield channel


def call(
    channel: grpc.Channel, method: str, *requests: Message | bytes, metadata: Sequence[tuple[str, str]] = ()
) -> Answer:
    """Makes a call of any shape; of a stream of answers, only the first is awaited."""
    sent = [each if isinstance(each, bytes) else each.SerializeToString() for each in requests]
    many_in, many_out = method in STREAM_IN, method in STREAM_OUT
    stub = _stub(channel, method)
    try:
        answer = stub(iter(sent) if many_in else sent[0], timeout=DEADLINE_SECONDS, metadata=tuple(metadata))
        data = next(answer, b"") if many_out else answer
        if many_out:
            answer.cancel()
    except grpc.RpcError as error:
        return refusal(error)
    return Answer(grpc.StatusCode.OK, data=data)


def call_each(channel: grpc.Channel, *asked: tuple[str, Message | bytes]) -> list[Answer]:
    """Makes calls of any shape, all at once: each a method and its request."""
    begun = []
    for method, request in asked:
        sent = request if isinstance(request, bytes) else request.SerializeToString()
        stub = _stub(channel, method)
        send = stub if method in STREAM_OUT else stub.future
        begun.append(send(iter([sent]) if method in STREAM_IN else sent, timeout=DEADLINE_SECONDS))
    return [_ended(answer, method) for answer, (method, _) in zip(begun, asked, strict=True)]


def _ended(answer: Any, method: str) -> Answer:
    try:
        data = next(answer, b"") if method in STREAM_OUT else answer.result()
        answer.cancel()
    except grpc.RpcError as error:
        return refusal(error)
    return Answer(grpc.StatusCode.OK, data=data)


def _stub(channel: grpc.Channel, method: str) -> Any:
    many_in, many_out = method in STREAM_IN, method in STREAM_OUT
    return getattr(channel, f"{'stream' if many_in else 'unary'}_{'stream' if many_out else 'unary'}")(method)


def refusal(error: grpc.RpcError) -> Answer:
    """What an error says."""
    status = rpc_status.from_call(error)
    infos, fields = [], []
    for detail in status.details if status else ():
        info, bad = ErrorInfo(), BadRequest()
        if detail.Unpack(info):
            infos.append(info)
        if detail.Unpack(bad):
            fields += [each.field for each in bad.field_violations]
    return Answer(error.code(), error.details() or "", tuple(infos), tuple(fields))


# --- how a call is refused ------------------------------------------------------------------------------------------


def refused(channel: grpc.Channel, method: str, *requests: Message | bytes) -> Answer:
    """Makes a call that must be refused in the node's own words, and with nothing of its inside in them."""
    answer = call(channel, method, *requests)
    assert answer.code not in {grpc.StatusCode.OK, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}
    assert [info.domain for info in answer.infos] == [DOMAIN]
    assert "Traceback" not in answer.text
    assert ".py" not in answer.text
    return answer


def bad_input(channel: grpc.Channel, method: str, *requests: Message | bytes) -> tuple[str, ...]:
    answer = refused(channel, method, *requests)
    assert (answer.code, answer.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "BAD_INPUT")
    return answer.fields


# --- what must be as before ---------------------------------------------------------------------------------------


def sizes(site: Site) -> dict[str, int]:
    """The size of each of a node's logs, by the name of the channel; fails if the node does not answer."""
    with site.client() as client:
        return {channel.name: channel.size for channel in client.list_channels()}


@contextmanager
def unharmed(site: Site) -> Iterator[None]:
    """Whatever is done within, the node still runs and serves, and no log of it has changed."""
    before = sizes(site)
    yield
    assert site.process is not None
    assert site.process.poll() is None
    assert sizes(site) == before
