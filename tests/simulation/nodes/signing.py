"""Signatures of schedules: real ones in some; in the others cheap ones, which stand and fall with the same bytes.

The real pair of signatures takes a millisecond, and a schedule has dozens. The cheap ones are bound to key and message
as real ones are, so whatever verifies in a schedule does so for the same reasons; that the real ones are as they must
be, their own tests tell.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from hashlib import shake_128
from typing import Any
from unittest.mock import patch

from gateway.ledger import checkpoint
from gateway.ledger.checkpoint import Signer
from gateway.store.reverify import notes
from tests.ledger.samples import FixedSeal
from tests.simulation.nodes.disk import Disk, Step
from tests.simulation.nodes.loop import LIFE

ED25519_BYTES, ML_DSA_44_BYTES = 64, 2420


class CheapSeal:
    """Signs in the name of a seal, for schedules with cheap signatures."""

    def __init__(self, seal: FixedSeal) -> None:
        self.public = seal.public

    def sign_ed25519(self, message: bytes) -> bytes:
        return cheap(self.public.ed25519, message, ED25519_BYTES)

    def sign_ml_dsa_44(self, message: bytes) -> bytes:
        return cheap(self.public.ml_dsa_44, message, ML_DSA_44_BYTES)


def cheap(public: bytes, message: bytes, length: int) -> bytes:
    return shake_128(b"cheap" + public[:32] + message).digest(length)


class Mortal:
    """A seal in the hands of a process, which may die before or after it signs."""

    def __init__(self, disk: Disk, signer: Signer) -> None:
        self._disk, self._signer, self.public = disk, signer, signer.public

    def sign_ed25519(self, message: bytes) -> bytes:
        return self._sign(lambda: self._signer.sign_ed25519(message))

    def sign_ml_dsa_44(self, message: bytes) -> bytes:
        return self._sign(lambda: self._signer.sign_ml_dsa_44(message))

    def _sign(self, act: Callable[[], bytes]) -> bytes:
        life = LIFE.get()
        assert life, "a process signs"
        signature: bytes = self._disk.take(life, act, Step.SIGN)
        return signature


class _Key:
    """In the place of a public key of ``cryptography``."""

    def __init__(self, public: bytes, length: int) -> None:
        self._public, self._length = public, length

    def verify(self, signature: bytes, message: bytes) -> None:
        if signature != cheap(self._public, message, self._length):
            raise checkpoint.InvalidSignature


@lru_cache
def _ed25519(public: bytes) -> _Key:
    return _Key(public, ED25519_BYTES)


@lru_cache
def _ml_dsa_44(public: bytes) -> _Key:
    return _Key(public, ML_DSA_44_BYTES)


class _Ed25519PublicKey:
    from_public_bytes = staticmethod(_ed25519)


class _MLDSA44PublicKey:
    from_public_bytes = staticmethod(_ml_dsa_44)


@contextmanager
def cheap_signatures() -> Iterator[None]:
    """Verifies only cheap ones."""
    with ExitStack() as stack:
        for module, name, value in (
            (checkpoint, "_ed25519", _ed25519),
            (checkpoint, "_ml_dsa_44", _ml_dsa_44),
            (notes, "Ed25519PublicKey", _Ed25519PublicKey),
            (notes, "MLDSA44PublicKey", _MLDSA44PublicKey),
        ):
            stack.enter_context(patch.object(module, name, value))
        yield


@contextmanager
def real_signatures() -> Iterator[None]:
    """Verifies each signature for real, once."""
    with ExitStack() as stack:
        for name in ("_verify_ed25519", "_verify_ml_dsa_44"):
            real: Callable[..., Any] = getattr(checkpoint, name)
            stack.enter_context(patch.object(checkpoint, name, lru_cache(4096)(real)))
        yield
