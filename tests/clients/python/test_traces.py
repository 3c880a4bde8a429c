"""The trace of a call goes with it, whether the application uses OpenTelemetry or not."""

import subprocess
import sys

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import format_span_id, format_trace_id

GIVEN = "00-5b8efff798038103d269b633813fc60c-eee19b7ec3c1b174-01"


def test_a_call_outside_of_traces_sends_none(client, node):
    client.server_info()
    assert node.traceparents == []


def test_each_call_is_sent_with_the_trace_that_is_given(client, node):
    office = client.within(GIVEN)
    office.server_info()
    list(office.list_notices())
    office.submit_notices([])
    with office.watch_events() as watch:
        next(watch)
    office.acting_for(lambda: "token").server_info()
    assert node.traceparents == [GIVEN] * 5
    assert node.authorizations == ["Bearer token"]
    client.server_info()
    assert len(node.traceparents) == 5


def test_a_call_within_a_span_of_the_application_is_sent_with_it(client, node):
    with TracerProvider(shutdown_on_exit=False).get_tracer("desk").start_as_current_span("send") as span:
        client.server_info()
        client.within(GIVEN).server_info()
    own = span.get_span_context()
    (first, second) = node.traceparents
    assert first.split("-")[1:3] == [format_trace_id(own.trace_id), format_span_id(own.span_id)]
    assert second == GIVEN


@pytest.mark.parametrize(
    "wrong",
    ["", "nonsense", GIVEN.upper(), f"{GIVEN} ", f"{GIVEN}\n", GIVEN[:-1], GIVEN.replace("5b8", "0" * 3, 1) + "0"],
)
def test_a_trace_that_is_not_as_w3c_writes_it_is_refused_at_once(client, node, wrong):
    with pytest.raises(ValueError, match="traceparent must be"):
        client.within(wrong)


def test_the_library_is_not_needed():
    script = """
import sys
import regulator.exchange
from regulator.exchange.traces import traceparent_of_now
assert traceparent_of_now() == ""
assert not [name for name in sys.modules if name.startswith("opentelemetry")]
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
