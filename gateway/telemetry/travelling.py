"""The spans of what travels: at the sender from a batch to its receipt, at the receiver from a batch to its answer.

What the sender tells of traces stands beside the batch, unsealed and unsigned. To the receiver it is bytes of a
stranger: bounded, looked at, sampled by the receiver's own ratio, and ignored where it is not as it must be.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice

from opentelemetry.trace import SpanContext, SpanKind
from regulator.exchange.v1.peer_service_pb2 import ExchangeRequest, TracedEnvelopes

from gateway.telemetry.contexts import SPANS, parsed, written
from gateway.telemetry.tracing import Group, Part, Tracing

MAX_TRACES = 64  # of one batch; of those of a node that traces more, the first


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A batch that has no receipt yet: the size of the log with it, and its spans."""

    end: int
    group: Group


class Sending:
    """The traced batches of one stream of a channel of ours.

    Args:
        tracing: makes the spans
        origin: of the channel
    """

    def __init__(self, tracing: Tracing, origin: str) -> None:
        self._tracing, self._origin = tracing, origin
        self._under_way = deque[_UnderWay]()

    def sent(self, message: ExchangeRequest) -> None:
        """Begins the spans of a batch that is about to be sent, and has its message tell of them."""
        if not (self._tracing.is_on and message.HasField("batch")):
            return
        first = message.batch.first_index
        end = first + len(message.batch.envelopes)
        runs = list(islice(self._tracing.places.runs(self._origin, first, end), MAX_TRACES))
        if not runs:
            return
        now = time.time_ns()
        parts = [Part(context, now, count) for _, count, context in runs]
        group = self._tracing.group("deliver", parts, SpanKind.PRODUCER, now, self._origin)
        self._under_way.append(_UnderWay(end, group))
        if self._tracing.tells_peers:
            message.traced.extend(
                TracedEnvelopes(first_index=start, count=count, traceparent=written(span.get_span_context()).encode())
                for (start, count, _), span in zip(runs, group.spans, strict=True)
            )

    def receipted(self, size: int, since: int) -> None:
        """Ends the spans of what a receipt covers: it came then (nanoseconds since 1970), and is durable now."""
        while self._under_way and self._under_way[0].end <= size:
            group = self._under_way.popleft().group
            parts = [Part(span.get_span_context(), since, 0) for span in group.spans]
            self._tracing.group("receipt", parts, SpanKind.INTERNAL, since, self._origin).end()
            group.end()

    def broken_off(self) -> None:
        """Ends the spans of what has no receipt: the stream is over."""
        while self._under_way:
            self._under_way.popleft().group.end(failed=True)


@contextmanager
def receiving(tracing: Tracing, origin: str, request: ExchangeRequest) -> Iterator[Callable[[], None]]:
    """What is done within with a message of a peer is done for the traces that it tells of.

    Gives what is to be called if the message is refused.
    """
    told = list(_told(request)) if tracing.is_on and request.traced else []
    if not told:
        yield lambda: None
        return
    now = time.time_ns()
    parts = [Part(context, now, end - first) for first, end, context in told]
    group = tracing.group("receive", parts, SpanKind.CONSUMER, now, origin)
    for (first, end, _), span in zip(told, group.spans, strict=True):
        if span.is_recording():  # before it is committed: watchers are told of it in that moment
            tracing.places.keep(origin, first, end, span.get_span_context())
    token = SPANS.set(tuple(span for span in group.spans if span.is_recording()))
    try:
        yield partial(group.end, failed=True)
    except BaseException:
        group.end(failed=True)
        raise
    finally:
        SPANS.reset(token)
        group.end()


def _told(request: ExchangeRequest) -> Iterator[tuple[int, int, SpanContext]]:
    """What a peer tells of traces, as far as it is in order: ranges within its batch, each after the one before."""
    after = request.batch.first_index
    last = after + len(request.batch.envelopes)
    for each in islice(request.traced, MAX_TRACES):
        first, end = each.first_index, each.first_index + each.count
        if not after <= first < end <= last:
            return
        if context := parsed(each.traceparent):
            yield first, end, context
        after = end
