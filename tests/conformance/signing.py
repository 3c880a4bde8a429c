"""Seals whose keys come from a word, and whose signatures are the same in every run.

Ed25519 signs an equal message equally. ML-DSA-44 draws random bytes for each signature (FIPS 204, section 3.4), so its
signatures are kept in ``signatures.json`` and looked up there: made once, and again only for a message that is new.
"""

import base64
import json
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from gateway.ledger.checkpoint import SealPublic

KEPT = Path(__file__).parent / "signatures.json"


class KeptSignatures:
    """ML-DSA-44 signatures by what they are over; ``used`` are those that were asked for."""

    def __init__(self, path: Path = KEPT) -> None:
        self._path = path
        known = json.loads(path.read_text()) if path.exists() else {}
        self._known = {name: base64.b64decode(value) for name, value in known.items()}
        self.used: dict[str, bytes] = {}

    def sign(self, key: MLDSA44PrivateKey, message: bytes, context: bytes = b"") -> bytes:
        """Gives the signature that is kept, if it is one of this key over this message; else a new one."""
        name = sha256(b"\0".join((key.public_key().public_bytes_raw(), context, message))).hexdigest()
        found = self.used.get(name) or self._known.get(name)
        if found is None or not _verifies(key, found, message, context):
            found = key.sign(message, context or None)
        self.used[name] = found
        return found

    def encode(self) -> str:
        """Gives the file with those that were used, and no others."""
        return json.dumps({name: base64.b64encode(self.used[name]).decode() for name in sorted(self.used)}, indent=0)


def _verifies(key: MLDSA44PrivateKey, signature: bytes, message: bytes, context: bytes) -> bool:
    try:
        key.public_key().verify(signature, message, context or None)
    except InvalidSignature:
        return False
    return True


SIGNATURES = KeptSignatures()


class KitSeal:
    """A ``gateway.ledger.checkpoint.Signer`` with both keys of one seed."""

    def __init__(self, seed: bytes) -> None:
        self.seed = seed
        self.ed25519 = Ed25519PrivateKey.from_private_bytes(seed)
        self.ml_dsa_44 = MLDSA44PrivateKey.from_seed_bytes(seed)
        self.public_keys = self.ed25519.public_key(), self.ml_dsa_44.public_key()
        self.public = SealPublic(*(key.public_bytes_raw() for key in self.public_keys))

    @classmethod
    def of(cls, word: str) -> "KitSeal":
        """The seal whose seed is SHA-256 of a word."""
        return cls(sha256(word.encode()).digest())

    def sign_ed25519(self, message: bytes) -> bytes:
        return self.ed25519.sign(message)

    def sign_ml_dsa_44(self, message: bytes) -> bytes:
        return SIGNATURES.sign(self.ml_dsa_44, message)
