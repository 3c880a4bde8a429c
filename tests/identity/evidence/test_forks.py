"""Fork proofs, verified with the sender's root alone: what they prove, and that no honest node is ever accused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.errors import BadProof, BadSignature, Malformed, Untrusted, VerificationError
from gateway.identity.certificates.x509 import to_der
from gateway.identity.evidence.forks import ForkCheck, ProvenFork
from gateway.identity.names import NodeId
from gateway.identity.seals.signers import FileSeal
from gateway.ledger.checkpoint import Checkpoint, countersign, sign_checkpoint
from gateway.ledger.fork_proof import ForkProof, in_order
from gateway.ledger.forks import NO_PREFIX
from gateway.ledger.note import Note
from gateway.ledger.origins import journal_origin, origin_of
from tests.ledger.samples import envelopes, log_of, prefix_of
from tests.support.certificates import issued
from tests.support.evidence import FILE, FOUNDED, HK, HONG_KONG, KOREA, KR, ORIGIN, ROOTS, SIGNED, PublicKey, Side
from tests.support.long_form import long_form

ALL_STEPS = ["file", "first seal", "first signatures", "second seal", "second signatures", "contradiction"]
LEAVES = envelopes(9)
OTHERS = [*LEAVES[:3], *envelopes(9, "other")[3:]]
SEAL = tuple(HONG_KONG.certificates)


def head(leaves, time=SIGNED, origin=ORIGIN, seal=HONG_KONG.seal):
    return sign_checkpoint(Checkpoint(origin, len(leaves), log_of(leaves).root()), seal, time)


def proof(first, second, prefix=NO_PREFIX, seals=(SEAL, SEAL)):
    return ForkProof(seals, prefix, in_order(first.note, second.note))


OF_ONE_SIZE = proof(head(LEAVES[:5]), head(OTHERS[:5], SIGNED + 60))
OF_TWO_SIZES = proof(head(OTHERS[:5], SIGNED + 60), head(LEAVES), prefix_of(LEAVES, 5))


def verified(made: ForkProof | bytes, roots=(HONG_KONG.root,)) -> ProvenFork:
    check = ForkCheck(made.encode() if isinstance(made, ForkProof) else made, roots)
    return check.proven(tuple(check.steps()))


def refused(made: ForkProof | bytes, kind: type[VerificationError], step: str, roots=ROOTS) -> VerificationError:
    with pytest.raises(kind) as caught:
        verified(made, roots)
    assert caught.value.metadata["step"] == step
    return caught.value


# --- what is proven -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("made", [OF_ONE_SIZE, OF_TWO_SIZES], ids=["one-size", "two-sizes"])
def test_it_proves_who_signed_two_histories_and_when(made):
    proven = verified(made)
    assert (proven.origin, proven.sender, proven.seals) == (ORIGIN, NodeId(HK), 1)
    assert [step.name for step in proven.steps] == ALL_STEPS
    times = {head.signed_at for head in proven.heads}
    assert times == {datetime.fromtimestamp(at, UTC) for at in (SIGNED, SIGNED + 60)}
    roots = {head.checkpoint.root for head in proven.heads}
    assert roots == {log_of(OTHERS[:5]).root(), log_of(LEAVES[: proven.heads[1].checkpoint.size]).root()} | (
        {log_of(LEAVES[:5]).root()} if made is OF_ONE_SIZE else set()
    )


def test_the_steps_tell_sizes_times_and_the_root_that_is_not_there():
    told = {step.name: step.found for step in verified(OF_TWO_SIZES).steps}
    assert "a log of 5 envelopes" in told["first signatures"]
    assert "2026-01-01 09:01:01 UTC" in told["first signatures"]
    assert "the log of 9 has, at the size 5, another root" in told["contradiction"]
    assert log_of(LEAVES[:5]).root().hex() in told["contradiction"]


def test_two_seals_of_one_node_sign_two_histories_as_well_as_one_does():
    second = FileSeal.generate()
    certificates = tuple(
        to_der(issued(HONG_KONG.authority, "seal", NodeId(HK), FOUNDED, PublicKey(key)).certificate)
        for key in second.public_keys
    )
    made = proof(head(OTHERS[:5]), head(LEAVES, seal=second), prefix_of(LEAVES, 5), (SEAL, certificates))
    assert verified(made).seals == 2


# --- an honest node cannot be accused -------------------------------------------------------------------------------


def test_one_head_twice_proves_nothing():
    refused(proof(head(LEAVES), head(LEAVES, SIGNED + 60)), BadProof, "contradiction")


def test_two_heads_of_one_history_prove_nothing():
    refused(proof(head(LEAVES[:5]), head(LEAVES), prefix_of(LEAVES, 5)), BadProof, "contradiction")


@pytest.mark.parametrize("prefix", [prefix_of(OTHERS, 5), replace(prefix_of(LEAVES, 5), root=bytes(32))])
def test_an_invented_prefix_proves_nothing(prefix):
    refused(proof(head(LEAVES[:5]), head(LEAVES), prefix), BadProof, "contradiction")
    refused(replace(OF_TWO_SIZES, prefix=prefix), BadProof, "contradiction")


def test_a_root_that_it_did_not_sign_proves_nothing():
    other = Note.parse(OF_TWO_SIZES.notes[0])
    unsigned = Checkpoint(ORIGIN, 5, bytes(32)).text()
    made = replace(OF_TWO_SIZES, notes=(Note(unsigned, other.signatures).encode(), OF_TWO_SIZES.notes[1]))
    refused(made, BadSignature, "first signatures")


def test_the_heads_of_two_channels_prove_nothing():
    other = head(OTHERS[:5], origin=origin_of(HK, "gateway.sg.example"))
    refused(proof(head(LEAVES[:5]), other), Malformed, "file")
    refused(proof(head(LEAVES[:5]), head(OTHERS[:5], origin=origin_of(KR, HK))), Malformed, "file")


def test_two_histories_of_a_journal_prove_nothing_since_it_begins_anew_after_a_restore():
    journal = journal_origin(HK)
    refused(proof(head(LEAVES[:5], origin=journal), head(OTHERS[:5], origin=journal)), Malformed, "file")


def test_what_its_receiver_cosigned_is_no_other_history():
    receipt = countersign(head(LEAVES[:5]), KR, KOREA.seal, SIGNED)
    made = ForkProof((SEAL, SEAL), NO_PREFIX, in_order(receipt.note, head(LEAVES[:5]).note))
    with pytest.raises(VerificationError):
        verified(made, ROOTS)


def test_the_receiver_who_cosigns_is_not_the_one_who_signed():
    """Cosignatures alone, named as if they were the sender's lines: another message was signed."""
    receipt = Note.parse(countersign(head(OTHERS[:5]), KR, KOREA.seal, SIGNED).note)
    cosigned = Note(receipt.text, receipt.signatures[2:])
    made = ForkProof((SEAL, SEAL), NO_PREFIX, in_order(cosigned.encode(), head(LEAVES[:5]).note))
    with pytest.raises(Untrusted) as caught:
        verified(made, ROOTS)
    assert caught.value.metadata["step"] in ("first signatures", "second signatures")


