"""Looks at files again and again, while the node runs: what changed takes effect, what cannot be used is an alarm."""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from gateway.alarms import Alarms
from gateway.errors import GatewayError, Overloaded, Unavailable
from gateway.identity.seals.signers import Keyring
from gateway.ledger.seals import CertifiedSeal
from gateway.logs import Log, kind_of
from gateway.moments import MICROS
from gateway.store.clocks import Clock
from gateway.store.waiting import MAX_WAITING_WEIGHT

LEAST_FREE_BYTES = 2**30  # of the disk, below which an operator must make room
LOOK_SECONDS = 0.2  # from one look to the next; a change is taken at the second look that finds it

_log = Log(__name__)


class Watched(Protocol):
    """Something outside the node that may change."""

    @property
    def name(self) -> str:
        """Gives what an alarm is about."""

    def look(self) -> None:
        """Takes what changed; raises an error of ours as long as it cannot be used. Runs on another thread."""


class RoomWatch:
    """Watches that something does not fill up: one alarm, until there is clearly room again.

    Args:
        name: what the alarm is about
        used: gives how full it is, in any unit
        full: from so much on it is full
        roomy: below so much it is not any more
        said: what is wrong, for people; the same words for as long as it is so
    """

    def __init__(self, name: str, used: Callable[[], float], *, full: float, roomy: float, said: str) -> None:
        self.name = name
        self._used, self._full, self._roomy, self._said = used, full, roomy, said
        self._is_full = False

    def look(self) -> None:
        """Raises ``Overloaded`` while it is full."""
        used = self._used()
        self._is_full = used >= (self._roomy if self._is_full else self._full)
        if self._is_full:
            raise Overloaded(self._said)


class ClockWatch:
    """Watches whether the machine's clock is believed."""

    name = "clock"

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def look(self) -> None:
        """Raises ``Unavailable`` while it is not, or a peer's is another one."""
        if said := self._clock.doubt or "; ".join(self._clock.contradictions()):
            raise Unavailable(f"{said}: nothing is sealed until they agree")


class SealKeyWatch:
    """Watches that the seal in force can sign: by its certificates' time, and by the token that may hold its key.

    A token that was away is reached again once it is back.

    Args:
        keyring: has what signs
        in_force: gives the seal
        clock: microseconds since 1970
    """

    name = "seal key"

    def __init__(self, keyring: Keyring, in_force: Callable[[], CertifiedSeal], clock: Callable[[], int]) -> None:
        self._keyring, self._in_force, self._clock = keyring, in_force, clock

    def look(self) -> None:
        """Raises ``ConfigError``, ``Unavailable`` while it cannot."""
        self._keyring.look(self._in_force(), self._clock() // MICROS)


def disk_room(folder: Path) -> RoomWatch:
    """Watches the file system of a folder: what is full takes no commit."""
    return RoomWatch(
        "disk",
        lambda: -shutil.disk_usage(folder).free,
        full=-LEAST_FREE_BYTES,
        roomy=-1.2 * LEAST_FREE_BYTES,
        said="less than 1 GiB is free where the home is",
    )


def queue_room(waiting_weight: Callable[[], int]) -> RoomWatch:
    """Watches what waits to be written: above its bound callers are refused."""
    return RoomWatch(
        "writer queue",
        waiting_weight,
        full=0.8 * MAX_WAITING_WEIGHT,
        roomy=0.2 * MAX_WAITING_WEIGHT,
        said="more waits to be written than commits keep up with",
    )


async def watch(watched: Sequence[Watched], alarms: Alarms) -> None:
    """Looks until it is cancelled."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        for each, error in await asyncio.to_thread(_looked_at, watched):
            if error is None:
                await alarms.end(each.name)
            elif isinstance(error, GatewayError):
                await alarms.begin(each.name, error.message)
            elif await alarms.begin(each.name, f"could not be looked at: {kind_of(error)}"):
                _log.defect("file_not_looked_at", error, about=each.name)


def _looked_at(watched: Sequence[Watched]) -> list[tuple[Watched, Exception | None]]:
    """Looks at all, in one turn of a thread: a node that has nothing to do does this five times a second."""
    found: list[tuple[Watched, Exception | None]] = []
    for each in watched:
        try:
            each.look()
        except Exception as error:  # noqa: BLE001 - a defect in one must not keep the others from being looked at
            found.append((each, error))
        else:
            found.append((each, None))
    return found
