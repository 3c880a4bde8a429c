"""Signed notes: a text, and signature lines below it (C2SP signed-note, version 1.0.0).

Parsing here is exact: what it accepts, ``encode`` gives back byte for byte.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from hashlib import sha256

from gateway.errors import Malformed

KEY_ID_BYTES = 4
MAX_NOTE_BYTES = 64 * 1024  # 16 signatures of the longest post-quantum kind fit
MAX_SIGNATURES = 16

_DASH = "— "  # em dash, space
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")  # below U+0020, but for the line break


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line.

    Attributes:
        name: of the key, without spaces or ``+``
        key_id: 4 bytes, see ``key_id``
        value: what the algorithm made, in the form that the signature type gives it
    """

    name: str
    key_id: bytes
    value: bytes

    def __post_init__(self) -> None:
        if "+" in self.name or self.name.split() != [self.name]:
            raise Malformed("a key name is empty, or holds a space or a plus")
        if len(self.key_id) != KEY_ID_BYTES or not self.value:
            raise Malformed("a signature line has no key id or no signature")

    def line(self) -> str:
        """Gives the line, with its line break."""
        return f"{_DASH}{self.name} {encode_base64(self.key_id + self.value)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text and its signatures; nothing is verified.

    Attributes:
        text: ends in a line break
        signatures: 1 to ``MAX_SIGNATURES``
    """

    text: str
    signatures: tuple[Signature, ...]

    def encode(self) -> bytes:
        """Gives the note's bytes."""
        return (self.text + "\n" + "".join(signature.line() for signature in self.signatures)).encode()

    @classmethod
    def parse(cls, data: bytes) -> "Note":
        """Reads a note.

        Raises:
            Malformed: it is not in the format.
        """
        lines = _text_of(data)
        text, separator, signatures = lines.rpartition("\n\n")
        if not separator or not signatures.endswith("\n"):
            raise Malformed("a note has a text, an empty line, and signature lines")
        found = signatures.removesuffix("\n").split("\n")
        if len(found) > MAX_SIGNATURES:
            raise Malformed(f"a note has at most {MAX_SIGNATURES} signatures")
        return cls(text + "\n", tuple(_signature(line) for line in found))


def key_id(name: str, signature_type: int, public_key: bytes) -> bytes:
    """Computes a key's id: SHA-256(name || 0x0A || type || public key)[:4] (signed-note, "Signatures")."""
    return sha256(name.encode() + b"\n" + bytes([signature_type]) + public_key).digest()[:KEY_ID_BYTES]


def verifier_key(name: str, signature_type: int, public_key: bytes) -> str:
    """Gives the text of a verifier key: ``name+hex(key id)+base64(type || public key)`` (signed-note)."""
    encoded = encode_base64(bytes([signature_type]) + public_key)
    return f"{name}+{key_id(name, signature_type, public_key).hex()}+{encoded}"


def encode_base64(data: bytes) -> str:
    """Encodes as standard base64 with padding (RFC 4648, section 4)."""
    return base64.b64encode(data).decode()


def decode_base64(text: str) -> bytes:
    """Decodes standard base64 with padding (RFC 4648, section 4), and only its one canonical form.

    Raises:
        Malformed: it is none.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed("not base64") from error
    if encode_base64(data) != text:
        raise Malformed("base64 that is not in its canonical form")
    return data


def _text_of(data: bytes) -> str:
    if len(data) > MAX_NOTE_BYTES:
        raise Malformed(f"a note has at most {MAX_NOTE_BYTES} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Malformed("a note is UTF-8") from error
    if _CONTROL.search(text):
        raise Malformed("a note holds no control character but line breaks")
    return text


def _signature(line: str) -> Signature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise Malformed("a signature line is an em dash, a key name and base64")
    value = decode_base64(encoded)
    return Signature(name, value[:KEY_ID_BYTES], value[KEY_ID_BYTES:])
