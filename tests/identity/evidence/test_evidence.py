"""Evidence files, verified with the roots alone: what they prove, and that nothing altered or foreign passes."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from regulator.exchange.v1.envelope_pb2 import Envelope, EvidenceMaterial

from gateway.errors import BadProof, BadSignature, Malformed, Untrusted, VerificationError
from gateway.identity.evidence.evidence import EvidenceCheck, act_of, as_written, time_text, verify_evidence
from gateway.identity.names import NodeId
from gateway.identity.seals.signers import FileSeal
from gateway.ledger.checkpoint import Checkpoint, countersign, sign_checkpoint
from gateway.ledger.evidence import Evidence
from gateway.ledger.merkle import leaf_hash
from gateway.ledger.note import Note
from gateway.supervision.destruction import Leaf, certificate, remainder_of
from gateway.supervision.envelopes.envelopes import acknowledged, withdrawn
from gateway.supervision.notices.records import Place
from tests.identity.refusing import ALL_STEPS, refused
from tests.ledger import oracle
from tests.ledger.samples import log_of
from tests.supervision import samples
from tests.supervision.sharing_samples import asking, deciding, sharing
from tests.support.evidence import (
    FILE,
    HK,
    HONG_KONG,
    INDEX,
    KOREA,
    KR,
    ORIGIN,
    RECEIPTED,
    RECEIVED,
    ROOTS,
    SEALED,
    SENT,
    SIGNED,
    envelope,
    evidence,
    material,
)
from tests.support.long_form import long_form

# --- what is proven -------------------------------------------------------------------------------------------------


def test_receipted_evidence_proves_who_sealed_what_and_who_held_it_when():
    proven = verify_evidence(FILE, ROOTS)
    assert proven.envelope == envelope()
    assert (proven.origin, proven.index, proven.size) == (ORIGIN, INDEX, 5)
    assert (proven.sender, proven.receiver) == (NodeId(HK), NodeId(KR))
    assert proven.sealed_at == SEALED
    assert proven.signed_at == datetime.fromtimestamp(SIGNED, UTC)
    assert proven.received_at == datetime.fromtimestamp(RECEIVED, UTC)
    assert [step.name for step in proven.steps] == ALL_STEPS


def test_evidence_without_a_receipt_proves_the_sending_alone():
    proven = verify_evidence(SENT.encode(), ROOTS)
    assert proven.received_at is None
    assert [step.name for step in proven.steps] == ALL_STEPS[:-1]


def test_each_step_is_given_as_it_passes():
    broken = replace(RECEIPTED, proof=RECEIPTED.proof[::-1])
    steps = EvidenceCheck(broken.encode(), ROOTS).steps()
    assert [next(steps).name for _ in range(4)] == ALL_STEPS[:4]
    with pytest.raises(BadProof) as caught:
        next(steps)
    assert caught.value.metadata["step"] == "inclusion"


def test_the_steps_tell_identities_times_and_roots():
    told = {step.name: step.found for step in verify_evidence(FILE, ROOTS).steps}
    assert "release of notices/hk-2026-001" in told["envelope"]
    assert "2026-01-01 09:00:00 UTC" in told["envelope"]
    assert f"spiffe://{HK}/node" in told["sender certificates"]
    assert f"spiffe://{KR}/node" in told["receiver certificates"]
    assert "2026-01-01 09:01:01 UTC" in told["receiver cosignatures"]


def test_the_roots_may_be_given_in_any_order():
    assert verify_evidence(FILE, ROOTS[::-1]) == verify_evidence(FILE, ROOTS)


def test_every_kind_of_act_is_named():
    seal = samples.seal(ORIGIN)
    assert act_of(acknowledged(seal, "kr-1")) == "acknowledgement of notices/kr-1"
    assert act_of(withdrawn(seal, "hk-1", [])) == "withdrawal of notices/hk-1"
    published = Envelope(framework_version_published={"framework": "frameworks/hk-rules", "version": 2})
    assert act_of(published) == "version 2 of frameworks/hk-rules"
    assessed = Envelope(framework_assessed={"assessment": "assessments/hk-1"})
    assert act_of(assessed) == "publication of assessments/hk-1"
    consent = "notices/hk-1/consents/c0000001"
    assert act_of(asking()(seal)) == f"request for {consent}"
    assert act_of(deciding()(seal)) == f"grant of {consent}, decision 1"
    assert act_of(deciding(number=2, granted=False)(seal)) == f"refusal of {consent}, decision 2"
    assert act_of(sharing()(seal)) == "onward sharing, notices/hk-1/shares/s0000001"
    assert act_of(Envelope()) == "an act of a kind that this version does not know"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("notices/hk-1", "notices/hk-1"),
        ("https://id.example#wong", "https://id.example#wong"),
        ("", '""'),
        ("hk-1; KR held it", '"hk-1; KR held it"'),
        ('hk-1" held', '"hk-1\\" held"'),
        ("hk-1\u3164KR\u3164held\u3164it", '"hk-1\\u3164KR\\u3164held\\u3164it"'),
        ("x" * 600, f'"{"x" * 256}"'),
    ],
)
def test_what_a_sender_wrote_in_place_of_a_name_does_not_read_as_what_is_proven(name, told):
    assert as_written(name) == told
    assert act_of(Envelope(notice_released={"notice": name})) == f"release of {told}"


def test_an_act_that_this_version_does_not_know_is_proven_all_the_same():
    later = envelope()
    later.ClearField("notice_released")
    leaf = later.SerializeToString() + b"\xfa\x01\x02hi"  # field 31
    assert act_of(verify_evidence(evidence(leaf).encode(), ROOTS).envelope).startswith("an act of a kind")


def test_moments_are_written_in_utc():
    assert time_text(SEALED.astimezone(tz=None)) == "2026-01-01 09:00:00 UTC"


# --- the file -------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")  # of odd serial numbers
@pytest.mark.parametrize("every", [3, pytest.param(1, marks=long_form)])
def test_no_altered_byte_passes(every):
    """One bit of bytes of a real file, those at the ends of lines among them: no verdict is the same, nor another."""
    for place, byte in enumerate(FILE):
        if place % every and b"\n" not in FILE[max(0, place - 4) : place + 5]:
            continue
        altered = bytearray(FILE)
        altered[place] = byte ^ 1 << place % 8
        with pytest.raises(VerificationError):
            verify_evidence(bytes(altered), ROOTS)


def test_a_truncated_file_proves_nothing_unless_it_is_cut_to_the_sending_alone():
    whole = {len(SENT.encode()): None, len(FILE): datetime.fromtimestamp(RECEIVED, UTC)}
    line_ends = [place + 1 for place, byte in enumerate(FILE) if byte == ord("\n")]
    for end in sorted({*range(0, len(FILE), 37), *line_ends}):
        if end in whole:
            assert verify_evidence(FILE[:end], ROOTS).received_at == whole[end]
        else:
            with pytest.raises(VerificationError):
                verify_evidence(FILE[:end], ROOTS)


@pytest.mark.parametrize("more", [b"\n", b"\0", b" ", FILE])
def test_nothing_may_follow_the_file(more):
    refused(FILE + more, Malformed, "envelope")


@pytest.mark.parametrize(
    "extra",
    [
        b"",
        b"\xff",
        material(b"x").SerializeToString() + b"\x7a\x01x",
        material(b"x").SerializeToString() + EvidenceMaterial(envelope=b"x").SerializeToString(),
        b"\x0a\x81\x00x" + EvidenceMaterial(sender_certificates=HONG_KONG.certificates).SerializeToString(),
        EvidenceMaterial(receiver_certificates=KOREA.certificates).SerializeToString()
        + EvidenceMaterial(envelope=b"x").SerializeToString(),
    ],
    ids=["empty", "no message", "unknown field", "twice", "long length", "order"],
)
def test_material_in_another_form_is_refused(extra):
    refused(replace(RECEIPTED, extra=extra), Malformed, "file")


def test_an_envelope_of_another_channel_is_refused():
    refused(evidence(envelope(origin=f"{KR}/to/{HK}").SerializeToString()), Malformed, "envelope")


@pytest.mark.parametrize("seconds", [2**62, -(2**62)])
def test_a_time_beyond_the_calendar_is_refused(seconds):
    leaf = envelope(sealed_at=Timestamp(seconds=seconds)).SerializeToString()
    refused(evidence(leaf), Malformed, "envelope")
    if seconds > 0:
        refused(evidence(signed=seconds), Malformed, "sender signatures")
        refused(evidence(received=seconds), Malformed, "receiver cosignatures")


def test_bytes_that_are_no_envelope_are_refused():
    refused(evidence(b"\xff\xff"), Malformed, "envelope")


# --- the signatures -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", [0, 1, 2, 3])
def test_each_of_the_four_signatures_is_needed(line):
    note = Note.parse(RECEIPTED.note)
    fewer = Note(note.text, tuple(each for place, each in enumerate(note.signatures) if place != line))
    step = "sender signatures" if line < 2 else "receiver cosignatures"
    refused(replace(RECEIPTED, note=fewer.encode()), Untrusted, step)


def test_a_strangers_signatures_prove_nothing():
    stranger = FileSeal.generate()
    leaves = [b"leaf 0", b"leaf 1", envelope().SerializeToString(), b"leaf 3", b"leaf 4"]
    head = sign_checkpoint(Checkpoint(ORIGIN, 5, log_of(leaves).root()), stranger, SIGNED)
    refused(replace(SENT, note=head.note), Untrusted, "sender signatures")


def test_signatures_over_another_time_do_not_verify():
    note = Note.parse(RECEIPTED.note)
    lines = list(note.signatures)
    later = (RECEIVED + 60).to_bytes(8)
    lines[2:] = [replace(line, value=later + line.value[8:]) for line in lines[2:]]
    moved = replace(RECEIPTED, note=Note(note.text, tuple(lines)).encode())
    refused(moved, BadSignature, "receiver cosignatures")


@pytest.mark.parametrize("change", [{"index": 3}, {"proof": ()}, {"proof": RECEIPTED.proof[::-1]}])
def test_a_proof_that_leads_elsewhere_is_refused(change):
    refused(replace(RECEIPTED, **change), BadProof, "inclusion")


def test_another_envelope_is_not_in_the_log():
    other = material(envelope(salt=b"y" * 16).SerializeToString()).SerializeToString()
    refused(replace(RECEIPTED, extra=other), BadProof, "inclusion")


# --- content that is destroyed ---------------------------------------------------------------------------------------

LEAF = leaf_hash(envelope().SerializeToString())
REMAINDER = remainder_of(envelope().SerializeToString())


def certificate_of(
    origin: str = ORIGIN,
    index: int = INDEX,
    leaf: bytes = LEAF,
    sealed_in: str = ORIGIN,
    receipted: int = INDEX + 1,
    *,
    is_receipted: bool = True,
) -> bytes:
    """The evidence that Hong Kong's node certified that an envelope's content is destroyed."""
    made = certifying(origin, index, leaf, sealed_in, receipted)
    return evidence(made, receipted=is_receipted).encode()


def certifying(
    origin: str = ORIGIN, index: int = INDEX, leaf: bytes = LEAF, sealed_in: str = ORIGIN, receipted: int = INDEX + 1
) -> bytes:
    """The envelope that says so; ``receipted``: of the channel, when it was sealed."""
    named = Leaf(Place(origin, index), leaf, REMAINDER, is_destroyed=True)
    made = certificate(samples.seal(sealed_in), "hk-2026-001", [named], receipted)
    made.sealed_at.FromDatetime(SEALED)
    return made.SerializeToString()


def both_in_one_log(receipted: int = INDEX) -> tuple[Evidence, bytes]:
    """Evidence of the envelope, and the file of the certificate right after it, under one receipt."""
    made = certifying(receipted=receipted)
    leaves = [b"leaf 0", b"leaf 1", envelope().SerializeToString(), made]
    head = sign_checkpoint(Checkpoint(ORIGIN, len(leaves), log_of(leaves).root()), HONG_KONG.seal, SIGNED)
    note = countersign(head, KR, KOREA.seal, RECEIVED).note
    shown, said = (
        Evidence(material(leaves[index]).SerializeToString(), index, oracle.path(index, leaves), note)
        for index in (INDEX, INDEX + 1)
    )
    return shown, said.encode()


def hash_alone(shown: Evidence, destruction: bytes) -> bytes:
    """A file of the hash alone, and of a certificate."""
    told = material(b"")
    told.leaf_hash, told.destruction = LEAF, destruction
    return replace(shown, extra=told.SerializeToString()).encode()


def without_content(**changes: bytes) -> Evidence:
    """Evidence of the same envelope after its content was destroyed."""
    told = material(b"")
    told.leaf_hash, told.destruction = LEAF, certificate_of()
    for name, value in changes.items():
        setattr(told, name, value)
    return replace(RECEIPTED, extra=told.SerializeToString())


def test_evidence_of_destroyed_content_proves_the_hash_and_the_destruction():
    proven = verify_evidence(without_content().encode(), ROOTS)
    assert (proven.envelope, proven.sealed_at, proven.leaf_hash) == (None, None, LEAF)
    assert (proven.index, proven.received_at) == (INDEX, datetime.fromtimestamp(RECEIVED, UTC))
    assert proven.destruction is not None
    assert proven.destruction.envelope is not None
    assert proven.destruction.envelope.content_destroyed.notice == "notices/hk-2026-001"
    assert proven.steps[-1].name == "destruction"


def test_a_receipt_that_covers_the_senders_word_that_it_had_none_is_one_for_the_hash_alone():
    """Its receiver gives none before it has that word; another one was given for the content."""
    assert not verify_evidence(without_content().encode(), ROOTS).hash_alone
    proven = verify_evidence(hash_alone(*both_in_one_log()), ROOTS)
    assert proven.hash_alone
    assert not verify_evidence(hash_alone(*both_in_one_log(receipted=INDEX + 1)), ROOTS).hash_alone


@pytest.mark.parametrize("receipted", [True, False])
def test_what_says_so_in_another_history_is_refused(receipted):
    """Who signs two could show it beside the receipt of a receiver that held the content."""
    held, _ = both_in_one_log()
    elsewhere = certificate_of(receipted=INDEX, is_receipted=receipted)
    with pytest.raises(BadProof) as caught:
        verify_evidence(hash_alone(held, elsewhere), ROOTS)
    assert caught.value.metadata["step"] == "destruction"


def test_without_a_certificate_the_hash_is_proven_alone():
    assert verify_evidence(without_content(destruction=b"").encode(), ROOTS).destruction is None


def test_another_hash_is_not_in_the_log():
    refused(without_content(leaf_hash=leaf_hash(b"another"), destruction=b""), BadProof, "inclusion")


@pytest.mark.parametrize("leaf", [b"", bytes(31), bytes(33)])
def test_an_envelope_or_its_hash_is_there(leaf):
    refused(without_content(leaf_hash=leaf), Malformed, "file")
    refused(without_content(envelope=envelope().SerializeToString()), Malformed, "file")


@pytest.mark.parametrize(
    "named",
    [
        {"index": INDEX + 1},
        {"leaf": leaf_hash(b"another")},
        {"origin": "gateway.kr.example/to/gateway.hk.example"},
    ],
)
def test_a_certificate_must_name_this_very_envelope(named):
    refused(without_content(destruction=certificate_of(**named)), BadProof, "destruction")


def test_a_certificate_is_verified_like_any_evidence():
    for wrong in (b"no file", RECEIPTED.encode()[:-1]):
        refused(without_content(destruction=wrong), VerificationError, "destruction")
    refused(without_content(destruction=RECEIPTED.encode()), BadProof, "destruction")  # a release is no certificate
    refused(without_content(destruction=without_content().encode()), BadProof, "destruction")
