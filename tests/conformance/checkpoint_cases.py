"""Checkpoints: a note of three lines under the sender's two signatures."""

from collections.abc import Sequence
from typing import Any

from tests.conformance.cases import Subject, encoded
from tests.conformance.materials import log
from tests.conformance.parties import HK, HK_TO_KR, HONG_KONG, KOREA, KR, KR_TO_HK, SIGNED, STRANGER
from tests.conformance.seal_cases import SEALS, span
from tests.conformance.spelling import (
    COSIGNATURE,
    altered_line,
    b64,
    cosigned,
    cut_line,
    ed25519_line,
    key_id,
    line_of,
    ml_dsa_44_line,
    note_of,
    receiver_lines,
    root_of,
    sender_lines,
    text_of,
    uncanonical,
)

SIZE = 5
ROOT = root_of(log(SIZE))
TEXT = text_of(SIZE, ROOT)
FIRST, SECOND = sender_lines(SIZE, ROOT)
ORDER = 2**252 + 27742317777372353535851937790883648493  # of Ed25519's group (RFC 8032, section 5.1)
MOST = 2**63 - 1
Row = tuple[str, str, str, bytes]


def given(data: bytes, origin: str = HK_TO_KR, seals: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    return {"note": encoded(data), "origin": origin, "sender": list(seals or [span("hk")])}


def checkpoints() -> Subject:
    subject = Subject(
        "checkpoint",
        "Open a checkpoint of the channel `origin`: both lines of the sender must be there and verify.",
        {"seals": SEALS},
    )
    _accepted(subject)
    for name, differs, reason, data in (*_of_the_text(), *_of_the_lines(), *_of_what_is_signed(), *_of_the_values()):
        subject.refuse(name, "good", differs, reason, given(data))
    other = note_of(TEXT, FIRST, SECOND)
    subject.refuse("other-channel", "good", "it is asked for another channel", "MALFORMED", given(other, KR_TO_HK))
    return subject


def _accepted(subject: Subject) -> None:
    empty = root_of([])
    witness = line_of("witness.example", b"\1\2\3\4", bytes(72))
    collision = line_of("witness.example", key_id(HK_TO_KR, 1, HONG_KONG.seal.public.ed25519), bytes(64))
    unknown_kind = line_of(HK_TO_KR, key_id(HK_TO_KR, 0xFF, b"\0"), bytes(64))
    for name, differs, size, data in (
        ("good", "of five envelopes, two lines", SIZE, note_of(TEXT, FIRST, SECOND)),
        ("empty-log", "size 0, with the root of no leaves", 0, _signed(0, empty)),
        ("largest-size", "size 2^63 - 1", MOST, _signed(MOST, ROOT)),
        ("size-beyond-a-double", "size 2^53 + 1", 2**53 + 1, _signed(2**53 + 1, ROOT)),
        ("lines-in-other-order", "line 2 stands before line 1", SIZE, note_of(TEXT, SECOND, FIRST)),
        ("unknown-line", "a line of somebody else follows", SIZE, note_of(TEXT, FIRST, SECOND, witness)),
        ("unknown-line-first", "a line of somebody else comes first", SIZE, note_of(TEXT, witness, FIRST, SECOND)),
        ("key-id-of-another-name", "another name has the same key id", SIZE, note_of(TEXT, collision, FIRST, SECOND)),
        (
            "unknown-signature-type",
            "a further line of the sender, of type 0xff",
            SIZE,
            note_of(TEXT, FIRST, SECOND, unknown_kind),
        ),
        (
            "with-cosignatures",
            "a receipt is a checkpoint too",
            SIZE,
            note_of(TEXT, FIRST, SECOND, *receiver_lines(SIZE, ROOT)),
        ),
        (
            "signed-in-1970",
            "time 0 is a time",
            SIZE,
            note_of(TEXT, FIRST, ml_dsa_44_line(cosigned(HK_TO_KR, 0, SIZE, ROOT), 0)),
        ),
    ):
        time = 0 if name == "signed-in-1970" else SIGNED
        root = (empty if size == 0 else ROOT).hex()
        subject.accept(name, differs, given(data), size=str(size), root=root, time=str(time))


def _signed(size: int, root: bytes) -> bytes:
    return note_of(text_of(size, root), *sender_lines(size, root))


def _of_the_text() -> list[Row]:
    """Each is signed, so that nothing but its form is wrong."""

    def signed(text: str, size: int = SIZE, root: bytes = ROOT, origin: str = HK_TO_KR) -> bytes:
        said = cosigned(origin if len(origin) < 256 else HK_TO_KR, SIGNED, size, root[:32])
        return note_of(text, ed25519_line(text), ml_dsa_44_line(said))

    m, root = "MALFORMED", b64(ROOT)
    long = f"{'a' * 120}.example/to/{'b' * 120}.example"
    return [
        ("size-with-zero-before", "the size is written 05", m, signed(text_of("05", ROOT))),
        ("size-with-plus", "the size is written +5", m, signed(text_of("+5", ROOT))),
        ("size-below-zero", "the size is written -5", m, signed(text_of("-5", ROOT))),
        ("size-with-space", "a space follows the size", m, signed(text_of("5 ", ROOT))),
        ("size-in-hexadecimal", "the size is written 0x5", m, signed(text_of("0x5", ROOT))),
        ("size-with-underscore", "the size is written 1_0", m, signed(text_of("1_0", ROOT), 10)),
        ("size-with-other-digits", "the size is an Arabic-Indic five", m, signed(text_of("\u0665", ROOT))),
        ("size-empty", "there is no size", m, signed(text_of("", ROOT))),
        ("size-of-2-63", "the size is 2^63", m, signed(text_of(2**63, ROOT), 2**63)),
        ("size-of-2-64-and-5", "the size is 2^64 + 5, which is 5 in 64 bits", m, signed(text_of(2**64 + 5, ROOT))),
        ("root-of-31-bytes", "the root lacks a byte", m, signed(text_of(SIZE, ROOT[:31]))),
        ("root-of-33-bytes", "the root has a byte more", m, signed(text_of(SIZE, ROOT + b"\0"))),
        ("root-without-padding", "the root's base64 has no padding", m, signed(TEXT.replace("=", ""))),
        (
            "root-not-canonical",
            "the bits after the root are not zero",
            m,
            signed(TEXT.replace(root, uncanonical(root))),
        ),
        ("root-in-hexadecimal", "the root is hexadecimal", m, signed(TEXT.replace(root, ROOT.hex()))),
        ("extension-line", "a line follows the root", m, signed(f"{TEXT}more\n")),
        ("no-root", "the root is missing", m, signed(f"{HK_TO_KR}\n5\n")),
        ("empty-line-in-text", "an empty line follows the root", m, signed(f"{TEXT}\n")),
        ("origin-in-capitals", "the origin is in capitals", m, signed(TEXT.replace("hk", "HK"))),
        ("origin-with-slash", "a slash follows the origin", m, signed(TEXT.replace("\n", "/\n", 1))),
        ("origin-of-one-domain", "the origin names the sender alone", m, signed(TEXT.replace(f"/to/{KR}", ""))),
        (
            "origin-of-a-journal",
            "the origin is that of the sender's journal",
            m,
            signed(text_of(SIZE, ROOT, f"{HK}/journal")),
        ),
        ("origin-of-256-bytes", "the origin is longer than 255 bytes", m, signed(text_of(SIZE, ROOT, long))),
        ("origin-of-the-way-back", "the origin is that of the channel the other way", m, _signed_as(KR_TO_HK)),
    ]


def _signed_as(origin: str) -> bytes:
    return note_of(text_of(SIZE, ROOT, origin), *sender_lines(SIZE, ROOT, origin=origin))


def _of_the_lines() -> list[Row]:
    by_stranger = sender_lines(SIZE, ROOT, STRANGER.seal)
    untrusted = "UNTRUSTED"
    as_cosignature = ed25519_line(TEXT, kind=COSIGNATURE)
    as_type_2 = ml_dsa_44_line(cosigned(HK_TO_KR, SIGNED, SIZE, ROOT), kind=0x02)
    return [
        ("no-ed25519-line", "line 1 is missing", untrusted, note_of(TEXT, SECOND)),
        ("no-ml-dsa-44-line", "line 2 is missing", "UNKNOWN_SEAL", note_of(TEXT, FIRST)),
        ("ed25519-line-twice", "line 1 is there twice", untrusted, note_of(TEXT, FIRST, FIRST, SECOND)),
        ("ml-dsa-44-line-twice", "line 2 is there twice", untrusted, note_of(TEXT, FIRST, SECOND, SECOND)),
        (
            "ed25519-line-and-a-forgery",
            "a second line has the key id of line 1, and signs nothing",
            untrusted,
            note_of(TEXT, FIRST, altered_line(FIRST), SECOND),
        ),
        (
            "by-a-stranger",
            "a stranger's keys signed under the sender's name",
            "UNKNOWN_SEAL",
            note_of(TEXT, *by_stranger),
        ),
        ("ed25519-by-a-stranger", "a stranger's key signed line 1", untrusted, note_of(TEXT, by_stranger[0], SECOND)),
        (
            "ml-dsa-44-by-a-stranger",
            "a stranger's key signed line 2",
            "UNKNOWN_SEAL",
            note_of(TEXT, FIRST, by_stranger[1]),
        ),
        (
            "by-the-receiver",
            "the receiver's keys signed",
            "UNKNOWN_SEAL",
            note_of(TEXT, *sender_lines(SIZE, ROOT, KOREA.seal)),
        ),
        (
            "named-by-the-domain",
            "the lines are named by the sender's domain",
            "UNKNOWN_SEAL",
            note_of(TEXT, ed25519_line(TEXT, name=HK), ml_dsa_44_line(cosigned(HK, SIGNED, SIZE, ROOT), name=HK)),
        ),
        (
            "ed25519-of-type-4",
            "the key id of line 1 is that of a cosignature",
            untrusted,
            note_of(TEXT, as_cosignature, SECOND),
        ),
        (
            "ml-dsa-44-of-type-2",
            "the key id of line 2 is that of type 0x02",
            "UNKNOWN_SEAL",
            note_of(TEXT, FIRST, as_type_2),
        ),
    ]


def _of_what_is_signed() -> list[Row]:
    bad = "BAD_SIGNATURE"

    def second(said: bytes, context: bytes = b"") -> bytes:
        return note_of(TEXT, FIRST, ml_dsa_44_line(said, context=context))

    return [
        ("size-changed", "the size was changed after signing", bad, note_of(text_of(6, ROOT), FIRST, SECOND)),
        ("root-changed", "the root was changed after signing", bad, note_of(text_of(SIZE, bytes(32)), FIRST, SECOND)),
        (
            "ed25519-bad-ml-dsa-44-good",
            "line 1 signs another size, line 2 this one",
            bad,
            note_of(TEXT, ed25519_line(text_of(6, ROOT)), SECOND),
        ),
        (
            "ml-dsa-44-bad-ed25519-good",
            "line 2 signs another size, line 1 this one",
            bad,
            second(cosigned(HK_TO_KR, SIGNED, 6, ROOT)),
        ),
        ("ml-dsa-44-of-the-text", "line 2 signs the note text", bad, second(TEXT.encode())),
        (
            "ml-dsa-44-of-another-cosigner",
            "line 2 names another cosigner in what it signs",
            bad,
            second(cosigned(HK, SIGNED, SIZE, ROOT)),
        ),
        (
            "ml-dsa-44-of-another-log",
            "line 2 names another log in what it signs",
            bad,
            second(cosigned(HK_TO_KR, SIGNED, SIZE, ROOT, KR_TO_HK)),
        ),
        (
            "ml-dsa-44-of-a-subtree",
            "line 2 signs a subtree that begins with the second leaf",
            bad,
            second(cosigned(HK_TO_KR, SIGNED, SIZE, ROOT, start=1)),
        ),
        (
            "ml-dsa-44-of-another-time",
            "line 2 signs another time than it bears",
            bad,
            second(cosigned(HK_TO_KR, SIGNED + 1, SIZE, ROOT)),
        ),
        (
            "ml-dsa-44-with-a-context",
            "line 2 is signed with a context",
            bad,
            second(cosigned(HK_TO_KR, SIGNED, SIZE, ROOT), b"context"),
        ),
        (
            "ed25519-of-a-cosignature",
            "line 1 signs what a cosignature signs",
            bad,
            note_of(TEXT, ed25519_line(TEXT, said=f"cosignature/v1\ntime {SIGNED}\n{TEXT}".encode()), SECOND),
        ),
    ]


def _of_the_values() -> list[Row]:
    bad, m, signature = "BAD_SIGNATURE", "MALFORMED", HONG_KONG.seal.ed25519.sign(TEXT.encode())
    larger = (int.from_bytes(signature[32:], "little") + ORDER).to_bytes(32, "little")
    ident = key_id(HK_TO_KR, 1, HONG_KONG.seal.public.ed25519)
    late = 253_402_300_800  # the year 10,000
    return [
        ("ed25519-altered", "one bit of line 1's signature is turned", bad, note_of(TEXT, altered_line(FIRST), SECOND)),
        (
            "ml-dsa-44-altered",
            "one bit of line 2's signature is turned",
            bad,
            note_of(TEXT, FIRST, altered_line(SECOND, 40)),
        ),
        (
            "ml-dsa-44-hint-altered",
            "the last byte of line 2 is turned",
            bad,
            note_of(TEXT, FIRST, altered_line(SECOND)),
        ),
        ("time-altered", "the time in line 2 is turned", bad, note_of(TEXT, FIRST, altered_line(SECOND, 11))),
        ("ed25519-of-63-bytes", "line 1's signature lacks a byte", bad, note_of(TEXT, cut_line(FIRST, -1), SECOND)),
        ("ed25519-of-65-bytes", "line 1's signature has a byte more", bad, note_of(TEXT, cut_line(FIRST, 1), SECOND)),
        ("ml-dsa-44-of-2419-bytes", "line 2's signature lacks a byte", bad, note_of(TEXT, FIRST, cut_line(SECOND, -1))),
        (
            "ml-dsa-44-of-2421-bytes",
            "line 2's signature has a byte more",
            bad,
            note_of(TEXT, FIRST, cut_line(SECOND, 1)),
        ),
        (
            "ed25519-with-larger-s",
            "S of line 1's signature is larger than the group's order",
            bad,
            note_of(TEXT, line_of(HK_TO_KR, ident, signature[:32] + larger), SECOND),
        ),
        (
            "ed25519-with-a-time",
            "line 1 bears a time before its signature",
            bad,
            note_of(TEXT, line_of(HK_TO_KR, ident, SIGNED.to_bytes(8) + signature), SECOND),
        ),
        ("time-alone", "line 2 has a time and no signature", m, note_of(TEXT, FIRST, cut_line(SECOND, -2420))),
        (
            "time-of-the-year-10000",
            "line 2 is signed after the year 9999",
            m,
            note_of(TEXT, FIRST, ml_dsa_44_line(cosigned(HK_TO_KR, late, SIZE, ROOT), late)),
        ),
        (
            "time-in-milliseconds",
            "the time in line 2 is in milliseconds",
            m,
            note_of(TEXT, FIRST, ml_dsa_44_line(cosigned(HK_TO_KR, SIGNED * 1000, SIZE, ROOT), SIGNED * 1000)),
        ),
        (
            "time-of-2-63",
            "the time in line 2 is 2^63",
            m,
            note_of(TEXT, FIRST, ml_dsa_44_line(cosigned(HK_TO_KR, 2**63, SIZE, ROOT), 2**63)),
        ),
    ]
