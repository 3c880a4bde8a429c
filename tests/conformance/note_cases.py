"""Notes: text, empty line, signature lines. No signature is verified."""

from typing import Any

from tests.conformance.cases import Subject, encoded
from tests.conformance.spelling import b64, line_of, note_of, text_of, uncanonical

NAME, ID = "gateway.hk.example/to/gateway.kr.example", b"\x01\x02\x03\x04"
TEXT = text_of(5, bytes(32))
GOOD = line_of(NAME, ID, bytes(63))  # 67 bytes: its base64 ends with one =
M = "MALFORMED"


def given(data: bytes) -> dict[str, Any]:
    return {"note": encoded(data)}


def notes() -> Subject:
    subject = Subject("note", "Parse a signed note (C2SP signed-note); verify nothing.")
    _accepted(subject)
    for name, differs, data in (*_of_the_note(), *_of_a_line(), *_of_base64()):
        subject.refuse(name, "one-line", differs, M, given(data))
    return subject


def _accepted(subject: Subject) -> None:
    for name, differs, data, count in (
        ("one-line", "a checkpoint's text and one line", note_of(TEXT, GOOD), 1),
        ("sixteen-lines", "as many lines as there may be", note_of(TEXT, *[GOOD] * 16), 16),
        ("text-with-empty-line", "the last empty line ends the text", note_of("a\n\nb\n", GOOD), 1),
        ("text-in-any-script", "the text is UTF-8", note_of("香港 / 서울\n", GOOD), 1),
        ("name-in-any-script", "so is a key's name", note_of(TEXT, line_of("香港", ID, bytes(63))), 1),
        ("value-of-one-byte", "the shortest signature", note_of(TEXT, line_of(NAME, ID, b"\1")), 1),
        ("largest", "65,536 bytes", _of_bytes(65_536), 1),
    ):
        subject.accept(name, differs, given(data), signatures=count)


def _of_bytes(size: int) -> bytes:
    return note_of("a" * (size - len(GOOD.encode()) - 2) + "\n", GOOD)


def _of_the_note() -> list[tuple[str, str, bytes]]:
    good = note_of(TEXT, GOOD)
    return [
        ("empty", "there are no bytes", b""),
        ("no-empty-line", "no empty line stands between text and signatures", good.replace(b"\n\n", b"\n")),
        ("no-signature", "no signature line follows", note_of(TEXT)),
        ("no-last-line-break", "the last line has no line break", good[:-1]),
        ("trailing-empty-line", "an empty line follows the last signature", good + b"\n"),
        ("trailing-byte", "a byte follows the last line break", good + b"x"),
        ("text-after-signature", "a line of text follows the signature", good + b"more\n"),
        ("seventeen-lines", "there is one signature line more than 16", note_of(TEXT, *[GOOD] * 17)),
        ("too-large", "it has 65,537 bytes", _of_bytes(65_537)),
        ("carriage-returns", "lines end with CR LF", good.replace(b"\n", b"\r\n")),
        ("tab-in-text", "the text holds a tab", note_of("a\tb\n", GOOD)),
        ("nul-in-text", "the text holds a NUL", note_of("a\0b\n", GOOD)),
        ("not-utf-8", "the text is Latin-1", note_of("a\n", GOOD).replace(b"a", b"\xe9", 1)),
        ("half-a-character", "a surrogate is encoded by itself (CESU-8)", b"\xed\xa0\x80" + good),
        ("overlong-utf-8", "a character is encoded with more bytes than it needs", b"\xc1\x81" + good),
    ]


def _of_a_line() -> list[tuple[str, str, bytes]]:
    def line(text: str) -> bytes:
        return note_of(TEXT, text)

    return [
        ("hyphen-for-dash", "the line begins with a hyphen", line(GOOD.replace("—", "-"))),
        ("en-dash-for-dash", "the line begins with an en dash", line(GOOD.replace("—", "–"))),  # noqa: RUF001
        ("no-space-after-dash", "no space follows the dash", line(GOOD.replace("— ", "—"))),
        ("two-spaces", "two spaces stand before the base64", line(GOOD.replace(f"{NAME} ", f"{NAME}  "))),
        ("no-name", "the key has no name", line(GOOD.replace(NAME, ""))),
        ("plus-in-name", "the key's name holds a plus", line(GOOD.replace("hk", "h+k", 1))),
        ("no-break-space-in-name", "the key's name holds a no-break space", line(GOOD.replace("hk", "h\u00a0k", 1))),
        ("no-value", "no base64 follows the name", line(f"— {NAME}\n")),
        ("key-id-alone", "the value ends with the key id", line(line_of(NAME, ID, b""))),
        ("half-a-key-id", "the value has three bytes", line(line_of(NAME, ID[:3], b""))),
        ("second-line-bad", "a second line has no base64", note_of(TEXT, GOOD, f"— {NAME}\n")),
    ]


def _of_base64() -> list[tuple[str, str, bytes]]:
    value = b64(ID + bytes(63))

    def other(text: str) -> bytes:
        return note_of(TEXT, f"— {NAME} {text}\n")

    return [
        ("base64-without-padding", "the padding is left out", other(value.rstrip("="))),
        ("base64-with-more-padding", "there is padding that is not needed", other(value + "=")),
        ("base64-not-canonical", "the bits after the last byte are not zero", other(uncanonical(value))),
        ("base64-for-urls", "the alphabet is that for URLs", other("__" + value[2:])),
        ("base64-with-space", "a space follows", other(value + " ")),
        ("base64-of-odd-length", "a digit is missing", other(value[:-4] + "A===")),
        ("base64-with-comma", "a character is none of the alphabet", other("," + value[1:])),
        ("base64-in-two-parts", "padding stands in the middle", other("AA==" + value)),
    ]
