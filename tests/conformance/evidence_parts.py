"""Evidence in which one part is another one: of the file, the material, the note, the proof."""

from collections.abc import Callable

from gateway.ledger.evidence import Evidence
from tests.conformance.envelope_cases import UNKNOWN_FIELD
from tests.conformance.evidence_goods import (
    EXTRA,
    FILE,
    GOOD,
    HASH,
    LEAF,
    Row,
    with_extra,
)
from tests.conformance.materials import (
    INDEX,
    evidence,
    material,
    release,
)
from tests.conformance.parties import (
    KOREA,
    KR_TO_HK,
)
from tests.conformance.spelling import altered, altered_line, b64, line_of, uncanonical


def of_the_file() -> list[Row]:
    m, step = "MALFORMED", "file"
    extra = b64(EXTRA).encode()
    hashed = b64(GOOD.proof[0])
    change: Callable[..., bytes] = FILE.replace
    rows = [
        ("empty", "there are no bytes", b""),
        ("other-header", "the header is of version 2", change(b"@v1", b"@v2")),
        ("header-with-space", "a space follows the header", change(b"@v1", b"@v1 ")),
        ("carriage-returns", "lines end with CR LF", change(b"\n", b"\r\n")),
        ("no-extra", "there is no extra line", change(b"extra " + extra + b"\n", b"")),
        ("extra-not-base64", "the extra line is not base64", change(extra[:4], b"****")),
        ("extra-with-space", "a space follows the extra line", change(extra, extra + b" ")),
        ("no-index", "there is no index", change(b"index 2\n", b"")),
        ("index-with-zero-before", "the index is written 02", change(b"index 2", b"index 02")),
        ("index-below-zero", "the index is written -2", change(b"index 2", b"index -2")),
        (
            "index-of-2-63",
            "the index is 2^63 - 1, which is in no log",
            change(b"index 2", f"index {2**63 - 1}".encode()),
        ),
        (
            "proof-not-canonical",
            "a hash's base64 has bits that mean nothing",
            change(hashed.encode(), uncanonical(hashed).encode()),
        ),
        (
            "proof-hash-of-31-bytes",
            "a hash of the proof lacks a byte",
            change(hashed.encode(), b64(GOOD.proof[0][:31]).encode()),
        ),
        ("no-note", "there is no checkpoint", FILE.split(b"\n\n")[0] + b"\n"),
    ]
    return [(name, differs, m, step, data) for name, differs, data in rows]


def of_the_material() -> list[Row]:
    m, step = "MALFORMED", "file"
    good = material(LEAF)
    fields = good.SerializeToString(deterministic=True)
    last = fields[-len(KOREA.certificates()[1]) - 4 :]
    swapped_order = last + fields[: -len(last)]
    unknown = fields + UNKNOWN_FIELD
    both = material(LEAF, leaf_hash=HASH).SerializeToString(deterministic=True)
    place = EXTRA.index(b"A statement")
    other = release(7)
    other.origin = KR_TO_HK
    for_other_channel = other.SerializeToString()
    beyond = release(7)
    beyond.sealed_at.seconds = 253_402_300_800
    return [
        ("unknown-field", "the material holds a field that is not known", m, step, with_extra(FILE, unknown)),
        (
            "fields-in-other-order",
            "the fields of the material stand in another order",
            m,
            step,
            with_extra(FILE, swapped_order),
        ),
        ("hash-beside-envelope", "the leaf hash stands beside the envelope", m, step, with_extra(FILE, both)),
        (
            "neither-hash-nor-envelope",
            "there is neither envelope nor hash",
            m,
            step,
            with_extra(FILE, material(b"").SerializeToString(deterministic=True)),
        ),
        ("material-cut-short", "the material ends in the middle", m, step, with_extra(FILE, EXTRA[:-1])),
        (
            "envelope-altered",
            "one bit of the envelope is turned",
            "BAD_PROOF",
            "inclusion",
            with_extra(FILE, altered(EXTRA, place)),
        ),
        (
            "envelope-with-trailing-field",
            "a field follows in the envelope",
            "BAD_PROOF",
            "inclusion",
            with_extra(FILE, material(LEAF + UNKNOWN_FIELD).SerializeToString(deterministic=True)),
        ),
        (
            "envelope-not-protobuf",
            "the envelope is cut short",
            m,
            "envelope",
            with_extra(FILE, material(LEAF[:-1]).SerializeToString(deterministic=True)),
        ),
        (
            "envelope-of-another-channel",
            "the envelope is for the channel the other way",
            m,
            "envelope",
            evidence(for_other_channel).encode(),
        ),
        (
            "envelope-of-the-year-10000",
            "the envelope says that it was sealed after the year 9999",
            m,
            "envelope",
            evidence(beyond.SerializeToString()).encode(),
        ),
    ]


