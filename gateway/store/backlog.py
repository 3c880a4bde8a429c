"""Since when envelopes wait for their receipts, of each channel that leads away from here; and how long they waited."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Connection, select

from gateway.ledger.checkpoint import signing_time
from gateway.ledger.note import Note
from gateway.moments import MICROS
from gateway.store.state import ChannelState
from gateway.store.tables import heads

MAX_MARKS = 2048  # kept of a channel: more are thinned out, and the oldest stays

Mark = tuple[int, int]
"""A size of a log, and when it was reached, in microseconds since 1970."""


class Backlog:
    """Follows the commits; on the loop's thread alone.

    Args:
        waiting: what waits already, by origin, as ``read_waiting`` found it
        clock: microseconds since 1970
        on_delivered: told of each commit whose envelopes have their receipt: channel, and seconds between the two
    """

    def __init__(
        self,
        waiting: Mapping[str, Sequence[Mark]],
        clock: Callable[[], int],
        on_delivered: Callable[[str, float], None],
    ) -> None:
        self._clock = clock
        self._marks = {origin: deque(marks) for origin, marks in waiting.items()}
        self._seen: dict[str, ChannelState] = {}
        self._on_delivered = on_delivered

    def follow(self, states: Mapping[str, ChannelState]) -> None:
        """Takes the state as of a commit that was just made."""
        for origin, state in states.items():
            if state is not self._seen.get(origin) and state.ends.outgoing:
                self._seen[origin] = state
                self._follow(self._marks.setdefault(origin, deque()), state, self._clock())

    def oldest(self, origin: str) -> int | None:
        """Since when the oldest envelope of a channel waits, in microseconds since 1970; None: none does."""
        marks = self._marks.get(origin)
        return marks[0][1] if marks else None

    def _follow(self, marks: deque[Mark], state: ChannelState, now: int) -> None:
        if state.log.size > (marks[-1][0] if marks else state.receipted_size):
            marks.append((state.log.size, now))
        while marks and marks[0][0] <= state.receipted_size:
            self._on_delivered(state.name, max(0, now - marks.popleft()[1]) / MICROS)
        if len(marks) > MAX_MARKS:
            # Of two neighbours the earlier one goes, but never the first: its envelopes count as the later one's.
            first, *others = marks
            marks.clear()
            marks.extend([first, *reversed(others[::-2])])


def read_waiting(connection: Connection, states: Mapping[str, ChannelState]) -> dict[str, list[Mark]]:
    """Reads what waits, by origin: the first signed size that no receipt covers, and the newest one."""
    return {
        origin: _read_marks(connection, state)
        for origin, state in states.items()
        if state.ends.outgoing and state.log.size > state.receipted_size
    }


def _read_marks(connection: Connection, state: ChannelState) -> list[Mark]:
    above = heads.c.channel == state.id, heads.c.size > state.receipted_size
    rows = connection.execute(select(heads.c.size, heads.c.note).where(*above).order_by(heads.c.size).limit(1))
    marks = [(row.size, signing_time(Note.parse(row.note)) * MICROS) for row in rows]
    if state.head and state.log.size not in {size for size, _ in marks}:
        marks.append((state.log.size, state.head.time * MICROS))
    return marks
