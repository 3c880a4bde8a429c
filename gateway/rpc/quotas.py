"""What each caller may take of a listener: calls a second, calls and streams at once, large messages in hand.

Callers are admitted before they are counted, so there are no more of them than the node knows.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from gateway.errors import Overloaded
from gateway.rates import Rate, Rates
from gateway.rpc.shares import Shares

BYTES_A_CALL = 4096  # a message of more counts as more calls
SMALL_BYTES = 64 * 1024  # a message of more is large: read, it may take forty times its size
ARRIVING_AT_ONCE = 16  # requests of one caller: each may take as much as the listener lets a message have
LARGE_AT_ONCE = 2  # large messages, and calls that are heavy to answer, of one caller that are in hand
UNREAD_AT_ONCE = 32  # large answers to one caller that it has not read yet


@dataclass(frozen=True, slots=True)
class Quota:
    """The bounds of one caller.

    Attributes:
        rate: of calls
        calls: under way at once
        streams: of these, watches and streams of messages
        messages: the rate of what comes within a call, each message once; None: it counts as calls, by its size
    """

    rate: Rate
    calls: int
    streams: int
    messages: Rate | None = None


class Quotas:
    """Counts what callers take; on the loop's thread alone.

    Args:
        quota_of: gives a caller's bounds
        clock: nanoseconds, never going back
    """

    def __init__(self, quota_of: Callable[[str], Quota], clock: Callable[[], int]) -> None:
        self._quota_of, self._clock = quota_of, clock
        self._rates, self._messages = Rates(), Rates()
        self._calls, self._streams, self._unread = Shares("calls"), Shares("streams"), Shares("large answers")
        self._arriving: dict[str, asyncio.Semaphore] = {}  # by caller
        self._large: dict[str, asyncio.Semaphore] = {}

    def take(self, caller: str, *, stream: bool) -> None:
        """Counts a call that begins; ``give_back`` must follow.

        Raises:
            RateLimited: it comes too soon after others.
            Overloaded: too many are under way.
        """
        quota = self._quota_of(caller)
        self._rates.take(caller, quota.rate, self._clock())
        self._calls.take(caller, quota.calls)
        if stream:
            try:
                self._streams.take(caller, quota.streams)
            except Overloaded:
                self._calls.give_back(caller)
                raise

    def give_back(self, caller: str, *, stream: bool) -> None:
        """Counts a call that has ended."""
        self._calls.give_back(caller)
        if stream:
            self._streams.give_back(caller)

    def under_way(self) -> tuple[int, int]:
        """Gives how many calls are under way, and how many of them are streams."""
        return self._calls.total(), self._streams.total()

    def take_answer(self, caller: str, size_bytes: int) -> bool:
        """Counts an answer that is to be sent; ``give_back_answer`` must follow if this gives True.

        Raises:
            Overloaded: the caller lets too many large ones wait.
        """
        if size_bytes <= SMALL_BYTES:
            return False
        self._unread.take(caller, UNREAD_AT_ONCE)
        return True

    def give_back_answer(self, caller: str) -> None:
        """Counts a large answer that was sent."""
        self._unread.give_back(caller)

    def charge(self, caller: str, calls: int) -> float:
        """Counts what came within a call, as so many calls or once; gives the seconds to wait before the next."""
        quota = self._quota_of(caller)
        if quota.messages:
            return self._messages.charge(caller, quota.messages, 1, self._clock())
        return self._rates.charge(caller, quota.rate, calls, self._clock())

    def arriving(self, caller: str) -> asyncio.Semaphore:
        """A turn to be held while a request arrives, so that few are half here."""
        return self._arriving.get(caller) or self._arriving.setdefault(caller, asyncio.Semaphore(ARRIVING_AT_ONCE))

    def large(self, caller: str) -> asyncio.Semaphore:
        """A turn to be held for as long as a large message is in hand, or what is heavy is answered."""
        return self._large.get(caller) or self._large.setdefault(caller, asyncio.Semaphore(LARGE_AT_ONCE))


def calls_of(size_bytes: int) -> int:
    """As how many calls a message counts."""
    return max(1, -(-size_bytes // BYTES_A_CALL))
