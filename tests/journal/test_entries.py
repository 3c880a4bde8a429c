"""Entries of the journal: every field, exactly as it was given; names bounded, each once."""

from hypothesis import given
from hypothesis import strategies as st
from regulator.exchange.v1.journal_pb2 import JournalEntry

from gateway.journal.entries import MAX_RESOURCES, CallRecord, Entry, Requester

WHO = Requester("spiffe://gateway.hk.example/SFC/desk", b"\x01" * 32, "SFC", "https://login.example#7")
GET = "/regulator.exchange.v1.NoticeService/GetNotice"


def test_a_leaf_holds_every_field():
    entry = Entry(WHO, GET, JournalEntry.TOLD, "NOT_FOUND", ("notices/hk-1",), 4, "a-request", 9, b"\x02" * 32)
    read = JournalEntry.FromString(entry.encode(b"s" * 16, 1_767_225_600_250_000))
    assert {field.name for field, _ in read.ListFields()} == {field.name for field in JournalEntry.DESCRIPTOR.fields}
    assert (read.client, read.certificate_sha256, read.authority, read.officer) == (
        WHO.client,
        WHO.certificate_sha256,
        WHO.authority,
        WHO.officer,
    )
    assert (read.method, read.step, read.outcome) == (GET, JournalEntry.TOLD, "NOT_FOUND")
    assert (read.resources, read.resources_left_out, read.count) == (["notices/hk-1"], 4, 9)
    assert read.draft_digest == b"\x02" * 32
    assert (read.salt, read.request_id) == (b"s" * 16, "a-request")
    assert read.time.ToJsonString() == "2026-01-01T00:00:00.250Z"


@given(st.lists(st.integers(0, 2 * MAX_RESOURCES), max_size=3 * MAX_RESOURCES), st.lists(st.integers(0, 50)))
def test_each_name_is_told_once_in_order_and_no_more_than_a_bound(asked, named):
    asked, named = [f"notices/{each}" for each in asked], [f"notices/{each}" for each in named]
    entry = CallRecord(WHO, GET, asked=tuple(asked)).entry(JournalEntry.ANSWERED, named)
    each_once = list(dict.fromkeys(asked + named))
    assert list(entry.resources) == each_once[:MAX_RESOURCES]
    assert len(entry.resources) + entry.left_out == len(each_once)


def test_what_is_done_is_told_as_ok():
    entry = CallRecord(WHO, GET).entry(JournalEntry.COMMITTED)
    assert (entry.step, entry.outcome, entry.count) == (JournalEntry.COMMITTED, "OK", 1)
