"""Which envelope belongs to which trace: in memory alone, and of the newest ones only (docs/adr/0012)."""

from collections.abc import Iterator
from itertools import groupby

from opentelemetry.trace import SpanContext

MAX_KEPT = 10_000  # envelopes of a channel


class Places:
    """Remembers the traces of envelopes, by channel and index. Used on the loop's thread alone."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[int, SpanContext]] = {}

    def keep(self, origin: str, first: int, end: int, context: SpanContext) -> None:
        """Takes the envelopes ``first`` to ``end`` of a channel; those that were taken first go, above the bound."""
        kept = self._kept.setdefault(origin, {})
        for index in range(max(first, end - MAX_KEPT), end):
            kept.pop(index, None)  # so that it is the newest
            kept[index] = context
        while len(kept) > MAX_KEPT:
            del kept[next(iter(kept))]

    def find(self, origin: str, index: int) -> SpanContext | None:
        """Gives the trace of an envelope; None: it has none, or it is forgotten."""
        return self._kept[origin].get(index) if origin in self._kept else None

    def runs(self, origin: str, first: int, end: int) -> Iterator[tuple[int, int, SpanContext]]:
        """Gives the traces of a range of envelopes: the first of a run, how many they are, and their trace."""
        if not (kept := self._kept.get(origin)):
            return
        start = first
        for context, run in groupby(map(kept.get, range(first, end))):
            count = sum(1 for _ in run)
            if context:
                yield start, count, context
            start += count
