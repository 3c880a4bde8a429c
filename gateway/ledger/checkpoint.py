"""Checkpoints of a channel, signed by its sender and cosigned by its receiver; and of a node's access journal.

A checkpoint (C2SP tlog-checkpoint) is a signed note with the channel's origin, its size and its root. The sender
puts two lines on it: Ed25519 (signed-note, type 0x01) and ML-DSA-44 (tlog-cosignature, type 0x06), both named by
the origin. The receiver adds two cosignatures named by its domain: Ed25519 (type 0x04) and ML-DSA-44 (type 0x06).
With all four it is a *receipt*, and it proves every envelope below its size to a third person.

What is signed differs by type, by name and by origin, so nothing signed for one purpose verifies for another.
"""

import re
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from gateway.errors import BadSignature, Malformed, Untrusted
from gateway.ledger.merkle import HASH_BYTES, MAX_SIZE
from gateway.ledger.note import Note, Signature, decode_base64, encode_base64, key_id, verifier_key
from gateway.ledger.origins import require_origin
from gateway.moments import LATEST_SECONDS

ED25519_KEY_BYTES, ML_DSA_44_KEY_BYTES = 32, 1312
TIME_BYTES = 8
MAX_TIME = LATEST_SECONDS

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


class SignatureType(IntEnum):
    """Signature type identifiers (signed-note, "Signature types")."""

    ED25519 = 0x01
    ED25519_COSIGNATURE = 0x04
    ML_DSA_44_COSIGNATURE = 0x06


@dataclass(frozen=True, slots=True)
class SealPublic:
    """The public keys of a node's seals: raw Ed25519 (32 bytes) and ML-DSA-44 (1,312 bytes)."""

    ed25519: bytes
    ml_dsa_44: bytes

    def __post_init__(self) -> None:
        if len(self.ed25519) != ED25519_KEY_BYTES or len(self.ml_dsa_44) != ML_DSA_44_KEY_BYTES:
            raise Malformed("a seal has an Ed25519 key of 32 bytes and an ML-DSA-44 key of 1,312 bytes")

    @property
    def public(self) -> "SealPublic":
        """Itself: a seal that may sign any size, at any time."""
        return self

    def require_time(self, time: int) -> None:
        """Passes: of bare keys no dates are known."""

    def signing(self, *_: object) -> "SealPublic":
        """Gives the only seal that may have signed a note."""
        return self

    def verifier_keys(self, domain: str) -> tuple[str, str]:
        """Gives the C2SP verifier keys of the node's cosignatures."""
        return (
            verifier_key(domain, SignatureType.ED25519_COSIGNATURE, self.ed25519),
            verifier_key(domain, SignatureType.ML_DSA_44_COSIGNATURE, self.ml_dsa_44),
        )


class SigningSeal(Protocol):
    """The seal that signed a note."""

    @property
    def public(self) -> SealPublic:
        """Its keys."""

    def require_time(self, time: int) -> None:
        """Passes if it could sign then (seconds since 1970), or raises ``Untrusted``."""


class Seals(Protocol):
    """The seals that one party may have signed with: one, or a history of them (``gateway.ledger.seals``)."""

    def signing(self, note: Note, name: str, size: int, /) -> SigningSeal:
        """Gives the one whose keys signed a note of a size under a name, or raises ``Untrusted``."""


class Signer(Protocol):
    """The private side of a seal, wherever its keys are kept."""

    @property
    def public(self) -> SealPublic:
        """The public keys."""

    def sign_ed25519(self, message: bytes) -> bytes:
        """Signs with Ed25519 (RFC 8032): 64 bytes."""

    def sign_ml_dsa_44(self, message: bytes) -> bytes:
        """Signs with ML-DSA-44 and an empty context (FIPS 204): 2,420 bytes."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log; nothing is signed yet.

    Attributes:
        origin: of a channel, ``<sender domain>/to/<recipient domain>``, or of a journal, ``<domain>/journal``
        size: number of leaves, 0 to ``MAX_SIZE``
        root: of the Merkle tree, 32 bytes
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        require_origin(self.origin)
        if not 0 <= self.size <= MAX_SIZE or len(self.root) != HASH_BYTES:
            raise Malformed("a checkpoint has a size below 2^63 and a root of 32 bytes")

    def text(self) -> str:
        """Gives the note text: origin, size and root, a line each (tlog-checkpoint, "Note text")."""
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Reads a note text; extension lines are refused, since no signature of ML-DSA covers them.

        Raises:
            Malformed: it is no checkpoint of a channel or a journal.
        """
        lines = text.split("\n")
        if len(lines) != 4 or lines[3] or not _SIZE.fullmatch(lines[1]):
            raise Malformed("a checkpoint is three lines: origin, size, root")
        return cls(lines[0], int(lines[1]), decode_base64(lines[2]))


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint under its sender's verified signatures.

    Attributes:
        note: its bytes, with the sender's two signature lines and no others
        time: when the sender signed, seconds since 1970 by its clock
    """

    checkpoint: Checkpoint
    note: bytes
    time: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A checkpoint under the verified signatures of its sender and of its receiver.

    Attributes:
        note: its bytes, with the four signature lines and no others
        time: when the receiver cosigned, seconds since 1970 by its clock
    """

    checkpoint: Checkpoint
    note: bytes
    time: int


