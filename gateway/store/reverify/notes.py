"""Stored notes, verified from the C2SP texts: signed-note 1.0.0, tlog-checkpoint, tlog-cosignature.

A stored note has one form only: the checkpoint's three lines, an empty line, and two signature lines, or four with
the receiver's. So a note is taken apart by its lines, and each line must be the one that stands there.
"""

import base64
import binascii
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

_ED25519, _ED25519_COSIGNATURE, _ML_DSA_44 = b"\x01", b"\x04", b"\x06"  # signature types


class NoteFault(Exception):
    """Says what is wrong with a note; the store's verification makes a finding of it."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Public keys of one party: its name on its own lines, and the raw keys."""

    domain: str
    ed25519: bytes
    ml_dsa_44: bytes


@dataclass(frozen=True, slots=True)
class Turns:
    """The keys that one party had in a channel, in order, each with the size above which it alone may sign.

    Where ``of_one_history`` is false, each may have signed any size: in one of two histories it was not given up.
    """

    turns: Sequence[tuple[int, Keys]]
    of_one_history: bool = True

    def at(self, line: bytes, name: str, kind: bytes, size: int, public: Callable[[Keys], bytes]) -> Keys:
        """Finds the keys of a signature line over a checkpoint of a size, the newest first.

        Raises:
            NoteFault: it is of none of these, or of keys that were given up before that size.
        """
        if not line.startswith(_dash(name)):
            raise NoteFault(f"has another line where {name} should have signed")
        last: int | None = None
        signed_by = _decode(line.removeprefix(_dash(name)))[:4]
        for above, keys in reversed(self.turns):
            if _key_id(name, kind, public(keys)) == signed_by:
                if self.of_one_history and last is not None and size > last:
                    raise NoteFault(f"is signed by keys of {name} that were given up at size {last}")
                return keys
            last = above
        raise NoteFault(f"is signed by another key of {name}")


@dataclass(frozen=True, slots=True)
class OpenedNote:
    """A note whose signatures verify.

    Attributes:
        size: number of envelopes
        root: of their tree
        sent_at: when the sender signed, seconds since 1970
        received_at: when the receiver cosigned; None: it is no receipt
    """

    size: int
    root: bytes
    sent_at: int
    received_at: int | None = None


def open_note(data: bytes, origin: str, senders: Turns, receivers: Turns | None, *, cut: bool = False) -> OpenedNote:
    """Verifies a note of a channel.

    Args:
        data: as it is stored
        origin: of the channel
        senders: whose two lines it must have
        receivers: whose two lines must follow; None: none follow
        cut: True if lines may follow that are left unread

    Raises:
        NoteFault: something is wrong with it.
    """
    text, lines = _split(data)
    size, root = _checkpoint(text, origin)
    expected = 4 if receivers else 2
    if len(lines) < expected or (len(lines) > expected and not cut):
        raise NoteFault(f"has {len(lines)} signature lines")
    sender = senders.at(lines[0], origin, _ED25519, size, lambda keys: keys.ed25519)
    _verify_ed25519(sender.ed25519, _value(lines[0], origin, _ED25519, sender.ed25519), text)
    sent = _verify_ml_dsa_44(lines[1], origin, sender.ml_dsa_44, origin, size, root)
    if receivers is None:
        return OpenedNote(size, root, sent)
    if not receivers.turns:
        raise NoteFault("is cosigned by a party of which no seal is here")
    domain = receivers.turns[0][1].domain
    receiver = receivers.at(lines[2], domain, _ED25519_COSIGNATURE, size, lambda keys: keys.ed25519)
    value = _value(lines[2], receiver.domain, _ED25519_COSIGNATURE, receiver.ed25519)
    time = int.from_bytes(value[:8])
    _verify_ed25519(receiver.ed25519, value[8:], b"cosignature/v1\ntime %d\n" % time + text)
    if _verify_ml_dsa_44(lines[3], receiver.domain, receiver.ml_dsa_44, origin, size, root) != time:
        raise NoteFault("its two cosignatures bear different times")
    return OpenedNote(size, root, sent, time)


def is_cosigned(data: bytes) -> bool:
    """Whether a note has more lines than its sender's two."""
    return len(_split(data)[1]) > 2


def _split(data: bytes) -> tuple[bytes, list[bytes]]:
    text, separator, signatures = data.partition(b"\n\n")
    if not separator or not signatures.endswith(b"\n"):
        raise NoteFault("is no signed note")
    return text + b"\n", signatures[:-1].split(b"\n")


def _checkpoint(text: bytes, origin: str) -> tuple[int, bytes]:
    lines = text.split(b"\n")
    if len(lines) != 4 or not lines[1].isdigit():
        raise NoteFault("is no checkpoint")
    if lines[0] != origin.encode():
        raise NoteFault("is one of another channel")
    size, root = int(lines[1]), _decode(lines[2])
    if str(size).encode() != lines[1] or len(root) != sha256().digest_size:
        raise NoteFault("is no checkpoint")
    return size, root


def _value(line: bytes, name: str, kind: bytes, public: bytes) -> bytes:
    """What stands on a signature line after the key id, which must be that of this key under this name."""
    if not line.startswith(_dash(name)):
        raise NoteFault(f"has another line where {name} should have signed")
    decoded = _decode(line[len(_dash(name)) :])
    if decoded[:4] != _key_id(name, kind, public):
        raise NoteFault(f"is signed by another key of {name}")
    return decoded[4:]


def _dash(name: str) -> bytes:
    return f"— {name} ".encode()


def _key_id(name: str, kind: bytes, public: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + kind + public).digest()[:4]


def _verify_ed25519(public: bytes, signature: bytes, message: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature as error:
        raise NoteFault("has an Ed25519 signature that does not verify") from error


def _verify_ml_dsa_44(line: bytes, name: str, public: bytes, origin: str, size: int, root: bytes) -> int:
    """Verifies the ``cosigned_message`` of tlog-cosignature; gives the time that it was signed with."""
    value = _value(line, name, _ML_DSA_44, public)
    time, cosigner, log = value[:8], name.encode(), origin.encode()
    message = struct.pack(
        f">12s{len(cosigner) + 1}p8s{len(log) + 1}pQQ32s", b"subtree/v1\n\0", cosigner, time, log, 0, size, root
    )
    try:
        MLDSA44PublicKey.from_public_bytes(public).verify(value[8:], message)
    except InvalidSignature as error:
        raise NoteFault("has an ML-DSA-44 signature that does not verify") from error
    return int.from_bytes(time)


def _decode(text: bytes) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise NoteFault("holds something that is not base64") from error
    if base64.b64encode(data) != text:
        raise NoteFault("holds base64 that is not canonical")
    return data
