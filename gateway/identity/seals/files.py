"""The files of one seal: two keys and their two certificates, in one folder.

The Ed25519 key may be in a token: then a ``.uri`` in the place of its ``.key`` names it (RFC 7512).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway.errors import ConfigError, Malformed
from gateway.identity.certificates.keyfiles import PUBLIC_MODE, read_certificate, read_public, write_file
from gateway.identity.certificates.x509 import Window, load_certificate, to_der, to_pem
from gateway.identity.seals.certificates import seal_of
from gateway.identity.seals.key_uris import KeyUri
from gateway.identity.seals.pkcs11_access import NO_TOKENS, TokenAccess
from gateway.identity.seals.signers import URI_SUFFIX, DatedSeal, FileSeal, SealKeys
from gateway.ledger.seals import CertifiedSeal

NAMES = ("seal-ed25519", "seal-ml-dsa-44")


@dataclass(frozen=True, slots=True)
class SealFolder:
    """A folder with a seal; whether anybody certified it is asked by those who use it.

    Attributes:
        path: of the folder
        tokens: how the token is reached that may hold a key
    """

    path: Path
    tokens: TokenAccess = NO_TOKENS

    def holds_one(self) -> bool:
        """Whether all four files are there."""
        keys = self._uri_path.exists() or self._key_paths[0].exists(), self._key_paths[1].exists()
        return all(keys) and self.holds_certificates()

    def holds_certificates(self) -> bool:
        """Whether both certificates are there."""
        return all((self.path / f"{name}.crt").exists() for name in NAMES)

    @property
    def _key_paths(self) -> tuple[Path, Path]:
        ed25519, ml_dsa_44 = (self.path / f"{name}.key" for name in NAMES)
        return ed25519, ml_dsa_44

    @property
    def _uri_path(self) -> Path:
        return self._key_paths[0].with_suffix(URI_SUFFIX)

    def uri(self) -> KeyUri | None:
        """Reads what names the Ed25519 key in its token; None: the key is a file.

        Raises:
            ConfigError: it cannot be read; or there is a file of the key, too, so that nobody knows which is meant.
        """
        if not self._uri_path.exists():
            return None
        if self._key_paths[0].exists():
            raise ConfigError(f"{self._key_paths[0]} and {self._uri_path} name two keys: remove the one that is not it")
        try:
            return KeyUri.parse(read_public(self._uri_path).decode().strip())
        except (Malformed, UnicodeDecodeError) as error:
            raise ConfigError(f"{self._uri_path}: {error}") from error

    def certified(self) -> CertifiedSeal:
        """Reads the certificates.

        Raises:
            ConfigError: they are not there, or not those of a seal.
        """
        ed25519, ml_dsa_44 = (to_der(read_certificate(self.path / f"{name}.crt")) for name in NAMES)
        try:
            return seal_of((ed25519, ml_dsa_44))
        except Malformed as error:
            raise ConfigError(f"{self.path}: {error.message}") from error

    def keys(self) -> SealKeys:
        """Reads the keys, which must be those of the certificates; of one in a token that is seen as it signs.

        Raises:
            ConfigError: they are not there, open to others, or other keys.
        """
        public, uri = self.certified().public, self.uri()
        if uri:
            seal: SealKeys = self.tokens.seal(uri, public.ed25519, self._key_paths[1])
        else:
            seal = FileSeal.load(*self._key_paths)
        if seal.public != public:
            raise ConfigError(f"{self.path}: the sealing keys are not those of their certificates")
        return seal

    def dated(self, clock: Callable[[], datetime]) -> tuple[CertifiedSeal, DatedSeal]:
        """Reads the seal, and what signs with it while its certificates are valid; raises as ``keys``."""
        seal = self.certified()
        window = Window(*(datetime.fromtimestamp(each, UTC) for each in (seal.not_before, seal.not_after)))
        return seal, DatedSeal(self.keys(), window, clock)

    def write(self, seal: CertifiedSeal, keys: SealKeys | None) -> None:
        """Writes certificates, and keys if they are given, in the place of those that are there.

        Raises:
            ConfigError: they cannot be written.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if keys:
            keys.save(*self._key_paths, replace=True)
            other = self._uri_path if isinstance(keys, FileSeal) else self._key_paths[0]  # of a seal before
            other.unlink(missing_ok=True)
        for name, data in zip(NAMES, seal.certificates, strict=True):
            content = to_pem(load_certificate(data))
            write_file(self.path / f"{name}.crt", content, mode=PUBLIC_MODE, replace=True)

    def remove_keys(self) -> None:
        """Removes the keys, as far as they are there, or what names one: a key in a token stays there."""
        for path in (self._uri_path, *self._key_paths):
            path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Removes all files and the folder, as far as they are there."""
        self.remove_keys()
        for name in NAMES:
            (self.path / f"{name}.crt").unlink(missing_ok=True)
        if self.path.exists():
            self.path.rmdir()
