"""Seals with fixed keys, logs of any length and what is signed over them."""

from collections.abc import Sequence
from functools import cached_property, lru_cache
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.ledger.channel import Parties
from gateway.ledger.checkpoint import (
    Checkpoint,
    Receipt,
    SealPublic,
    SignedCheckpoint,
    countersign,
    origin_of,
    sign_checkpoint,
)
from gateway.ledger.merkle import CompactRange, leaf_hash

HK, KR = "gateway.hk.example", "gateway.kr.example"
HK_TO_KR, KR_TO_HK = origin_of(HK, KR), origin_of(KR, HK)
TIME = 1_767_225_600  # seconds: 2026-01-01
LATER = TIME + 60


class FixedSeal:
    """A ``Signer`` whose keys come from a word. It signs an equal message once: ML-DSA takes a millisecond."""

    def __init__(self, word: str) -> None:
        seed = sha256(word.encode()).digest()
        self._ed25519 = Ed25519PrivateKey.from_private_bytes(seed)
        self._ml_dsa_44 = MLDSA44PrivateKey.from_seed_bytes(seed)
        self.sign_ed25519 = lru_cache(None)(self._ed25519.sign)
        self.sign_ml_dsa_44 = lru_cache(None)(self._ml_dsa_44.sign)

    @cached_property
    def public(self) -> SealPublic:
        return SealPublic(
            self._ed25519.public_key().public_bytes_raw(), self._ml_dsa_44.public_key().public_bytes_raw()
        )


HK_SEAL, KR_SEAL, STRANGER_SEAL = FixedSeal("hk"), FixedSeal("kr"), FixedSeal("stranger")
PARTIES = Parties(HK_TO_KR, HK_SEAL.public, KR, KR_SEAL.public)


def envelopes(count: int, history: str = "honest") -> list[bytes]:
    """The first envelopes of a history; any two histories differ in each."""
    return [f"{history} envelope {index}".encode() for index in range(count)]


def log_of(leaves: Sequence[bytes]) -> CompactRange:
    return CompactRange.EMPTY.extend([leaf_hash(leaf) for leaf in leaves])[0]


def checkpoint_of(leaves: Sequence[bytes], origin: str = HK_TO_KR) -> Checkpoint:
    return Checkpoint(origin, len(leaves), log_of(leaves).root())


def head_of(leaves: Sequence[bytes], seal: FixedSeal = HK_SEAL, time: int = TIME) -> SignedCheckpoint:
    return sign_checkpoint(checkpoint_of(leaves), seal, time)


def receipt_of(leaves: Sequence[bytes], seal: FixedSeal = KR_SEAL, domain: str = KR, time: int = LATER) -> Receipt:
    return countersign(head_of(leaves), domain, seal, time)


def batch_of(leaves: Sequence[bytes], first: int, seal: FixedSeal = HK_SEAL) -> wire.Batch:
    """The batch that leads from ``first`` to the end of the log."""
    return wire.Batch(first_index=first, envelopes=leaves[first:], checkpoint=head_of(leaves, seal).note)
