"""Nodes under a load that goes on whatever happens to them, and kills at any moment."""

import random
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from regulator.exchange import Client, ExchangeError

from tests.supervision.samples import content
from tests.support.forking import finished
from tests.support.nodes import Site, eventually

AUTHORS = {"HK": "SFC", "KR": "FSS"}


class Load:
    """One back office that gives notices and reads them, for as long as it is let, and notes what was answered.

    Attributes:
        enough: answers, after which it waits until more are asked of it; None: there is no end to it
    """

    def __init__(self, site: Site, peer: Site) -> None:
        self.site, self.peer = site, peer
        self.answered: list[str] = []
        self.read: list[str] = []
        self.enough: int | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    @property
    def has_enough(self) -> bool:
        return self.enough is not None and len(self.answered) >= self.enough

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        author = AUTHORS[self.site.jurisdiction]
        with self.site.client(author) as client:
            while not self._stop.is_set():
                if self.has_enough:
                    self._stop.wait(0.005)
                    continue
                self._give(client, author, str(uuid.uuid4()))
                self._read(client)

    def _give(self, client: Client, author: str, request_id: str) -> None:
        """Asks under one request_id until there is an answer, as a careful back office does."""
        notice_id = f"{self.site.jurisdiction.lower()}-{request_id}"
        while not self._stop.is_set():
            try:
                made = client.create_notice(
                    content(issuing_authority=author),
                    recipient=self.peer.jurisdiction,
                    notice_id=notice_id,
                    request_id=request_id,
                )
            except ExchangeError:
                self._stop.wait(0.1)
            else:
                self.answered.append(made.name)
                return

    def _read(self, client: Client) -> None:
        """Asks for the newest notice, once."""
        if self.answered:
            with suppress(ExchangeError):
                self.read.append(client.get_notice(self.answered[-1]).name)


@contextmanager
def under_load(hk: Site, kr: Site) -> Iterator[list[Load]]:
    loads = [Load(hk, kr), Load(hk, kr), Load(kr, hk), Load(kr, hk)]
    for load in loads:
        load.start()
    try:
        yield loads
    finally:
        for load in loads:
            load.stop()


def kill_at_random(hk: Site, kr: Site, loads: list[Load], kills: int, seed: int) -> None:
    chance = random.Random(seed)
    _ask_for_some(loads, chance)
    while kills > 0:
        eventually(lambda: all(load.has_enough for load in loads))
        _ask_for_all(loads)
        time.sleep(chance.uniform(0, 0.1))  # the moment of the kill is what is random here
        victims = chance.choice([(hk,), (kr,), (hk, kr), (hk, kr)])
        for site in victims:
            site.kill()
        _ask_for_some(loads, chance)
        kills -= len(victims)
        if chance.random() < 0.3:  # once more while it starts: opening, migration, dialling
            for site in victims:
                site.launch()
            time.sleep(chance.uniform(0, 0.5))
            for site in victims:
                site.kill()
            kills -= len(victims)
        starts = [threading.Thread(target=site.start) for site in victims]
        for start in starts:
            start.start()
        for start in starts:
            start.join()
    _ask_for_all(loads)


def _ask_for_some(loads: list[Load], chance: random.Random) -> None:
    """Lets each have some more answers: who has had them leaves the machine to those whose node starts again."""
    for load in loads:
        load.enough = len(load.answered) + chance.randint(1, 4)


def _ask_for_all(loads: list[Load]) -> None:
    for load in loads:
        load.enough = None


def log_of(site: Site, origin: str) -> list[bytes]:
    """The envelopes of a channel, read past the product's own code."""
    with sqlite3.connect(f"file:{site.home.path / 'node.db'}?mode=ro", uri=True) as database:
        query = 'SELECT data FROM leaves JOIN channels ON id = channel WHERE origin = ? ORDER BY "index"'
        return [row[0] for row in database.execute(query, (origin,))]


def check(site: Site) -> None:
    done = finished("check", site.home.path)
    assert done.returncode == 0, done.stdout + done.stderr


def is_settled(site: Site) -> bool:
    with site.client() as client:
        return all(channel.size == channel.receipted_size for channel in client.list_channels())
