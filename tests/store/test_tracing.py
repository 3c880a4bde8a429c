"""What the writer tells of traces; and that nothing of it can harm what is written."""

import asyncio
import logging
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, StatusCode, TraceFlags

from gateway.errors import Unavailable
from gateway.telemetry.tracing import Tracing
from tests.store.failing import fail_commit
from tests.store.stores import Opened, refused

METHOD = "/regulator.exchange.v1.NoticeService/CreateNotice"


@pytest.fixture
def told() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(hk: Opened, told: InMemorySpanExporter) -> Tracing:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(told))
    made = Tracing(provider.get_tracer("test"), provider.get_tracer("test"))
    hk.committer._tracing = made
    return made


def commits(told: InMemorySpanExporter) -> list[Any]:
    return [span for span in told.get_finished_spans() if span.name == "commit"]


async def release(hk: Opened, tracing: Tracing, trace_id: int, notice_id: str) -> int:
    """Gives a notice, within a call of a trace; gives the index of its envelope."""
    parent = SpanContext(trace_id, 1, is_remote=True, trace_flags=TraceFlags(1))
    with tracing.call(METHOD, parent):
        (sealed,) = await hk.release(notice_id)
    return sealed.place.index


async def test_each_call_has_a_span_of_its_commit_and_its_envelopes_are_known_by_their_places(hk, tracing, told):
    untraced, *indexes = await asyncio.gather(
        hk.release("hk-0"), *(release(hk, tracing, number, f"hk-{number}") for number in (1, 2, 3))
    )
    assert sorted(span.context.trace_id for span in commits(told)) == [1, 2, 3]
    assert all(span.attributes["exchange.envelopes"] == 1 for span in commits(told))
    for number, index in enumerate(indexes, 1):
        assert tracing.places.find(hk.outgoing, index).trace_id == number
    assert tracing.places.find(hk.outgoing, untraced[0].place.index) is None


async def test_a_commit_that_fails_is_an_error_and_no_envelope_is_known_by_it(hk, tracing, told, caplog):
    caplog.set_level(logging.CRITICAL, logger="gateway.store.committer")
    fail_commit(hk)
    assert isinstance(await refused(release(hk, tracing, 1, "hk-1")), Unavailable)
    (span,) = commits(told)
    assert span.status.status_code == StatusCode.ERROR
    assert tracing.places.find(hk.outgoing, 0) is None


async def test_a_defect_of_tracing_harms_no_commit(hk, tracing, caplog):
    caplog.set_level(logging.CRITICAL, logger="gateway.store.committer")

    def fail(*_arguments: Any, **_keys: Any) -> None:
        raise KeyError("a defect")

    tracing.committed = fail
    await release(hk, tracing, 1, "hk-1")
    assert hk.state().log.size == 1
    assert hk.failures == []
