"""How a home reaches the tokens that may hold its sealing keys; the library for that is loaded where it is needed."""

import secrets
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from gateway.errors import ConfigError
from gateway.identity.certificates.keyfiles import read_key
from gateway.identity.seals.key_uris import KeyUri
from gateway.identity.seals.pins import Pin
from gateway.identity.seals.signers import SealKeys
from gateway.ledger.checkpoint import SealPublic

LABEL, ID_BYTES = "gateway-seal", 16  # of a key that is made; its identifier is random
MAKING_SECONDS = 60.0  # that a token may take to make a key


@dataclass(frozen=True, slots=True)
class TokenAccess:
    """What the section ``[pkcs11]`` says; without a module no token can be used.

    Attributes:
        module: path of the PKCS#11 module
        pin: of the token
        seconds: that a signature may take
    """

    module: Path | None = None
    pin: Pin | None = None
    seconds: float = 2.0
    _sessions: dict[tuple[str, str], Any] = field(default_factory=dict, compare=False, repr=False)

    def seal(self, uri: KeyUri, ed25519: bytes, ml_dsa_44_path: Path) -> SealKeys:
        """Gives a seal with a key in a token, whose public key is known; the token is asked when it must sign.

        Raises:
            ConfigError: no token can be used here, or the other key does not fit.
        """
        other = read_key(ml_dsa_44_path)
        if not isinstance(other, MLDSA44PrivateKey):
            raise ConfigError(f"{ml_dsa_44_path} does not hold an ML-DSA-44 key")
        return self._seal(uri, ed25519, other)

    def new_keys(self, uri: KeyUri) -> SealKeys:
        """Makes the keys of a seal: the Ed25519 key in a token, which it never leaves.

        Args:
            uri: names the token, and may give the key a label

        Raises:
            ConfigError, Unavailable: no token can be used here; or it is not there, or makes no such key.
        """
        named = replace(uri, id=secrets.token_bytes(ID_BYTES), object=uri.object or LABEL)
        key = _loaded("pkcs11_tokens").KeyName(named.object, named.id)
        ed25519 = self._session(uri).generate(key, MAKING_SECONDS)
        return self._seal(named, ed25519, MLDSA44PrivateKey.generate())

    def _seal(self, uri: KeyUri, ed25519: bytes, ml_dsa_44: MLDSA44PrivateKey) -> SealKeys:
        public = SealPublic(ed25519, ml_dsa_44.public_key().public_bytes_raw())
        seal: SealKeys = _loaded("pkcs11_seals").TokenSeal(self._session(uri), uri, public, ml_dsa_44, self.seconds)
        return seal

    def _session(self, uri: KeyUri) -> Any:
        """The one session of this home with a token: it is logged into once."""
        if self.module is None or self.pin is None:
            raise ConfigError("a sealing key is in a token, and config.toml does not say how to reach it: [pkcs11]")
        tokens, named = _loaded("pkcs11_tokens"), (uri.token, uri.serial)
        if named not in self._sessions:
            self._sessions[named] = tokens.TokenSession(uri, tokens.module_at(self.module), self.pin)
        return self._sessions[named]


NO_TOKENS = TokenAccess()


def _loaded(name: str) -> ModuleType:
    try:
        return import_module(f"{__package__}.{name}")
    except ModuleNotFoundError as error:
        if error.name != "pkcs11":
            raise
        raise ConfigError(
            "a key in a token needs the library python-pkcs11: install regulatory-gateway[pkcs11]"
        ) from error
