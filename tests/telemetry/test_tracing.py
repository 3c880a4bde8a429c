"""Spans of calls, of what they share, and of what travels."""

import asyncio
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanContext, StatusCode, TraceFlags
from regulator.exchange.v1.peer_service_pb2 import Batch, ExchangeRequest, Hello, TracedEnvelopes

from gateway.telemetry.contexts import SPANS, of_now, parsed, written
from gateway.telemetry.tracing import OFF, Tracing, Work, refused, work_of_now
from gateway.telemetry.travelling import MAX_TRACES, Sending, receiving

METHOD = "/regulator.exchange.v1.NoticeService/CreateNotice"
ORIGIN = "gateway.hk.example/to/gateway.kr.example"


def remote(number: int, flags: int = 1) -> SpanContext:
    return SpanContext(trace_id=number, span_id=number, is_remote=True, trace_flags=TraceFlags(flags))


def batch(first: int, count: int, *traced: TracedEnvelopes) -> ExchangeRequest:
    return ExchangeRequest(batch=Batch(first_index=first, envelopes=[b"e"] * count), traced=traced)


def named(told: Any) -> dict[str, list[ReadableSpan]]:
    found: dict[str, list[ReadableSpan]] = {}
    for span in told.get_finished_spans():
        found.setdefault(span.name, []).append(span)
    return found


def worked(tracing: Tracing, number: int, *sealed: tuple[str, int, int]) -> Work:
    """What a call of a trace has the writer do."""
    with tracing.call(METHOD, remote(number)):
        work = work_of_now()
    assert work
    work.sealed = list(sealed)
    return work


# --- calls ----------------------------------------------------------------------------------------------------------


def test_a_call_is_a_span_under_its_callers_and_its_log_names_the_trace(tracing, told):
    with tracing.call(METHOD, remote(7)):
        assert of_now() == {"trace_id": f"{7:032x}"}
    assert of_now() == {}
    (span,) = told.get_finished_spans()
    assert span.context.trace_id == span.parent.span_id == 7


def test_a_refused_call_says_why_and_whose_fault_it_is(tracing, told):
    for is_ours in (False, True):
        with suppress(ValueError), tracing.call(METHOD, None):
            refused("UNAVAILABLE", "OVERLOADED", is_ours=is_ours)
            raise ValueError("aborted")
    first, second = told.get_finished_spans()
    assert first.attributes["error.type"] == "OVERLOADED"
    assert (first.status.status_code, second.status.status_code) == (StatusCode.UNSET, StatusCode.ERROR)
    assert not first.events, "no exception is recorded, whose text could hold what a caller sent"


def test_a_call_that_nobody_waits_for_is_cancelled(tracing, told):
    with pytest.raises(asyncio.CancelledError), tracing.call(METHOD, None):
        raise asyncio.CancelledError
    (span,) = told.get_finished_spans()
    assert span.attributes["rpc.response.status_code"] == "CANCELLED"


def test_nothing_follows_from_a_call_that_is_not_sampled(told):
    tracer = TracerProvider(ALWAYS_OFF, shutdown_on_exit=False).get_tracer("test")
    with Tracing(tracer, tracer).call(METHOD, remote(7)):
        assert SPANS.get() == ()
        assert work_of_now() is None


# --- commits --------------------------------------------------------------------------------------------------------


def test_a_commit_of_one_trace_is_one_span_of_it(tracing, told):
    tracing.committed([worked(tracing, 1, (ORIGIN, 3, 5))], time.time_ns())
    (commit,) = named(told)["commit"]
    assert commit.context.trace_id == 1
    assert not commit.links
    assert "commit for all" not in named(told)
    assert tracing.traceparent_at(ORIGIN, 2) == ""
    assert parsed(tracing.traceparent_at(ORIGIN, 4)).span_id == commit.context.span_id


def test_a_commit_of_several_traces_is_a_span_of_each_and_one_that_links_to_all(tracing, told):
    tracing.committed([worked(tracing, number, (ORIGIN, number, number + 1)) for number in range(1, 4)], time.time_ns())
    commits = named(told)["commit"]
    assert [each.context.trace_id for each in commits] == [1, 2, 3]
    (shared,) = named(told)["commit for all"]
    assert shared.context.trace_id not in {1, 2, 3}
    assert shared.parent is None
    assert [link.context for link in shared.links] == [each.context for each in commits]
    assert all([link.context for link in each.links] == [shared.context] for each in commits)
    assert shared.attributes["exchange.shared_by"] == 3


