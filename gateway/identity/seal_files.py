"""The files of one seal: two keys and their two certificates, in one folder."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway.errors import ConfigError, Malformed
from gateway.identity.certificates import Window, load_certificate, to_der, to_pem
from gateway.identity.keyfiles import PUBLIC_MODE, read_certificate, write_file
from gateway.identity.seal_certificates import seal_of
from gateway.identity.signers import DatedSeal, FileSeal
from gateway.ledger.seals import CertifiedSeal

NAMES = ("seal-ed25519", "seal-ml-dsa-44")


@dataclass(frozen=True, slots=True)
class SealFolder:
    """A folder with a seal; whether anybody certified it is asked by those who use it."""

    path: Path

    def holds_one(self) -> bool:
        """Whether all four files are there."""
        return all((self.path / f"{name}.{suffix}").exists() for name in NAMES for suffix in ("key", "crt"))

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

    def keys(self) -> FileSeal:
        """Reads the keys, which must be those of the certificates.

        Raises:
            ConfigError: they are not there, open to others, or other keys.
        """
        seal = FileSeal.load(*(self.path / f"{name}.key" for name in NAMES))
        if seal.public != self.certified().public:
            raise ConfigError(f"{self.path}: the sealing keys are not those of their certificates")
        return seal

    def dated(self, clock: Callable[[], datetime]) -> tuple[CertifiedSeal, DatedSeal]:
        """Reads the seal, and what signs with it while its certificates are valid; raises as ``keys``."""
        seal = self.certified()
        window = Window(*(datetime.fromtimestamp(each, UTC) for each in (seal.not_before, seal.not_after)))
        return seal, DatedSeal(self.keys(), window, clock)

    def write(self, seal: CertifiedSeal, keys: FileSeal | None) -> None:
        """Writes certificates, and keys if they are given, in the place of those that are there.

        Raises:
            ConfigError: they cannot be written.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if keys:
            keys.save(*(self.path / f"{name}.key" for name in NAMES), replace=True)
        for name, data in zip(NAMES, seal.certificates, strict=True):
            content = to_pem(load_certificate(data))
            write_file(self.path / f"{name}.crt", content, mode=PUBLIC_MODE, replace=True)

    def remove(self) -> None:
        """Removes the four files and the folder, as far as they are there."""
        for name in NAMES:
            for suffix in ("key", "crt"):
                (self.path / f"{name}.{suffix}").unlink(missing_ok=True)
        if self.path.exists():
            self.path.rmdir()
