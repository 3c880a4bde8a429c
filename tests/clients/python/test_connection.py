"""Only the right node is talked to, only with the right files, and only over mutual TLS."""

from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives import serialization
from regulator.exchange import AsyncClient, Client, ProfileError, Unavailable
from regulator.exchange.connection import credentials, options
from regulator.exchange.v1.evidence_service_pb2 import Checkpoint


def test_a_node_of_another_name_is_refused(connect, node):
    with pytest.raises(Unavailable):
        connect(server_name="gateway.kr.example", max_attempts=1).server_info()
    assert node.requests == []


def test_a_node_of_another_root_is_refused(connect, node, other_authority):
    with pytest.raises(Unavailable):
        connect(ca=other_authority.ca, max_attempts=1).server_info()
    assert node.requests == []


def test_a_client_of_another_root_gets_no_answer(connect, node, other_authority):
    stranger = other_authority.client("spiffe://hk.example/HKMA/office")
    with pytest.raises(Unavailable):
        connect(certificate=stranger.certificate, key=stranger.key, max_attempts=1).server_info()
    assert node.requests == []


def test_no_node_there_is_unavailable(connect, node):
    node.stop()
    with pytest.raises(Unavailable) as caught:
        connect(max_attempts=2).server_info()
    assert caught.value.code == grpc.StatusCode.UNAVAILABLE
    node.start()


def test_a_client_finds_its_node_again_after_a_restart(client, node):
    client.server_info()
    node.stop()
    node.start()
    assert client.server_info().domain == "gateway.hk.example"


def test_a_proxy_of_the_environment_is_not_used(connect, monkeypatch):
    for name in ("http_proxy", "https_proxy", "grpc_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "no_grpc_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert connect(max_attempts=1).server_info().jurisdiction == "HK"


def test_a_message_over_the_default_bound_of_grpc_passes(client, node):
    size_bytes = 5 * 1024 * 1024
    node.answers["GetCheckpoint"] = lambda _: Checkpoint(note=bytes(size_bytes))
    assert len(client.get_checkpoint("a/to/b").note) == size_bytes


def test_the_options_bind_the_channel_to_the_nodes_name(profile):
    set_options = dict(options(profile))
    assert set_options["grpc.ssl_target_name_override"] == "gateway.hk.example"
    assert set_options["grpc.enable_http_proxy"] == 0
    assert set_options["grpc.max_reconnect_backoff_ms"] == 2_000
    assert set_options["grpc.keepalive_time_ms"] == 30_000
    assert set_options["grpc.http2.ping_timeout_ms"] == 90_000
    assert set_options["grpc.http2.max_pings_without_data"] == 0
    assert set_options["grpc.max_receive_message_length"] == 16 * 1024 * 1024


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_files_are_checked_before_any_call(issued_profile, tmp_path, kind):
    absent = replace(issued_profile, ca=tmp_path / "absent.pem")
    with pytest.raises(ProfileError, match=r"absent\.pem"):
        kind(absent)


def test_a_root_that_is_no_certificate_is_named(issued_profile, tmp_path):
    junk = _file(tmp_path, b"not a certificate")
    with pytest.raises(ProfileError, match="must be a PEM file of certificates") as caught:
        credentials(replace(issued_profile, ca=junk))
    assert caught.value.key == "ca"


def test_a_key_of_another_certificate_is_named(issued_profile, other_authority):
    other = other_authority.client("spiffe://hk.example/SFC/office")
    with pytest.raises(ProfileError, match="of a certificate and of its key"):
        credentials(replace(issued_profile, key=other.key))


def test_an_encrypted_key_is_refused_and_nobody_is_asked_for_a_password(issued_profile, tmp_path):
    key = serialization.load_pem_private_key(issued_profile.key.read_bytes(), None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret")
    )
    with pytest.raises(ProfileError, match="not encrypted"):
        credentials(replace(issued_profile, key=_file(tmp_path, encrypted)))


def _file(folder: Path, content: bytes) -> Path:
    file = folder / "file.pem"
    file.write_bytes(content)
    return file


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_path_is_no_profile(kind):
    with pytest.raises(TypeError, match=r"Profile\.load\(path\)"):
        kind("office.toml")
