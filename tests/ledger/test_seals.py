"""A history of seals: each signs up to where the next one came, and nothing beyond; what is unknown is told apart."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import RemoteProtocolError, UnknownSeal, Untrusted
from gateway.ledger.batch import verify_batch
from gateway.ledger.checkpoint import Checkpoint, open_checkpoint, open_receipt, sign_checkpoint
from gateway.ledger.merkle import MAX_SIZE, leaf_hash
from gateway.ledger.seals import CertifiedSeal, SealHistory, SealSpan, rotation_in
from tests.ledger.samples import (
    CHANNEL_SEALS,
    HK,
    HK_SEAL,
    HK_TO_KR,
    KR,
    KR_TO_HK,
    STRANGER_SEAL,
    TIME,
    batch_of,
    certified,
    envelopes,
    fixed_seal,
    head_of,
    log_of,
    receipt_of,
    rotation,
)

KEYS = [fixed_seal(f"{HK} {number}") for number in range(5)]
LEAVES = envelopes(3)
NEXT = KEYS[0]
TURNED = [*LEAVES, rotation(NEXT)]


def signed(size, key):
    return sign_checkpoint(Checkpoint(HK_TO_KR, size, bytes(32)), key, TIME).note


@st.composite
def histories(draw):
    """The sizes above which each of the keys holds, and the history of them."""
    turns = sorted(draw(st.lists(st.integers(1, 40), max_size=4, unique=True)))
    history = SealHistory.of(certified(KEYS[0]))
    for key, above in zip(KEYS[1:], turns, strict=False):
        history = history.rotated(above, certified(key))
    return [0, *turns], history


@given(histories(), st.integers(1, 50))
def test_a_key_signs_up_to_where_the_next_one_came_and_nothing_beyond(made, size):
    turns, history = made
    for place, key in enumerate(KEYS[: len(turns)]):
        last = turns[place + 1] if place + 1 < len(turns) else None
        if last is None or size <= last:
            assert open_checkpoint(signed(size, key), HK_TO_KR, history).checkpoint.size == size
        else:
            with pytest.raises(Untrusted, match=f"at size {last}"):
                open_checkpoint(signed(size, key), HK_TO_KR, history)


@given(histories(), st.integers(1, 50))
def test_a_key_of_nobody_is_unknown_whatever_the_size(made, size):
    with pytest.raises(UnknownSeal):
        open_checkpoint(signed(size, STRANGER_SEAL), HK_TO_KR, made[1])


def test_own_keys_that_the_log_has_lost_count_at_any_size():
    history = SealHistory.of(certified(KEYS[0])).expecting([certified(KEYS[0]), certified(KEYS[1])])
    assert open_checkpoint(signed(9, KEYS[1]), HK_TO_KR, history)
    assert [seal.public for seal in history.coming] == [KEYS[1].public]


@pytest.mark.parametrize(
    ("guessed", "size", "expected"),
    [
        (2, 0, [(0, 1)]),  # the channel was made anew, and it was founded earlier
        (0, 0, [(0, 0), (0, 1)]),  # an operator had put it in its place before anything was signed
        (0, 7, [(0, 0), (7, 1)]),  # or after that
        (2, 7, [(0, 2), (7, 1)]),
    ],
)
def test_an_own_seal_that_signed_what_comes_back_is_known_from_there_on(guessed, size, expected):
    seals = [replace(certified(key), not_before=place) for place, key in enumerate(KEYS)]
    history = SealHistory.of(seals[guessed]).expecting(seals)
    assert history.unknown_signer(signed(9, KEYS[1]), HK_TO_KR, 9) == seals[1]
    learnt = history.learnt(size, seals[1], is_first=size == 0)
    assert learnt.spans == tuple(SealSpan(above, seals[place]) for above, place in expected)
    assert learnt.unknown_signer(signed(9, KEYS[1]), HK_TO_KR, 9) is None
    assert learnt.unknown_signer(signed(9, KEYS[3]), HK_TO_KR, 9) == seals[3]


def test_only_of_own_seals_one_that_is_not_known_is_looked_for():
    assert SealHistory.of(certified(KEYS[0])).unknown_signer(signed(9, KEYS[1]), HK_TO_KR, 9) is None


def test_what_is_signed_outside_of_the_certificates_time_proves_nothing():
    for window in ((TIME + 1, TIME + 9), (TIME - 9, TIME - 1)):
        dated = SealHistory.of(CertifiedSeal(HK_SEAL.public, (b"", b""), *window))
        with pytest.raises(Untrusted, match="outside of the time"):
            open_checkpoint(signed(3, HK_SEAL), HK_TO_KR, dated)
        receivers = SealHistory.of(CertifiedSeal(CHANNEL_SEALS.receiver.newest.public, (b"", b""), *window))
        with pytest.raises(Untrusted, match="outside of the time"):
            open_receipt(receipt_of(LEAVES).note, HK_TO_KR, CHANNEL_SEALS.sender, KR, receivers)


def test_a_batch_that_ends_in_a_rotation_brings_the_next_seal():
    verified = verify_batch(batch_of(TURNED, 0), log_of([]), CHANNEL_SEALS)
    assert verified.rotation is not None
    assert (verified.rotation.above, verified.rotation.seal) == (4, certified(NEXT))
    after = CHANNEL_SEALS.after(verified.rotation)
    longer = [*TURNED, b"more"]
    assert verify_batch(batch_of(longer, 4, NEXT), log_of(TURNED), after).rotation is None
    with pytest.raises(Untrusted, match="gave up"):
        verify_batch(batch_of(longer, 4), log_of(TURNED), after)
    assert verify_batch(batch_of(TURNED, 0), log_of([]), after).rotation is None, "it came again"


def test_what_no_root_commits_to_brings_no_seal():
    """Of a destroyed envelope the hash alone is proven: the other side could put a rotation in its place."""
    batch = batch_of(envelopes(4), 0)
    batch.envelopes[3] = TURNED[3]
    batch.destroyed.add(index=3, leaf_hash=leaf_hash(envelopes(4)[3]))
    with pytest.raises(RemoteProtocolError, match="destroyed"):
        verify_batch(batch, log_of([]), CHANNEL_SEALS)


@pytest.mark.parametrize(
    ("leaves", "error"),
    [
        ([rotation(NEXT), *LEAVES], RemoteProtocolError),
        ([*LEAVES, rotation(NEXT, origin=KR_TO_HK)], RemoteProtocolError),
        ([*LEAVES, rotation(fixed_seal("somebody else"))], Untrusted),
        ([rotation(NEXT), *LEAVES, rotation(KEYS[1])], RemoteProtocolError),
    ],
)
def test_a_rotation_out_of_place_or_not_certified_is_refused_before_anything_is_kept(leaves, error):
    with pytest.raises(error):
        verify_batch(batch_of(leaves, 0), log_of([]), CHANNEL_SEALS)


def test_a_rotation_that_comes_again_is_no_other_one():
    verified = verify_batch(batch_of(TURNED, 0), log_of([]), CHANNEL_SEALS)
    assert rotation_in([rotation(NEXT)], 9, CHANNEL_SEALS.after(verified.rotation), verified.head) is None


@pytest.mark.parametrize(
    "keys",
    [
        HK_SEAL.public,
        replace(NEXT.public, ed25519=HK_SEAL.public.ed25519),
        replace(NEXT.public, ml_dsa_44=HK_SEAL.public.ml_dsa_44),
    ],
    ids=["both", "ed25519", "ml-dsa-44"],
)
def test_nobody_rotates_to_a_key_that_signed_before(keys):
    """It would sign beyond where it was given up; and what it had signed would be taken for the new seal's."""
    seals = replace(CHANNEL_SEALS, certify=lambda _domain, certificates, _at: CertifiedSeal(keys, certificates))
    with pytest.raises(Untrusted, match="had before"):
        verify_batch(batch_of(TURNED, 0), log_of([]), seals)


