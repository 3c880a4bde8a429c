"""Cutting a file into chunks, and where its bytes may go on; whatever the sizes of the messages."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadInput, Stale
from gateway.supervision import attachments
from gateway.supervision.attachments import (
    AttachmentRecord,
    Chunk,
    Cutter,
    Owner,
    bound_place,
    check_offset,
    chunk_count,
    chunk_size,
    is_next,
    with_chunk,
)

SMALL = 8  # bytes of a chunk, here


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "CHUNK_BYTES", SMALL)


def record(size: int, stored: int) -> AttachmentRecord:
    whole, dropped = False, False
    return AttachmentRecord(1, "a1", Owner("SFC"), bytes(32), size, stored, whole, dropped, 0)


@st.composite
def cut_files(draw: st.DrawFn) -> tuple[bytes, list[bytes], int]:
    """A file, the messages that send it from a place on, and that place."""
    data = draw(st.binary(min_size=1, max_size=60))
    offset = draw(st.sampled_from([*range(0, len(data), SMALL), len(data)]))
    ends = sorted(draw(st.lists(st.integers(offset, len(data)), max_size=6)))
    pieces = [data[start:end] for start, end in pairwise([offset, *ends, len(data)])]
    return data, pieces, offset


@given(cut_files())
def test_chunks_are_the_same_whatever_the_messages_were(cut):
    data, pieces, offset = cut
    cutter = Cutter(len(data), offset)
    chunks = [chunk for piece in pieces for chunk in cutter.add(piece)]
    assert b"".join(chunks) == data[offset:]
    first = -(-offset // SMALL)
    sizes = [chunk_size(len(data), index) for index in range(first, chunk_count(len(data)))]
    assert [len(chunk) for chunk in chunks] == sizes


@given(cut_files(), st.binary(min_size=1, max_size=9))
def test_bytes_beyond_the_end_are_refused(cut, more):
    data, pieces, offset = cut
    cutter = Cutter(len(data), offset)
    cutter.add(b"".join(pieces))
    with pytest.raises(BadInput) as refused:
        cutter.add(more)
    assert refused.value.violations[0].field == "data"


@given(st.binary(min_size=2, max_size=60))
def test_a_chunk_that_is_not_full_is_kept_back(data):
    given_up = Cutter(len(data), 0)
    chunks = given_up.add(data[:-1])
    assert sum(map(len, chunks)) == (len(data) - 1) // SMALL * SMALL


@given(st.integers(1, 60), st.data())
def test_bytes_go_on_where_a_chunk_begins_or_what_is_durable_ends(size, draw):
    stored = draw.draw(st.sampled_from([*range(0, size, SMALL), size]))
    offset = draw.draw(st.integers(0, 70))
    if offset == stored or (offset < stored and offset % SMALL == 0):
        check_offset(record(size, stored), offset)
    else:
        with pytest.raises(BadInput):
            check_offset(record(size, stored), offset)


@given(st.integers(1, 60), st.integers(0, 9))
def test_chunks_follow_on_each_other(size, index):
    known, taken = record(size, 0), 0
    while known.stored_bytes < size and taken < index:
        known = with_chunk(known, Chunk(taken, bytes(chunk_size(size, taken)), b""), 5)
        taken += 1
    assert known.next_chunk == taken
    if index > taken:
        with pytest.raises(Stale):
            is_next(known, Chunk(index, b"", b""))
    else:
        assert is_next(known, Chunk(index, b"", b"")) == (known.stored_bytes < size)
    if taken:
        assert known.touched_at == 5
        assert not is_next(known, Chunk(taken - 1, b"", b""))


@given(st.integers(0, 63))
def test_a_name_says_which_file_of_which_notice(ordinal):
    assert bound_place(f"notices/hk-1/attachments/{ordinal + 1}") == ("notices/hk-1", ordinal)
    assert bound_place("attachments/a1") is None
