import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from gateway.errors import AlreadyExists, ConfigError
from gateway.identity.certificates import keyfiles
from gateway.identity.certificates.issuing import generate_tls_key
from gateway.identity.certificates.keyfiles import (
    read_certificate,
    read_key,
    read_private,
    write_certificate,
    write_file,
    write_key,
)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


@pytest.fixture
def key_path(tmp_path) -> Path:
    return tmp_path / "node key.pem"


@pytest.mark.parametrize(
    "key",
    [generate_tls_key(), Ed25519PrivateKey.generate(), MLDSA44PrivateKey.generate()],
    ids=["p256", "ed25519", "ml-dsa"],
)
def test_a_key_is_read_back(key, key_path):
    write_key(key_path, key)
    assert read_key(key_path).public_key() == key.public_key()


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o277])
def test_a_key_is_for_its_owner_alone_whatever_the_umask(umask, key_path):
    before = os.umask(umask)
    try:
        write_key(key_path, generate_tls_key())
    finally:
        os.umask(before)
    assert mode(key_path) == 0o600


def test_a_certificate_is_for_everybody_and_is_read_back(odd, key_path):
    credential = odd.client()
    write_certificate(key_path, credential.certificate)
    assert mode(key_path) == 0o644
    assert read_certificate(key_path) == credential.certificate


def test_what_is_there_is_not_overwritten(key_path):
    write_key(key_path, generate_tls_key())
    before = key_path.read_bytes()
    with pytest.raises(AlreadyExists, match=r"node key\.pem exists"):
        write_key(key_path, generate_tls_key())
    assert key_path.read_bytes() == before
    assert list(key_path.parent.iterdir()) == [key_path]


def test_a_link_that_leads_nowhere_is_not_overwritten_either(key_path):
    key_path.symlink_to("elsewhere")
    with pytest.raises(AlreadyExists):
        write_key(key_path, generate_tls_key())


def test_what_is_there_is_replaced_if_that_is_asked_for(key_path):
    write_key(key_path, generate_tls_key())
    newer = generate_tls_key()
    write_key(key_path, newer, replace=True)
    assert read_key(key_path).public_key() == newer.public_key()
    assert mode(key_path) == 0o600
    assert list(key_path.parent.iterdir()) == [key_path]


@pytest.mark.parametrize("replace", [False, True])
def test_a_failing_disk_leaves_what_was_there(replace, key_path, monkeypatch):
    write_file(key_path, b"before", mode=0o600)
    target = key_path if replace else key_path.with_name("new.pem")

    def failing(descriptor):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(keyfiles.os, "fsync", failing)
    with pytest.raises(ConfigError, match="cannot be written: Input/output error"):
        write_file(target, b"after", mode=0o600, replace=replace)
    assert key_path.read_bytes() == b"before"
    assert list(key_path.parent.iterdir()) == [key_path]


def test_file_and_directory_are_synced_before_it_counts_as_written(key_path, monkeypatch):
    synced = []
    original = os.fsync
    monkeypatch.setattr(
        keyfiles.os, "fsync", lambda fd: synced.append(Path(f"/proc/self/fd/{fd}").readlink()) or original(fd)
    )
    write_key(key_path, generate_tls_key())
    beside, directory = synced
    assert beside.name.startswith(".node key.pem.")
    assert directory == key_path.parent


def test_a_directory_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ConfigError, match="No such file or directory"):
        write_key(tmp_path / "none" / "key.pem", generate_tls_key())


@pytest.mark.parametrize("open_mode", [0o640, 0o604, 0o644, 0o660, 0o602, 0o610, 0o777])
def test_a_key_that_others_can_reach_is_refused_with_the_remedy(open_mode, key_path):
    write_key(key_path, generate_tls_key())
    key_path.chmod(open_mode)
    with pytest.raises(ConfigError) as refused:
        read_key(key_path)
    assert f"run: chmod 600 '{key_path}'" in refused.value.message


@pytest.mark.parametrize("closed_mode", [0o600, 0o400, 0o700])
def test_a_key_that_only_its_owner_can_reach_is_read(closed_mode, key_path):
    write_key(key_path, generate_tls_key())
    key_path.chmod(closed_mode)
    assert isinstance(read_key(key_path), ec.EllipticCurvePrivateKey)


def test_a_key_of_another_user_is_refused(key_path, monkeypatch):
    write_key(key_path, generate_tls_key())
    monkeypatch.setattr(keyfiles.os, "geteuid", lambda: 12345)
    if os.getuid() == 0:
        assert read_private(key_path)  # root may hand a key to whom it likes
        os.chown(key_path, 54321, -1)
    with pytest.raises(ConfigError, match="belongs to another user; run: chown 12345"):
        read_private(key_path)


def test_a_key_behind_a_link_is_judged_by_itself(key_path, tmp_path):
    write_key(key_path, generate_tls_key())
    link = tmp_path / "link.pem"
    link.symlink_to(key_path)
    assert read_private(link) == key_path.read_bytes()
    key_path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_private(link)


def test_what_is_no_key_is_told(key_path):
    write_file(key_path, b"hello", mode=0o600)
    with pytest.raises(ConfigError, match="does not hold a private key"):
        read_key(key_path)


def test_an_encrypted_key_is_told(key_path):
    pem = generate_tls_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    write_file(key_path, pem, mode=0o600)
    with pytest.raises(ConfigError, match="not encrypted"):
        read_key(key_path)


def test_a_key_of_another_type_is_told(key_path):
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    write_key(key_path, X25519PrivateKey.generate())
    with pytest.raises(ConfigError, match="not in use here"):
        read_key(key_path)


def test_a_key_where_a_certificate_should_be_is_told(key_path):
    write_key(key_path, generate_tls_key())
    with pytest.raises(ConfigError, match=r"node key\.pem: "):
        read_certificate(key_path)


def test_what_is_absent_endless_or_no_file_is_told(key_path, tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_private(key_path)
    write_file(key_path, bytes(65 * 1024), mode=0o600)
    with pytest.raises(ConfigError, match="larger than 65536 bytes"):
        read_private(key_path)
    with pytest.raises(ConfigError, match="Is a directory"):
        read_private(tmp_path)
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(ConfigError, match="is not a file"):
        read_private(tmp_path / "pipe")
