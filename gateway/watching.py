"""Looks at files again and again, while the node runs: what changed takes effect, what cannot be used is an alarm."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from gateway.alarms import Alarms
from gateway.errors import GatewayError
from gateway.logs import Log

LOOK_SECONDS = 0.2  # from one look to the next; a change is taken at the second look that finds it

_log = Log(__name__)


class Watched(Protocol):
    """Something outside the node that may change."""

    @property
    def name(self) -> str:
        """Gives what an alarm is about."""

    def look(self) -> None:
        """Takes what changed; raises an error of ours as long as it cannot be used. Runs on another thread."""


async def watch(watched: Sequence[Watched], alarms: Alarms) -> None:
    """Looks until it is cancelled."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        for each in watched:
            try:
                await asyncio.to_thread(each.look)
            except GatewayError as error:
                await alarms.begin(each.name, error.message)
            except Exception as error:  # noqa: BLE001 - a defect in one must not keep the others from being looked at
                _log.defect("file_not_looked_at", error, about=each.name)
                await alarms.begin(each.name, f"could not be looked at: {type(error).__name__}")
            else:
                await alarms.end(each.name)
