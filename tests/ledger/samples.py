"""Seals with fixed keys, logs of any length and what is signed over them."""

from collections.abc import Sequence
from functools import cached_property, lru_cache
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from regulator.exchange.v1 import peer_service_pb2 as wire
from regulator.exchange.v1.envelope_pb2 import Envelope, SealRotated

from gateway.errors import Untrusted
from gateway.ledger.checkpoint import Checkpoint, Receipt, SealPublic, SignedCheckpoint, countersign, sign_checkpoint
from gateway.ledger.forks import Prefix
from gateway.ledger.merkle import CompactRange, leaf_hash
from gateway.ledger.origins import origin_of
from gateway.ledger.seals import CertifiedSeal, ChannelSeals, SealHistory
from tests.ledger import oracle

HK, KR = "gateway.hk.example", "gateway.kr.example"
HK_TO_KR, KR_TO_HK = origin_of(HK, KR), origin_of(KR, HK)
TIME = 1_767_225_600  # seconds: 2026-01-01
LATER = TIME + 60


class FixedSeal:
    """A ``Signer`` whose keys come from a word. It signs an equal message once: ML-DSA takes a millisecond."""

    def __init__(self, word: str) -> None:
        self.word = word
        seed = sha256(word.encode()).digest()
        self._ed25519 = Ed25519PrivateKey.from_private_bytes(seed)
        self._ml_dsa_44 = MLDSA44PrivateKey.from_seed_bytes(seed)
        self.public_keys = self._ed25519.public_key(), self._ml_dsa_44.public_key()
        self.sign_ed25519 = lru_cache(None)(self._ed25519.sign)
        self.sign_ml_dsa_44 = lru_cache(None)(self._ml_dsa_44.sign)

    @cached_property
    def public(self) -> SealPublic:
        return SealPublic(
            self._ed25519.public_key().public_bytes_raw(), self._ml_dsa_44.public_key().public_bytes_raw()
        )


HK_SEAL, KR_SEAL, STRANGER_SEAL = FixedSeal("hk"), FixedSeal("kr"), FixedSeal("stranger")


def certificates_of(seal: FixedSeal) -> tuple[bytes, bytes]:
    """Made up: they certify where ``certify`` looks them up."""
    return b"ed25519 of " + seal.word.encode(), b"ml-dsa-44 of " + seal.word.encode()


def certified(seal: FixedSeal) -> CertifiedSeal:
    return CertifiedSeal(seal.public, certificates_of(seal))


def certify(domain: str, certificates: tuple[bytes, bytes], at: int) -> CertifiedSeal:
    """Certifies any seal of this domain's own, and none other."""
    word = certificates[0].decode().removeprefix("ed25519 of ")
    if not word.startswith(f"{domain} ") or certificates != certificates_of(fixed_seal(word)):
        raise Untrusted("not certified")
    return certified(fixed_seal(word))


@lru_cache(None)
def fixed_seal(word: str) -> FixedSeal:
    return FixedSeal(word)


def rotation(seal: FixedSeal, receipted: int = 0, origin: str = HK_TO_KR) -> bytes:
    """The envelope by which a channel's sender rotates its seal."""
    ed25519, ml_dsa_44 = certificates_of(seal)
    said = SealRotated(ed25519_certificate=ed25519, ml_dsa_44_certificate=ml_dsa_44, receipted_size=receipted)
    return Envelope(salt=bytes(16), origin=origin, seal_rotated=said).SerializeToString()


CHANNEL_SEALS = ChannelSeals(HK_TO_KR, SealHistory.of(HK_SEAL.public), SealHistory.of(KR_SEAL.public), certify)


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


def prefix_of(leaves: Sequence[bytes], size: int) -> Prefix:
    """What a log had at an earlier size, with the proof."""
    return Prefix(oracle.mth(leaves[:size]), oracle.proof(size, leaves))


def batch_of(leaves: Sequence[bytes], first: int, seal: FixedSeal = HK_SEAL) -> wire.Batch:
    """The batch that leads from ``first`` to the end of the log."""
    return wire.Batch(first_index=first, envelopes=leaves[first:], checkpoint=head_of(leaves, seal).note)