def of_the_note() -> list[Row]:
    text, _, rest = GOOD.note.decode().partition("\n\n")
    first, second, third, fourth = rest.splitlines(keepends=True)

    def lines(*of: str, said: str = text) -> bytes:
        return Evidence(EXTRA, INDEX, GOOD.proof, f"{said}\n\n{''.join(of)}".encode()).encode()

    bad, sender, receiver = "BAD_SIGNATURE", "sender signatures", "receiver cosignatures"
    witness = line_of("witness.example", b"\1\2\3\4", bytes(72))
    return [
        (
            "size-altered",
            "the size of the checkpoint is another one",
            bad,
            sender,
            lines(first, second, third, fourth, said=text.replace("\n5\n", "\n6\n")),
        ),
        (
            "line-1-altered",
            "one bit of line 1 is turned",
            bad,
            sender,
            lines(altered_line(first), second, third, fourth),
        ),
        (
            "line-2-altered",
            "one bit of line 2 is turned",
            bad,
            sender,
            lines(first, altered_line(second, 40), third, fourth),
        ),
        (
            "line-3-altered",
            "one bit of line 3 is turned",
            bad,
            receiver,
            lines(first, second, altered_line(third), fourth),
        ),
        (
            "line-4-altered",
            "one bit of line 4 is turned",
            bad,
            receiver,
            lines(first, second, third, altered_line(fourth, 40)),
        ),
        ("line-1-missing", "line 1 is missing", "UNTRUSTED", sender, lines(second, third, fourth)),
        ("line-4-missing", "line 4 is missing", "UNTRUSTED", receiver, lines(first, second, third)),
        (
            "lines-in-other-order",
            "lines 3 and 4 have changed places",
            "MALFORMED",
            receiver,
            lines(first, second, fourth, third),
        ),
        (
            "unknown-line",
            "a line of somebody else follows: nobody verifies it",
            "MALFORMED",
            receiver,
            lines(first, second, third, fourth, witness),
        ),
        ("trailing-byte", "a byte follows the file", "MALFORMED", "envelope", FILE + b"x"),
        ("trailing-line-break", "a line break follows the file", "MALFORMED", "envelope", FILE + b"\n"),
    ]


def of_the_proof() -> list[Row]:
    bad, step = "BAD_PROOF", "inclusion"

    def proof(*hashes: bytes, index: int = INDEX) -> bytes:
        return Evidence(EXTRA, index, hashes, GOOD.note).encode()

    one, two, three = GOOD.proof
    return [
        ("index-of-another", "the index is that of the next envelope", bad, step, proof(one, two, three, index=3)),
        ("index-beyond-the-log", "the index is the size of the log", bad, step, proof(one, two, three, index=5)),
        ("proof-altered", "one bit of the proof is turned", bad, step, proof(altered(one, 0), two, three)),
        ("proof-too-short", "the last hash is missing", bad, step, proof(one, two)),
        ("proof-too-long", "a hash follows", bad, step, proof(one, two, three, bytes(32))),
        ("proof-empty", "there are no hashes", bad, step, proof()),
    ]
