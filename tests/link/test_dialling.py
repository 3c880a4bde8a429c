"""What a peer's node says to a node that asks whether its calls are taken, and how that is understood."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_status import rpc_status
from regulator.exchange.v1.peer_service_pb2_grpc import PeerServiceServicer, add_PeerServiceServicer_to_server

from gateway.errors import GatewayError, Overloaded, PairingEnded, Unauthenticated, Unavailable
from gateway.link import dialling
from gateway.link.dialling import Credentials, Refused, require_admission
from gateway.rpc.status import status_of
from tests.support.ports import free_port


class Peer(PeerServiceServicer):
    """Ends each stream of files with an error; None: takes it, and tells its time or says nothing."""

    def __init__(self, error: GatewayError | None, told: tuple[tuple[str, str], ...] = ()) -> None:
        self._error, self._told = error, told

    async def SendAttachments(self, request_iterator: AsyncIterator[object], context: Any) -> None:
        if self._error:
            await context.abort_with_status(rpc_status.to_status(status_of(self._error)))
        if self._told:
            await context.send_initial_metadata(self._told)
        async for _ in request_iterator:
            raise AssertionError("nothing is sent by who only asks")


async def ask(servicer: PeerServiceServicer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asks such a peer, without TLS."""
    server, address = grpc.aio.server(), f"127.0.0.1:{free_port()}"
    add_PeerServiceServicer_to_server(servicer, server)
    server.add_insecure_port(address)
    monkeypatch.setattr(dialling, "connection", lambda _domain, to, _used: grpc.aio.insecure_channel(to))
    await server.start()
    try:
        await require_admission("gateway.kr.example", address, Credentials(b"", b"", b""), 60)
    finally:
        await server.stop(0)


@pytest.mark.parametrize(
    ("error", "raised", "said"),
    [
        (PairingEnded("the pairing with HK ended", peer="HK"), Refused, "the pairing with HK ended"),
        (
            Unauthenticated("the certificate is not accepted"),
            Unauthenticated,
            "UNAUTHENTICATED: the certificate",
        ),
        (Overloaded("too many"), Unavailable, "RESOURCE_EXHAUSTED: too many"),
    ],
)
async def test_a_peer_that_refuses_says_why(monkeypatch, error, raised, said) -> None:
    with pytest.raises(raised, match=said):
        await ask(Peer(error), monkeypatch)


@pytest.mark.parametrize("servicer", [Peer(None, (("gateway-time", "1"),)), PeerServiceServicer()])
async def test_a_peer_takes_calls_that_tells_its_time_or_that_of_an_earlier_version_takes_no_files(
    monkeypatch, servicer
) -> None:
    await ask(servicer, monkeypatch)
