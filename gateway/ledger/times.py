"""The times that the two ends of a channel sign with. No clock is read here: the time comes with the question."""

from gateway.errors import Untrusted
from gateway.ledger.checkpoint import Receipt, SignedCheckpoint

MAX_AHEAD_SECONDS = 3600  # of the clock of whoever is to take it
MAX_SHOWN_SECONDS = 2 * MAX_AHEAD_SECONDS  # of a receiver's, whose sender keeps such receipts, and may be ahead itself


def require_come(signed: SignedCheckpoint | Receipt, now: int) -> None:
    """Passes if a receiver may commit a checkpoint, or a sender keep a receipt; ``now`` in seconds since 1970.

    A log's times never go back: what bears a time that is far off would hold all that comes after it to that time.

    Raises:
        Untrusted: its time is more than an hour ahead.
    """
    if signed.time > now + MAX_AHEAD_SECONDS:
        raise Untrusted("the peer's clock is more than an hour ahead of this node's, or the other way round")


def receipt_time(now: int, kept: Receipt | None, not_before: int = 0) -> int:
    """Gives the time of a receiver's next receipt: it never goes back.

    Who stole keys that the receiver had once could show anything that they sign; and what a receiver has given holds
    all that it gives later to that time.

    Args:
        now: its clock, seconds since 1970
        kept: the newest receipt that it has
        not_before: when it gave one, as that or its sender tells; 0: nothing is shown

    Raises:
        Untrusted: what the sender shows is more than two hours ahead: none is given before that.
    """
    known = max(now, kept.time if kept else 0)
    if not_before > max(known, now + MAX_SHOWN_SECONDS):
        raise Untrusted("the sender shows a receipt of this node that is more than two hours ahead of its clock")
    return max(known, not_before)