@pytest.mark.parametrize("line", [0, 1])
def test_both_signatures_of_each_head_are_needed(line):
    note = Note.parse(OF_TWO_SIZES.notes[0])
    fewer = Note(note.text, (note.signatures[line],)).encode()
    refused(replace(OF_TWO_SIZES, notes=(fewer, OF_TWO_SIZES.notes[1])), Untrusted, "first signatures")


def test_a_line_that_nobody_verifies_is_refused():
    more = countersign(head(OTHERS[:5]), KR, KOREA.seal, SIGNED).note
    refused(replace(OF_TWO_SIZES, notes=(more, OF_TWO_SIZES.notes[1])), Malformed, "first signatures")


def test_a_stranger_accuses_nobody():
    stranger = FileSeal.generate()
    forged = proof(head(OTHERS[:5], seal=stranger), head(LEAVES), prefix_of(LEAVES, 5))
    refused(forged, Untrusted, "first signatures")
    impostor = Side("HK", HK)
    seals = (tuple(impostor.certificates), SEAL)
    forged = proof(head(OTHERS[:5], seal=impostor.seal), head(LEAVES), prefix_of(LEAVES, 5), seals)
    refused(forged, Untrusted, "first seal")


def test_the_peers_root_does_not_certify_a_seal_of_the_sender():
    seals = (tuple(KOREA.issue(KOREA.authority, domain=HK)), SEAL)
    forged = proof(head(OTHERS[:5], seal=KOREA.seal), head(LEAVES), prefix_of(LEAVES, 5), seals)
    refused(forged, Untrusted, "first seal")
    refused(OF_TWO_SIZES, Untrusted, "first seal", [KOREA.root])


def test_a_seal_signs_nothing_outside_of_its_certificates_time():
    before = int((FOUNDED - timedelta(days=1)).timestamp())
    made = proof(head(OTHERS[:5], before), head(LEAVES), prefix_of(LEAVES, 5))
    assert refused(made, Untrusted, "first signatures").metadata["reason"] == "NOT_YET_VALID"
    late = int((FOUNDED + timedelta(days=1827)).timestamp())
    made = proof(head(OTHERS[:5]), head(LEAVES, late), prefix_of(LEAVES, 5))
    assert refused(made, Untrusted, "second signatures").metadata["reason"] == "EXPIRED"


# --- the file -------------------------------------------------------------------------------------------------------


ODD = pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")  # of odd serial numbers


@ODD
@pytest.mark.parametrize("every", [5, pytest.param(1, marks=long_form)])
def test_no_altered_byte_passes(every):
    """One bit of bytes of a real file, those at the ends of lines among them: no verdict is the same, nor another."""
    data = OF_TWO_SIZES.encode()
    for place, byte in enumerate(data):
        if place % every and b"\n" not in data[max(0, place - 4) : place + 5]:
            continue
        altered = bytearray(data)
        altered[place] = byte ^ 1 << place % 8
        with pytest.raises(VerificationError):
            verified(bytes(altered))


def test_no_part_of_it_and_nothing_more_passes():
    data = OF_TWO_SIZES.encode()
    for end in sorted({*range(0, len(data), 37), *(at + 1 for at, byte in enumerate(data) if byte == ord("\n"))}):
        if end < len(data):
            with pytest.raises(VerificationError):
                verified(data[:end])
    for more in (b"\n", b"\0", data, FILE):
        with pytest.raises(VerificationError):
            verified(data + more)
