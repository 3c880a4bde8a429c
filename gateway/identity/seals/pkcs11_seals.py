"""A seal whose Ed25519 key is in a token (PKCS#11): an HSM. Its ML-DSA-44 key is a file beside, as in a ``FileSeal``.

What the token gives as a signature is verified before it is used. After a failure nothing more is asked of the token
until ``look`` has found that it signs again: so a token that hangs holds up one commit, and not each.
"""

from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey
from cryptography.utils import Buffer

from gateway.backoff import NextTry
from gateway.errors import GatewayError, SealUnavailable, Unavailable
from gateway.identity.certificates.keyfiles import PRIVATE_MODE, write_file, write_key
from gateway.identity.seals.key_uris import KeyUri
from gateway.identity.seals.pkcs11_tokens import KeyName, TokenSession
from gateway.identity.seals.signers import URI_SUFFIX
from gateway.ledger.checkpoint import SealPublic
from gateway.logs import Log

AWAY = "the token that holds the sealing key does not sign now, and nothing is sealed; try again later, same request_id"
SELF_TEST = b"gateway seal self-test\n"  # no note begins so, and no cosignature
OPENING_TIMES = 5  # as long as a signature, a login may take
QUIET_SECONDS = 30.0  # without a signature, after which it is seen whether the token still signs

_log = Log(__name__)


class TokenSeal:
    """Both sealing keys of a node: Ed25519 in a token, ML-DSA-44 in memory while the process runs.

    Making one asks nothing of the token.

    Args:
        session: of the token
        uri: names the key
        public: what the certificates certify
        ml_dsa_44: the other key
        seconds: that a signature may take
        clock: seconds; never goes back
    """

    def __init__(
        self,
        session: TokenSession,
        uri: KeyUri,
        public: SealPublic,
        ml_dsa_44: MLDSA44PrivateKey,
        seconds: float,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.uri = uri
        self._session, self._key, self._ml_dsa_44 = session, KeyName(uri.object, uri.id), ml_dsa_44
        self._public, self._verifying = public, Ed25519PublicKey.from_public_bytes(public.ed25519)
        self._seconds, self._clock = seconds, clock
        self._fault: GatewayError | None = None
        self._next_try, self._signed = NextTry(clock), 0.0

    @property
    def public(self) -> SealPublic:
        """The raw public keys."""
        return self._public

    @property
    def public_keys(self) -> tuple[Ed25519PublicKey, MLDSA44PublicKey]:
        """The public keys."""
        return self._verifying, self._ml_dsa_44.public_key()

    def request_keys(self) -> tuple[Ed25519PrivateKey, MLDSA44PrivateKey]:
        """What signs requests for certificates of them."""
        return _Requesting(self), self._ml_dsa_44

    def save(self, ed25519_path: Path, ml_dsa_44_path: Path, *, replace: bool = False) -> None:
        """Writes what names the one key, beside where it would be itself, and the other key; raises as ``FileSeal``."""
        uri_path = ed25519_path.with_suffix(URI_SUFFIX)
        write_file(uri_path, f"{self.uri}\n".encode(), mode=PRIVATE_MODE, replace=replace)
        write_key(ml_dsa_44_path, self._ml_dsa_44, replace=replace)

    def sign_ed25519(self, message: bytes) -> bytes:
        """Signs in the token; raises ``SealUnavailable`` where that fails, or failed before and is not over."""
        self.require_able()
        try:
            return self._sign(message, self._seconds)
        except GatewayError as error:
            self._fail(error)
            raise SealUnavailable(AWAY) from error

    def sign_ml_dsa_44(self, message: bytes) -> bytes:
        """Signs with ML-DSA-44 and an empty context (FIPS 204): 2,420 bytes."""
        return self._ml_dsa_44.sign(message)

    def require_able(self) -> None:
        """Passes unless it is known that the token does not sign; raises ``SealUnavailable``."""
        if self._fault:
            raise SealUnavailable(AWAY)

    def open(self) -> None:
        """Logs in, and has the token show that the key is that of the certificate.

        Raises:
            ConfigError: the module, the PIN or the key is not the right one; an operator must act.
            Unavailable: the token is not there, fails, or does not answer in time.
        """
        try:
            self._sign(SELF_TEST, OPENING_TIMES * self._seconds)
        except GatewayError as error:
            self._fail(error)
            raise
        if self._fault:
            _log.warning("seal_key_back")
        self._fault = None
        self._next_try.succeeded()

    def look(self) -> None:
        """Sees whether the token signs, after a quiet time or a failure; raises what is wrong while something is."""
        if self._fault and not self._next_try.is_due:
            raise type(self._fault)(self._fault.message)
        if self._fault or self._clock() - self._signed >= QUIET_SECONDS:
            self.open()

    def close(self) -> None:
        """Logs out."""
        self._session.close(self._seconds)

    def _sign(self, message: bytes, seconds: float) -> bytes:
        signature = self._session.sign(self._key, message, seconds)
        try:
            self._verifying.verify(signature, message)
        except InvalidSignature as error:
            said = f"what the token {self.uri.token_told()} signs is not by the key of the sealing certificate"
            raise Unavailable(said) from error
        self._signed = self._clock()
        return signature

    def _fail(self, error: GatewayError) -> None:
        if self._fault is None:
            _log.error("seal_key_away", error=error.message)
        self._fault = error
        self._next_try.failed()


class _Requesting(Ed25519PrivateKey):
    """The key in the token as a private key of cryptography, which signs and gives nothing away."""

    def __init__(self, seal: TokenSeal) -> None:
        self._seal = seal

    def sign(self, data: Buffer) -> bytes:
        """Signs in the token."""
        return self._seal.sign_ed25519(bytes(data))

    def public_key(self) -> Ed25519PublicKey:
        """Gives the public key."""
        return self._seal.public_keys[0]

    def private_bytes(self, *_: object, **__: object) -> bytes:
        """Raises ``TypeError``: it does not leave the token."""
        raise TypeError("the key is in a token, and does not leave it")

    private_bytes_raw = private_bytes

    def __copy__(self) -> "_Requesting":
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> "_Requesting":
        return self
