"""Which versions of frameworks a question is about: of what had come by then, the newest that were known."""

from collections.abc import Iterable, Sequence

from regulator.exchange.v1 import framework_service_pb2 as pb

from gateway.moments import micros_of
from gateway.store.frameworks.queries import VersionView
from gateway.supervision.frameworks.records import newest_known


def newest_views(views: Iterable[VersionView], pin: int, known_at: int | None) -> Sequence[VersionView]:
    """Gives the newest version of each framework that had come by ``pin`` and was known, by the framework's name.

    Args:
        views: versions, each in every channel that has it
        pin: cursor of the last event that counts
        known_at: microseconds since 1970; None: now
    """
    here = [view for view in views if view.cursor <= pin]
    newest = newest_known((view.record for view in here), known_at).values()
    return sorted((view for view in here if view.record in newest), key=lambda view: view.record.framework_id)


def known_at_of(request: pb.ListProvisionsRequest | pb.CompareJurisdictionsRequest) -> int | None:
    """The moment, in microseconds, as of which it is asked what was known; None: now."""
    return micros_of(request.known_at) if request.HasField("known_at") else None
