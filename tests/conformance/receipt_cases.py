"""Receipts: a checkpoint under the receiver's two cosignatures as well."""

from typing import Any

from tests.conformance.cases import Subject, encoded
from tests.conformance.checkpoint_cases import FIRST, ROOT, SECOND, SIZE, TEXT
from tests.conformance.parties import HK, HK_TO_KR, HONG_KONG, KOREA, KR, KR_TO_HK, RECEIVED, SIGNED, STRANGER
from tests.conformance.seal_cases import SEALS, span
from tests.conformance.spelling import (
    ED25519,
    altered_line,
    cosignature_line,
    cosigned,
    cut_line,
    line_of,
    ml_dsa_44_line,
    note_of,
    receiver_lines,
    text_of,
)

THIRD, FOURTH = receiver_lines(SIZE, ROOT)
Row = tuple[str, str, str, bytes]


def given(data: bytes) -> dict[str, Any]:
    seals = {"sender": [span("hk")], "receiver": [span("kr")]}
    return {"note": encoded(data), "origin": HK_TO_KR, "receiver_domain": KR, **seals}


def receipts() -> Subject:
    subject = Subject(
        "receipt",
        "Open a receipt of the channel `origin`: the sender's lines, and the cosignatures of `receiver_domain`.",
        {"seals": SEALS},
    )
    witness = line_of("witness.example", b"\1\2\3\4", bytes(72))
    at_once = receiver_lines(SIZE, ROOT, time=SIGNED)
    earlier = receiver_lines(SIZE, ROOT, time=SIGNED - 30)
    for name, differs, data, time in (
        ("good", "four lines", note_of(TEXT, FIRST, SECOND, THIRD, FOURTH), RECEIVED),
        ("lines-in-other-order", "the lines stand backwards", note_of(TEXT, FOURTH, THIRD, SECOND, FIRST), RECEIVED),
        ("unknown-line", "a witness cosigned too", note_of(TEXT, FIRST, SECOND, THIRD, witness, FOURTH), RECEIVED),
        ("at-once", "it is cosigned in the second of its signing", note_of(TEXT, FIRST, SECOND, *at_once), SIGNED),
        (
            "clock-behind",
            "the receiver's clock is behind the sender's",
            note_of(TEXT, FIRST, SECOND, *earlier),
            SIGNED - 30,
        ),
    ):
        subject.accept(name, differs, given(data), size=str(SIZE), root=ROOT.hex(), time=str(time))
    for name, differs, reason, data in (*_of_the_lines(), *_of_what_is_signed(), *_of_the_senders_lines()):
        subject.refuse(name, "good", differs, reason, given(data))
    return subject


def _with(*lines: str) -> bytes:
    return note_of(TEXT, FIRST, SECOND, *lines)


def _of_the_lines() -> list[Row]:
    untrusted, unknown = "UNTRUSTED", "UNKNOWN_SEAL"
    stranger = receiver_lines(SIZE, ROOT, STRANGER.seal)
    by_origin = [
        cosignature_line(TEXT, name=HK_TO_KR),
        ml_dsa_44_line(cosigned(HK_TO_KR, RECEIVED, SIZE, ROOT), RECEIVED, KOREA.seal, HK_TO_KR),
    ]
    by_sender = [
        cosignature_line(TEXT, seal=HONG_KONG.seal, name=HK),
        ml_dsa_44_line(cosigned(HK, RECEIVED, SIZE, ROOT), RECEIVED, HONG_KONG.seal, HK),
    ]
    return [
        ("no-cosignature", "lines 3 and 4 are missing", unknown, _with()),
        ("no-ed25519-cosignature", "line 3 is missing", untrusted, _with(FOURTH)),
        ("no-ml-dsa-44-cosignature", "line 4 is missing", unknown, _with(THIRD)),
        ("cosignature-twice", "line 3 is there twice", untrusted, _with(THIRD, THIRD, FOURTH)),
        ("by-a-stranger", "a stranger cosigned in the receiver's name", unknown, _with(*stranger)),
        ("ed25519-by-a-stranger", "a stranger made line 3", untrusted, _with(stranger[0], FOURTH)),
        ("by-the-sender", "the sender cosigned in its own name", unknown, _with(*by_sender)),
        ("named-by-the-origin", "the cosignatures are named by the origin", unknown, _with(*by_origin)),
        (
            "ed25519-of-type-1",
            "the key id of line 3 is that of type 0x01",
            untrusted,
            _with(cosignature_line(TEXT, kind=ED25519), FOURTH),
        ),
    ]