def test_a_commit_of_more_traces_than_a_span_may_link_to(tracing, told):
    tracing.committed([worked(tracing, number) for number in range(1, 501)], time.time_ns())
    assert len(named(told)["commit"]) == 500
    (shared,) = named(told)["commit for all"]
    assert (len(shared.links), shared.dropped_links) == (128, 0)


def test_a_commit_that_fails_is_an_error_and_leaves_no_place(tracing, told):
    tracing.committed([worked(tracing, 1, (ORIGIN, 0, 1))], time.time_ns(), failed=True)
    (commit,) = named(told)["commit"]
    assert commit.status.status_code == StatusCode.ERROR
    assert tracing.traceparent_at(ORIGIN, 0) == ""


# --- the way to the peer and back -----------------------------------------------------------------------------------


def test_a_batch_tells_the_peer_which_envelopes_are_of_which_trace(tracing, told):
    tracing.committed([worked(tracing, 1, (ORIGIN, 2, 4)), worked(tracing, 2, (ORIGIN, 5, 6))], time.time_ns())
    message, sending = batch(0, 10), Sending(tracing, ORIGIN)
    sending.sent(message)
    assert [(each.first_index, each.count) for each in message.traced] == [(2, 2), (5, 1)]
    assert [parsed(each.traceparent).trace_id for each in message.traced] == [1, 2]
    sending.receipted(9, time.time_ns())
    assert "deliver" not in named(told)
    sending.receipted(10, time.time_ns())
    assert [each.context.trace_id for each in named(told)["deliver"]] == [1, 2]
    assert [each.context.trace_id for each in named(told)["receipt"]] == [1, 2]
    sending.broken_off()
    assert len(named(told)["deliver"]) == 2


def test_a_stream_that_ends_leaves_no_span_open(tracing, told):
    tracing.committed([worked(tracing, 1, (ORIGIN, 0, 1))], time.time_ns())
    sending = Sending(tracing, ORIGIN)
    sending.sent(batch(0, 1))
    sending.broken_off()
    (deliver,) = named(told)["deliver"]
    assert deliver.status.status_code == StatusCode.ERROR
    sending.sent(batch(0, 1))  # on the next stream it is sent again, and is of the same trace
    sending.receipted(1, time.time_ns())
    assert [each.context.trace_id for each in named(told)["deliver"]] == [1, 1]


def test_a_batch_tells_of_a_bounded_number_of_traces(tracing):
    tracing.committed([worked(tracing, index + 1, (ORIGIN, index, index + 1)) for index in range(300)], time.time_ns())
    message = batch(0, 300)
    Sending(tracing, ORIGIN).sent(message)
    assert len(message.traced) == MAX_TRACES


def test_what_is_no_batch_or_of_no_trace_tells_nothing(tracing, told):
    sending = Sending(tracing, ORIGIN)
    for message in (ExchangeRequest(hello=Hello()), batch(0, 4)):
        sending.sent(message)
        assert not message.traced
    sending.receipted(4, time.time_ns())
    assert told.get_finished_spans() == ()


def test_a_peer_is_told_nothing_where_it_must_not_be(tracing, told):
    tracing.tells_peers = False
    tracing.committed([worked(tracing, 1, (ORIGIN, 0, 1))], time.time_ns())
    message, sending = batch(0, 1), Sending(tracing, ORIGIN)
    sending.sent(message)
    sending.receipted(1, time.time_ns())
    assert not message.traced
    assert named(told)["receipt"]


# --- what a peer tells ----------------------------------------------------------------------------------------------


def traced(first: int, count: int, number: int = 7, flags: int = 1) -> TracedEnvelopes:
    return TracedEnvelopes(first_index=first, count=count, traceparent=written(remote(number, flags)).encode())


