"""Refusals: the first of a kind at once, equal ones together, all of them counted, memory bounded."""

from collections import Counter
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from gateway.journal.entries import MAX_RESOURCES, Requester
from gateway.journal.refusals import MAX_KINDS, Kind, Refusals

GET = "/p.S/Get"


def kind(who: int, reason: str = "NOT_ALLOWED") -> Kind:
    return Kind(Requester(f"client {who}"), GET, reason)


def test_the_first_is_written_at_once_and_those_that_equal_it_together():
    refusals = Refusals()
    first = refusals.take(kind(1), ("notices/a",), "a-request")
    assert first
    assert (first.outcome, first.count, first.resources, first.request_id) == (
        "NOT_ALLOWED",
        1,
        ("notices/a",),
        "a-request",
    )
    assert [refusals.take(kind(1), (f"notices/{name}",)) for name in "bcb"] == [None] * 3
    (together,) = refusals.end()
    assert (together.count, together.resources, together.request_id) == (3, ("notices/b", "notices/c"), "")


def test_a_new_interval_begins_anew():
    refusals = Refusals()
    assert refusals.take(kind(1))
    assert refusals.end() == []
    assert refusals.take(kind(1))


def test_what_could_not_be_written_is_counted_again():
    refusals = Refusals()
    first = refusals.take(kind(1), ("notices/a",))
    assert first
    refusals.put_back(first)
    assert [(entry.count, entry.resources) for entry in refusals.end()] == [(1, ("notices/a",))]


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from(["NOT_ALLOWED", "BAD_INPUT"]), st.integers(1, 3)), max_size=200
    )
)
def test_every_refusal_is_counted_once(taken):
    refusals = Refusals()
    first = [refusals.take(kind(who, reason), count=count) for who, reason, count in taken]
    found = Counter()
    for entry in chain(filter(None, first), refusals.end()):
        found[entry.requester.client, entry.outcome] += entry.count
    expected = Counter()
    for who, reason, count in taken:
        expected[f"client {who}", reason] += count
    assert found == expected


def test_a_flood_of_kinds_is_counted_by_reason_alone():
    refusals = Refusals()
    written = [refusals.take(kind(who)) for who in range(3 * MAX_KINDS)]
    assert sum(entry is not None for entry in written) == MAX_KINDS
    (rest,) = refusals.end()
    assert (rest.requester, rest.method, rest.count) == (Requester(), "", 2 * MAX_KINDS)


def test_what_cannot_be_written_for_long_is_bounded_and_none_of_it_is_lost():
    refusals = Refusals()
    for interval in range(3):
        ended = refusals.end()  # while these are written, in vain, others come
        written = [refusals.take(kind(interval * MAX_KINDS + who)) for who in range(MAX_KINDS)]
        for entry in [*ended, *filter(None, written)]:
            refusals.put_back(entry)
    entries = refusals.end()
    assert len(entries) <= MAX_KINDS + 1  # the last one has all that is told by its reason alone
    assert sum(entry.count for entry in entries) == 3 * MAX_KINDS


def test_names_that_were_left_out_of_what_could_not_be_written_are_counted_too():
    refusals = Refusals()
    first = refusals.take(kind(1), tuple(f"notices/{number}" for number in range(MAX_RESOURCES + 7)))
    assert first
    refusals.put_back(first)
    assert [entry.left_out for entry in refusals.end()] == [7]


def test_a_flood_of_names_is_counted():
    refusals = Refusals()
    for number in range(2 * MAX_RESOURCES + 1):
        refusals.take(kind(1), (f"notices/{number}",))
    (entry,) = refusals.end()
    assert (len(entry.resources), entry.left_out, entry.count) == (MAX_RESOURCES, MAX_RESOURCES, 2 * MAX_RESOURCES)