def sign_checkpoint(checkpoint: Checkpoint, signer: Signer, time: int) -> SignedCheckpoint:
    """Signs as the channel's sender, or as the node whose journal it is."""
    name, text = checkpoint.origin, checkpoint.text()
    public = signer.public
    ed25519 = signer.sign_ed25519(text.encode())
    ml_dsa_44 = signer.sign_ml_dsa_44(subtree_message(name, time, checkpoint))
    lines = (
        Signature(name, key_id(name, SignatureType.ED25519, public.ed25519), ed25519),
        _timestamped(name, SignatureType.ML_DSA_44_COSIGNATURE, public.ml_dsa_44, time, ml_dsa_44),
    )
    return SignedCheckpoint(checkpoint, Note(text, lines).encode(), time)


def countersign(head: SignedCheckpoint, domain: str, signer: Signer, time: int) -> Receipt:
    """Cosigns as the channel's receiver, whose ``domain`` names it; the sender's lines are kept."""
    checkpoint, public = head.checkpoint, signer.public
    ed25519 = signer.sign_ed25519(cosignature_message(time, checkpoint.text()))
    ml_dsa_44 = signer.sign_ml_dsa_44(subtree_message(domain, time, checkpoint))
    lines = (
        *Note.parse(head.note).signatures,
        _timestamped(domain, SignatureType.ED25519_COSIGNATURE, public.ed25519, time, ed25519),
        _timestamped(domain, SignatureType.ML_DSA_44_COSIGNATURE, public.ml_dsa_44, time, ml_dsa_44),
    )
    return Receipt(checkpoint, Note(checkpoint.text(), lines).encode(), time)


def open_checkpoint(data: bytes, origin: str, sender: Seals) -> SignedCheckpoint:
    """Verifies a sender's checkpoint; other lines, such as cosignatures, are left off.

    Raises:
        Malformed: it is no checkpoint of the channel ``origin``.
        Untrusted: a signature of one of the sender's keys is not there, or is not of its certificates' time.
        BadSignature: a signature of the sender does not verify.
    """
    note = Note.parse(data)
    checkpoint = _checkpoint_of(note, origin)
    time, lines = _verify_sender(note, checkpoint, sender)
    return SignedCheckpoint(checkpoint, Note(note.text, lines).encode(), time)


def open_receipt(data: bytes, origin: str, sender: Seals, domain: str, receiver: Seals) -> Receipt:
    """Verifies a receipt: the sender's signatures, and the cosignatures of the receiver named ``domain``.

    Raises:
        Malformed, Untrusted, BadSignature: as ``open_checkpoint``, for both parties.
    """
    note = Note.parse(data)
    checkpoint = _checkpoint_of(note, origin)
    _, senders = _verify_sender(note, checkpoint, sender)
    time, receivers = _verify_receiver(note, checkpoint, domain, receiver)
    return Receipt(checkpoint, Note(note.text, senders + receivers).encode(), time)


def open_cosigned(data: bytes, origin: str, domain: str, receiver: Seals) -> tuple[Checkpoint, int]:
    """Verifies the receiver's cosignatures alone: it held this log, by whatever seal its sender signed it.

    Gives their time, too, in seconds since 1970.

    Raises:
        Malformed, Untrusted, BadSignature: as ``open_checkpoint``.
    """
    note = Note.parse(data)
    checkpoint = _checkpoint_of(note, origin)
    time, _ = _verify_receiver(note, checkpoint, domain, receiver)
    return checkpoint, time