def test_what_is_done_with_a_batch_is_done_for_the_traces_that_it_tells_of(tracing, told):
    with receiving(tracing, ORIGIN, batch(10, 5, traced(10, 2, 1), traced(13, 1, 2))):
        work = work_of_now()
        assert parsed(tracing.traceparent_at(ORIGIN, 11)).trace_id == 1
        assert of_now() == {}, "a line of the log of many traces names none"
    tracing.committed([work], time.time_ns())
    spans = named(told)
    for name in ("receive", "commit"):
        assert [each.context.trace_id for each in spans[name]] == [1, 2]
    assert [each.parent.span_id for each in spans["receive"]] == [1, 2]
    assert [parsed(tracing.traceparent_at(ORIGIN, index)) is None for index in range(9, 16)] == [
        True, False, False, True, False, True, True,
    ]  # fmt: skip


def test_a_batch_that_is_refused_is_an_error(tracing, told):
    with receiving(tracing, ORIGIN, batch(0, 1, traced(0, 1))) as refuse:
        refuse()
    (span,) = told.get_finished_spans()
    assert span.status.status_code == StatusCode.ERROR


def test_a_batch_that_cannot_be_taken_is_an_error(tracing, told):
    with pytest.raises(ValueError, match="bad"), receiving(tracing, ORIGIN, batch(0, 1, traced(0, 1))):
        raise ValueError("bad")
    (span,) = told.get_finished_spans()
    assert span.status.status_code == StatusCode.ERROR
    assert not span.events


@pytest.mark.parametrize(
    "wrong",
    [
        traced(9, 1),
        traced(10, 0),
        traced(10, 6),
        traced(15, 1),
        traced(2**64 - 1, 2**64 - 1),
        traced(10, 1, flags=0),
        TracedEnvelopes(first_index=10, count=1, traceparent=b"\xff\0 nonsense"),
        TracedEnvelopes(first_index=10, count=1),
        TracedEnvelopes(first_index=10, count=1, traceparent=b"0" * 1_000_000),
    ],
)
def test_what_a_peer_tells_that_is_not_as_it_must_be_is_ignored(told, wrong):
    provider = TracerProvider(shutdown_on_exit=False)
    tracing = Tracing(provider.get_tracer("test"), provider.get_tracer("test"))
    with receiving(tracing, ORIGIN, batch(10, 5, wrong)):
        assert SPANS.get() == ()
    assert list(tracing.places.runs(ORIGIN, 0, 1000)) == []


def test_ranges_that_overlap_end_what_is_listened_to(tracing):
    with receiving(tracing, ORIGIN, batch(0, 9, traced(0, 3, 1), traced(2, 3, 2), traced(6, 1, 3))):
        assert [span.get_span_context().trace_id for span in SPANS.get()] == [1]


def test_a_peer_cannot_have_more_traced_than_the_bound(tracing):
    told = [traced(index, 1, index + 1) for index in range(900)]
    with receiving(tracing, ORIGIN, batch(0, 1000, *told)):
        assert len(SPANS.get()) == MAX_TRACES


def test_traces_beside_another_message_are_ignored(tracing):
    with receiving(tracing, ORIGIN, ExchangeRequest(hello=Hello(), traced=[traced(0, 1)])):
        assert SPANS.get() == ()


SENT = st.builds(
    TracedEnvelopes,
    first_index=st.integers(0, 40) | st.integers(0, 2**64 - 1),
    count=st.integers(0, 10) | st.integers(0, 2**64 - 1),
    traceparent=st.binary(max_size=80) | st.sampled_from([written(remote(number)).encode() for number in (1, 2, 3)]),
)


@given(st.lists(SENT, max_size=100), st.integers(0, 30), st.integers(0, 30))
def test_whatever_a_peer_tells_touches_nothing_but_its_own_batch(sent, first, count):
    provider = TracerProvider(shutdown_on_exit=False)
    tracing = Tracing(provider.get_tracer("test"), provider.get_tracer("test"))
    with receiving(tracing, ORIGIN, batch(first, count, *sent)):
        assert len(SPANS.get()) <= MAX_TRACES
    runs = list(tracing.places.runs(ORIGIN, 0, 100))
    assert all(first <= start and start + length <= first + count for start, length, _ in runs)


# --- off ------------------------------------------------------------------------------------------------------------


def test_a_node_that_does_not_trace_keeps_and_tells_nothing():
    message = batch(0, 1)
    Sending(OFF, ORIGIN).sent(message)
    with receiving(OFF, ORIGIN, batch(0, 1, traced(0, 1))):
        assert SPANS.get() == ()
    assert not message.traced
    assert OFF.traceparent_at(ORIGIN, 0) == ""
