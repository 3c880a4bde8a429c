"""Checkpoints and receipts: what verifies, and what each signature is refused for."""

from base64 import b64decode
from dataclasses import replace

import pytest

from gateway.errors import BadSignature, Malformed, Untrusted, VerificationError
from gateway.ledger.checkpoint import (
    MAX_TIME,
    Checkpoint,
    SealPublic,
    SignatureType,
    cosignature_message,
    countersign,
    open_checkpoint,
    open_receipt,
    sign_checkpoint,
    subtree_message,
)
from gateway.ledger.merkle import MAX_SIZE
from gateway.ledger.note import Note, Signature, key_id
from gateway.ledger.origins import domains_of, origin_of
from tests.ledger.samples import (
    HK,
    HK_SEAL,
    HK_TO_KR,
    KR,
    KR_SEAL,
    KR_TO_HK,
    LATER,
    STRANGER_SEAL,
    TIME,
    checkpoint_of,
    envelopes,
    head_of,
    receipt_of,
)

LEAVES = envelopes(5)
CHECKPOINT = checkpoint_of(LEAVES)
HEAD, RECEIPT = head_of(LEAVES), receipt_of(LEAVES)
SENDER_ED25519, SENDER_ML_DSA, RECEIVER_ED25519, RECEIVER_ML_DSA = range(4)


def open_head(data):
    return open_checkpoint(data, HK_TO_KR, HK_SEAL.public)


def open_whole(data):
    return open_receipt(data, HK_TO_KR, HK_SEAL.public, KR, KR_SEAL.public)


def lines_of(data):
    return list(Note.parse(data).signatures)


def with_lines(lines, text=None):
    return Note(text or CHECKPOINT.text(), tuple(lines)).encode()


# --- what verifies ----------------------------------------------------------------------------------------------


def test_a_signed_checkpoint_opens_to_what_was_signed():
    assert open_head(HEAD.note) == HEAD
    assert (HEAD.checkpoint, HEAD.time) == (CHECKPOINT, TIME)


def test_a_receipt_opens_to_what_was_signed_and_bears_the_receivers_time():
    assert open_whole(RECEIPT.note) == RECEIPT
    assert (RECEIPT.checkpoint, RECEIPT.time) == (CHECKPOINT, LATER)


def test_the_four_lines_bear_the_names_and_key_ids_of_the_specification():
    hk, kr = HK_SEAL.public, KR_SEAL.public
    assert [(line.name, line.key_id, len(line.value)) for line in lines_of(RECEIPT.note)] == [
        (HK_TO_KR, key_id(HK_TO_KR, 0x01, hk.ed25519), 64),
        (HK_TO_KR, key_id(HK_TO_KR, 0x06, hk.ml_dsa_44), 8 + 2420),
        (KR, key_id(KR, 0x04, kr.ed25519), 8 + 64),
        (KR, key_id(KR, 0x06, kr.ml_dsa_44), 8 + 2420),
    ]


def test_a_checkpoint_is_found_in_its_receipt_and_leaves_the_cosignatures_off():
    assert open_head(RECEIPT.note) == HEAD


def test_lines_of_unknown_keys_are_ignored_and_left_off():
    stranger = Signature("witness.example", b"abcd", b"who knows")
    assert open_whole(with_lines([stranger, *lines_of(RECEIPT.note)])) == RECEIPT
    assert open_head(with_lines([*lines_of(HEAD.note), stranger])) == HEAD


def test_the_order_of_lines_does_not_count():
    assert open_whole(with_lines(lines_of(RECEIPT.note)[::-1])) == RECEIPT


def test_an_empty_log_can_be_signed():
    head = head_of([])
    assert open_head(head.note).checkpoint.size == 0


def test_the_signed_messages_are_those_of_the_specification():
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    assert cosignature_message(1679315147, text) == f"cosignature/v1\ntime 1679315147\n{text}".encode()
    message = subtree_message("kr", 1, Checkpoint("a/to/b", 5, bytes(range(32))))
    assert message == (
        b"subtree/v1\n\0" + b"\x02kr" + bytes(7) + b"\x01" + b"\x06a/to/b" + bytes(8) + bytes(7) + b"\x05"
    ) + bytes(range(32))


def test_verifier_keys_are_those_of_the_cosignatures():
    keys = KR_SEAL.public.verifier_keys(KR), (KR_SEAL.public.ed25519, KR_SEAL.public.ml_dsa_44)
    for line, verifier, raw, kind in zip(lines_of(RECEIPT.note)[2:], *keys, (b"\x04", b"\x06"), strict=True):
        name, identifier, encoded = verifier.split("+", 2)
        assert (name, identifier, b64decode(encoded)) == (KR, line.key_id.hex(), kind + raw)


# --- what is refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", range(4))
def test_a_receipt_without_one_of_its_four_lines_is_refused(missing):
    lines = lines_of(RECEIPT.note)
    del lines[missing]
    with pytest.raises(Untrusted, match="there are 0"):
        open_whole(with_lines(lines))


