"""When what failed may be tried again: ever later, and not at the same moment as others that saw it fail."""

import random
from collections.abc import Callable

FIRST_TRY_SECONDS, LONGEST_TRY_SECONDS = 0.5, 30.0  # of ``NextTry``: after a failure, from one try to the next


class Backoff:
    """The waits from one try to the next: each is half of a bound to all of it, and the bound doubles.

    Args:
        first_seconds: bound of the first wait
        longest_seconds: that no bound passes
    """

    def __init__(self, first_seconds: float, longest_seconds: float) -> None:
        self._first, self._longest, self._bound = first_seconds, longest_seconds, first_seconds

    def next_seconds(self, longest_seconds: float | None = None) -> float:
        """Gives the next wait; ``longest_seconds``: that the bound after it does not pass, instead of the usual one."""
        wait = random.uniform(self._bound / 2, self._bound)  # noqa: S311 - jitter, not a secret
        self._bound = min(self._bound * 2, self._longest if longest_seconds is None else longest_seconds)
        return wait

    def reset(self) -> None:
        """Begins anew with the first wait."""
        self._bound = self._first


class NextTry:
    """Tells whether to try again now; for what is asked on every look at it, and may be away.

    Attributes:
        due: from when on it may be tried, by the clock

    Args:
        clock: seconds; never goes back
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self.due = clock, 0.0
        self._backoff = Backoff(FIRST_TRY_SECONDS, LONGEST_TRY_SECONDS)

    @property
    def is_due(self) -> bool:
        """Whether it may be tried now."""
        return self._clock() >= self.due

    def failed(self) -> None:
        """Has the next try wait, and that after it twice as long."""
        self.due = self._clock() + self._backoff.next_seconds()

    def succeeded(self) -> None:
        """Forgets the failures."""
        self.due = 0.0
        self._backoff.reset()
