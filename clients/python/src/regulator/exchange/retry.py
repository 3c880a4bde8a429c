"""When to try again, and how long to wait before: pure, the clock and the dice are the caller's.

The waits are exponential with full jitter: anything from nothing to a bound that doubles each time. So clients
that a restart threw off at the same moment do not come back at the same moment.
"""

from collections.abc import Callable
from dataclasses import dataclass

from regulator.exchange.errors import ExchangeError, Overloaded, Unavailable

BASE_SECONDS = 0.25  # bound of the first wait
CAP_SECONDS = 3.0  # bound of every wait

Dice = Callable[[], float]
"""Gives a random number from 0 to 1."""


def jitter_seconds(failures: int, dice: Dice) -> float:
    """The wait after so many failures in a row, 0 before the first repetition."""
    return dice() * min(CAP_SECONDS, BASE_SECONDS * 2.0 ** min(failures, 16))


@dataclass(slots=True)
class Attempts:
    """The attempts of one call, within one deadline.

    Tried again is what the node cannot have meant as its answer: ``Unavailable``, and ``Overloaded`` if the node
    says when to come back. Every write carries a ``request_id``, so the node does it once however often it comes.
    """

    max_attempts: int | None  # None: as many as fit
    ends_at: float  # seconds, on the caller's clock
    failures: int = 0

    def remaining_seconds(self, now: float) -> float:
        """What is left until the deadline, never negative."""
        return max(0.0, self.ends_at - now)

    def wait_seconds(self, error: ExchangeError, now: float, dice: Dice) -> float | None:
        """Counts a failed attempt and gives the wait before the next one; None: there is none."""
        wait = (error.retry_after_seconds or 0.0) + jitter_seconds(self.failures, dice)
        self.failures += 1
        spent = self.max_attempts is not None and self.failures >= self.max_attempts
        return None if spent or not _passing(error) or now + wait >= self.ends_at else wait


def _passing(error: ExchangeError) -> bool:
    return isinstance(error, Unavailable) or (isinstance(error, Overloaded) and error.retry_after_seconds is not None)
