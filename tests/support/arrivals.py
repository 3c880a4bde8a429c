"""An envelope that arrives from another jurisdiction where nothing is known before it."""

from regulator.exchange.v1.envelope_pb2 import Envelope

from gateway.supervision.notices.records import ChannelEnds, Place
from gateway.supervision.outcomes import Context, Projection
from gateway.supervision.projections.projection import project
from gateway.supervision.sharing.records import NO_DOSSIER


def arrived(envelope: Envelope, place: Place, sender: str = "HK", recipient: str = "KR") -> Projection:
    """What follows from it at the recipient's node."""
    channel = ChannelEnds(sender, recipient, outgoing=False)
    return project(Context(envelope, place, channel, _nothing, _nothing, _nothing, lambda _: NO_DOSSIER))


def _nothing(*_: object) -> None:
    """No notice, version or assessment is known."""
