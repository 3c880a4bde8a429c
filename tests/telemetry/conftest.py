"""Tracing whose spans stay here."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway.telemetry.tracing import Tracing


@pytest.fixture
def told() -> InMemorySpanExporter:
    """What a collector would be told."""
    return InMemorySpanExporter()


@pytest.fixture
def tracing(told: InMemorySpanExporter) -> Tracing:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(told))
    tracer = provider.get_tracer("test")
    return Tracing(tracer, tracer)
