"""The trace that a call belongs to, sent with it as W3C Trace Context's ``traceparent``; it needs no library."""

import re
import sys

from regulator.exchange.tokens import Metadata

_FORM = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def checked(traceparent: str) -> str:
    """Gives it back.

    Raises:
        ValueError: it is not as W3C writes it.
    """
    if not _FORM.fullmatch(traceparent):
        raise ValueError("traceparent must be 00-<trace id>-<span id>-<flags>, in lower-case hexadecimal")
    return traceparent


def traceparent_of_now() -> str:
    """Gives the caller's span, if the application uses OpenTelemetry and is within one; else it is empty."""
    trace = sys.modules.get("opentelemetry.trace")  # who is within a span has imported it
    if trace is None:
        return ""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return ""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def sent_as(traceparent: str) -> Metadata:
    """How it is sent; empty: nothing is."""
    return (("traceparent", traceparent),) if traceparent else ()
