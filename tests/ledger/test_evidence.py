"""Evidence files: what they prove, and that no altered byte passes."""

from base64 import b64encode
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadProof, BadSignature, Malformed, Untrusted, VerificationError
from gateway.ledger.evidence import (
    HEADER,
    MAX_EVIDENCE_BYTES,
    Evidence,
    open_evidence_checkpoint,
    open_evidence_receipt,
    verify_leaf_in,
)
from gateway.ledger.merkle import leaf_hash
from gateway.ledger.note import MAX_NOTE_BYTES, Note, Signature
from tests.ledger import oracle
from tests.ledger.samples import HK_SEAL, HK_TO_KR, KR, KR_SEAL, STRANGER_SEAL, envelopes, head_of, receipt_of

LEAVES = envelopes(21)
INDEX = 5
PATH = oracle.path(INDEX, LEAVES)
RECEIPTED = Evidence(LEAVES[INDEX], INDEX, PATH, receipt_of(LEAVES).note)
SENT = replace(RECEIPTED, note=head_of(LEAVES).note)


def verify(data):
    """What a third person does with the file; here the extra line is the envelope itself."""
    evidence = Evidence.parse(data)
    receipt = open_evidence_receipt(evidence, HK_SEAL.public, KR, KR_SEAL.public)
    verify_leaf_in(evidence, leaf_hash(evidence.extra), receipt)
    return receipt


def test_receipted_evidence_proves_the_envelope():
    assert verify(RECEIPTED.encode()).checkpoint.size == 21
    assert RECEIPTED.is_receipted()
    assert RECEIPTED.origin() == HK_TO_KR


def test_evidence_without_a_receipt_proves_the_sending():
    evidence = Evidence.parse(SENT.encode())
    assert not evidence.is_receipted()
    verify_leaf_in(evidence, leaf_hash(LEAVES[INDEX]), open_evidence_checkpoint(evidence, HK_SEAL.public))
    with pytest.raises(Untrusted):
        open_evidence_receipt(evidence, HK_SEAL.public, KR, KR_SEAL.public)


def test_the_file_has_the_lines_of_the_specification():
    proof = [b64encode(node).decode() for node in PATH]
    head, note = RECEIPTED.encode().split(b"\n\n", 1)
    assert head.decode().split("\n") == [
        "c2sp.org/tlog-proof@v1",
        f"extra {b64encode(LEAVES[INDEX]).decode()}",
        "index 5",
        *proof,
    ]
    assert note == receipt_of(LEAVES).note


@given(st.binary(max_size=50), st.integers(0, 2**63 - 2), st.lists(st.binary(min_size=32, max_size=32), max_size=64))
def test_an_evidence_file_survives_its_encoding(extra, index, proof):
    evidence = Evidence(extra, index, tuple(proof), b"note")
    assert Evidence.parse(evidence.encode()) == evidence


@given(st.binary(max_size=300))
def test_any_bytes_are_read_back_alike_or_refused(data):
    for candidate in (data, f"{HEADER}\nextra ".encode() + data):
        try:
            assert Evidence.parse(candidate).encode() == candidate
        except Malformed:
            continue


FILE = RECEIPTED.encode()
LINES = FILE.split(b"\n\n", 1)[0].decode().split("\n")


@pytest.mark.parametrize(
    "head",
    [
        [],
        LINES[:2],
        ["c2sp.org/tlog-proof@v2", *LINES[1:]],
        [LINES[0], LINES[2], LINES[1], *LINES[3:]],
        [LINES[0], *LINES[2:]],
        [*LINES[:2], "index 05", *LINES[3:]],
        [*LINES[:2], "index -1", *LINES[3:]],
        [*LINES[:2], "index \u0665", *LINES[3:]],
        [*LINES[:2], f"index {2**63 - 1}", *LINES[3:]],
        [*LINES[:2], f"index {10**40}", *LINES[3:]],
        [*LINES[:2], "index 5 ", *LINES[3:]],
        [*LINES[:3], "AAAA", *LINES[4:]],
        [*LINES[:3], LINES[3][:-1], *LINES[4:]],
        [*LINES, "not base64"],
        [LINES[0] + "\r", *LINES[1:]],
    ],
)
def test_a_file_of_another_form_is_refused(head):
    with pytest.raises(Malformed):
        Evidence.parse("\n".join(head).encode() + b"\n\n" + RECEIPTED.note)


