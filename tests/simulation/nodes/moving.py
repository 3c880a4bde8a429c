"""A node is moved to another database: by ``gateway migrate``, which fails or dies now and then, and is said again."""

import asyncio
from dataclasses import replace
from random import Random
from types import SimpleNamespace
from typing import Any

from gateway.backups import moving
from gateway.errors import GatewayError
from gateway.identity.pairing.parties import Parties
from gateway.store.opening import owner_of
from tests.simulation.nodes.disk import Fault
from tests.simulation.nodes.loop import LIFE, Died, Life
from tests.simulation.nodes.site import Site

CUTS = [fault for fault in Fault if fault is not Fault.TORN]  # by a log of one file a disk tears
MOST_CUTS = 3
STEPS = 300  # about, that a move takes


class Moving:
    """One move of a node: it is begun, and said again until it has come to its end."""

    def __init__(self, site: Site, random: Random) -> None:
        self._site, self._random = site, random
        self._cuts = random.randint(0, MOST_CUTS)
        self._url = site.disk.begin_move()

    def say(self) -> bool:
        """Says it, while no node runs; False: it was cut short, and the node has its database, and may run."""
        while self._site.disk.is_free(self):  # else it would wait for the lock of one that stands still amid a commit
            if self._is_done():
                return True
            if owner_of(self._site.disk.url, self._site.disk.folder) and self._random.random() < 0.5:
                break
        return False

    def _is_done(self) -> bool:
        disk = self._site.disk
        life = Life(disk, lambda _: None)
        if self._cuts:
            self._cuts -= 1
            disk.arm(self._random.choice(CUTS), self._random.randint(0, STEPS))
        before = LIFE.set(life)
        try:
            moving.move(_home(self._site), self._url, self._site.now())  # type: ignore[arg-type]  # all that it asks for
        except (GatewayError, Died) as error:
            if "replicas of the node run" in str(error):  # one did three seconds ago
                self._site.told("may not move")
                return False
            if not disk.injected:  # then nothing keeps it from coming to its end
                raise
            self._site.told("moves by half")
            return False
        else:
            self._site.told("moves")
            disk.moved()
            return True
        finally:
            LIFE.reset(before)
            life.is_over = True
            disk.cut_off()


async def hold(site: Site, *, may_forget: bool) -> None:
    """Has an operator stop a replica, and start it only once it is released; one that stands still may be forgotten."""
    site.held = asyncio.Event()
    site.is_forgotten = may_forget and bool(site.life and site.loop.stands_still(site.life))
    if not site.is_forgotten:
        await site.stop()
        site.kill()


async def release(site: Site, *, is_moved: bool) -> None:
    """Has it run again; where the node was moved, with another database."""
    if site.is_forgotten and is_moved:
        await site.stop()
        site.kill()
    site.is_forgotten, held, site.held = False, site.held, None
    assert held
    held.set()


def _home(site: Site) -> Any:
    folder = site.disk.folder
    return SimpleNamespace(
        path=folder,
        config=SimpleNamespace(database=SimpleNamespace(url=site.disk.url)),
        parties=lambda _now: Parties(replace(site.parties.own, seal_in_token=True), site.parties.peers),  # it may fail
        move_file=folder / "move.json",
        filling_file=folder / "filling.json",
    )
