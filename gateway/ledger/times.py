"""The times that the two ends of a channel sign with. No clock is read here: the time comes with the question."""

from gateway.errors import Untrusted
from gateway.ledger.checkpoint import Receipt, SignedCheckpoint

MAX_AHEAD_SECONDS = 3600  # of the clock of whoever is to take it


def require_come(signed: SignedCheckpoint | Receipt, now: int) -> None:
    """Passes if a receiver may commit a checkpoint, or a sender keep a receipt; ``now`` in seconds since 1970.

    A log's times never go back: what bears a time that is far off would hold all that comes after it to that time.

    Raises:
        Untrusted: its time is more than an hour ahead.
    """
    if signed.time > now + MAX_AHEAD_SECONDS:
        raise Untrusted("the peer's clock is more than an hour ahead of this node's, or the other way round")
