"""Notes and signature lines spelled out from the C2SP texts, right and wrong ones; nothing of the product is used."""

import base64
from collections.abc import Sequence
from hashlib import sha256

from tests.conformance.parties import HK_TO_KR, HONG_KONG, KOREA, KR, RECEIVED, SIGNED
from tests.conformance.signing import SIGNATURES, KitSeal
from tests.ledger import oracle

ED25519, COSIGNATURE, ML_DSA_44 = 0x01, 0x04, 0x06


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def text_of(size: int | str, root: bytes, origin: str = HK_TO_KR) -> str:
    """The text of a checkpoint."""
    return f"{origin}\n{size}\n{b64(root)}\n"


def note_of(text: str, *lines: str) -> bytes:
    return f"{text}\n{''.join(lines)}".encode()


def line_of(name: str, key_id: bytes, value: bytes) -> str:
    return f"— {name} {b64(key_id + value)}\n"


def key_id(name: str, kind: int, public: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def cosigned(cosigner: str, time: int, size: int, root: bytes, origin: str = HK_TO_KR, start: int = 0) -> bytes:
    """``cosigned_message`` (tlog-cosignature, "ML-DSA-44 signed message")."""
    names = [bytes([len(name)]) + name.encode() for name in (cosigner, origin)]
    numbers = start.to_bytes(8) + size.to_bytes(8)
    return b"subtree/v1\n\0" + names[0] + time.to_bytes(8) + names[1] + numbers + root


def ed25519_line(
    text: str, seal: KitSeal = HONG_KONG.seal, name: str = HK_TO_KR, kind: int = ED25519, said: bytes | None = None
) -> str:
    """Line 1 of a checkpoint; ``said``: what is signed, if it is not the text."""
    signature = seal.ed25519.sign(text.encode() if said is None else said)
    return line_of(name, key_id(name, kind, seal.public.ed25519), signature)


def cosignature_line(
    text: str,
    time: int = RECEIVED,
    seal: KitSeal = KOREA.seal,
    name: str = KR,
    kind: int = COSIGNATURE,
    said: bytes | None = None,
) -> str:
    """Line 3, of a receipt."""
    message = f"cosignature/v1\ntime {time}\n{text}".encode() if said is None else said
    value = time.to_bytes(8) + seal.ed25519.sign(message)
    return line_of(name, key_id(name, kind, seal.public.ed25519), value)


def ml_dsa_44_line(
    said: bytes,
    time: int = SIGNED,
    seal: KitSeal = HONG_KONG.seal,
    name: str = HK_TO_KR,
    kind: int = ML_DSA_44,
    context: bytes = b"",
) -> str:
    """Lines 2 and 4."""
    value = time.to_bytes(8) + SIGNATURES.sign(seal.ml_dsa_44, said, context)
    return line_of(name, key_id(name, kind, seal.public.ml_dsa_44), value)


def sender_lines(size: int, root: bytes, seal: KitSeal = HONG_KONG.seal, origin: str = HK_TO_KR) -> list[str]:
    """Lines 1 and 2 of a good checkpoint."""
    text = text_of(size, root, origin)
    said = cosigned(origin, SIGNED, size, root, origin)
    return [ed25519_line(text, seal, origin), ml_dsa_44_line(said, SIGNED, seal, origin)]


def receiver_lines(size: int, root: bytes, seal: KitSeal = KOREA.seal, time: int = RECEIVED) -> list[str]:
    """Lines 3 and 4 of a good receipt."""
    text = text_of(size, root)
    return [cosignature_line(text, time, seal), ml_dsa_44_line(cosigned(KR, time, size, root), time, seal, KR)]


def root_of(leaves: Sequence[bytes]) -> bytes:
    return oracle.mth(leaves)


def altered(data: bytes, place: int, bit: int = 1) -> bytes:
    """The bytes with one bit of the byte at a place turned; a place below 0 counts from the end."""
    place %= len(data)
    return data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :]


def altered_line(line: str, place: int = -1) -> str:
    """A signature line with one bit of its value turned; the first twelve bytes are key id and, it may be, time."""
    head, encoded = line.rstrip("\n").rsplit(" ", 1)
    return f"{head} {b64(altered(base64.b64decode(encoded), place))}\n"


def cut_line(line: str, end: int) -> str:
    """A signature line whose value ends earlier, or later: with zeros."""
    head, encoded = line.rstrip("\n").rsplit(" ", 1)
    value = base64.b64decode(encoded)
    return f"{head} {b64(value[:end] if end < 0 else value + bytes(end))}\n"


def uncanonical(encoded: str) -> str:
    """Base64 whose last bits, which mean nothing, are not zero (RFC 4648, section 3.5); it must end with ``=``."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    digits = encoded.rstrip("=")
    assert digits != encoded, "there are bits that mean nothing"
    return digits[:-1] + alphabet[alphabet.index(digits[-1]) + 1] + encoded[len(digits) :]
