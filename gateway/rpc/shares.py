"""A bound on what one caller takes of a listener, so that others are served whatever it does."""

from collections import Counter

from gateway.errors import Overloaded


class Shares:
    """The calls under way, by caller.

    Args:
        most: calls that one caller may have under way at once
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: Counter[str] = Counter()  # by caller, of those that have any; on the loop's thread alone

    def take(self, caller: str) -> None:
        """Counts a call that begins; ``give_back`` must follow.

        Raises:
            Overloaded: the caller has as many under way as it may.
        """
        if self._taken[caller] >= self._most:
            raise Overloaded(f"at most {self._most} calls of one caller may be under way at once")
        self._taken[caller] += 1

    def give_back(self, caller: str) -> None:
        """Counts a call that has ended."""
        self._taken[caller] -= 1
        if not self._taken[caller]:
            del self._taken[caller]
