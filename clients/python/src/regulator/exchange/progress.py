"""How far a watch has come, and what to do when its stream ends: pure, shared by both clients."""

import logging
from collections.abc import Iterable
from typing import TypedDict, Unpack

from grpc import StatusCode
from regulator.exchange.errors import ExchangeError
from regulator.exchange.retry import Dice, jitter_seconds
from regulator.exchange.v1.event_service_pb2 import Event, WatchEventsRequest, WatchEventsResponse
from regulator.exchange.v1.values_pb2 import Sector

_log = logging.getLogger("regulator.exchange")

# The stream was cut, the node stops, or it is too busy now. Anything else would only come again.
RESUMED = frozenset(
    {
        StatusCode.UNAVAILABLE,
        StatusCode.RESOURCE_EXHAUSTED,
        StatusCode.DEADLINE_EXCEEDED,
        StatusCode.CANCELLED,
        StatusCode.INTERNAL,  # also what gRPC says when a connection breaks within a message
        StatusCode.UNKNOWN,  # "Stream removed": what gRPC may say when a connection goes; no node says it
    }
)


LONGEST_ASKED_SECONDS = 60.0  # that a watch stays away because its node asks it to: no deadline bounds it


class RuleFilters(TypedDict, total=False):
    """Which events about rules a watch asks for; with any of these, other events are left out."""

    jurisdiction: str  # whose framework, or who made the assessment: HK
    sector: Sector.ValueType
    topic: str  # reserve_assets


class Progress:
    """The cursor of the last message handed on, from which the next stream goes on: no gap, no repeat."""

    def __init__(
        self, cursor: str, kinds: Iterable[Event.Kind.ValueType], *, from_now: bool, **filters: Unpack[RuleFilters]
    ) -> None:
        self.cursor = cursor
        self._kinds = tuple(kinds)
        self._from_now = from_now
        self._filters = filters
        self._failures = 0  # in a row, since the last message

    def request(self) -> WatchEventsRequest:
        """Asks for what follows the cursor."""
        from_now = self._from_now and not self.cursor
        return WatchEventsRequest(cursor=self.cursor, kinds=self._kinds, from_now=from_now, **self._filters)

    def seen(self, response: WatchEventsResponse) -> WatchEventsResponse:
        """Notes that a message is handed on, and gives it back."""
        self.cursor = response.cursor or self.cursor
        self._failures = 0
        return response

    def pause_seconds(self, failure: ExchangeError | None, dice: Dice) -> float:
        """The wait before the stream is resumed; raises ``failure`` if resuming would not help.

        Args:
            failure: how the stream ended; None: without an error, as when the node closes an old connection.
            dice: gives a random number from 0 to 1.
        """
        if failure and failure.code not in RESUMED and not self._is_over(failure):
            raise failure
        asked_seconds = min((failure.retry_after_seconds if failure else None) or 0.0, LONGEST_ASKED_SECONDS)
        pause = asked_seconds + jitter_seconds(self._failures, dice)
        self._failures += 1
        _log.info("watch ended (%s), resumes in %.2f s", failure or "no error", pause)
        return pause

    def _is_over(self, failure: ExchangeError) -> bool:
        """Whether the officer's token has expired since the last message; a new one may be there now."""
        return failure.metadata.get("token") == "EXPIRED" and self._failures == 0
