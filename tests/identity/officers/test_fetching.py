"""Fetching from a real https server, which may do what it wants."""

import socket
import time

import pytest

from gateway.errors import ConfigError, Unavailable
from gateway.identity.officers.fetching import fetch
from tests.clients.python.authority import Authority
from tests.support.issuers import KeyServer, gives, serving

MAX_BYTES = 1000
SECONDS = 30.0  # more than an answer takes, whatever else the machine does
LONGEST_SECONDS = 60.0


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("issuer"), "an issuer's root")


@pytest.fixture(scope="module")
def server(authority):
    issued = authority.node("localhost")
    with serving(issued.key, issued.certificate, authority.ca) as served:
        yield served


def get(server: KeyServer, seconds: float = SECONDS) -> bytes:
    return fetch(server.url, server.ca, MAX_BYTES, seconds)


def refused(server: KeyServer, seconds: float = SECONDS) -> str:
    began = time.monotonic()
    with pytest.raises(Unavailable, match="cannot be fetched") as error:
        get(server, seconds)
    assert time.monotonic() - began < LONGEST_SECONDS
    return error.value.message


def test_a_document_is_fetched(server):
    server.answer = gives(b"x" * MAX_BYTES)
    assert get(server) == b"x" * MAX_BYTES


def test_a_document_without_a_length_is_fetched_to_its_end(server):
    def answer(request):
        request.send_response(200)
        request.end_headers()
        request.wfile.write(b"whole")

    server.answer = answer
    assert get(server) == b"whole"


def test_one_that_is_too_large_is_refused(server):
    server.answer = gives(b"x" * (MAX_BYTES + 1))
    assert "larger than 1000 bytes" in refused(server)


def test_one_that_never_ends_is_refused(server):
    def answer(request):
        request.send_response(200)
        request.end_headers()
        while True:
            request.wfile.write(b"x" * 100)

    server.answer = answer
    assert "larger" in refused(server)


@pytest.mark.parametrize("status", [301, 302, 307, 401, 404, 500, 204])
def test_another_answer_is_refused_and_no_redirect_is_followed(server, status):
    server.answer = gives(b"", status, location=server.url)
    before = server.asked
    assert str(status) in refused(server)
    assert server.asked == before + 1


def test_half_an_answer_is_refused(server):
    server.answer = gives(b"half", content_length="10")
    refused(server)


def test_a_server_that_dribbles_is_left(server):
    def answer(request):
        request.send_response(200)
        request.send_header("Content-Length", "900")
        request.end_headers()
        for _ in range(900):
            request.wfile.write(b"x")
            time.sleep(0.1)

    server.answer = answer
    refused(server, 0.5)


def test_a_server_that_says_nothing_is_left(server):
    server.answer = lambda request: time.sleep(5)
    refused(server, 0.3)


def test_a_server_of_another_root_is_refused(server, tmp_path):
    other = Authority(tmp_path / "other", "an issuer's root")
    with pytest.raises(Unavailable, match="certificate"):
        fetch(server.url, other.ca, MAX_BYTES, SECONDS)
    with pytest.raises(Unavailable, match="certificate"):
        fetch(server.url, None, MAX_BYTES, SECONDS)


def test_a_server_of_another_name_is_refused(server):
    with pytest.raises(Unavailable, match="certificate"):
        fetch(server.url.replace("localhost", "127.0.0.1"), server.ca, MAX_BYTES, SECONDS)


def test_no_server_is_told():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(Unavailable, match="refused"):
        fetch(f"https://localhost:{port}/", None, MAX_BYTES, SECONDS)


def test_a_root_that_is_none_is_told(server, tmp_path):
    for ca in (tmp_path / "absent.pem", tmp_path):
        with pytest.raises(ConfigError, match="must be a PEM file"):
            fetch(server.url, ca, MAX_BYTES, SECONDS)
    (tmp_path / "no.pem").write_text("no")
    with pytest.raises(ConfigError, match="must be a PEM file"):
        fetch(server.url, tmp_path / "no.pem", MAX_BYTES, SECONDS)
