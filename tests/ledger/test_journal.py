"""Exports of an access journal: their format, and that they are nothing but the log that was signed."""

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadProof, Malformed
from gateway.ledger.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from gateway.ledger.journal import (
    HEADER,
    MAX_LINE_BYTES,
    JournalHead,
    JournalWalk,
    encode_entry,
    read_entries,
)
from gateway.ledger.origins import domain_of_journal, journal_origin
from tests.ledger import oracle
from tests.ledger.samples import HK, HK_SEAL, HK_TO_KR, TIME, log_of

ORIGIN = journal_origin(HK)
LEAVES = [f"entry {index}".encode() for index in range(23)]


def checkpoint(size: int, leaves: list[bytes] = LEAVES) -> Checkpoint:
    return Checkpoint(ORIGIN, size, oracle.mth(leaves[:size]))


def head(first: int = 5, size: int = 23) -> JournalHead:
    note = sign_checkpoint(checkpoint(size), HK_SEAL, TIME).note
    return JournalHead(log_of(LEAVES[:first]), (b"ed25519", b"ml-dsa-44"), note)


def walk(leaves: list[bytes], first: int, *checkpoints: Checkpoint) -> None:
    walking = JournalWalk(log_of(LEAVES[:first]), *checkpoints)
    for leaf in leaves:
        walking.take(leaf)
    walking.finish()


# --- the origin -----------------------------------------------------------------------------------------------------


def test_a_journal_is_named_after_its_node():
    assert ORIGIN == "gateway.hk.example/journal"
    assert domain_of_journal(ORIGIN) == HK


@pytest.mark.parametrize(
    "origin", ["", "/journal", HK_TO_KR, f"{HK}/Journal", f"{HK}/journal/", "a" * 250 + "/journal"]
)
def test_another_origin_is_none_of_a_journal(origin):
    with pytest.raises(Malformed):
        domain_of_journal(origin)


def test_what_is_signed_for_a_journal_verifies_for_no_channel():
    note = sign_checkpoint(checkpoint(3), HK_SEAL, TIME).note
    assert open_checkpoint(note, ORIGIN, HK_SEAL.public).checkpoint == checkpoint(3)
    with pytest.raises(Malformed):
        open_checkpoint(note, HK_TO_KR, HK_SEAL.public)


# --- the file -------------------------------------------------------------------------------------------------------


@given(st.integers(0, 23))
def test_a_head_is_read_as_it_was_written(first):
    lines = iter(head(first).encode().splitlines(keepends=True))
    assert JournalHead.read(lines) == head(first)
    assert next(lines, None) is None, "the entries follow"


def test_the_head_has_the_lines_that_are_documented():
    lines = head().encode().decode().splitlines()
    assert lines[:2] == [HEADER, "first 5"]
    assert [line.partition(" ")[0] for line in lines[2:6]] == ["certificate", "certificate", "edge", "edge"]
    assert lines[6:9] == ["", ORIGIN, "23"]
    assert [line.partition(" ")[0] for line in lines[9:]][1:] == ["", "—", "—", ""]


@given(st.lists(st.binary(max_size=200)))
def test_entries_are_read_as_they_were_written(leaves):
    assert list(read_entries(iter([encode_entry(leaf) for leaf in leaves]))) == leaves


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"journal@v1", b"journal@v2"),
        (b"first 5", b"first 05"),
        (b"first 5", b"first 4"),
        (b"first 5", b"first 9999999999999999999"),
        (b"first 5\n", b""),
        (b"certificate", b"certificat"),
        (b"certificate", b"edge"),
        (b"edge", b"certificate"),
        (b"edge ", b"edge  "),
        (b"\n\n", b"\nmore\n\n"),
        (b"\n\n", b"\n"),
        (b"\n", b"\r\n"),
    ],
)
def test_another_form_is_malformed(old, new):
    data = head().encode()
    assert old in data
    with pytest.raises(Malformed):
        JournalHead.read(iter(data.replace(old, new, 1).splitlines(keepends=True))).checkpoint()


@given(st.binary(max_size=300) | st.binary(max_size=60).map(lambda tail: head().encode()[:400] + tail))
def test_any_bytes_give_a_head_or_the_one_documented_error(data):
    with suppress(Malformed):
        JournalHead.read(iter(data.splitlines(keepends=True)))


@pytest.mark.parametrize(
    "line", [b"", b"ab", b"ab==", b"ab==\n", b"YQ==", b"YQ= =\n", "ä\n".encode(), b"A" * MAX_LINE_BYTES + b"\n"]
)
def test_a_line_that_is_no_entry_is_malformed(line):
    with pytest.raises(Malformed):
        list(read_entries(iter([line])))


def test_a_head_without_end_is_not_read_for_ever():
    def lines():
        yield f"{HEADER}\n".encode()
        while True:
            yield b"edge AAAA\n"

    with pytest.raises(Malformed):
        JournalHead.read(lines())


def test_a_checkpoint_of_a_channel_heads_no_journal():
    note = sign_checkpoint(Checkpoint(HK_TO_KR, 3, bytes(32)), HK_SEAL, TIME).note
    with pytest.raises(Malformed):
        replace(head(), note=note).checkpoint()


# --- the walk -------------------------------------------------------------------------------------------------------


@given(st.data())
def test_what_was_signed_passes_from_any_entry_on_and_past_any_earlier_checkpoint(data):
    size = data.draw(st.integers(1, 23))
    first = data.draw(st.integers(0, size))
    earlier = data.draw(st.integers(first, size))
    walk(LEAVES[first:size], first, checkpoint(size), checkpoint(earlier))


@given(st.data())
def test_an_entry_that_is_altered_taken_out_added_or_moved_is_found(data):
    first = data.draw(st.integers(0, 20))
    leaves = LEAVES[first:]
    place = data.draw(st.integers(0, len(leaves) - 1))
    other = data.draw(st.integers(0, len(leaves) - 1).filter(lambda other: other != place))
    altered, moved = leaves.copy(), leaves.copy()
    altered[place] += b"!"
    moved[place], moved[other] = moved[other], moved[place]
    for wrong in (altered, moved, leaves[:place] + leaves[place + 1 :], [*leaves[:place], b"", *leaves[place:]]):
        with pytest.raises(BadProof):
            walk(wrong, first, checkpoint(23))


def test_a_journal_that_was_cut_and_signed_again_contradicts_the_checkpoint_that_was_kept():
    with pytest.raises(BadProof, match="ends after 20"):
        walk(LEAVES[:20], 0, checkpoint(20), checkpoint(22))


def test_a_journal_that_was_rewritten_and_signed_again_contradicts_the_checkpoint_that_was_kept():
    rewritten = [b"innocent", *LEAVES[1:]]
    with pytest.raises(BadProof, match="first 4 entries"):
        walk(rewritten, 0, checkpoint(23, rewritten), checkpoint(4))


def test_an_export_that_begins_after_the_checkpoint_that_was_kept_shows_nothing_of_it():
    with pytest.raises(BadProof, match="begins with entry 5"):
        walk(LEAVES[5:], 5, checkpoint(23), checkpoint(4))


def test_an_export_without_entries_is_a_checkpoint_to_be_kept():
    walk([], 23, checkpoint(23))