@pytest.mark.parametrize("tag", ["f28100", "f2818000", "f281808000"])
def test_a_rotation_is_one_however_long_the_tag_of_its_field_is_written(tag):
    """Protobuf reads a tag with needless bytes as well: what takes the envelope in then sees a rotation."""
    whole = rotation(NEXT)
    written = whole.replace(b"\xf2\x01", bytes.fromhex(tag))
    assert written != whole
    verified = verify_batch(batch_of([*LEAVES, written], 0), log_of([]), CHANNEL_SEALS)
    assert verified.rotation is not None
    assert verified.rotation.seal == certified(NEXT)


def test_a_rotation_that_tells_of_more_receipts_than_a_log_can_have_is_refused():
    """What is stored counts up to 2^63 - 1: a commit with more would fail, and all that wait for it with it."""
    most = verify_batch(batch_of([*LEAVES, rotation(NEXT, MAX_SIZE)], 0), log_of([]), CHANNEL_SEALS)
    assert most.rotation is not None
    with pytest.raises(RemoteProtocolError, match="receipts"):
        verify_batch(batch_of([*LEAVES, rotation(NEXT, MAX_SIZE + 1)], 0), log_of([]), CHANNEL_SEALS)


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_bytes_that_are_no_rotation_are_none(leaves):
    assert rotation_in([*leaves, b"\xf2\x01"], 0, CHANNEL_SEALS, head_of(TURNED)) is None
