"""What the events still say when projections are rebuilt: their order, and which envelopes were told as unusable."""

from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable

from regulator.exchange.v1.event_service_pb2 import Event
from sqlalchemy import Connection, Select, insert, select

from gateway.store.event_rows import event_row
from gateway.store.frameworks.rows import framework_event_row
from gateway.store.scanning import rows
from gateway.store.sharing.rows import SHARING_EVENTS
from gateway.store.state import read_counters
from gateway.store.tables import events, framework_events
from gateway.supervision.notices.records import Place
from gateway.supervision.outcomes import EventContent

_FIRST = (Event.NOTICE_RELEASED, Event.NOTICE_RECEIVED)
OF_CHANNELS = (Event.CHANNEL_HALTED, Event.PEER_ROLLED_BACK, Event.CHANNEL_RECOVERED)  # told at the log's end
_OF_NO_ENVELOPE = (*OF_CHANNELS, Event.ENVELOPE_GIVEN_UP)  # that is here
_RULES = (Event.FRAMEWORK_VERSION_PUBLISHED, Event.FRAMEWORK_VERSION_RECEIVED, Event.FRAMEWORK_ASSESSED)
_KEYS = (*_RULES, *SHARING_EVENTS)  # their cursors are the keys of what they tell

Key = tuple[int, int]
"""Of an envelope: its channel's id, and its index."""


class Retelling:
    """Reads the events of a store in which nothing else happens, and adds to them.

    Args:
        connection: inside the transaction that rebuilds
        now: microseconds since 1970, for events that are added
    """

    def __init__(self, connection: Connection, now: int) -> None:
        self.added = 0
        self._connection, self._now = connection, now
        self._cursor = read_counters(connection).cursor
        first = select(events.c.cursor).where(events.c.kind.in_(_FIRST))
        self._firsts = array("q", (row["cursor"] for row in rows(connection, first, events.c.cursor)))
        self._last = len(self._firsts)  # sequence of the last notice

    def order(self, asked: Collection[Key]) -> tuple[dict[Key, int], dict[str, int]]:
        """Gives the cursors by which envelopes were used, or at least tried, and those by which notices became known.

        Of what could not be used when it came, and can be since, that of the second time.
        """
        tried, known = dict[Key, int](), dict[str, int]()
        columns = (events.c.cursor, events.c.channel, events.c.index, events.c.kind, events.c.notice)
        told = select(*columns).where(events.c.channel.is_not(None), events.c.kind.not_in(_OF_NO_ENVELOPE))
        for row in rows(self._connection, told, events.c.cursor):
            if (place := (row["channel"], row["index"])) in asked:
                tried[place] = row["cursor"]
            elif row["kind"] in _FIRST:
                known[row["notice"]] = row["cursor"]
        return tried, known

    def sequences(self, new: Iterable[str], channel: int, first: int, last: int) -> dict[str, int]:
        """Gives each new notice, from envelopes ``first`` to ``last``, the sequence that it had.

        That is its place among the events by which notices became known. One that no event names follows on all.
        """
        known = _between(channel, first, last).where(events.c.kind.in_(_FIRST))
        cursors = {row["notice"]: row["cursor"] for row in self._connection.execute(known).mappings()}
        found = {}
        for notice_id in new:
            if notice_id in cursors:
                found[notice_id] = bisect_left(self._firsts, cursors[notice_id]) + 1
            else:
                self._last += 1
                found[notice_id] = self._last
        return found

    def tell(self, anew: Iterable[tuple[EventContent, Place]], channel: int, first: int, last: int) -> None:
        """Adds the events of envelopes of which nothing was told but that they could not be used."""
        told: dict[int, set[int]] = {}
        for row in self._connection.execute(_between(channel, first, last)).mappings():
            told.setdefault(row["index"], set()).add(row["kind"])
        for event, place in anew:
            if told.get(place.index) == {Event.ENVELOPE_UNSUPPORTED}:
                self._add(event, channel, place.index)

    def cursors(self, origin: str, channel: int, first: int, last: int) -> dict[Place, int]:
        """Gives the cursors of the events that told versions, assessments and sharing, by the envelope's place."""
        told = _between(channel, first, last).where(events.c.kind.in_(_KEYS))
        found = self._connection.execute(told).mappings()
        return {Place(origin, row["index"]): row["cursor"] for row in found}

    def _add(self, event: EventContent, channel: int, index: int) -> None:
        self.added += 1
        cursor = self._cursor + self.added
        row = event_row(event, cursor, self._now, channel, index)
        self._connection.execute(insert(events), [row])
        if event.jurisdiction:
            self._connection.execute(insert(framework_events), [framework_event_row(event, cursor)])


def _between(channel: int, first: int, last: int) -> Select[tuple[int, str, int, int]]:
    columns = (events.c.cursor, events.c.notice, events.c.kind, events.c.index)
    here = (events.c.channel == channel, events.c.index.between(first, last))
    return select(*columns).where(*here, events.c.kind.not_in(_OF_NO_ENVELOPE))
