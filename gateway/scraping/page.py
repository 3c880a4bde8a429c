"""The page that a scrape is answered with.

What is in memory is taken on the loop's thread. Files and the database are read, and the text is made, on another one:
that is most of the work.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from time import monotonic

from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from gateway.errors import GatewayError
from gateway.identity.certificates.lifetimes import Lifetime
from gateway.scraping.families import (
    Sources,
    attachment_families,
    certificate_families,
    state_families,
    storage_families,
    unreadable_family,
)

CERTIFICATES_SECONDS = 60.0  # that what was read of certificates is good for: they are counted in days


class _Taken(Collector):
    """Gives what was taken for this scrape."""

    def __init__(self) -> None:
        self.families: Sequence[GaugeMetricFamily] = ()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        return self.families


class _Lasting(Collector):
    """Gives what is collected without the times at which each began to be counted: a process's start tells that."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for family in self._registry.collect():
            family.samples = [each for each in family.samples if not each.name.endswith("_created")]
            yield family


def encoder_for(accept: str) -> tuple[Callable[[Collector], bytes], str]:
    """Gives what makes the text in a format that an Accept header names, and its type; of none that can be: plain."""
    try:
        return choose_encoder(accept)
    except TypeError:  # prometheus_client 0.26 compares a version that is no number with numbers
        return choose_encoder("")


class Page:
    """Makes the page.

    Args:
        registry: of what is counted as things happen; what is taken joins it
        sources: of the state
        lifetimes: reads the certificates
        sizes: gives those of the database; may take its time
        home: the folder of the node
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        sources: Sources,
        lifetimes: Callable[[datetime], Awaitable[Sequence[Lifetime]]],
        sizes: Callable[[], Mapping[str, int]],
        home: Path,
    ) -> None:
        self._registry, self._sources, self._read_lifetimes = registry, sources, lifetimes
        self._sizes, self._home = sizes, home
        self._turn = asyncio.Lock()  # whose holder alone sets what was taken
        self._taken = _Taken()
        self._lifetimes: Sequence[Lifetime] = ()
        self._lifetimes_until = 0.0  # by the monotonic clock
        registry.register(self._taken)
        ProcessCollector(registry=registry)

    async def make(self, accept: str) -> tuple[str, bytes]:
        """Makes it in one of the formats that a scraper accepts (the value of its header); gives its type and text."""
        encode, content_type = encoder_for(accept)
        async with self._turn:
            parts = {
                "certificates": await self._certificates(),
                "attachments": await self._attachments(),
                "storage": await asyncio.to_thread(self._storage),
            }
            missing = unreadable_family({name: part is None for name, part in parts.items()})
            read = chain.from_iterable(part or () for part in parts.values())
            self._taken.families = [*state_families(self._sources), *read, missing]
            return content_type, await asyncio.to_thread(encode, _Lasting(self._registry))

    async def _certificates(self) -> Sequence[GaugeMetricFamily] | None:
        now = datetime.now(UTC)
        try:
            if monotonic() >= self._lifetimes_until:
                self._lifetimes = await self._read_lifetimes(now)
                self._lifetimes_until = monotonic() + CERTIFICATES_SECONDS
        except GatewayError:
            return None
        return list(certificate_families(self._lifetimes, now))

    async def _attachments(self) -> Sequence[GaugeMetricFamily] | None:
        files = self._sources.files
        try:
            return list(attachment_families(await files.usages(), await files.awaited(), self._sources))
        except GatewayError:
            return None

    def _storage(self) -> Sequence[GaugeMetricFamily] | None:
        try:
            return list(storage_families(self._sizes(), self._home))
        except (GatewayError, OSError):
            return None
