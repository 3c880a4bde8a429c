"""How many calls a second: a token bucket of each caller, in whole nanoseconds. Pure: the time is passed in.

A bucket is one number, the time at which it will be full again (the generic cell rate algorithm): a call moves it on by
one interval, and is taken if it then lies no further ahead than a whole bucket takes to fill.
"""

from dataclasses import dataclass
from functools import cached_property

from gateway.errors import RateLimited

SECOND = 1_000_000_000  # nanoseconds


@dataclass(frozen=True)
class Rate:
    """A bound: so many calls a second on average, and so many at once after a quiet time."""

    per_second: float  # more than 0
    burst: int  # at least 1

    @cached_property
    def interval(self) -> int:
        """Nanoseconds in which one call is earned, rounded up."""
        return max(1, -int(-SECOND // self.per_second))


class Rates:
    """The buckets of all callers: who is admitted is known to the node, so there are not many."""

    def __init__(self) -> None:
        self._full_at: dict[str, int] = {}  # nanoseconds, by caller

    def take(self, caller: str, rate: Rate, now: int, what: str = "calls") -> None:
        """Takes one call, or whatever else is counted.

        Args:
            caller: whose bucket
            rate: its bound, which may change
            now: nanoseconds, never going back
            what: is counted, for people

        Raises:
            RateLimited: the bucket is empty; says when there is a call in it again, if none is charged meanwhile.
        """
        full_at = max(self._full_at.get(caller, now), now) + rate.interval
        too_far = full_at - (now + rate.burst * rate.interval)
        if too_far > 0:
            limit = f"{what.replace(' ', '_')}_per_second"
            raise RateLimited(f"at most {rate.per_second:g} {what} a second", too_far / SECOND, limit=limit)
        self._full_at[caller] = full_at

    def charge(self, caller: str, rate: Rate, calls: int, now: int) -> float:
        """Takes what was done already, a whole bucket at most; gives the seconds until the bucket holds no debt."""
        full_at = max(self._full_at.get(caller, now), now) + min(calls, rate.burst) * rate.interval
        self._full_at[caller] = full_at
        return max(0, full_at - (now + rate.burst * rate.interval)) / SECOND
