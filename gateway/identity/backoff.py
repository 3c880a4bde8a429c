"""When something that failed may be tried again: ever later, and not at the same moment as others that saw it fail."""

import random
from collections.abc import Callable

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 30.0  # after a failure, from one try to the next


class Backoff:
    """Tells whether to try again now; for what is asked on every look at it, and may be away.

    Attributes:
        due: from when on it may be tried, by the clock

    Args:
        clock: seconds; never goes back
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._wait, self.due = clock, FIRST_WAIT_SECONDS, 0.0

    @property
    def is_due(self) -> bool:
        """Whether it may be tried now."""
        return self._clock() >= self.due

    def failed(self) -> None:
        """Has the next try wait, and that after it twice as long."""
        self.due = self._clock() + random.uniform(self._wait / 2, self._wait)  # noqa: S311 - jitter, not a secret
        self._wait = min(self._wait * 2, LONGEST_WAIT_SECONDS)

    def succeeded(self) -> None:
        """Forgets the failures."""
        self._wait, self.due = FIRST_WAIT_SECONDS, 0.0
