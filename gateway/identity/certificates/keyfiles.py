"""Key and certificate files (PEM) in a node's home.

A file appears whole or not at all, is never overwritten unless that is asked for, and a private key is refused if
anybody but its owner can read it.
"""

import os
import secrets
import shlex
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from gateway.errors import AlreadyExists, ConfigError, Malformed
from gateway.identity.certificates.x509 import load_certificate, load_certificates, to_pem

MAX_FILE_BYTES = 64 * 1024
PRIVATE_MODE, PUBLIC_MODE = 0o600, 0o644

PrivateKey = ec.EllipticCurvePrivateKey | Ed25519PrivateKey | MLDSA44PrivateKey


def write_key(path: Path, key: PrivateKey, *, replace: bool = False) -> None:
    """Writes a private key (PKCS#8, PEM, not encrypted) that only its owner can read.

    Raises:
        AlreadyExists: something is there, and ``replace`` is not asked for.
        ConfigError: it cannot be written.
    """
    content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_file(path, content, mode=PRIVATE_MODE, replace=replace)


def write_certificate(path: Path, certificate: x509.Certificate) -> None:
    """Writes a certificate (PEM) that everybody can read; raises as ``write_file``."""
    write_file(path, to_pem(certificate), mode=PUBLIC_MODE)


def write_file(path: Path, content: bytes, *, mode: int, replace: bool = False) -> None:
    """Writes a file durably and at once: whoever reads the path meets all of the content, or what was there before.

    Raises:
        AlreadyExists: something is there, and ``replace`` is not asked for.
        ConfigError: it cannot be written.
    """
    write_pieces(path, [content], mode=mode, replace=replace)


def write_pieces(path: Path, pieces: Iterable[bytes], *, mode: int, replace: bool = False) -> int:
    """Writes a file that comes piece by piece, as ``write_file`` does; gives how many bytes it has.

    Raises:
        AlreadyExists, ConfigError: as ``write_file``; and whatever ``pieces`` raises: then nothing is there.
    """
    if not path.name:
        raise ConfigError(f"{path} is not the name of a file")
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        written = _write_new(beside, pieces, mode)
        if replace:
            beside.replace(path)
        else:
            path.hardlink_to(beside)  # unlike a rename, it fails if the name is taken
            beside.unlink()
        sync_folder(path.parent)
    except FileExistsError as error:
        raise AlreadyExists(f"{path} exists and is not overwritten") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):  # what went wrong first is what is told
            beside.unlink()
    return written


def read_private(path: Path) -> bytes:
    """Reads a file that holds a secret.

    Raises:
        ConfigError: it is not there, too large, or open to others; says what to do.
    """
    return _read(path, private=True)


def read_key(path: Path) -> PrivateKey:
    """Reads a private key of one of our types.

    Raises:
        ConfigError: it is not there, open to others, or no such key.
    """
    try:
        key = load_pem_private_key(read_private(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"{path} does not hold a private key in PEM that is not encrypted") from error
    if not isinstance(key, PrivateKey):
        raise ConfigError(f"{path} holds a key of a type that is not in use here")
    return key


def read_certificate(path: Path) -> x509.Certificate:
    """Reads a file with one certificate.

    Raises:
        ConfigError: it is not there, or is not one certificate.
    """
    try:
        return load_certificate(_read(path, private=False))
    except Malformed as error:
        raise ConfigError(f"{path}: {error.message}") from error


def read_certificates(path: Path) -> Sequence[x509.Certificate]:
    """Reads a file with one certificate or more: a bundle of roots.

    Raises:
        ConfigError: it is not there, or one of them cannot be read.
    """
    try:
        return load_certificates(read_public(path))
    except Malformed as error:
        raise ConfigError(f"{path}: {error.message}") from error


def read_public(path: Path, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """Reads a file that holds no secret.

    Raises:
        ConfigError: it is not there, or too large.
    """
    return _read(path, private=False, max_bytes=max_bytes)


def _write_new(path: Path, pieces: Iterable[bytes], mode: int) -> int:
    with open(path, "xb", opener=partial(os.open, mode=mode)) as file:
        os.fchmod(file.fileno(), mode)  # whatever the umask took away
        written = sum(file.write(piece) for piece in pieces)
        file.flush()
        os.fsync(file.fileno())
    return written


def sync_folder(path: Path) -> None:
    """Makes the names in a folder durable; raises ``OSError``."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path, *, private: bool, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            _require_file(path, os.fstat(file.fileno()), private=private)
            content = file.read(max_bytes + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > max_bytes:
        raise ConfigError(f"{path} is larger than {max_bytes} bytes")
    return content


def _open_at_once(path: str, flags: int) -> int:
    """Opens without being held up by a pipe that has this name."""
    return os.open(path, flags | os.O_NONBLOCK)


def _require_file(path: Path, status: os.stat_result, *, private: bool) -> None:
    """Looks at the opened file itself, so that nothing can be put in its place between check and use."""
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(f"{path} is not a file")
    if not private:
        return
    quoted = shlex.quote(str(path))
    if status.st_uid not in (0, os.geteuid()):
        raise ConfigError(f"{path} belongs to another user; run: chown {os.geteuid()} {quoted}")
    if status.st_mode & 0o077:
        raise ConfigError(f"{path} can be read or changed by others; run: chmod 600 {quoted}")
