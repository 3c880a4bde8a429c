"""Which versions of frameworks a question is about: of what had come by then, the newest that were known."""

from collections.abc import AsyncGenerator

from regulator.exchange.v1 import framework_service_pb2 as pb

from gateway.moments import micros_of
from gateway.store.frameworks.newest import Wanted, read_newest
from gateway.store.frameworks.queries import VersionView
from gateway.store.readers import Readers

VIEWS_AT_ONCE = 100  # that are read, and in memory


async def newest_views(
    readers: Readers, wanted: Wanted, first: VersionView | None = None
) -> AsyncGenerator[VersionView]:
    """Gives the newest version that counts of each framework, by the framework's name.

    Args:
        readers: of the store
        wanted: which versions count
        first: one of them, to begin with; None: at the first of all
    """
    after = ""
    if first:
        yield first
        after = first.record.framework_id
    while True:
        read = await readers.run(read_newest, wanted, after, VIEWS_AT_ONCE)
        for view in read:
            yield view
        if len(read) < VIEWS_AT_ONCE:
            return
        after = read[-1].record.framework_id


def known_at_of(request: pb.ListProvisionsRequest | pb.CompareJurisdictionsRequest) -> int | None:
    """The moment, in microseconds, as of which it is asked what was known; None: now."""
    return micros_of(request.known_at) if request.HasField("known_at") else None