def _of_what_is_signed() -> list[Row]:
    bad, m = "BAD_SIGNATURE", "MALFORMED"
    late = 253_402_300_800

    def fourth(time: int = RECEIVED, **said: Any) -> str:
        told = {"cosigner": KR, "time": time, "size": SIZE, "root": ROOT, **said}
        return ml_dsa_44_line(cosigned(**told), time, KOREA.seal, KR)

    return [
        (
            "ed25519-bad-ml-dsa-44-good",
            "line 3 covers another size, line 4 this one",
            bad,
            _with(cosignature_line(text_of(6, ROOT)), FOURTH),
        ),
        (
            "ml-dsa-44-bad-ed25519-good",
            "line 4 covers another size, line 3 this one",
            bad,
            _with(THIRD, fourth(size=6)),
        ),
        (
            "ed25519-of-the-text-alone",
            "line 3 signs the note text without time",
            bad,
            _with(cosignature_line(TEXT, said=TEXT.encode()), FOURTH),
        ),
        (
            "ed25519-of-another-time",
            "line 3 signs another time than it bears",
            bad,
            _with(cosignature_line(TEXT, said=f"cosignature/v1\ntime {RECEIVED + 1}\n{TEXT}".encode()), FOURTH),
        ),
        ("times-differ", "the two cosignatures bear times a second apart", bad, _with(THIRD, fourth(RECEIVED + 1))),
        (
            "ml-dsa-44-of-another-log",
            "line 4 covers the channel the other way",
            bad,
            _with(THIRD, fourth(origin=KR_TO_HK)),
        ),
        (
            "ml-dsa-44-of-another-cosigner",
            "line 4 signs the origin as its cosigner",
            bad,
            _with(THIRD, fourth(cosigner=HK_TO_KR)),
        ),
        (
            "ml-dsa-44-of-a-subtree",
            "line 4 covers a subtree that begins with the second leaf",
            bad,
            _with(THIRD, fourth(start=1)),
        ),
        (
            "ml-dsa-44-of-the-senders-line",
            "line 4 signs what line 2 signs",
            bad,
            _with(THIRD, ml_dsa_44_line(cosigned(HK_TO_KR, RECEIVED, SIZE, ROOT), RECEIVED, KOREA.seal, KR)),
        ),
        ("ed25519-altered", "one bit of line 3's signature is turned", bad, _with(altered_line(THIRD), FOURTH)),
        ("ed25519-time-altered", "the time in line 3 is turned", bad, _with(altered_line(THIRD, 11), FOURTH)),
        ("ed25519-time-alone", "line 3 has a time and no signature", m, _with(cut_line(THIRD, -64), FOURTH)),
        (
            "time-of-the-year-10000",
            "it is cosigned after the year 9999",
            m,
            _with(cosignature_line(TEXT, late), fourth(late)),
        ),
    ]


def _of_the_senders_lines() -> list[Row]:
    bad = "BAD_SIGNATURE"
    other = text_of(6, ROOT)
    return [
        ("cosigned-alone", "the sender's lines are missing", "UNKNOWN_SEAL", note_of(TEXT, THIRD, FOURTH)),
        (
            "senders-ed25519-altered",
            "one bit of line 1 is turned",
            bad,
            note_of(TEXT, altered_line(FIRST), SECOND, THIRD, FOURTH),
        ),
        (
            "senders-ml-dsa-44-altered",
            "one bit of line 2 is turned",
            bad,
            note_of(TEXT, FIRST, altered_line(SECOND, 40), THIRD, FOURTH),
        ),
        (
            "cosignatures-of-another-checkpoint",
            "the cosignatures are those of a larger size",
            bad,
            _with(cosignature_line(other), ml_dsa_44_line(cosigned(KR, RECEIVED, 6, ROOT), RECEIVED, KOREA.seal, KR)),
        ),
    ]
