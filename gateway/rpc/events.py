"""``EventService``."""

from collections.abc import AsyncIterator
from typing import Any

from regulator.exchange.v1.event_service_pb2 import WatchEventsRequest, WatchEventsResponse
from regulator.exchange.v1.event_service_pb2_grpc import EventServiceServicer

from gateway.questions.events import EventQuestions
from gateway.rpc.admission import CALLER


class EventServicer(EventServiceServicer):
    """Calls questions."""

    def __init__(self, questions: EventQuestions) -> None:
        self._questions = questions

    def WatchEvents(self, request: WatchEventsRequest, context: Any) -> AsyncIterator[WatchEventsResponse]:
        """Streams events."""
        return self._questions.watch_events(CALLER.get(), request)
