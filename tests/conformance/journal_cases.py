"""Exports of an access journal: what an auditor verifies with the file and one root."""

from collections.abc import Sequence
from typing import Any

from gateway.identity.certificates.x509 import to_der
from gateway.ledger.journal import JournalHead, encode_entry
from gateway.ledger.origins import journal_origin
from tests.conformance.cases import Subject, encoded
from tests.conformance.evidence_goods import moment
from tests.conformance.materials import edge, head, journal, journal_entries
from tests.conformance.parties import HK, HONG_KONG, ISSUED, KOREA, SEAL_END, SIGNED, STRANGER
from tests.conformance.spelling import altered, altered_line, b64, line_of, uncanonical

COUNT, FIRST = 6, 3
ENTRIES = journal_entries(COUNT)
WHOLE, PART = journal(COUNT), journal(COUNT, FIRST)
LINES = [encode_entry(each) for each in ENTRIES]
NOTE = head(ENTRIES, origin=journal_origin(HK)).note
Row = tuple[str, str, str, str, bytes]


def given(data: bytes, root: str = "hk") -> dict[str, Any]:
    return {"file": encoded(data), "roots": [root]}


def journals() -> Subject:
    roots = {"hk": HONG_KONG.root, "kr": KOREA.root}
    subject = Subject(
        "journal",
        "Verify an export of a node's access journal with the node authority's root. `step` is the first step that "
        "fails: file, certificates, signatures, entries.",
        {"roots": {name: b64(to_der(root)) for name, root in roots.items()}},
    )
    for name, differs, data, first in (
        ("whole", "six entries", WHOLE, 0),
        ("part", "the last three of six", PART, FIRST),
        ("checkpoint-alone", "no entries: a checkpoint to be kept", journal(COUNT, COUNT), COUNT),
    ):
        subject.accept(name, differs, given(data), first=str(first), size=str(COUNT), signed_at=str(SIGNED))
    for name, differs, reason, step, data in (*_of_the_head(), *_of_the_note(), *_of_the_entries()):
        base = "part" if name.startswith("edge-") else "whole"
        subject.refuse(name, base, differs, reason, given(data), step=step)
    other = "UNTRUSTED UNKNOWN_ISSUER"
    subject.refuse("other-root", "whole", "another root is trusted", other, given(WHOLE, "kr"), step="certificates")
    return subject


def _export(
    lines: Sequence[bytes] = LINES,
    certificates: Sequence[bytes] = HONG_KONG.certificates(),
    note: bytes = NOTE,
) -> bytes:
    opened = JournalHead(edge(()), tuple(certificates), note)
    return opened.encode() + b"".join(lines)


def _of_the_head() -> list[Row]:
    m, step = "MALFORMED", "file"
    ed25519, ml_dsa_44 = HONG_KONG.certificates()
    hashed = b64(edge(ENTRIES[:FIRST]).hashes[0]).encode()
    tbs = _export(certificates=(altered(ed25519, 20), ml_dsa_44))
    stranger = _export(certificates=STRANGER.certificates())
    return [
        ("empty", "there are no bytes", m, step, b""),
        ("other-header", "the header is of version 2", m, step, WHOLE.replace(b"@v1", b"@v2")),
        ("carriage-returns", "lines end with CR LF", m, step, WHOLE.replace(b"\n", b"\r\n")),
        ("first-with-zero-before", "the first index is written 00", m, step, WHOLE.replace(b"first 0", b"first 00")),
        (
            "first-without-edge",
            "it begins with the third entry, and no edge is there",
            m,
            step,
            WHOLE.replace(b"first 0", b"first 3"),
        ),
        ("edge-hash-missing", "a hash of the edge is missing", m, step, PART.replace(b"edge " + hashed + b"\n", b"")),
        (
            "edge-not-canonical",
            "a hash of the edge has bits that mean nothing",
            m,
            step,
            PART.replace(hashed, uncanonical(hashed.decode()).encode()),
        ),
        (
            "edge-altered",
            "one bit of the edge is turned",
            "BAD_PROOF",
            "entries",
            PART.replace(hashed, b64(altered(edge(ENTRIES[:FIRST]).hashes[0], 0)).encode()),
        ),
        ("certificate-altered", "one bit of a certificate is turned", "UNTRUSTED UNKNOWN_ISSUER", "certificates", tbs),
        ("certificate-missing", "there is one certificate", m, "certificates", _export(certificates=(ed25519,))),
        (
            "certificates-of-a-stranger",
            "a stranger issued the certificates",
            "UNTRUSTED UNKNOWN_ISSUER",
            "certificates",
            stranger,
        ),
        (
            "certificates-that-had-ended",
            "the certificates had ended a second before it was signed",
            "UNTRUSTED EXPIRED",
            "signatures",
            _export(certificates=HONG_KONG.certificates(days=(ISSUED, moment(SIGNED - 1)))),
        ),
        (
            "certificates-of-later",
            "the certificates are valid from a second after it was signed",
            "UNTRUSTED NOT_YET_VALID",
            "signatures",
            _export(certificates=HONG_KONG.certificates(days=(moment(SIGNED + 1), SEAL_END))),
        ),
    ]


