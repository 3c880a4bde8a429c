"""Parsers of what is signed. What one accepts, it gives back byte for byte: two forms of one thing are two things."""

from gateway.errors import GatewayError
from gateway.identity.certificates.requests import requested_key
from gateway.identity.certificates.x509 import load_certificates
from gateway.identity.evidence.evidence import act_of, verify_evidence
from gateway.identity.evidence.forks import ForkCheck
from gateway.identity.evidence.journal import JournalCheck
from gateway.identity.names import NodeId
from gateway.ledger.checkpoint import Checkpoint, open_checkpoint, open_receipt
from gateway.ledger.evidence import Evidence
from gateway.ledger.fork_proof import ForkProof
from gateway.ledger.merkle import HASH_BYTES
from gateway.ledger.note import Note
from gateway.ledger.proof import verify_consistency, verify_inclusion
from gateway.ledger.seals import ChannelSeals, SealHistory
from gateway.ledger.settlement import Settlement
from tests.conformance.parties import HK, HK_TO_KR, HONG_KONG, KOREA, KR, ROOTS

SENDER = SealHistory.of(HONG_KONG.certified()).rotated(5, HONG_KONG.certified(HONG_KONG.second))
RECEIVER = SealHistory.of(KOREA.certified())
NODE = NodeId(HK)


def note(data: bytes) -> None:
    parsed = Note.parse(data)
    assert parsed.encode() == data, "a note has one form"
    checkpoint = Checkpoint.parse(parsed.text)
    assert checkpoint.text() == parsed.text, "so has a checkpoint"


def checkpoint(data: bytes) -> None:
    opened = open_checkpoint(data, HK_TO_KR, SENDER)
    assert open_checkpoint(opened.note, HK_TO_KR, SENDER) == opened, "what is kept of a note verifies again"


def receipt(data: bytes) -> None:
    opened = open_receipt(data, HK_TO_KR, SENDER, KR, RECEIVER)
    assert open_receipt(opened.note, HK_TO_KR, SENDER, KR, RECEIVER) == opened


def evidence(data: bytes) -> None:
    try:
        proven = verify_evidence(data, ROOTS)
    finally:
        _evidence_form(data)
    if proven.envelope:
        act_of(proven.envelope)


def _evidence_form(data: bytes) -> None:
    try:
        parsed = Evidence.parse(data)
    except GatewayError:
        return
    assert parsed.encode() == data, "an evidence file has one form"


def fork(data: bytes) -> None:
    try:
        check = ForkCheck(data, ROOTS)
        check.proven(tuple(check.steps()))
    finally:
        _fork_form(data)


def _fork_form(data: bytes) -> None:
    try:
        parsed = ForkProof.parse(data)
    except GatewayError:
        return
    assert parsed.encode() == data, "a fork proof has one form"


def settlement(data: bytes) -> None:
    parsed = Settlement.parse(data)
    assert parsed.encode() == data, "a settlement has one form"
    opened = parsed.open(ChannelSeals(HK_TO_KR, SENDER, RECEIVER))
    assert opened[0].checkpoint != opened[1].checkpoint


def journal(data: bytes) -> None:
    lines = data.splitlines(keepends=True)
    check = JournalCheck(iter(lines), ROOTS, iter(lines[: len(lines) // 2]) if data.startswith(b"\n") else None)
    list(check.steps())
    check.proven()


def inclusion(data: bytes) -> None:
    """Index, size (9 bytes each), leaf, root, then the proof."""
    index, size, rest = _number(data[:9]), _number(data[9:18]), data[18:]
    leaf, root, *proof = _hashes(rest) or [b""] * 2
    verify_inclusion(leaf, index, size, proof, root)


def consistency(data: bytes) -> None:
    """First and second size (9 bytes each), both roots, then the proof."""
    first, second, rest = _number(data[:9]), _number(data[9:18]), data[18:]
    first_root, second_root, *proof = _hashes(rest) or [b""] * 2
    verify_consistency(first, second, first_root, second_root, proof)


def certificate(data: bytes) -> None:
    load_certificates(data)


def signing_request(data: bytes) -> None:
    requested_key(data, NODE)


def _number(data: bytes) -> int:
    """One that may be negative, or beyond 2^64."""
    return int.from_bytes(data, signed=True)


def _hashes(data: bytes) -> list[bytes]:
    """The last one may be short; two at least, if there is anything."""
    found = [data[start : start + HASH_BYTES] for start in range(0, len(data), HASH_BYTES)]
    return found if len(found) > 1 else found * 2
