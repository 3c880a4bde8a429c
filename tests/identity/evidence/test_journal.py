"""Exports of an access journal, verified with the root alone: no altered byte passes, nor a history that was cut."""

from dataclasses import replace

import pytest

from gateway.errors import BadProof, BadSignature, Malformed, Untrusted, VerificationError
from gateway.identity.evidence.journal import JournalCheck, ProvenJournal
from gateway.identity.names import NodeId
from gateway.ledger.checkpoint import Checkpoint, countersign, sign_checkpoint
from gateway.ledger.journal import encode_entry
from gateway.ledger.note import Note
from gateway.ledger.origins import journal_origin
from tests.ledger.samples import log_of
from tests.support.evidence import HK, HONG_KONG, KOREA, KR, SIGNED, Side
from tests.support.journal import LEAVES, ORIGIN, export, head

STEPS = ["file", "certificates", "signatures", "entries"]


def lines(data: bytes):
    return iter(data.splitlines(keepends=True))


def verify(data: bytes, earlier: bytes | None = None, roots=(HONG_KONG.root,)) -> ProvenJournal:
    check = JournalCheck(lines(data), roots, None if earlier is None else lines(earlier))
    list(check.steps())
    return check.proven()


def refused(kind: type[VerificationError], step: str, data: bytes, earlier: bytes | None = None, roots=None) -> str:
    with pytest.raises(kind) as caught:
        verify(data, earlier, roots or (HONG_KONG.root,))
    assert caught.value.metadata["step"] == step
    return caught.value.message


def test_an_export_proves_whose_journal_it_is_and_when_it_was_signed():
    proven = verify(export())
    assert (proven.node, proven.first, proven.size) == (NodeId(HK), 0, 7)
    assert int(proven.signed_at.timestamp()) == SIGNED
    assert proven.outcomes == {"OK": 7}
    assert proven.earlier_size is None


def test_each_step_is_given_as_it_passes_and_each_entry_with_its_index():
    taken = []
    check = JournalCheck(lines(export(first=5)), [HONG_KONG.root], take=lambda *each: taken.append(each))
    assert [step.name for step in check.steps()] == STEPS
    assert [index for index, _ in taken] == [5, 6]
    assert taken[1][1].client == "spiffe://gateway.hk.example/SFC/desk"


def test_an_export_continues_a_checkpoint_that_was_kept():
    kept = export(LEAVES[:4], 4)
    assert verify(export(), kept).earlier_size == 4
    assert verify(export(first=4), kept).earlier_size == 4
    assert verify(export(), export(LEAVES[:5])).earlier_size == 5, "an earlier export serves too"


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")  # of odd serial numbers
def test_no_altered_byte_passes():
    data = export(first=3)
    for place, byte in enumerate(data):
        altered = bytearray(data)
        altered[place] = byte ^ 1 << place % 8
        with pytest.raises(VerificationError):
            verify(bytes(altered))


def test_no_cut_passes():
    data = export(first=3)
    for end in range(len(data)):
        with pytest.raises(VerificationError):
            verify(data[:end])


@pytest.mark.parametrize(
    "wrong", [LEAVES[:-1], LEAVES[1:], LEAVES[::-1], [*LEAVES, LEAVES[0]], [*LEAVES[:3], *LEAVES[4:]]]
)
def test_entries_that_are_cut_off_taken_out_moved_or_added_are_found(wrong):
    refused(BadProof, "entries", head().encode() + b"".join(map(encode_entry, wrong)))


def test_a_journal_that_was_cut_and_signed_again_contradicts_what_was_kept():
    told = refused(BadProof, "entries", export(LEAVES[:5]), export(LEAVES, 7))
    assert "ends after 5 entries" in told


def test_a_journal_that_was_rewritten_and_signed_again_contradicts_what_was_kept():
    rewritten = [LEAVES[1], *LEAVES[1:]]
    refused(BadProof, "entries", export(rewritten), export(LEAVES[:4], 4))


def test_what_was_kept_must_be_signed_by_the_same_node_too():
    stranger = Side("HK", HK)
    refused(Untrusted, "earlier checkpoint", export(), export(LEAVES[:4], 4, stranger))
    korean = head(LEAVES[:4], 4, KOREA, journal_origin(KR)).encode()
    told = refused(Untrusted, "earlier checkpoint", export(), korean, [HONG_KONG.root, KOREA.root])
    assert "another journal" in told


def test_another_root_proves_nothing():
    refused(Untrusted, "certificates", export(), roots=[KOREA.root])


def test_a_seal_of_another_node_signs_no_journal():
    forged = replace(head(side=KOREA), certificates=tuple(HONG_KONG.certificates))
    refused(Untrusted, "signatures", forged.encode())
    named = replace(head(side=KOREA), certificates=tuple(KOREA.certificates))
    refused(Untrusted, "certificates", named.encode(), roots=[HONG_KONG.root, KOREA.root])


def test_a_signature_of_other_entries_does_not_pass():
    note = Note.parse(head().note)
    other = Note(Note.parse(head(LEAVES[:6]).note).text, note.signatures)
    refused(BadSignature, "signatures", replace(head(), note=other.encode()).encode())


def test_a_line_that_nobody_verifies_does_not_pass():
    signed = sign_checkpoint(Checkpoint(ORIGIN, 7, log_of(LEAVES).root()), HONG_KONG.seal, SIGNED)
    more = replace(head(), note=countersign(signed, KR, KOREA.seal, SIGNED).note)
    refused(Malformed, "signatures", more.encode())


def test_a_checkpoint_of_a_channel_is_no_journal():
    refused(Malformed, "file", head(origin=f"{HK}/to/{KR}").encode())


def test_a_signed_leaf_that_is_no_entry_is_named():
    told = refused(Malformed, "entries", export([LEAVES[0], b"\xff"]))
    assert told == "entry 1 is not a JournalEntry"