def _of_the_note() -> list[Row]:
    text, _, rest = NOTE.decode().partition("\n\n")
    first, second = rest.splitlines(keepends=True)
    witness = line_of("witness.example", b"\1\2\3\4", bytes(72))

    def noted(*lines: str, said: str = text) -> bytes:
        return _export(note=f"{said}\n\n{''.join(lines)}".encode())

    channel = head(ENTRIES).note
    step = "signatures"
    return [
        ("line-1-altered", "one bit of line 1 is turned", "BAD_SIGNATURE", step, noted(altered_line(first), second)),
        (
            "line-2-altered",
            "one bit of line 2 is turned",
            "BAD_SIGNATURE",
            step,
            noted(first, altered_line(second, 40)),
        ),
        (
            "size-altered",
            "the size is another one",
            "BAD_SIGNATURE",
            step,
            noted(first, second, said=text.replace("\n6\n", "\n7\n")),
        ),
        ("lines-in-other-order", "the lines have changed places", "MALFORMED", step, noted(second, first)),
        ("unknown-line", "a line of somebody else follows", "MALFORMED", step, noted(first, second, witness)),
        ("checkpoint-of-a-channel", "the checkpoint is that of a channel", "MALFORMED", "file", _export(note=channel)),
    ]


def _of_the_entries() -> list[Row]:
    bad, step = "BAD_PROOF", "entries"
    one = LINES[1].decode().rstrip("\n")
    swapped = [LINES[1], LINES[0], *LINES[2:]]
    return [
        (
            "entry-altered",
            "one bit of an entry is turned",
            bad,
            step,
            _export(lines=[encode_entry(altered(ENTRIES[0], 3)), *LINES[1:]]),
        ),
        ("entry-missing", "an entry is taken out", bad, step, _export(lines=[LINES[0], *LINES[2:]])),
        ("entries-swapped", "two entries have changed places", bad, step, _export(lines=swapped)),
        ("entry-twice", "an entry is said twice", bad, step, _export(lines=[LINES[0], *LINES])),
        ("entry-added", "an entry follows the last that is signed", bad, step, _export(lines=[*LINES, LINES[0]])),
        ("last-entry-missing", "the last entry is cut off", bad, step, _export(lines=LINES[:-1])),
        (
            "entry-with-space",
            "a space follows an entry",
            "MALFORMED",
            step,
            _export(lines=[LINES[0], f"{one} \n".encode(), *LINES[2:]]),
        ),
        ("last-line-break-missing", "the last line break is missing", "MALFORMED", step, WHOLE[:-1]),
        ("trailing-empty-line", "an empty line follows", bad, step, WHOLE + b"\n"),
    ]
