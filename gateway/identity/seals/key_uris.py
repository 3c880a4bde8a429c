"""The names of keys in tokens: ``pkcs11:`` URIs (RFC 7512), as other programs for PKCS#11 write and read them.

    pkcs11:token=hk-seal;object=seal-2026;id=%01%02;type=private?module-path=/usr/lib/...&pin-source=file:/etc/...

Each attribute that is given must match. One that is not known here is refused: to pass over it would be to take a key
that the name excludes. A PIN never stands in such a name.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

from gateway.errors import Malformed

MAX_CHARACTERS = 2000
MAX_LABEL_BYTES, MAX_SERIAL_BYTES, MAX_NAME_BYTES = 32, 16, 255  # the first two by CK_TOKEN_INFO

_SCHEME = "pkcs11:"
_IN_PATH = {"token": MAX_LABEL_BYTES, "serial": MAX_SERIAL_BYTES, "object": MAX_NAME_BYTES, "id": MAX_NAME_BYTES}
_IN_QUERY = ("module-path", "pin-source")
_PLAIN = re.compile(r"[!-~]+")  # what is not ASCII, or a blank, is written as %XX
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class KeyUri:
    """What names a key, and how its token is reached.

    Attributes:
        token: the token's label; may be empty
        serial: the token's serial number; may be empty
        object: the key's label (CKA_LABEL); may be empty
        id: the key's identifier (CKA_ID); may be empty
        module_path: of the PKCS#11 module; None: not said
        pin_source: the file with the PIN; None: not said
    """

    token: str = ""
    serial: str = ""
    object: str = ""
    id: bytes = b""
    module_path: Path | None = None
    pin_source: Path | None = None

    def __str__(self) -> str:
        """The name as it is written, without how the token is reached: that may differ from machine to machine."""
        named = [f"{name}={quote(text, safe='')}" for name, text in self._texts() if text]
        if self.id:
            named.append("id=" + "".join(f"%{byte:02X}" for byte in self.id))
        return _SCHEME + ";".join([*named, "type=private"])

    def token_told(self) -> str:
        """Says for people which token it is."""
        return " ".join([*([self.token] if self.token else []), *([f"(serial {self.serial})"] if self.serial else [])])

    def _texts(self) -> Iterator[tuple[str, str]]:
        yield from (("token", self.token), ("serial", self.serial), ("object", self.object))

    @classmethod
    def parse(cls, text: str) -> "KeyUri":
        """Reads a name.

        Raises:
            Malformed: it is none, has a PIN, does not say which token, or says what is not known here.
        """
        if not text.startswith(_SCHEME) or len(text) > MAX_CHARACTERS or not _PLAIN.fullmatch(text):
            raise Malformed(f"a key in a token is named by a URI such as {_SCHEME}token=LABEL (RFC 7512)")
        path, _, query = text.removeprefix(_SCHEME).partition("?")
        inside, beside = _attributes(path, ";"), _attributes(query, "&")
        if "pin-value" in beside or "pin-value" in inside:
            raise Malformed("a PIN never stands in a URI: name a file with pin-source, and change the PIN now")
        if unknown := [*(inside.keys() - _IN_PATH.keys() - {"type"}), *(beside.keys() - set(_IN_QUERY))]:
            known = ", ".join([*_IN_PATH, "type", *_IN_QUERY])
            raise Malformed(f"{_SCHEME} URIs may say {known} here, and this one says {unknown[0][:40]!a}")
        if inside.get("type", b"private") != b"private":
            raise Malformed("the type of a key that signs is private")
        for name, most in _IN_PATH.items():
            if len(inside.get(name, b"")) > most:
                raise Malformed(f"{name} has at most {most} bytes")
        found = cls(
            token=_text("token", inside),
            serial=_text("serial", inside),
            object=_text("object", inside),
            id=inside.get("id", b""),
            module_path=_file("module-path", beside),
            pin_source=_file("pin-source", beside),
        )
        if not (found.token or found.serial):
            raise Malformed("the URI must say which token, by its label or its serial number: token=..., serial=...")
        return found


def _attributes(text: str, separator: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for part in filter(None, text.split(separator)):
        name, equals, value = part.partition("=")
        if not equals or not value or name in found or _PERCENT.search(value):
            raise Malformed(f"a {_SCHEME} URI has attributes such as token=LABEL, each once; not {part[:40]!a}")
        found[name] = unquote_to_bytes(value)
    return found


def _text(name: str, found: dict[str, bytes]) -> str:
    try:
        text = found.get(name, b"").decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"{name} is not UTF-8") from error
    if not text.isprintable():
        raise Malformed(f"{name} has characters that cannot be shown")
    return text


def _file(name: str, found: dict[str, bytes]) -> Path | None:
    """A path, or a ``file:`` URI of one; a program that would print a PIN (``|...``) is not run."""
    if name not in found:
        return None
    text = _text(name, found)
    path = re.sub(r"^file:(//(?=/))?", "", text)
    if not path.startswith("/") or path.startswith("//"):  # the latter names another machine
        raise Malformed(f"{name} is the absolute path of a file")
    return Path(path)
