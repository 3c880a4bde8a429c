"""``python -m tests.benchmarks.healing``: how soon a pair goes on once the line between its nodes is good again.

``--heals N``: N times the line is made bad for a while, in one way after the other, both nodes give a notice meanwhile,
and the time counts from the heal to the event that the later of the two is delivered.

``--queued N``: one node gives N notices while the other cannot be reached; the time counts until all are receipted.

The line is a TCP proxy (``tests.support.proxy``): what it holds back while it is bad goes on when it is good again.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Condition, Thread
from typing import Self

from regulator.exchange.v1.event_service_pb2 import Event

from tests.benchmarks import samples
from tests.benchmarks.samples import request
from tests.benchmarks.sites import LIMITS
from tests.supervision.samples import content
from tests.support.nodes import Site, eventually, running
from tests.support.proxy import DEAD, GOOD, Between, Line, Way, founded_behind_proxies

SHORTEST_SECONDS, LONGEST_SECONDS = 0.1, 3.0  # that the line is bad
DELIVERED_SECONDS = 300  # for what is given up on; a figure by then is no figure
MESSAGE_BYTES = 1024

KINDS: dict[str, Line] = {
    "refused": Line(refuses=True),
    "stalled": DEAD,
    "stalled from who dialled": Line(stalled=frozenset({Way.THERE})),
    "stalled to who dialled": Line(stalled=frozenset({Way.BACK})),
}


@dataclass(frozen=True)
class Heal:
    """One partition: of what kind, how long it lasted, and how long it took after it until all was delivered."""

    kind: str
    bad_seconds: float
    resume_seconds: float


class Delivered:
    """When each notice that a site gave was told as delivered; listens while it is entered."""

    def __init__(self, site: Site) -> None:
        self._client, self._told, self._changed = site.client(), dict[str, float](), Condition()

    def __enter__(self) -> Self:
        self._watch = self._client.watch_events(kinds=[Event.NOTICE_DELIVERED], from_now=True)
        next(self._watch)  # it has begun
        self._thread = Thread(target=self._listen, name="watch")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._watch.close()
        self._thread.join()
        self._client.close()

    def _listen(self) -> None:
        for each in self._watch:
            if each.HasField("event"):
                with self._changed:
                    self._told[each.event.notice] = time.perf_counter()
                    self._changed.notify_all()

    def at(self, name: str) -> float:
        """Waits for a notice; gives when it was told."""
        with self._changed:
            if not self._changed.wait_for(lambda: name in self._told, DELIVERED_SECONDS):
                raise AssertionError(f"{name} was not delivered within {DELIVERED_SECONDS} s")
            return self._told[name]


def resumes(between: Between, heals: int, seed: int, longest_seconds: float = LONGEST_SECONDS) -> Iterator[Heal]:
    """Makes the line bad and good again so often, each time for so long at most."""
    chance = random.Random(seed)
    with (
        between.one.client() as one,
        between.other.client() as other,
        Delivered(between.one) as at_one,
        Delivered(between.other) as at_other,
    ):
        for turn in range(heals):
            kind = list(KINDS)[turn % len(KINDS)]
            bad_seconds = chance.uniform(SHORTEST_SECONDS, longest_seconds)
            for line in between.lines:
                line.become(KINDS[kind])
                if kind == "refused":
                    line.reset()
            began = time.perf_counter()
            named = [
                client.create_notice(content(issuing_authority=authority), recipient=to).name
                for client, authority, to in ((one, "HKMA", "KR"), (other, "FSC", "HK"))
            ]
            time.sleep(max(0.0, began + bad_seconds - time.perf_counter()))
            for line in between.lines:
                line.become(GOOD)
            healed = time.perf_counter()
            last = max(each.at(name) for each, name in zip((at_one, at_other), named, strict=True))
            yield Heal(kind, bad_seconds, last - healed)


def drains(between: Between, queued: int) -> float:
    """Seconds from the heal until so many notices that waited are receipted."""
    hk = between.one
    for line in between.lines:
        line.become(Line(refuses=True))
        line.reset()
    with hk.client() as client:
        asked = [request(samples.content(MESSAGE_BYTES), "KR") for _ in range(queued)]
        assert client.submit_notices(asked, deadline_seconds=DELIVERED_SECONDS).sealed_count == queued
        size = client.get_channel("hk-to-kr").size
        for line in between.lines:
            line.become(GOOD)
        healed = time.perf_counter()
        eventually(lambda: client.get_channel("hk-to-kr").receipted_size == size, DELIVERED_SECONDS)
        return time.perf_counter() - healed


@contextmanager
def pair_behind_proxies(folder: Path) -> Iterator[Between]:
    """Two nodes that run, with the line good and both channels up."""
    with founded_behind_proxies(folder) as between:
        for site in (between.one, between.other):
            site.configure(LIMITS)
        with running(between.one, between.other):
            with between.one.client() as client:
                eventually(lambda: all(each.connected for each in client.list_channels()))
            yield between


def percentile(values: Sequence[float], percent: float) -> float:
    """What so many percent of the values are at most."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(percent / 100 * len(ordered)))]


def told(heals: Sequence[Heal]) -> Iterator[str]:
    """A line for each kind, and one for all."""
    yield f"{'kind':26} {'heals':>6} {'p50, s':>8} {'p99, s':>8} {'most, s':>8}"
    for kind in (*KINDS, "all"):
        found = [each.resume_seconds for each in heals if kind in (each.kind, "all")]
        if found:
            p50, p99 = percentile(found, 50), percentile(found, 99)
            yield f"{kind:26} {len(found):6} {p50:8.2f} {p99:8.2f} {max(found):8.2f}"


def main(arguments: Sequence[str]) -> None:
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        if options.queued:
            with pair_behind_proxies(Path(folder) / "queued") as between:
                seconds = drains(between, options.queued)
                sys.stdout.write(f"{options.queued} notices delivered {seconds:.2f} s after the heal\n")
        if options.heals:
            with pair_behind_proxies(Path(folder) / "heals") as between:
                heals = []
                for each in resumes(between, options.heals, options.seed):
                    heals.append(each)
                    if len(heals) % 50 == 0:
                        sys.stderr.write("\n".join(told(heals)) + "\n")
            sys.stdout.write("\n".join(told(heals)) + "\n")
    sys.stdout.write(f"seed {options.seed}; load of the machine at the end {os.getloadavg()[1]:.1f}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--heals", type=int, default=0, metavar="N", help="how many partitions")
    parser.add_argument("--queued", type=int, default=0, metavar="N", help="how many notices wait for one heal")
    parser.add_argument("--seed", type=int, default=0, help="of how long each partition lasts")
    return parser


if __name__ == "__main__":
    main(sys.argv[1:])
