"""``python -m tests.benchmarks.soak --minutes N``: a pair under mixed calls for long, and whether anything of it grows.

Both nodes give notices one by one and by the hundred, acknowledge and withdraw what came, read, list, watch, and take
evidence. Memory, open files, threads and the database of each node are looked at on the way. What is told is how much
each grows a thousand notices, over the run without its first quarter, in which caches fill. ``make bench
ARGS=--million`` fills one log with a million notices, and looks at memory and disk too.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from regulator.exchange import Client, WrongState
from regulator.exchange.v1.admin_service_pb2 import Channel
from regulator.exchange.v1.event_service_pb2 import Event

from tests.benchmarks import samples
from tests.benchmarks.processor import resident_mb
from tests.benchmarks.sites import LIMITS, founded, stored_bytes
from tests.cli.transcripts import run as gateway
from tests.supervision.samples import content
from tests.support.nodes import Site, eventually, running

AT_ONCE = 100  # notices of a bulk
LOOKS = 40  # at each node, in a run
MESSAGE_BYTES = 1024
WARM = 0.25  # of the run, in which caches fill
THOUSAND = 1000
REST_SECONDS = 300
WHY = {"en": "It was wrong."}


@dataclass(frozen=True)
class Look:
    """What a node has in use, at so many notices of both."""

    notices: int
    memory_mb: float
    files: int
    threads: int
    disk_mb: float

    @classmethod
    def at(cls, site: Site, notices: int) -> "Look":
        process = Path(f"/proc/{site.pid}")
        files, threads = (sum(1 for _ in (process / each).iterdir()) for each in ("fd", "task"))
        return cls(notices, resident_mb(site.pid), files, threads, stored_bytes(site) / 2**20)


FIGURES = ("memory_mb", "files", "threads", "disk_mb")


class Soak:
    """A pair that runs, and what was done with it.

    Attributes:
        done: calls by what they did, and refusals that two acts on one notice explain
        notices: of both nodes
        looks: at each node, by jurisdiction
    """

    def __init__(self, sites: Sequence[Site], seed: int) -> None:
        self.done, self.notices = Counter[str](), 0
        self.looks: dict[str, list[Look]] = {site.jurisdiction: [] for site in sites}
        self._sites, self._chance = sites, random.Random(seed)
        self._acts = (
            self.give,
            self.give,
            self.bulk,
            self.acknowledge,
            self.withdraw,
            self.read,
            self.watch,
            self.prove,
        )

    def for_seconds(self, seconds: float, acts: int = 0) -> None:
        """Acts until the time is over, and so often at least; then waits for rest."""
        began, next_look = time.monotonic(), 0.0
        with ExitStack() as stack:
            clients = [stack.enter_context(site.client()) for site in self._sites]
            while (passed := time.monotonic() - began) < seconds or sum(self.done.values()) < acts:
                if passed >= next_look:
                    self.look()
                    next_look += seconds / LOOKS
                place = self._chance.randrange(len(clients))
                act = self._chance.choice(self._acts)
                act(clients[place], self._sites[place], self._sites[1 - place])
                self.done[act.__name__] += 1
            for client in clients:
                eventually(lambda client=client: all(map(_at_rest, client.list_channels())), REST_SECONDS)
        self.look()

    def look(self) -> None:
        for site in self._sites:
            self.looks[site.jurisdiction].append(Look.at(site, self.notices))

    # --- acts -------------------------------------------------------------------------------------------------------

    def give(self, client: Client, site: Site, peer: Site) -> None:
        client.create_notice(
            content(issuing_authority=client.server_info().client_authority), recipient=peer.jurisdiction
        )
        self.notices += 1

    def bulk(self, client: Client, site: Site, peer: Site) -> None:
        made = samples.content(MESSAGE_BYTES)
        made.issuing_authority = client.server_info().client_authority
        asked = [samples.request(made, peer.jurisdiction) for _ in range(AT_ONCE)]
        assert client.submit_notices(asked).sealed_count == AT_ONCE
        self.notices += AT_ONCE

    def acknowledge(self, client: Client, site: Site, peer: Site) -> None:
        if found := next(iter(client.list_notices(direction="INCOMING", state="RECEIVED", page_size=1)), None):
            with self._perhaps_too_late("acknowledge"):
                client.acknowledge_notice(found.name, comment=WHY)

    def withdraw(self, client: Client, site: Site, peer: Site) -> None:
        if found := next(iter(client.list_notices(direction="OUTGOING", state="DELIVERED", page_size=1)), None):
            with self._perhaps_too_late("withdraw"):
                client.withdraw_notice(found.name, explanation=WHY)

    @contextmanager
    def _perhaps_too_late(self, act: str) -> Iterator[None]:
        """What the other node did since the list was made arrives at any time; any other refusal ends the run."""
        try:
            yield
        except WrongState:
            self.done[f"{act}, too late"] += 1

    def read(self, client: Client, site: Site, peer: Site) -> None:
        for each in islice(client.list_notices(page_size=20), 20):
            client.get_notice(each.name)

    def watch(self, client: Client, site: Site, peer: Site) -> None:
        with client.watch_events(kinds=[Event.NOTICE_RECEIVED], from_now=True) as watch:
            next(watch)

    def prove(self, client: Client, site: Site, peer: Site) -> None:
        if found := next(iter(client.list_notices(page_size=1)), None):
            client.get_evidence(found.name)
        client.get_checkpoint(f"{site.domain}/to/{peer.domain}")

    # --- what is told -------------------------------------------------------------------------------------------------

    def told(self) -> Iterator[str]:
        acts = ", ".join(f"{count} {name}" for name, count in sorted(self.done.items()))
        yield f"{self.notices} notices; {acts}"
        yield f"{'node':6} {'figure':12} {'first':>10} {'last':>10} {'a thousand notices':>20}"
        for jurisdiction, looks in self.looks.items():
            steady = looks[int(WARM * len(looks)) :]
            for figure in FIGURES:
                first, last = (getattr(look, figure) for look in (steady[0], steady[-1]))
                yield f"{jurisdiction:6} {figure:12} {first:10.1f} {last:10.1f} {growth(steady, figure):+20.3f}"


def growth(looks: Sequence[Look], figure: str) -> float:
    """By how much a figure grows a thousand notices: the line by least squares; 0 where there were no more notices."""
    xs = [look.notices / THOUSAND for look in looks]
    ys = [float(getattr(look, figure)) for look in looks]
    middle_x, middle_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - middle_x) ** 2 for x in xs)
    return sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys, strict=True)) / spread if spread else 0.0


def _at_rest(channel: Channel) -> bool:
    return channel.state == Channel.OPEN and channel.receipted_size == channel.size


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, metavar="N", help="for how long")
    parser.add_argument("--seed", type=int, default=0, help="of what is done when")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        hk, (kr,) = founded(Path(folder))
        kr.configure(LIMITS)
        soak = Soak((hk, kr), options.seed)
        with running(hk, kr):
            soak.for_seconds(60 * options.minutes)
        sys.stdout.write("\n".join(soak.told()) + "\n")
        for site in (hk, kr):
            checked = gateway("check", site.home.path)
            sys.stdout.write(f"{site.jurisdiction}: {checked.out.splitlines()[-1]}\n")
    sys.stdout.write(f"seed {options.seed}; load of the machine at the end {os.getloadavg()[1]:.1f}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
