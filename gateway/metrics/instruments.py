"""What is counted as things happen: a few additions in memory each, on the loop's thread."""

from collections.abc import Mapping
from time import perf_counter
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram

from gateway.metrics import table
from gateway.metrics.table import Metric

T = TypeVar("T")

UNKNOWN = "unknown"  # the service and method of a call for which none was looked up
OK, CANCELLED, INTERNAL = "OK", "CANCELLED", "INTERNAL"


class Measured:
    """A call that is under way. ``code``: what it ends with, as far as is known now."""

    __slots__ = ("_started", "_whose", "code")

    def __init__(self, whose: "MethodCalls") -> None:
        self._whose, self._started = whose, perf_counter()
        self.code = CANCELLED  # until it is answered or refused

    def answered(self, answer: T) -> T:
        """Gives the answer, which is the last thing that is done for it."""
        self.code = OK
        return answer

    def end(self) -> None:
        """Counts it."""
        self._whose.count(self.code, perf_counter() - self._started)


class MethodCalls:
    """Counts the calls of one method.

    Args:
        ended: all calls, of which those of this method are counted
        seconds: times of calls; None: it answers with a stream, whose length says nothing
        method: ``/package.Service/Method``
    """

    def __init__(self, ended: Counter, seconds: Histogram | None, method: str) -> None:
        self._all_ended, self._all_seconds, self._names = ended, seconds, _split(method)
        self._ended: dict[str, Counter] = {}  # by code; made once they are needed, so that a page is short
        self._all_ended.labels(*self._names, INTERNAL)  # but this, at 0: a first one must be seen to rise
        self._seconds: Histogram | None = None

    def begin(self) -> Measured:
        """Begins to measure a call; ``Measured.end`` must follow."""
        return Measured(self)

    def count(self, code: str, seconds: float) -> None:
        """Counts a call that has ended."""
        counter = self._ended.get(code)
        if counter is None:
            counter = self._ended[code] = self._all_ended.labels(*self._names, code)
            self._seconds = self._all_seconds and self._all_seconds.labels(*self._names)
        counter.inc()
        if self._seconds:
            self._seconds.observe(seconds)


class Instruments:
    """All that are counted as things happen.

    Args:
        registry: where they can be collected
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._calls, self._call_seconds = self._counter(table.CALLS), self._histogram(table.CALL_SECONDS)
        self._refusals, self._limits = self._counter(table.REFUSALS), self._counter(table.LIMITS_HIT)
        self._commit_seconds = self._histogram(table.COMMIT_SECONDS)
        self._commit_weight = self._histogram(table.COMMIT_WEIGHT)
        self._commit_failures = self._counter(table.COMMIT_FAILURES)
        self._lag = self._histogram(table.DELIVERY_LAG)
        self._moved = self._counter(table.MOVED_BYTES)
        self._let_go = self._counter(table.FILES_LET_GO)
        self._loop_lag = self._histogram(table.LOOP_LAG)

    def calls_of(self, method: str, *, answers_once: bool) -> MethodCalls:
        """Gives what counts the calls of a method that is served, by its full path."""
        return MethodCalls(self._calls, self._call_seconds if answers_once else None, method)

    def refused(self, method: str, reason: str, told: Mapping[str, str]) -> None:
        """Counts what is refused.

        Args:
            method: ``/package.Service/Method``; empty: none was looked up
            reason: of the error
            told: its metadata; ``limit`` names the limit that was hit
        """
        self._refusals.labels(*_split(method), reason).inc()
        if limit := told.get("limit"):
            self._limits.labels(limit).inc()

    def committed(self, weight: int, seconds: float, is_durable: bool) -> None:
        """Counts a commit; one that failed has no place among the times of the others."""
        if is_durable:
            self._commit_weight.observe(weight)
            self._commit_seconds.observe(seconds)
        else:
            self._commit_failures.inc()

    def may_deliver(self, channel: str) -> None:
        """Has a channel there before its first receipt: that must be seen to rise."""
        self._lag.labels(channel)

    def delivered(self, channel: str, seconds: float) -> None:
        """Counts a commit whose envelopes have their receipt, so long after it."""
        self._lag.labels(channel).observe(seconds)

    def moved(self, channel: str, count: int) -> None:
        """Counts bytes of files that went or came in a channel; 0 of them has the channel there before the first."""
        self._moved.labels(channel).inc(count)

    def let_go(self, authority: str, peer: str, count: int) -> None:
        """Counts unfinished files that were let go of; 0 of them has the owner there before the first."""
        self._let_go.labels(authority, peer).inc(count)

    def loop_came_late(self, seconds: float) -> None:
        """Counts a look at the event loop."""
        self._loop_lag.observe(seconds)

    def _counter(self, metric: Metric) -> Counter:
        return Counter(metric.name, metric.meaning, metric.labels, registry=self._registry)

    def _histogram(self, metric: Metric) -> Histogram:
        return Histogram(metric.name, metric.meaning, metric.labels, buckets=metric.buckets, registry=self._registry)


def _split(method: str) -> tuple[str, str]:
    """The labels of a method."""
    service, _, name = method.lstrip("/").partition("/")
    return (service, name) if name else (UNKNOWN, UNKNOWN)