@pytest.mark.parametrize("twice", range(4))
def test_a_receipt_with_two_lines_of_one_key_is_refused(twice):
    lines = lines_of(RECEIPT.note)
    with pytest.raises(Untrusted, match="there are 2"):
        open_whole(with_lines([*lines, lines[twice]]))


@pytest.mark.parametrize("place", range(4))
def test_a_signature_by_another_key_under_the_right_name_and_id_is_refused(place):
    """A key id has 4 bytes: an attacker can make a key that collides."""
    lines = lines_of(RECEIPT.note)
    sender = sign_checkpoint(CHECKPOINT, STRANGER_SEAL, TIME)
    forged = lines_of(countersign(sender, KR, STRANGER_SEAL, LATER).note)[place]
    lines[place] = replace(lines[place], value=forged.value)
    with pytest.raises(BadSignature):
        open_whole(with_lines(lines))


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize(
    "other",
    [
        replace(CHECKPOINT, origin=KR_TO_HK),
        replace(CHECKPOINT, origin=origin_of(HK, "gateway.sg.example")),
        replace(CHECKPOINT, size=6),
        replace(CHECKPOINT, size=0),
        replace(CHECKPOINT, root=bytes(32)),
    ],
    ids=["the other direction", "another pair", "a larger size", "no size", "another root"],
)
def test_a_signature_over_another_checkpoint_is_refused(place, other):
    sender = sign_checkpoint(other, HK_SEAL, TIME)
    lines = lines_of(RECEIPT.note)
    moved = lines_of(countersign(sender, KR, KR_SEAL, LATER).note)[place]
    lines[place] = replace(lines[place], value=moved.value)
    with pytest.raises(BadSignature):
        open_whole(with_lines(lines))


@pytest.mark.parametrize("place", [SENDER_ML_DSA, RECEIVER_ED25519, RECEIVER_ML_DSA])
def test_a_signature_of_another_time_is_refused(place):
    lines = lines_of(RECEIPT.note)
    value = lines[place].value
    lines[place] = replace(lines[place], value=(LATER + 1).to_bytes(8) + value[8:])
    with pytest.raises(BadSignature):
        open_whole(with_lines(lines))


def test_cosignatures_of_two_times_are_refused():
    early, late = lines_of(RECEIPT.note), lines_of(receipt_of(LEAVES, time=LATER + 1).note)
    with pytest.raises(BadSignature, match="different times"):
        open_whole(with_lines([*early[:3], late[3]]))


@pytest.mark.parametrize("place", [SENDER_ML_DSA, RECEIVER_ED25519, RECEIVER_ML_DSA])
@pytest.mark.parametrize("value", [bytes(7), bytes(8), (MAX_TIME + 1).to_bytes(8) + bytes(64)])
def test_a_line_without_a_time_and_a_signature_is_refused(place, value):
    lines = lines_of(RECEIPT.note)
    lines[place] = replace(lines[place], value=value)
    with pytest.raises(Malformed, match="timestamped"):
        open_whole(with_lines(lines))


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("change", [lambda value: value[:-1], lambda value: value + b"\0", lambda value: value[:9]])
def test_a_signature_of_another_length_is_refused(place, change):
    lines = lines_of(RECEIPT.note)
    lines[place] = replace(lines[place], value=change(lines[place].value))
    with pytest.raises(BadSignature):
        open_whole(with_lines(lines))


def test_every_signature_in_the_place_of_every_other_one_is_refused():
    """Protocols must not cross: a receipt is no checkpoint, a checkpoint no receipt, under any key or name."""
    parts = lines_of(RECEIPT.note)
    both_roles = [*parts, *lines_of(countersign(HEAD, KR, HK_SEAL, LATER).note)[2:]]
    both_roles += lines_of(sign_checkpoint(CHECKPOINT, KR_SEAL, LATER).note)
    for place, rightful in enumerate(parts):
        for other in both_roles:
            if other.value == rightful.value:
                continue
            for value in (other.value, other.value[8:], LATER.to_bytes(8) + other.value):
                lines = [*parts[:place], replace(rightful, value=value), *parts[place + 1 :]]
                with pytest.raises(VerificationError):
                    open_whole(with_lines(lines))


def test_a_receipt_by_one_key_for_both_roles_proves_neither_role_with_the_others_line():
    """Even where one node's seal serves as sender and receiver, its lines cannot be exchanged."""
    receipt = countersign(HEAD, KR, HK_SEAL, TIME)  # the same seal, and the same time
    lines = lines_of(receipt.note)
    assert open_receipt(receipt.note, HK_TO_KR, HK_SEAL.public, KR, HK_SEAL.public) == receipt
    for one, other in ((1, 3), (3, 1)):
        changed = list(lines)
        changed[one] = replace(lines[one], value=lines[other].value)
        with pytest.raises(BadSignature):
            open_receipt(with_lines(changed), HK_TO_KR, HK_SEAL.public, KR, HK_SEAL.public)