def test_a_file_without_a_checkpoint_or_beyond_the_bound_is_refused():
    with pytest.raises(Malformed):
        Evidence.parse("\n".join(LINES).encode())
    with pytest.raises(Malformed, match="at most"):
        Evidence.parse(FILE + bytes(MAX_EVIDENCE_BYTES))


@pytest.mark.parametrize(
    ("change", "envelope"),
    [
        ({}, LEAVES[6]),
        ({"index": 6}, LEAVES[5]),
        ({"index": 21}, LEAVES[5]),
        ({"proof": ()}, LEAVES[5]),
        ({"proof": PATH[::-1]}, LEAVES[5]),
        ({"proof": (*PATH, bytes(32))}, LEAVES[5]),
        ({"proof": PATH * 20}, LEAVES[5]),
        ({"note": receipt_of(LEAVES[:20]).note}, LEAVES[5]),
        ({"note": receipt_of(envelopes(21, "another")).note}, LEAVES[5]),
    ],
    ids=["envelope", "index", "beyond", "empty", "order", "longer", "endless", "size", "root"],
)
def test_evidence_that_does_not_lead_to_the_root_is_refused(change, envelope):
    evidence = replace(RECEIPTED, **change)
    receipt = open_evidence_receipt(evidence, HK_SEAL.public, KR, KR_SEAL.public)
    with pytest.raises(BadProof):
        verify_leaf_in(evidence, leaf_hash(envelope), receipt)


@pytest.mark.parametrize(
    ("sender", "domain", "receiver"),
    [
        (STRANGER_SEAL, KR, KR_SEAL),
        (HK_SEAL, KR, STRANGER_SEAL),
        (HK_SEAL, "x.example", KR_SEAL),
        (KR_SEAL, KR, HK_SEAL),
    ],
)
def test_evidence_under_other_keys_or_names_is_refused(sender, domain, receiver):
    with pytest.raises((Untrusted, BadSignature)):
        open_evidence_receipt(RECEIPTED, sender.public, domain, receiver.public)


@pytest.mark.parametrize("make", [SENT, RECEIPTED], ids=["checkpoint", "receipt"])
@pytest.mark.parametrize("place", [0, -1])
def test_a_line_that_nobody_verifies_is_refused(make, place):
    note = Note.parse(make.note)
    lines = list(note.signatures)
    lines.insert(place if place == 0 else len(lines), Signature("witness.example", b"abcd", b"unseen"))
    evidence = replace(make, note=Note(note.text, tuple(lines)).encode())
    receiver = (KR, KR_SEAL.public) if make is RECEIPTED else ()
    verify_lines = open_evidence_receipt if make is RECEIPTED else open_evidence_checkpoint
    with pytest.raises(Malformed, match="beside those"):
        verify_lines(evidence, HK_SEAL.public, *receiver)


def test_a_receipt_is_not_taken_for_evidence_without_one():
    with pytest.raises(Malformed, match="beside those"):
        open_evidence_checkpoint(RECEIPTED, HK_SEAL.public)


def test_evidence_with_a_note_beyond_its_bound_or_of_another_kind_is_refused():
    for note in (b"", b"x" * (MAX_NOTE_BYTES + 1), Note("no checkpoint\n", Note.parse(SENT.note).signatures).encode()):
        with pytest.raises(Malformed):
            replace(SENT, note=note).origin()


def test_no_altered_byte_passes():
    """One bit of each byte before the signatures, and of every seventh byte of them."""
    signatures_start = FILE.rindex("\n\n— ".encode())
    places = [*range(signatures_start), *range(signatures_start, len(FILE), 7)]
    for place in places:
        altered = FILE[:place] + bytes([FILE[place] ^ 1 << place % 8]) + FILE[place + 1 :]
        with pytest.raises(VerificationError):
            verify(altered)
