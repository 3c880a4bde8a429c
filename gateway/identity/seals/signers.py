"""The private side of a node's seal: a ``gateway.ledger.checkpoint.Signer``, with its keys in files or elsewhere."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, runtime_checkable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from gateway.errors import ConfigError, GatewayError, SealUnavailable, Unavailable, Untrusted
from gateway.identity.certificates.keyfiles import read_key, write_key
from gateway.identity.certificates.x509 import Window
from gateway.ledger.checkpoint import SealPublic, Signer
from gateway.ledger.seals import CertifiedSeal

NOT_HERE = "the keys of the seal in force are not in this node's home: docs/certificates.md"
REPLACE = "nothing is sealed, or stored of this; the node's operator must act (docs/certificates.md, A seal that ended)"
URI_SUFFIX = ".uri"  # of the file that names a key in a token, where else its .key would be


class SealKeys(Signer, Protocol):
    """The keys of a seal, as a node keeps them."""

    @property
    def public_keys(self) -> tuple[Ed25519PublicKey, MLDSA44PublicKey]:
        """The public keys."""

    def request_keys(self) -> tuple[Ed25519PrivateKey, MLDSA44PrivateKey]:
        """What signs requests for certificates of them."""

    def save(self, ed25519_path: Path, ml_dsa_44_path: Path, *, replace: bool = False) -> None:
        """Writes both keys, or what names them, for their owner alone."""


@runtime_checkable
class Remote(Protocol):
    """What a signer has beside, if a key of it is not in this process: it may be away, and slow."""

    def require_able(self) -> None:
        """Passes unless it is known that it cannot sign; raises ``SealUnavailable``."""

    def open(self) -> None:
        """Reaches the key, and has it show that it is the right one; raises ``ConfigError``, ``Unavailable``."""

    def look(self) -> None:
        """Sees whether it signs, and makes it sign again; raises what is wrong while something is."""

    def close(self) -> None:
        """Lets go of it."""


class FileSeal:
    """Both sealing keys of a node, in memory while it runs.

    Attributes:
        public: their public keys, raw
    """

    def __init__(self, ed25519: Ed25519PrivateKey, ml_dsa_44: MLDSA44PrivateKey) -> None:
        self._ed25519, self._ml_dsa_44 = ed25519, ml_dsa_44
        self._public = SealPublic(*(key.public_bytes_raw() for key in (ed25519.public_key(), ml_dsa_44.public_key())))

    @property
    def public(self) -> SealPublic:
        """The raw public keys."""
        return self._public

    @property
    def public_keys(self) -> tuple[Ed25519PublicKey, MLDSA44PublicKey]:
        """The public keys."""
        return self._ed25519.public_key(), self._ml_dsa_44.public_key()

    def request_keys(self) -> tuple[Ed25519PrivateKey, MLDSA44PrivateKey]:
        """What signs requests for certificates of them: the keys themselves."""
        return self._ed25519, self._ml_dsa_44

    @classmethod
    def generate(cls) -> "FileSeal":
        """Makes new keys."""
        return cls(Ed25519PrivateKey.generate(), MLDSA44PrivateKey.generate())

    @classmethod
    def load(cls, ed25519_path: Path, ml_dsa_44_path: Path) -> "FileSeal":
        """Reads both keys (PKCS#8, PEM).

        Raises:
            ConfigError: one is not there, open to others, or of another type.
        """
        ed25519, ml_dsa_44 = read_key(ed25519_path), read_key(ml_dsa_44_path)
        if not isinstance(ed25519, Ed25519PrivateKey):
            raise ConfigError(f"{ed25519_path} does not hold an Ed25519 key")
        if not isinstance(ml_dsa_44, MLDSA44PrivateKey):
            raise ConfigError(f"{ml_dsa_44_path} does not hold an ML-DSA-44 key")
        return cls(ed25519, ml_dsa_44)

    def save(self, ed25519_path: Path, ml_dsa_44_path: Path, *, replace: bool = False) -> None:
        """Writes both keys (PKCS#8, PEM), for their owner alone.

        Raises:
            AlreadyExists: one is there, and ``replace`` is not asked for.
            ConfigError: one cannot be written.
        """
        write_key(ed25519_path, self._ed25519, replace=replace)
        write_key(ml_dsa_44_path, self._ml_dsa_44, replace=replace)

    def sign_ed25519(self, message: bytes) -> bytes:
        """Signs with Ed25519 (RFC 8032): 64 bytes."""
        return self._ed25519.sign(message)

    def sign_ml_dsa_44(self, message: bytes) -> bytes:
        """Signs with ML-DSA-44 and an empty context (FIPS 204): 2,420 bytes."""
        return self._ml_dsa_44.sign(message)


class DatedSeal:
    """A seal that signs only while its certificates are valid: what it signed later would prove nothing to anybody.

    Args:
        signer: holds the keys
        window: in which the certificates of both keys are valid
        clock: with a time zone
    """

    def __init__(self, signer: Signer, window: Window, clock: Callable[[], datetime]) -> None:
        self.signer, self._window, self._clock = signer, window, clock

    @property
    def public(self) -> SealPublic:
        """The raw public keys."""
        return self.signer.public

    def sign_ed25519(self, message: bytes) -> bytes:
        """Signs with Ed25519; raises ``SealUnavailable`` outside the certificates' time."""
        self._require_time()
        return self.signer.sign_ed25519(message)

    def sign_ml_dsa_44(self, message: bytes) -> bytes:
        """Signs with ML-DSA-44; raises ``SealUnavailable`` outside the certificates' time."""
        self._require_time()
        return self.signer.sign_ml_dsa_44(message)

    def _require_time(self) -> None:
        try:
            self._window.require(self._clock())
        except Untrusted as error:
            raise SealUnavailable(f"of this node's seal {error.message}: {REPLACE}") from error


def require_valid(seal: CertifiedSeal, time: int) -> None:
    """Passes while the certificates of a seal are valid; ``time`` in seconds since 1970.

    Raises:
        SealUnavailable: they are not: what it signed then would prove nothing, also here at the next start.
    """
    if time > seal.not_after:
        raise SealUnavailable(f"the certificates of this node's seal ended at {_told(seal.not_after)}: {REPLACE}")
    if time < seal.not_before:
        raise SealUnavailable(f"the certificates of this node's seal begin at {_told(seal.not_before)}: {REPLACE}")


def _told(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def reach(signer: Signer) -> None:
    """Has a key that is elsewhere show that it signs; of others nothing is asked.

    Raises:
        ConfigError, Unavailable: it does not.
    """
    if remote := _remote_of(signer):
        remote.open()


def _remote_of(signer: Signer) -> Remote | None:
    keys = signer.signer if isinstance(signer, DatedSeal) else signer
    return keys if isinstance(keys, Remote) else None


class Keyring:
    """The private seals that this process can sign with; which of them is in force, the store knows.

    ``is_remote``: one of them has a key elsewhere, so that signing may take long.

    Args:
        signers: what signs, and the seal that it signs with; the first is that of the node
    """

    def __init__(self, signers: Iterable[tuple[CertifiedSeal, Signer]]) -> None:
        # Never changed, but replaced: other threads look through it meanwhile.
        self._signers: Mapping[SealPublic, tuple[CertifiedSeal, Signer]] = {
            seal.public: (seal, signer) for seal, signer in signers
        }
        self.is_remote = bool(self._remotes())

    @property
    def seals(self) -> tuple[CertifiedSeal, ...]:
        """The seals that it has the keys of."""
        return tuple(seal for seal, _ in self._signers.values())

    def add(self, seal: CertifiedSeal, signer: Signer) -> None:
        """Takes one more."""
        self._signers = {**self._signers, seal.public: (seal, signer)}
        self.is_remote = bool(self._remotes())

    def open(self) -> None:
        """Reaches each key that is elsewhere; one of a seal before that is away is let go of.

        Raises:
            ConfigError, Unavailable: one of the first seal is.
        """
        for place, (public, (_, signer)) in enumerate(self._signers.items()):
            try:
                reach(signer)
            except GatewayError:
                if place == 0:
                    raise
                self._signers = {each: kept for each, kept in self._signers.items() if each != public}
        self.is_remote = bool(self._remotes())

    def close(self) -> None:
        """Lets go of what it reached."""
        for each in self._remotes():
            each.close()

    def require_able(self, seal: CertifiedSeal, time: int) -> None:
        """Passes unless it is known that what signs with a seal cannot, as of a time in seconds since 1970.

        Raises:
            SealUnavailable: its certificates are not valid then, its keys are not here, or their token does not sign.
        """
        require_valid(seal, time)
        if seal.public not in self._signers:
            raise SealUnavailable(f"{NOT_HERE}; nothing is stored of this")
        if keys := self._remote(seal.public):
            keys.require_able()

    def look(self, seal: CertifiedSeal, time: int) -> None:
        """Sees whether what signs with a seal can, as of a time; raises what is wrong while something is."""
        require_valid(seal, time)
        if keys := self._remote(seal.public):
            keys.look()

    def _remotes(self) -> Sequence[Remote]:
        return [each for _, signer in self._signers.values() if (each := _remote_of(signer))]

    def _remote(self, seal: SealPublic) -> Remote | None:
        return _remote_of(self._signers[seal][1]) if self.is_remote and seal in self._signers else None

    def signer(self, seal: SealPublic) -> Signer:
        """Gives what signs with a seal.

        Raises:
            Unavailable: its keys are not here.
        """
        if seal not in self._signers:
            raise Unavailable(NOT_HERE)
        return self._signers[seal][1]
