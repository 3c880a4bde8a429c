"""A node is moved to another database: by ``gateway migrate``, which fails or dies now and then, and is said again."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

from gateway.backups import moving
from gateway.errors import GatewayError
from gateway.identity.pairing.parties import Parties
from gateway.store.database import Database
from gateway.store.opening import owner_of
from tests.simulation.nodes.disk import Disk, Fault
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
        self._url = f"sqlite:///{site.disk.next_name()}"
        (site.disk.folder / site.disk.moving_to).write_bytes(_tables())

    def say(self) -> bool:
        """Says it, while no node runs; False: it was cut short, and the node has its database, and may run."""
        while not self._is_done():
            if owner_of(self._site.disk.url, self._site.disk.folder) and self._random.random() < 0.5:
                return False
        return True

    def _is_done(self) -> bool:
        disk = self._site.disk
        life = Life(disk, lambda _: None)
        if self._cuts:
            self._cuts -= 1
            disk.arm(self._random.choice(CUTS), self._random.randint(0, STEPS))
        before = LIFE.set(life)
        try:
            moving.move(_home(self._site), self._url, self._site.now())  # type: ignore[arg-type]  # all that it asks for
        except (GatewayError, Died):
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


def owners(disk: Disk) -> list[str]:
    """Of all databases in a home, those that are its node's."""
    files = sorted(path.name for path in disk.folder.glob("*.db"))
    return [name for name in files if owner_of(f"sqlite:///{name}", disk.folder)]


def _home(site: Site) -> Any:
    folder = site.disk.folder
    return SimpleNamespace(
        path=folder,
        config=SimpleNamespace(database=SimpleNamespace(url=site.disk.url)),
        parties=lambda _now: Parties(replace(site.parties.own, seal_in_token=True), site.parties.peers),  # it may fail
        move_file=folder / "move.json",
        filling_file=folder / "filling.json",
    )


@cache
def _tables() -> bytes:
    """A database without rows, made once a process: the migrations take longer than a schedule."""
    with TemporaryDirectory() as home:
        database = Database("sqlite:///node.db", Path(home))
        database.migrate()
        database.close()
        return (Path(home) / "node.db").read_bytes()
