"""A bound on what one caller takes of a listener, so that others are served whatever it does."""

from collections import Counter

from gateway.errors import Overloaded


class Shares:
    """What is under way, by caller.

    Args:
        what: of which each caller may have so much, for people: "calls"
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._taken: Counter[str] = Counter()  # by caller, of those that have any; on the loop's thread alone

    def take(self, caller: str, most: int) -> None:
        """Counts one that begins; ``give_back`` must follow.

        Raises:
            Overloaded: the caller has as many under way as it may.
        """
        if self._taken[caller] >= most:
            limit = f"concurrent_{self._what.replace(' ', '_')}"
            raise Overloaded(f"at most {most} {self._what} of one caller may be under way at once", limit=limit)
        self._taken[caller] += 1

    def total(self) -> int:
        """Gives how many are under way, of all callers."""
        return self._taken.total()

    def give_back(self, caller: str) -> None:
        """Counts one that has ended."""
        self._taken[caller] -= 1
        if not self._taken[caller]:
            del self._taken[caller]