@pytest.mark.parametrize(
    ("origin", "sender", "domain", "receiver"),
    [
        (KR_TO_HK, HK_SEAL, KR, KR_SEAL),
        (HK_TO_KR, KR_SEAL, KR, KR_SEAL),
        (HK_TO_KR, HK_SEAL, HK, KR_SEAL),
        (HK_TO_KR, HK_SEAL, KR, HK_SEAL),
        (HK_TO_KR, STRANGER_SEAL, KR, KR_SEAL),
        (HK_TO_KR, HK_SEAL, KR, STRANGER_SEAL),
    ],
    ids=["other direction", "receiver as sender", "other name", "sender as receiver", "no sender", "no receiver"],
)
def test_a_receipt_is_refused_for_parties_that_are_not_its_own(origin, sender, domain, receiver):
    with pytest.raises((Malformed, Untrusted)):
        open_receipt(RECEIPT.note, origin, sender.public, domain, receiver.public)


def test_keys_of_two_seals_cannot_be_mixed():
    mixed = SealPublic(HK_SEAL.public.ed25519, STRANGER_SEAL.public.ml_dsa_44)
    with pytest.raises(Untrusted, match="ML_DSA_44"):
        open_checkpoint(HEAD.note, HK_TO_KR, mixed)


@pytest.mark.parametrize(
    "text",
    [
        CHECKPOINT.text() + "an extension\n",
        CHECKPOINT.text().replace("\n5\n", "\n05\n"),
        CHECKPOINT.text().replace("\n5\n", "\n+5\n"),
        CHECKPOINT.text().replace("\n5\n", "\n-5\n"),
        CHECKPOINT.text().replace("\n5\n", "\n5 \n"),
        CHECKPOINT.text().replace("\n5\n", "\n\u0665\n"),
        CHECKPOINT.text().replace("\n5\n", f"\n{MAX_SIZE + 1}\n"),
        CHECKPOINT.text().replace("\n5\n", f"\n{10**30}\n"),
        CHECKPOINT.text().replace("\n5\n", "\n\n"),
        CHECKPOINT.text().replace("/to/", "/TO/"),
        CHECKPOINT.text().replace("=\n", "\n"),
        f"{HK_TO_KR}\n5\nAAAA\n",
        f"{HK_TO_KR}\n5\n",
    ],
)
def test_a_note_that_is_no_checkpoint_is_refused(text):
    with pytest.raises(Malformed):
        open_head(with_lines(lines_of(HEAD.note), text))


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "a",
        "/to/b",
        "a/to/",
        "a/to/b/to/c",
        "A/to/b",
        "a/to/b\n",
        "-a/to/b",
        "a b/to/c",
        "é/to/b",
        f"{'a' * 251}/to/b",
    ],
)
def test_an_origin_of_another_form_is_refused(origin):
    with pytest.raises(Malformed):
        domains_of(origin)


def test_an_origin_names_both_ends():
    assert domains_of(origin_of(HK, KR)) == (HK, KR)
    assert domains_of(f"{'a' * 250}/to/b") == ("a" * 250, "b")


@pytest.mark.parametrize(("size", "root"), [(-1, bytes(32)), (MAX_SIZE + 1, bytes(32)), (1, bytes(31)), (1, b"")])
def test_a_checkpoint_that_cannot_be_is_not_made(size, root):
    with pytest.raises(Malformed):
        Checkpoint(HK_TO_KR, size, root)


@pytest.mark.parametrize(("ed25519", "ml_dsa_44"), [(31, 1312), (33, 1312), (32, 1311), (32, 0)])
def test_a_seal_of_other_lengths_is_not_made(ed25519, ml_dsa_44):
    with pytest.raises(Malformed):
        SealPublic(bytes(ed25519), bytes(ml_dsa_44))


def flips(data):
    """Each bit of the readable parts, and of the long ML-DSA lines one bit in turn of every fifth byte."""
    for place, byte in enumerate(data):
        line = data.rfind(b"\n", 0, place) + 1
        long_value = data.find(b"\n", place) - line > 1000 and place - line > 80
        bits = range(place // 5 % 8, 8 if place % 5 == 0 else 0, 8) if long_value else range(8)
        for bit in bits:
            yield data[:place] + bytes([byte ^ 1 << bit]) + data[place + 1 :]


def test_a_receipt_with_any_bit_turned_is_refused():
    for altered in flips(RECEIPT.note):
        with pytest.raises(VerificationError):
            open_whole(altered)


@pytest.mark.parametrize("end", range(0, len(RECEIPT.note), 97))
def test_a_receipt_cut_short_is_refused(end):
    with pytest.raises(VerificationError):
        open_whole(RECEIPT.note[:end])


def test_signature_types_are_the_assigned_ones():
    assert [kind.value for kind in SignatureType] == [0x01, 0x04, 0x06]
