"""How a peer's node is reached, for its envelopes and for its files alike, and what it says where a stream ends.

The peer is who answers under the root that its pairing document pins, by the DNS name that the profile of node
certificates gives to exactly one node: its domain.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import grpc
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from regulator.exchange.v1 import peer_service_pb2
from regulator.exchange.v1.peer_service_pb2_grpc import PeerServiceStub

from gateway.errors import PairingEnded, RemoteProtocolError, Unauthenticated, Unavailable
from gateway.ledger.batch import MAX_MESSAGE_BYTES

PING_TIMEOUT_MILLISECONDS = 90_000  # a ping waits behind what is sent: on a megabit a second, over a minute for a batch
RENEWAL_LOOK_SECONDS = 0.5  # from one look at the own certificates to the next

TOO_MANY_PINGS = "too_many_pings"  # why a server of gRPC ends a connection, unless it is told to bear them
_SERVICE = peer_service_pb2.DESCRIPTOR.services_by_name["PeerService"]
_DETAILS = "grpc-status-details-bin"  # where gRPC sends a google.rpc.Status


class StreamOver(RemoteProtocolError):
    """The peer ended the stream; ``metadata`` has the ``code`` of its status, by name."""

    @classmethod
    def told(cls, code: grpc.StatusCode, details: str) -> Self:
        """With what the peer says of it."""
        return cls(f"the peer ended the stream: {code.name}" + (f": {details}" if details else ""), code=code.name)


class Refused(StreamOver):
    """The stream is ended by the peer, whose operator has ended the pairing."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is presented to a peer, and whom the node trusts: PEM.

    Attributes:
        key: of the node
        certificate: of the node
        peer_roots: the roots under one of which the peer's certificate must be
    """

    key: bytes
    certificate: bytes
    peer_roots: bytes


async def renewal(credentials: Callable[[], Credentials], used: Credentials) -> None:
    """Waits until there are other credentials than those that are used."""
    while True:
        await asyncio.sleep(RENEWAL_LOOK_SECONDS)
        if credentials() != used:
            return


def connection(domain: str, address: str, used: Credentials) -> grpc.aio.Channel:
    """A connection of its own to a peer's node."""
    credentials = grpc.ssl_channel_credentials(used.peer_roots, used.key, used.certificate)
    return grpc.aio.secure_channel(address, credentials, options=_options(domain))


def _options(domain: str) -> list[tuple[str, Any]]:
    return [
        ("grpc.ssl_target_name_override", domain),
        ("grpc.enable_http_proxy", 0),
        ("grpc.enable_retries", 0),
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_reconnect_backoff_ms", 2000),
        ("grpc.keepalive_time_ms", 2_000),
        ("grpc.keepalive_timeout_ms", 4_000),  # without a sign of the peer's machine (TCP_USER_TIMEOUT)
        ("grpc.http2.ping_timeout_ms", PING_TIMEOUT_MILLISECONDS),
        ("grpc.http2.max_pings_without_data", 0),  # of a quiet channel: after two, none would be sent any more
        ("grpc.use_local_subchannel_pool", 1),  # two links in one process never share a connection
    ]


async def until_one_ends(*parts: Coroutine[Any, Any, Any]) -> None:
    """Runs parts until one ends, and ends the others; raises what that one raised.

    No task is left that holds an error, which holds this frame, which holds the task: the stream would be kept until
    Python looks for cycles, and gRPC goes on to dial for a stream that is kept.
    """
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        tasks.clear()
        del task
    errors = [each for each in outcomes if isinstance(each, Exception)]
    outcomes.clear()
    if errors:
        raise errors.pop()


def begin(channel: grpc.aio.Channel, method: str) -> Any:
    """Begins a stream of ``PeerService``, by the name of its method, to be read by ``read``.

    The stubs would have gRPC log a traceback for each answer that cannot be read, and give None for it.
    """
    described = _SERVICE.methods_by_name[method]
    return channel.stream_stream(
        f"/{_SERVICE.full_name}/{method}",
        request_serializer=GetMessageClass(described.input_type).SerializeToString,
        response_deserializer=partial(_parsed, GetMessageClass(described.output_type)),
    )()


