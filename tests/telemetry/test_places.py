"""Which envelope belongs to which trace."""

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import SpanContext, TraceFlags

from gateway.telemetry.places import MAX_KEPT, Places

CONTEXTS = [
    SpanContext(trace_id=number, span_id=number, is_remote=False, trace_flags=TraceFlags(1)) for number in (1, 2)
]
RANGES = st.tuples(
    st.sampled_from(["a/to/b", "a/to/c"]), st.integers(0, 30), st.integers(0, 9), st.sampled_from(CONTEXTS)
)


@given(st.lists(RANGES), st.integers(0, 30), st.integers(0, 40))
def test_each_envelope_has_the_trace_that_it_was_kept_with_last(ranges, first, count):
    places, model = Places(), {}
    for origin, start, length, context in ranges:
        places.keep(origin, start, start + length, context)
        model |= {(origin, index): context for index in range(start, start + length)}
    for origin in ("a/to/b", "a/to/c", "a/to/d"):
        expected = {index: model[origin, index] for index in range(first, first + count) if (origin, index) in model}
        assert {
            index: found for index in range(first, first + count) if (found := places.find(origin, index))
        } == expected
        runs = list(places.runs(origin, first, first + count))
        assert {index: run[2] for run in runs for index in range(run[0], run[0] + run[1])} == expected
        assert sum(run[1] for run in runs) == len(expected)


def test_runs_are_as_long_as_they_can_be():
    places = Places()
    places.keep("a/to/b", 2, 5, CONTEXTS[0])
    places.keep("a/to/b", 5, 6, CONTEXTS[1])
    places.keep("a/to/b", 8, 9, CONTEXTS[1])
    assert list(places.runs("a/to/b", 0, 20)) == [(2, 3, CONTEXTS[0]), (5, 1, CONTEXTS[1]), (8, 1, CONTEXTS[1])]


def test_the_oldest_go_and_those_of_other_channels_stay():
    places = Places()
    places.keep("a/to/b", 0, 3, CONTEXTS[0])
    places.keep("a/to/c", 0, 3 * MAX_KEPT, CONTEXTS[1])
    places.keep("a/to/c", 2 * MAX_KEPT, 2 * MAX_KEPT + 1, CONTEXTS[0])  # told again: it is the newest now
    places.keep("a/to/c", 3 * MAX_KEPT, 3 * MAX_KEPT + 1, CONTEXTS[1])
    assert places.find("a/to/b", 0) is CONTEXTS[0]
    assert places.find("a/to/c", 2 * MAX_KEPT) is CONTEXTS[0]
    assert places.find("a/to/c", 2 * MAX_KEPT + 1) is None
    assert sum(run[1] for run in places.runs("a/to/c", 0, 4 * MAX_KEPT)) == MAX_KEPT
