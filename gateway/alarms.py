"""What an operator must look at now: told to the log, as an event, and to whoever asks how the node stands."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from regulator.exchange.v1.event_service_pb2 import Event

from gateway.errors import GatewayError
from gateway.logs import Log
from gateway.store.committer import Committer

MAX_DETAIL_CHARACTERS = 1000

_log = Log(__name__)


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that is wrong.

    Attributes:
        about: what it is about, such as ``access.toml``
        detail: what is wrong with it, for people
        since: microseconds since 1970
    """

    about: str
    detail: str
    since: int


class Alarms:
    """The alarms of a node; one for each thing that can be wrong. Used on the loop's thread alone.

    Args:
        committer: writes their events
        clock: microseconds since 1970
    """

    def __init__(self, committer: Committer, clock: Callable[[], int]) -> None:
        self._committer, self._clock = committer, clock
        self._open: dict[str, Alarm] = {}

    def current(self) -> Sequence[Alarm]:
        """Gives those that are not over, the oldest first."""
        return tuple(self._open.values())

    async def begin(self, about: str, detail: str) -> bool:
        """Raises an alarm, unless the same one is raised already; tells if it is new."""
        detail = detail[:MAX_DETAIL_CHARACTERS]
        known = self._open.get(about)
        if known and known.detail == detail:
            return False
        self._open[about] = Alarm(about, detail, known.since if known else self._clock())
        _log.error("alarm_raised", about=about, detail=detail)
        await self._tell(f"{about}: {detail}")
        return True

    async def end(self, about: str) -> None:
        """Ends an alarm, if it is raised."""
        if self._open.pop(about, None):
            _log.warning("alarm_ended", about=about)
            await self._tell(f"{about}: the alarm is over")

    async def _tell(self, detail: str) -> None:
        try:
            await self._committer.submit(lambda tx: tx.tell_node(Event.ALARM, detail), bounded=False)
        except GatewayError as error:  # it stands in the log, and in what ``current`` gives
            _log.warning("alarm_not_told", error=error.message)