def _parsed(kind: type[Message], data: bytes) -> Message | DecodeError:
    try:
        return kind.FromString(data)
    except DecodeError as error:
        return error


async def read(call: Any) -> Any:
    """Gives the peer's next message.

    Raises:
        StreamOver: the stream is over.
        RemoteProtocolError: the peer sent what is no message.
    """
    message = await call.read()
    if message is grpc.aio.EOF:
        raise await why_over(call)
    if isinstance(message, DecodeError):
        raise RemoteProtocolError("a message that cannot be read")
    return message


async def write(call: Any, message: Any) -> None:
    """Sends a message; raises why the stream is over, if it is."""
    try:
        await call.write(message)
    except asyncio.InvalidStateError as error:  # gRPC's word for a stream that has ended, by whomever
        raise await why_over(call) from error


async def why_over(call: Any) -> StreamOver:
    """Why a stream is over, as its peer said."""
    code, details = await call.code(), await call.details()
    if code == grpc.StatusCode.FAILED_PRECONDITION and _tells_end(await call.trailing_metadata()):
        return Refused.told(code, details)
    return StreamOver.told(code, details)


async def require_admission(domain: str, address: str, used: Credentials, seconds: float) -> None:
    """Passes if a peer's node takes the calls of this one, and changes nothing there.

    It opens a stream of files, and ends it: one of the channel would take the place of that which is up.

    Args:
        domain: of the peer
        address: one of the peer's
        used: what is presented, and who is trusted
        seconds: to connect, and to be answered; a stream that is not refused so long is taken

    Raises:
        Refused: the peer's operator has ended the pairing.
        Unauthenticated: it does not admit this node, whose certificate may be revoked there.
        Unavailable: it serves no calls now.
        TimeoutError: nothing there speaks gRPC.
    """
    async with connection(domain, address, used) as channel:
        async with asyncio.timeout(seconds):
            await channel.channel_ready()
        call = PeerServiceStub(channel).SendAttachments()
        try:
            async with asyncio.timeout(seconds):
                if await call.initial_metadata():
                    return
                code = await call.code()
        except TimeoutError:
            return
        finally:
            call.cancel()
        if code == grpc.StatusCode.FAILED_PRECONDITION and _tells_end(await call.trailing_metadata()):
            raise Refused.told(code, await call.details())
        if code != grpc.StatusCode.UNIMPLEMENTED:  # of an earlier version, which takes no files
            error = Unauthenticated if code == grpc.StatusCode.UNAUTHENTICATED else Unavailable
            raise error(f"{code.name}: {await call.details()}")


def says_ended(failure: Exception) -> bool:
    """Whether a call failed since the peer's operator has ended the pairing."""
    if isinstance(failure, grpc.aio.AioRpcError):
        return _tells_end(failure.trailing_metadata())
    return isinstance(failure, Refused)


def _tells_end(metadata: Iterable[tuple[str, str | bytes]] | None) -> bool:
    sent = dict(metadata or ()).get(_DETAILS, b"")
    status, info = Status(), ErrorInfo()
    try:
        status.ParseFromString(sent if isinstance(sent, bytes) else sent.encode())
        found = [info.reason for each in status.details if each.Unpack(info)]
    except DecodeError:
        return False
    return PairingEnded.reason in found


def words_told(failure: Exception) -> str:
    """What is told for people of why a stream ended."""
    if isinstance(failure, grpc.aio.AioRpcError):
        return f"{failure.code().name}: {failure.details()}"
    return str(failure) or "the peer did not answer in time"


def words_logged(failure: Exception) -> str:
    """What the log says of it; the peer's own words, in which anything may stand, are for ``gateway status`` alone."""
    told = words_told(failure)
    if isinstance(failure, StreamOver) and failure.metadata["code"] != grpc.StatusCode.OK.name:
        code = failure.metadata["code"]
    elif isinstance(failure, grpc.aio.AioRpcError):
        code = failure.code().name
    else:
        return told
    return f"{code}: {TOO_MANY_PINGS}" if TOO_MANY_PINGS in told else code
