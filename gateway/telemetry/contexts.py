"""Where in a trace the work of now belongs; and between that and W3C's ``traceparent``, which others send."""

from collections.abc import Mapping
from contextvars import ContextVar

from opentelemetry import trace
from opentelemetry.trace import Span, SpanContext
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

TRACEPARENT = "traceparent"
MAX_TRACEPARENT_CHARACTERS = 128  # version 00 has 55; a later one may say more behind them

SPANS: ContextVar[tuple[Span, ...]] = ContextVar("spans", default=())
"""The spans for which something is done now: one of a call, several of a batch; none: nothing of it is traced."""

_W3C = TraceContextTextMapPropagator()


def parsed(traceparent: str | bytes) -> SpanContext | None:
    """Reads what somebody sent; None: it is malformed."""
    if len(traceparent) > MAX_TRACEPARENT_CHARACTERS:
        return None
    text = traceparent if isinstance(traceparent, str) else traceparent.decode("ascii", errors="replace")
    found = trace.get_current_span(_W3C.extract({TRACEPARENT: text})).get_span_context()
    return found if found.is_valid else None


def written(context: SpanContext) -> str:
    """Writes it, for others."""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def of_now() -> Mapping[str, str]:
    """Gives the trace of the work of now, for a line of the log; of a batch there is none, since it has many."""
    spans = SPANS.get()
    return {"trace_id": f"{spans[0].get_span_context().trace_id:032x}"} if len(spans) == 1 else {}