def _verify_sender(note: Note, checkpoint: Checkpoint, seals: Seals) -> tuple[int, tuple[Signature, ...]]:
    """The time of the signature, and the two lines."""
    name = checkpoint.origin
    signing = seals.signing(note, name, checkpoint.size)
    seal = signing.public
    ed25519 = _line(note, name, SignatureType.ED25519, seal.ed25519)
    _verify_ed25519(seal.ed25519, ed25519.value, note.text.encode())
    ml_dsa_44 = _line(note, name, SignatureType.ML_DSA_44_COSIGNATURE, seal.ml_dsa_44)
    time, signature = _split_time(ml_dsa_44.value)
    _verify_ml_dsa_44(seal.ml_dsa_44, signature, subtree_message(name, time, checkpoint))
    signing.require_time(time)
    return time, (ed25519, ml_dsa_44)


def _verify_receiver(
    note: Note, checkpoint: Checkpoint, domain: str, seals: Seals
) -> tuple[int, tuple[Signature, ...]]:
    """The time of the cosignatures, and the two lines."""
    signing = seals.signing(note, domain, checkpoint.size)
    seal = signing.public
    ed25519 = _line(note, domain, SignatureType.ED25519_COSIGNATURE, seal.ed25519)
    time, signature = _split_time(ed25519.value)
    _verify_ed25519(seal.ed25519, signature, cosignature_message(time, note.text))
    ml_dsa_44 = _line(note, domain, SignatureType.ML_DSA_44_COSIGNATURE, seal.ml_dsa_44)
    other_time, signature = _split_time(ml_dsa_44.value)
    _verify_ml_dsa_44(seal.ml_dsa_44, signature, subtree_message(domain, other_time, checkpoint))
    if time != other_time:
        raise BadSignature("the receiver's two cosignatures bear different times")
    signing.require_time(time)
    return time, (ed25519, ml_dsa_44)


def signing_time(note: Note) -> int:
    """Gives when the sender signed, by the second line of a note that is verified already; seconds since 1970."""
    time, _ = _split_time(note.signatures[1].value)
    return time


def cosignature_message(time: int, text: str) -> bytes:
    """What an Ed25519 cosignature signs (tlog-cosignature, "Ed25519 signed message")."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def subtree_message(name: str, time: int, checkpoint: Checkpoint) -> bytes:
    """What an ML-DSA-44 line signs: ``cosigned_message`` (tlog-cosignature, "ML-DSA-44 signed message")."""
    start = 0
    return b"".join(
        (
            b"subtree/v1\n\0",
            _opaque(name),
            time.to_bytes(8),
            _opaque(checkpoint.origin),
            start.to_bytes(8),
            checkpoint.size.to_bytes(8),
            checkpoint.root,
        )
    )


def _opaque(text: str) -> bytes:
    """``opaque <1..2^8-1>``: one byte of length, then the bytes (RFC 8446, section 3.4)."""
    data = text.encode()
    return bytes([len(data)]) + data


def _timestamped(name: str, kind: SignatureType, public: bytes, time: int, signature: bytes) -> Signature:
    return Signature(name, key_id(name, kind, public), time.to_bytes(TIME_BYTES) + signature)


def _checkpoint_of(note: Note, origin: str) -> Checkpoint:
    checkpoint = Checkpoint.parse(note.text)
    if checkpoint.origin != origin:
        raise Malformed("the checkpoint is one of another channel", origin=origin)
    return checkpoint


def _line(note: Note, name: str, kind: SignatureType, public: bytes) -> Signature:
    """The one line of a key. A second one of the same key would leave open which of them counts."""
    wanted = key_id(name, kind, public)
    found = [line for line in note.signatures if line.name == name and line.key_id == wanted]
    if len(found) != 1:
        raise Untrusted(f"there must be one {kind.name} signature of {name}, and there are {len(found)}")
    return found[0]


def _split_time(value: bytes) -> tuple[int, bytes]:
    """Divides a ``timestamped_signature`` (tlog-cosignature, "Format")."""
    time = int.from_bytes(value[:TIME_BYTES])
    if len(value) <= TIME_BYTES or time > MAX_TIME:
        raise Malformed("a timestamped signature is a time up to the year 9999 and a signature")
    return time, value[TIME_BYTES:]


def _verify_ed25519(public: bytes, signature: bytes, message: bytes) -> None:
    try:
        _ed25519(public).verify(signature, message)
    except InvalidSignature as error:
        raise BadSignature("an Ed25519 signature does not verify") from error


def _verify_ml_dsa_44(public: bytes, signature: bytes, message: bytes) -> None:
    try:
        _ml_dsa_44(public).verify(signature, message)
    except InvalidSignature as error:
        raise BadSignature("an ML-DSA-44 signature does not verify") from error


@lru_cache(256)
def _ed25519(public: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(public)


@lru_cache(256)
def _ml_dsa_44(public: bytes) -> MLDSA44PublicKey:
    return MLDSA44PublicKey.from_public_bytes(public)
