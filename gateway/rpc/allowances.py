"""How much is taken a day of what each peer seals: all of it is kept, so a peer without bounds would fill the disk."""

from collections.abc import Callable

from regulator.exchange.v1 import peer_service_pb2 as wire

from gateway.alarms import Alarms
from gateway.errors import RateLimited
from gateway.moments import DAY_MICROS, MICROS

ENVELOPE_BYTES = 256  # beside its own, that the rows and hashes of an envelope take at least

REFUSED = (
    "the {} bytes a day that this node takes of a peer are used up: the rest is taken from midnight (UTC) on, or once "
    "its operator raises limits.peer_bytes_per_day"
)
TOLD = "all {} bytes a day of what it seals have come, which are kept: what is more waits there until midnight (UTC)"


class Allowances:
    """Counts what came of each peer since midnight (UTC); on the loop's thread alone.

    A process that starts anew counts anew, and so does each replica: it keeps no exact books, it keeps room.

    Args:
        bytes_per_day: of each peer
        alarms: are told of a peer that has used them up
        clock: microseconds since 1970
    """

    def __init__(self, bytes_per_day: int, alarms: Alarms, clock: Callable[[], int]) -> None:
        self._bytes_per_day, self._alarms, self._clock = bytes_per_day, alarms, clock
        self._came: dict[str, tuple[int, int]] = {}  # by peer: the day since 1970, and how much of it

    async def require(self, peer: str) -> None:
        """Passes if more is taken of a peer now, and ends its alarm; else raises that.

        Raises:
            RateLimited: nothing is taken before the next day.
        """
        day, into = divmod(self._clock(), DAY_MICROS)
        if self._since(peer, day) < self._bytes_per_day:
            await self._alarms.end(sealed_by(peer))
            return
        await self._alarms.begin(sealed_by(peer), TOLD.format(self._bytes_per_day))
        said = REFUSED.format(self._bytes_per_day)
        raise RateLimited(said, (DAY_MICROS - into) / MICROS, limit="peer_bytes_per_day")

    def take(self, peer: str, batch: wire.Batch) -> None:
        """Counts what was stored."""
        day = self._clock() // DAY_MICROS
        stored = batch.ByteSize() + ENVELOPE_BYTES * len(batch.envelopes)
        self._came[peer] = (day, self._since(peer, day) + stored)

    def _since(self, peer: str, today: int) -> int:
        day, came = self._came.get(peer, (today, 0))
        return came if day == today else 0


def sealed_by(peer: str) -> str:
    """What an alarm about how much a peer seals is about."""
    return f"envelopes from {peer}"
