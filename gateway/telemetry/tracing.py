"""Makes the spans of a notice: of the call that gives it, of commits, of the way to the peer and of its receipt.

Commits and batches hold what many calls gave. So each trace has its own span of them; where several share one, there is
one more, in a trace of its own, that links to all of these. No attribute names a notice, or who or what it is about.
"""

import time
from asyncio import CancelledError
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    Tracer,
    set_span_in_context,
)
from opentelemetry.util.types import Attributes

from gateway.telemetry.contexts import SPANS, written
from gateway.telemetry.places import Places

MAX_LINKS = 128  # of a span; the SDK keeps no more

SYSTEM, METHOD, STATUS_CODE, ERROR_TYPE = "rpc.system.name", "rpc.method", "rpc.response.status_code", "error.type"
CHANNEL, ENVELOPES, SHARED_BY = "exchange.channel", "exchange.envelopes", "exchange.shared_by"

_ROOT = set_span_in_context(INVALID_SPAN, Context())  # a span in it begins a trace


@dataclass(frozen=True, slots=True)
class Part:
    """What a thing that is done for several traces is for one of them: under which span, since when, and how much."""

    parent: SpanContext
    began: int  # nanoseconds since 1970
    envelopes: int


@dataclass(frozen=True, slots=True)
class Group:
    """Spans of one thing that is done for several traces: one a part, in order, and one for all that are sampled."""

    spans: tuple[Span, ...] = ()
    shared: Span = INVALID_SPAN

    def end(self, *, failed: bool = False) -> None:
        """Ends them; what has ended stays as it is."""
        for span in (*self.spans, self.shared):
            if span.is_recording():
                if failed:
                    span.set_status(StatusCode.ERROR)
                span.end()


@dataclass(slots=True)
class Work:
    """What waits for the writer, as part of traces.

    Attributes:
        spans: for which it is done
        began: nanoseconds since 1970
        sealed: the envelopes that it sealed: origin, first index, end
    """

    spans: tuple[Span, ...]
    began: int
    sealed: list[tuple[str, int, int]] = field(default_factory=list)


def work_of_now() -> Work | None:
    """Gives what is submitted to the writer now; None: nothing of it is traced."""
    spans = SPANS.get()
    return Work(spans, time.time_ns()) if spans else None


class Tracing:
    """Makes spans.

    Args:
        tracer: samples what comes from outside; None: nothing is traced
        for_all: makes spans that belong to several traces, which are sampled already
        close: tells what is left; waits, so it is called on another thread
        tells_peers: whether a peer is told the traces of what it is sent
    """

    def __init__(
        self,
        tracer: Tracer | None = None,
        for_all: Tracer | None = None,
        close: Callable[[], None] = lambda: None,
        *,
        tells_peers: bool = True,
    ) -> None:
        self._tracer, self._for_all, self.close = tracer, for_all, close
        self.tells_peers = tells_peers
        self.places = Places()

    @property
    def is_on(self) -> bool:
        """Whether anything is traced."""
        return self._tracer is not None

    def traceparent_at(self, origin: str, index: int) -> str:
        """Gives the trace of an envelope, for others to go on with; empty: it has none, or it is forgotten."""
        context = self.places.find(origin, index)
        return written(context) if context else ""

    @contextmanager
    def call(self, method: str, parent: SpanContext | None) -> Iterator[None]:
        """A call, from its first byte to its answer.

        Args:
            method: ``/package.Service/Method``
            parent: what its caller sent; None: nothing that can be used
        """
        assert self._tracer, "calls are traced where tracing is on"
        name = method[1:]
        attributes = {SYSTEM: "grpc", METHOD: name}
        span = self._tracer.start_span(name, _under(parent) if parent else _ROOT, SpanKind.SERVER, attributes)
        if not span.is_recording():
            yield
            return
        token = SPANS.set((span,))
        try:
            yield
            span.set_attribute(STATUS_CODE, "OK")
        except CancelledError:
            span.set_attribute(STATUS_CODE, "CANCELLED")
            raise
        finally:
            SPANS.reset(token)
            span.end()

    def committed(self, works: Sequence[Work], began: int, *, failed: bool = False) -> None:
        """A commit is over, which began then (nanoseconds): each that waited for it has a span since it was submitted.

        What each sealed is remembered, so that its way to the peer is traced.
        """
        members = [(work, span.get_span_context()) for work in works for span in work.spans]
        parts = [
            Part(parent, work.began, sum(end - first for _, first, end in work.sealed)) for work, parent in members
        ]
        group = self.group("commit", parts, SpanKind.INTERNAL, began)
        for (work, _), span in zip(members, group.spans, strict=True):
            for origin, first, end in () if failed else work.sealed:
                self.places.keep(origin, first, end, span.get_span_context())
        group.end(failed=failed)

    def group(self, name: str, parts: Sequence[Part], kind: SpanKind, began: int, channel: str = "") -> Group:
        """Begins a span for each part that is sampled and, if they are several, one for all, which began then."""
        assert self._tracer, "parts come where tracing is on"
        assert self._for_all, "parts come where tracing is on"
        of_channel = {CHANNEL: channel} if channel else {}
        start = self._tracer.start_span
        spans = tuple(
            start(name, _under(part.parent), kind, {**of_channel, ENVELOPES: part.envelopes}, start_time=part.began)
            for part in parts
        )
        sampled = [span for span in spans if span.is_recording()]
        if len(sampled) < 2:
            return Group(spans)
        links = [Link(span.get_span_context()) for span in sampled[:MAX_LINKS]]
        attributes: Attributes = {**of_channel, SHARED_BY: len(sampled)}
        shared = self._for_all.start_span(f"{name} for all", _ROOT, kind, attributes, links, start_time=began)
        for span in sampled:
            span.add_link(shared.get_span_context())
        return Group(spans, shared)


OFF = Tracing()
"""Traces nothing."""


def refused(code: str, reason: str, *, is_ours: bool) -> None:
    """Tells the span of the call that is served now how it ended; ``is_ours``: the fault is the node's."""
    for span in SPANS.get():
        span.set_attributes({STATUS_CODE: code, ERROR_TYPE: reason})
        if is_ours:
            span.set_status(StatusCode.ERROR)


def _under(parent: SpanContext) -> Context:
    return set_span_in_context(NonRecordingSpan(parent), Context())
