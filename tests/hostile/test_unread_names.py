"""Names of methods, and metadata, that gRPC's own client would not send or would not be believed."""

import base64
from collections.abc import Iterator

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from regulator.exchange.v1.admin_service_pb2 import ServerInfo

from tests.hostile.conftest import CANARY, Target, assert_serves
from tests.rpc.calls import SERVER_INFO, node_files
from tests.rpc.raw import Http2, tls, tls_context

UNIMPLEMENTED = str(grpc.StatusCode.UNIMPLEMENTED.value[0])


@pytest.fixture(params=["back office", "peer"])
def http(target: Target, request: pytest.FixtureRequest) -> Iterator[Http2]:
    """A connection to each of Hong Kong's listeners, of somebody whose handshake succeeds."""
    port, pair = {
        "back office": (target.hk.back_office_port, target.foe),
        "peer": (target.hk.peer_port, node_files(target.sg)),
    }[request.param]
    with tls(target.hk, port, tls_context(target.hk, pair)) as wire:
        yield Http2(wire)


PATHS = {
    "no UTF-8": b"/\xff\xfe",
    "half a character": b"/regulator.exchange.v1.NoticeService/GetNotice\xc3",
    "NUL": SERVER_INFO.encode() + b"\0",
    "a line break": b"/a\r\nb: c",
    "empty": b"",
    "a parent folder": b"/regulator.exchange.v1.AdminService/../AdminService/GetServerInfo",
    "percent": b"/regulator.exchange.v1.AdminService%2fGetServerInfo",
    "fullwidth": "/regulator.exchange.v1.AdminService／GetServerInfo".encode(),  # noqa: RUF001 - it is the attack
    "15 KB": b"/" + b"a" * 15_000,
}


@pytest.mark.parametrize("name", PATHS)
def test_a_method_of_any_bytes_is_not_served_and_ends_nothing(target, http, name):
    answer = http.answer(PATHS[name], b"", ("x-canary", CANARY))
    assert answer["grpc-status"] == UNIMPLEMENTED
    status = Status.FromString(base64.b64decode(answer["grpc-status-details-bin"] + "=="))
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    assert info.reason == "NOT_SERVED"
    assert_serves(target.hk)
    assert http.answer(b"/again")["grpc-status"] == UNIMPLEMENTED


BYTES = {
    "no UTF-8": ("x-canary", CANARY.encode() + b"\xff"),
    "NUL": ("x-canary", CANARY.encode() + b"\0"),
    "an escape": ("x-canary", CANARY.encode() + b"\x1b]0;owned\x07"),
    "a line break": ("x-canary", b"a\n2026-01-01 CRITICAL " + CANARY.encode()),
    "no base64": ("x-canary-bin", CANARY.encode() + b"!!"),
    "a deadline of no time": ("grpc-timeout", b"-1S"),
    "a deadline past all bounds": ("grpc-timeout", b"9" * 30 + b"H"),
    "an encoding nobody has": ("grpc-encoding", CANARY.encode()),
    "another host": (":authority", b"gateway.kr.example"),
    "a name in upper case": ("X-Canary", CANARY.encode()),
    "a user agent of bytes": ("user-agent", CANARY.encode() + b"\xff"),
}


@pytest.mark.parametrize("name", BYTES)
def test_metadata_of_any_bytes_is_not_logged_and_ends_nothing(target, wire, name):
    logged = len(target.hk.log_text())
    wire.answer(SERVER_INFO, b"", BYTES[name])
    assert_serves(target.hk)
    assert "Traceback" not in target.hk.log_text()[logged:]


SOMEBODY_ELSE = "spiffe://gateway.hk.example/HKMA/office"
FORGED = {
    "a SPIFFE ID": ("x-spiffe-id", SOMEBODY_ELSE),
    "a certificate, as proxies pass it": ("x-forwarded-client-cert", f"URI={SOMEBODY_ELSE}"),
    "an address, as proxies pass it": ("x-forwarded-for", "127.0.0.1"),
    "the session's own names": ("peer_spiffe_id", SOMEBODY_ELSE),
    "an authority": ("authority", "HKMA"),
    "roles": ("roles", "operator,auditor"),
    "a node's name": ("x-origin", "gateway.kr.example/to/gateway.hk.example"),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_metadata_makes_nobody_else_of_a_caller(wire, name):
    assert wire.call(SERVER_INFO) == "0"
    assert wire.call(SERVER_INFO, b"", FORGED[name]) == "0"
    plain, forged = (ServerInfo.FromString(data[5:]) for data in wire.data.values())
    assert (forged.client, forged.client_authority) == ("spiffe://gateway.hk.example/SFC/foe", "SFC")
    assert forged.client_roles == plain.client_roles
